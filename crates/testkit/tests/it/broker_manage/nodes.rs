//! Two nodes on one store: each sees what the other one changed, soon and without a restart.

use acquit_testkit::{Engine, Setup, TestApp, acquit::InProcess, peers::free_port, postgres::Postgres};
use http::Method;
use serde_json::json;

use super::{MANAGER, SOON, configuration, upstream};
use crate::{broker_wire::call, world::until};

async fn both(store: &str, engine: Engine, issuer: &str) -> [TestApp<InProcess>; 2] {
    let setup = || Setup::on(engine).store(store).host("id.localhost").with(&configuration(issuer));
    [setup().port(free_port()).start(&[]).await, setup().port(free_port()).start(&[]).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_makes_and_deletes_the_other_one_knows_soon() {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().unwrap();
    for engine in Engine::BOTH {
        let store = match engine {
            Engine::Sqlite => format!("sqlite://{}", folder.path().join("shared.db").display()),
            Engine::Postgres => Postgres::shared().unwrap().database().unwrap(),
        };
        let [one, other] = both(&store, engine, &upstream.url("")).await;
        let (status, made) =
            call(&one, Some(MANAGER), Method::POST, "/organizations", Some(&json!({ "name": "Made" }))).await;
        assert_eq!(status, 201, "{made}");
        let path = format!("/organizations/{}", made["id"].as_str().unwrap());
        let seen = until(SOON, "the other node knows it", async || {
            let (status, seen) = call(&other, Some(MANAGER), Method::GET, &path, None).await;
            (status == 200).then_some(seen)
        })
        .await;
        assert_eq!(seen, made);
        assert_eq!(call(&other, Some(MANAGER), Method::DELETE, &path, None).await.0, 202);
        until(SOON, "it is gone at the first", async || {
            (call(&one, Some(MANAGER), Method::GET, &path, None).await.0 == 404).then_some(())
        })
        .await;
    }
}
