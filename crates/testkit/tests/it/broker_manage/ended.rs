//! A connection that is disabled or deleted: nobody comes through it, and who came is signed out.

use acquit_testkit::Engine;
use http::Method;
use serde_json::{Value, json};

use super::{MANAGER, SOON, World, parameter, world};
use crate::world::{only_receipt, until};

async fn ended(world: &World) -> Value {
    until(SOON, "the session has ended", async || world.broker.live_sessions().await.is_empty().then_some(())).await;
    only_receipt(&world.broker).await
}

async fn refused(world: &World, connection: &str) {
    let url = world.go(&format!("connection={connection}"), "alice").await;
    assert_eq!(parameter(&url, "error").as_deref(), Some("connection_invalid"), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_through_a_connection_is_signed_out_by_a_logout_when_it_is_deleted() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let organization = world.organization(Some("example.com")).await;
        let connection = world.connection(&organization).await;
        let id = connection["id"].as_str().unwrap();
        world.enter(id, "alice").await;
        let path = format!("/connections/{id}");
        assert_eq!(world.call(MANAGER, Method::DELETE, &path, None).await, (204, Value::Null));
        refused(&world, id).await;
        let receipt = ended(&world).await;
        assert_eq!(receipt["requested"]["by"], "policy", "{receipt:#}");
        let channels: Vec<_> = receipt["steps"].as_array().unwrap().iter().map(|step| &step["channel"]).collect();
        assert!(
            channels.contains(&&json!("revocation")),
            "its tokens are given back with the secret of then: {receipt:#}"
        );
        assert_eq!(world.call(MANAGER, Method::GET, &path, None).await.0, 404);
        assert_eq!(world.call(MANAGER, Method::DELETE, &path, None).await.0, 404);
        assert!(world.get("/connections").await["data"].as_array().unwrap().len() == 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_takes_its_connections_and_their_sessions_with_it() {
    let world = world(Engine::Sqlite).await;
    let organization = world.organization(Some("example.com")).await;
    let connection = world.connection(&organization).await;
    world.enter(connection["id"].as_str().unwrap(), "alice").await;
    assert_eq!(world.call(MANAGER, Method::DELETE, &format!("/organizations/{organization}"), None).await.0, 202);
    refused(&world, connection["id"].as_str().unwrap()).await;
    ended(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_switched_off_lets_nobody_in_until_it_is_on_again() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let organization = world.organization(Some("example.com")).await;
        let connection = world.connection(&organization).await;
        let id = connection["id"].as_str().unwrap();
        world.enter(id, "alice").await;
        let path = format!("/connections/{id}");
        let switch =
            async |state: &str| world.call(MANAGER, Method::PATCH, &path, Some(&json!({ "state": state }))).await.1;
        let off = switch("inactive").await;
        assert_eq!((&off["state"], &off["status"]), (&json!("inactive"), &json!("unlinked")));
        refused(&world, id).await;
        ended(&world).await;
        assert_eq!(world.get(&path).await, off);
        assert_eq!(world.get(&format!("{path}/logout_setup")).await["problem"], Value::Null);
        assert_eq!(switch("active").await["status"], "linked");
        world.enter(id, "alice").await;
        assert_eq!(world.broker.live_sessions().await.len(), 1);
    }
}
