//! pysaml2 as a service provider, by each of its three bindings.

use std::time::Duration;

use acquit_testkit::{
    Engine,
    acquit::outcome,
    peers::{self, SamlPeer},
};

use super::{LIMIT, World};
use crate::world::until;

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_what_is_signed_and_nothing_else() {
    if !peers::take_part() {
        return;
    }
    let run = async {
        for (told, channel, more) in [("redirect", "saml-redirect", ""), ("post", "saml-post", "?by=post")] {
            let world = World::new(SamlPeer::python("wiki").await.told_by(told), Engine::Sqlite).await;
            world.enter().await;
            world.told_of_a_sign_out_elsewhere(channel).await;
            world.enter_quietly().await;
            let page = world.signs_out_itself(more).await;
            assert_eq!(page.mark().as_deref(), Some("landing"), "{page} {:#?}", world.peer.told().await);
        }
    };
    tokio::time::timeout(LIMIT, run).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn told_over_soap_refuses_another_signature_and_obeys_ours() {
    if !peers::take_part() {
        return;
    }
    let run = async {
        let mut world = World::new(SamlPeer::python("wiki").await.told_by("soap"), Engine::Postgres).await;
        world.enter_quietly().await;
        world.peer.alter(true).await;
        let page = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
        let id = world.app.receipts().await[0]["id"].as_str().unwrap().to_owned();
        let told = until(Duration::from_secs(10), "it was told", async || {
            let told = world.peer.told().await;
            told.last().filter(|last| last["what"] == "LogoutRequest").cloned()
        })
        .await;
        assert!(told["good"] == false && told["error"].to_string().contains("not signed correctly"), "{told}");
        assert!(world.peer.knows(&world.browser).await);
        assert_eq!(outcome(&world.app.receipt(&id).await, "wiki", "saml-soap"), "pending");
        world.peer.alter(false).await;
        world.app.api(http::Method::POST, &format!("/api/v1/logouts/{id}/retry"), None).await;
        until(Duration::from_secs(30), "it confirms", async || {
            (outcome(&world.app.receipt(&id).await, "wiki", "saml-soap") == "confirmed").then_some(())
        })
        .await;
        assert_eq!(world.app.receipt(&id).await["state"], "complete");
        world.asks_again().await;
    };
    tokio::time::timeout(LIMIT, run).await.expect("in time");
}
