//! Signing in through one node and out anywhere.

use serde_json::json;

use super::{LONG, OFTEN, SIGNED_OUT, World, rest, world};
use crate::world::until;

async fn sign_out(world: &World, begun: &str) {
    match begun {
        "app" => drop(world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await),
        "operator" => world.end_all().await,
        _ => {
            let page = world.browser.open(&world.at("grafana", "/dash")).await;
            let url = world.at("grafana", "/.pomerium/sign_out");
            world.browser.load(acquit_testkit::browser::Load::typed(&url).by(&page.url)).await;
        }
    }
}

#[tokio::test]
async fn a_sign_in_through_one_node_counts_at_all_and_a_sign_out_anywhere_closes_what_is_open_at_each() {
    for begun in ["app", "operator", "route"] {
        let world = world(OFTEN).await;
        world.house.enter(&world.browser, &world.payroll, "alice").await;
        let page = world.enter("grafana", "alice").await;
        assert!(page.body.contains("GET /dash?panel=1"), "{page}");
        world.enter("vault", "alice").await;
        let seen = world.app.last().to_lowercase();
        assert!(seen.contains("x-acquit-jwt-assertion: ey") && !seen.contains("acquit-route"), "{seen}");
        let cookie = world.cookie("grafana");
        assert_eq!(world.status(1, &cookie).await, "200", "the other node");
        let mut open = [world.websocket(0, &cookie).await, world.websocket(1, &cookie).await];
        sign_out(&world, begun).await;
        for (node, stream) in open.iter_mut().enumerate() {
            let heard = rest(stream).await;
            assert!(heard.ends_with(SIGNED_OUT), "{begun}, node {node}: {heard:?}");
            assert_eq!(world.status(node, &cookie).await, "401", "{begun}, node {node}");
        }
        let step = world.settled("grafana").await;
        assert_eq!((&step["channel"], &step["outcome"]), (&json!("gateway"), &json!("confirmed")), "{step}");
        assert_eq!(step["detail"], "2 open streams were closed on 3 nodes", "{begun}");
        assert_eq!(step["attempts"].as_array().unwrap().len(), 3, "each node's word is there: {step:#}");
        assert_eq!(world.settled("vault").await["detail"], "nothing was open on 3 nodes", "{begun}");
    }
}

#[tokio::test]
async fn the_doors_on_a_routes_host_are_the_servers() {
    let world = world(OFTEN).await;
    assert_eq!(world.status(0, "a=b").await, "401", "a program is told so");
    assert_eq!(world.status_at(0, "/.well-known/acquit/jwks.json", "a=b").await, "200");
    assert_eq!(world.status_at(0, "/.pomerium/user", "a=b").await, "401");
    assert_eq!(world.status_at(1, "/.acquit/nothing", "a=b").await, "404");
    world.enter("grafana", "bob").await;
    assert_eq!(world.status_at(1, "/.pomerium/user", &world.cookie("grafana")).await, "200");
    let (_, answer) = world.ask(0, "GET / HTTP/1.1\r\nHost: id.localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 421"), "the server's own host is not served here: {answer}");
    let page = world.browser.open(&world.at("grafana", "/.pomerium/user")).await;
    let user: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(user["preferred_username"].as_str().or(user["username"].as_str()), Some("bob"), "{user}");
}

#[tokio::test]
async fn whoever_is_described_anew_gets_a_new_cookie_without_another_sign_in() {
    let world = world(OFTEN).await;
    world.enter("grafana", "bob").await;
    let store = &world.house.runs.app.store;
    let bob = store.user_by_username("bob").await.unwrap().unwrap();
    let renamed = acquit_store::user::User { name: Some("Robert".to_owned()), ..bob };
    store.put_user(renamed).await.unwrap().unwrap();
    let before = world.cookie("grafana");
    until(LONG, "a cookie that describes him as he is", async || {
        let page = world.browser.open(&world.at("grafana", "/dash")).await;
        assert_eq!((page.status, page.url.path()), (200, "/dash"), "nobody has to sign in again: {page}");
        (world.cookie("grafana") != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_used_at_a_node_counts_as_used() {
    let mut world = world(OFTEN).await;
    world.enter("grafana", "alice").await;
    let store = world.house.runs.app.store.clone();
    let id = acquit_core::SessionId::parse(world.house.live_sessions().await[0]["id"].as_str().unwrap()).unwrap();
    world.house.runs.advance(std::time::Duration::from_secs(3600));
    let now = acquit_server::clock::Clock::now(&*world.house.runs.clock);
    assert_eq!(world.status(1, &world.cookie("grafana")).await, "200");
    // It writes down what it knows when it stops.
    world.nodes[1].stop().await;
    assert!(!store.take_noted(now).await.unwrap(), "that was all");
    assert_eq!(store.session(&id).await.unwrap().unwrap().session.last_seen_at, now);
}
