//! What a provider said before a logout, and what arrives after that.

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

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_on_its_way_in_another_tab_does_not_outlive_the_sign_out() {
    for engine in Engine::BOTH {
        // Also where the provider takes no LogoutRequests, and so still has its own session.
        for told in [&[Binding::Soap][..], &[]] {
            let world = world(engine, told).await;
            let reply = world.enter().await;
            let late = held_back(&world).await;
            world.sign_out(&reply).await;
            assert!(!world.is_signed_in().await);
            let page = world.browser.load(world.idp.posted(&late, SignWhat::Both)).await;
            assert_eq!((page.status, page.mark().as_deref()), (403, Some("error")), "{page}");
            assert!(world.app.live_sessions().await.is_empty());
            // Who begins anew is let in.
            world.enter().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_may_come_by_a_way_that_was_begun_before_a_sign_out() {
    let world = world(Engine::Sqlite, &[Binding::Soap]).await;
    let reply = world.enter().await;
    let request = world.idp.asked(&world.leaving("").await);
    world.sign_out(&reply).await;
    world.idp.person(|person| {
        person.name_id.value = "bob-there".to_owned();
        person.index = Some("index-2".to_owned());
    });
    let page = world.browser.load(world.idp.posted(&world.idp.response(&request), SignWhat::Both)).await;
    assert_eq!(world.reply(&page).await["profile"]["idp_id"], "bob-there");
}
