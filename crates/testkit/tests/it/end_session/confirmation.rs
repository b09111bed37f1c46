//! The question before a sign-out, and what counts as its answer.

use std::time::Duration;

use acquit_testkit::{Browser, Registration, browser::Load, rp::ledger::Way};

use super::{world, world_of};

#[tokio::test]
async fn without_a_hint_the_person_is_asked_and_may_stay() {
    let world = world().await;
    let url = world.app.url("/oauth2/v1/logout?state=only-this");
    let page = world.browser.open(&url).await;
    world.nothing_happened().await;
    let stayed = world.answer(&page, "stay").await;
    assert_eq!(stayed.mark().as_deref(), Some("account"), "{stayed}");
    world.nothing_happened().await;
    let page = world.browser.open(&url).await;
    let out = world.answer(&page, "sign-out").await;
    assert_eq!(out.mark().as_deref(), Some("signed-out"), "nowhere to go to without a client (RPI-22): {out}");
    world.all_out().await;
}

#[tokio::test]
async fn a_client_id_alone_asks_and_then_lands_at_its_registered_uri() {
    let world = world().await;
    let bye = world.payroll.url("/bye");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "payroll"), ("post_logout_redirect_uri", &bye), ("state", "s t")])
        .finish();
    let page = world.browser.open(&world.app.url(&format!("/oauth2/v1/logout?{query}"))).await;
    world.nothing_happened().await;
    let landing = world.answer(&page, "sign-out").await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
    assert_eq!(world.payroll.ledger().by(Way::Landing)[0].parameter("state").as_deref(), Some("s t"));
    world.all_out().await;
}

#[tokio::test]
async fn a_confirmation_is_good_once_in_its_own_browser_and_for_a_while() {
    let world = world().await;
    let url = world.app.url("/oauth2/v1/logout");

    let page = world.browser.open(&url).await;
    let other = Browser::new();
    world.app.enter(&other, &world.crm, "bob").await;
    let form = page.form_with("decision").press("decision", "sign-out");
    let refused = other.submit(&page, form.clone()).await;
    assert!((400..500).contains(&refused.status), "another browser's answer: {refused}");
    assert_eq!(world.app.live_sessions().await.len(), 2);

    world.app.runs.advance(Duration::from_secs(24 * 60 * 60 / 3));
    let late = world.browser.submit(&page, form.clone()).await;
    assert!((400..500).contains(&late.status), "{late}");
    assert_eq!(world.app.live_sessions().await.len(), 2);

    let page = world.browser.open(&url).await;
    let form = page.form_with("decision").press("decision", "sign-out");
    let out = world.browser.submit(&page, form.clone()).await;
    assert_eq!(out.mark().as_deref(), Some("signed-out"), "{out}");
    world.app.enter(&world.browser, &world.payroll, "alice").await;
    let replayed = world.browser.submit(&page, form).await;
    assert_ne!(replayed.mark().as_deref(), Some("signed-out"), "{replayed}");
    assert_eq!(world.app.live_sessions().await.len(), 2, "a used answer ends no newer session");
}

#[tokio::test]
async fn a_form_of_another_site_confirms_nothing() {
    let world = world().await;
    let page = world.browser.open(&world.app.url("/oauth2/v1/logout")).await;
    let form = page.form_with("decision").press("decision", "sign-out");
    let evil = url::Url::parse("http://evil.localhost/").unwrap();
    for load in [
        Load::form(&page, &form).by(&evil),
        Load::form(&page, &form).with("origin", "null"),
        Load::form(&page, &form).with("sec-fetch-site", "cross-site"),
        Load::form(&page, &form).with("sec-fetch-site", "same-site"),
    ] {
        let refused = world.browser.load(load).await;
        assert!((400..500).contains(&refused.status), "{refused}");
        world.nothing_happened().await;
    }
}

#[tokio::test]
async fn an_application_may_have_every_sign_out_confirmed() {
    let world = world_of(Registration::new("payroll").with("confirm = \"always\"")).await;
    let page = world.browser.open(&world.payroll.end_session_url(&world.browser, Some("s"))).await;
    world.nothing_happened().await;
    let landing = world.answer(&page, "sign-out").await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
    world.all_out().await;
}
