//! What a provider said before its logout, and what arrives after that.

use acquit_saml::message::{Response, SignWhat};

use super::*;

/// The answer of the provider to a request of this browser, which somebody holds back.
async fn held_back(world: &World) -> Response {
    let request = world.idp.asked(&world.leaving("").await);
    let mut response = world.idp.response(&request);
    // Entra ID gives an hour.
    response.assertion.as_mut().unwrap().not_on_or_after = world.idp.now().plus(Duration::from_secs(3600));
    response
}

async fn sign_out_there(world: &World) {
    let request = world.idp.logout_request(&["index-1"], Binding::Soap);
    assert_eq!(world.idp.sign_out_by_soap(&request, world.idp.signer()).await, (200, "Success".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_held_back_past_its_logout_is_refused_for_as_long_as_any_is_taken() {
    // A clock there may be ahead of ours, which makes an answer younger than it is.
    for (ahead, after) in [(0, 700), (0, 770), (170, 930)] {
        let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
        let mut late = held_back(&world).await;
        late.header.issue_instant = late.header.issue_instant.plus(Duration::from_secs(ahead));
        sign_out_there(&world).await;
        world.app.runs.advance(Duration::from_secs(after));
        let page = world.browser.load(world.idp.posted(&late, SignWhat::Both)).await;
        assert_eq!((page.status, page.mark().as_deref()), (403, Some("error")), "{after} s: {page}");
        assert!(world.app.live_sessions().await.is_empty(), "{after} s");
        world.enter().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_tells_its_time_in_whole_seconds_ends_what_was_begun_within_that_second() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    let mut late = held_back(&world).await;
    let authn = &mut late.assertion.as_mut().unwrap().authn;
    authn.instant = authn.instant.plus(Duration::from_millis(400));
    sign_out_there(&world).await;
    let page = world.browser.load(world.idp.posted(&late, SignWhat::Both)).await;
    assert_eq!((page.status, page.mark().as_deref()), (403, Some("error")), "{page}");
    assert!(world.app.live_sessions().await.is_empty());
}
