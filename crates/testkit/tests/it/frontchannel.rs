//! Front-Channel Logout 1.0: what the browser is given, and what waits for it.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup,
    acquit::outcome,
    browser::Load,
    rp::{Front, ledger::Way},
};
use serde_json::json;

use crate::world::{enter_all, only_receipt, until};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn frames_carry_iss_and_sid_together_or_neither() {
    let named = Registration::new("named").front_only().start().await;
    let mut bare = Registration::new("bare").front_only();
    bare.front = Front::Bare;
    let bare = bare.start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&named, &bare]).await;
    let browser = Browser::new();
    enter_all(&app, &browser, &[&named, &bare], "alice").await;
    let page = browser.open(&named.end_session_url(&browser, None)).await;
    assert_eq!(page.mark().as_deref(), Some("signing-out"), "{page}");
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains("frame-src") && policy.contains(&named.url("")) && policy.contains(&bare.url("")),
        "{policy}"
    );
    assert!(!page.url.as_str().contains("id_token_hint"), "its URL carries no hint: {}", page.url);
    for frame in page.tags("iframe") {
        assert_eq!(frame.get("referrerpolicy"), Some("no-referrer"));
        let sandbox: Vec<_> = frame.get("sandbox").expect("sandboxed").split(' ').collect();
        assert_eq!(sandbox.len(), 3, "{sandbox:?}");
    }
    browser.load_frames(&page).await;
    let asked = &named.ledger().by(Way::Front)[0];
    assert_eq!(
        (asked.parameter("iss"), asked.parameter("sid")),
        (Some(app.url("")), named.session(&browser).unwrap().sid)
    );
    let asked = &bare.ledger().by(Way::Front)[0];
    assert_eq!(asked.query, "", "no parameter that was not asked for");
    assert!(asked.headers.iter().all(|(name, _)| name != "referer"));
    assert!(!named.knows(&browser).await && !bare.knows(&browser).await);
}

#[tokio::test]
async fn a_frame_counts_as_sent_and_its_report_says_loaded() {
    let wiki = Registration::new("wiki").front_only().start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&wiki]).await;
    let browser = Browser::new();
    app.enter(&browser, &wiki, "alice").await;
    let page = browser.open(&wiki.end_session_url(&browser, None)).await;
    let receipt = until(SOON, "the frame is recorded", async || {
        let receipt = only_receipt(&app).await;
        (outcome(&receipt, "wiki", "frontchannel") == "sent").then_some(receipt)
    })
    .await;
    assert_eq!(receipt["steps"][0]["detail"], "rendered", "{receipt:#}");
    let main = &page.tags("main")[0];
    let frame = page.tags("iframe")[0].get("data-frame").unwrap().to_owned();
    let report = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", main.get("data-report-token").unwrap())
        .append_pair("frame", &frame)
        .finish();
    let to = page.url.join(main.get("data-report-to").unwrap()).unwrap();
    let foreign = url::Url::parse("http://evil.localhost/").unwrap();
    let refused = browser.load(Load::typed(to.as_str()).post(report.clone()).by(&foreign)).await;
    assert_eq!(refused.status, 403, "{refused}");
    let taken = browser.load(Load::typed(to.as_str()).post(report).by(&page.url)).await;
    assert_eq!(taken.status, 204, "{taken}");
    assert_eq!(only_receipt(&app).await["steps"][0]["detail"], "loaded");
}

#[tokio::test]
async fn frames_wait_for_the_browser_when_an_operator_signs_it_out() {
    let wiki = Registration::new("wiki").front_only().start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&wiki]).await;
    let browser = Browser::new();
    app.enter(&browser, &wiki, "alice").await;
    let (status, receipt) =
        app.api(http::Method::POST, "/api/v1/logouts", Some(&json!({ "scope": "user", "user": "alice" }))).await;
    assert_eq!(status, 202);
    assert_eq!(outcome(&receipt, "wiki", "frontchannel"), "pending", "{receipt:#}");
    assert!(wiki.knows(&browser).await, "it cannot be told yet");
    // The browser comes back and signs in again: the frames come before the new session is used.
    let page = wiki.begin(&browser, &[]).await;
    let page = app.sign_in(&browser, &page, "alice").await;
    assert_eq!(page.mark().as_deref(), Some("signing-out"), "{page}");
    browser.load_frames(&page).await;
    assert_eq!(wiki.ledger().by(Way::Front)[0].ended, 1);
    let (_, onward) = page.refresh().unwrap();
    let back = browser.click(&page, onward.as_str()).await;
    assert_eq!(back.mark().as_deref(), Some("home"), "{back}");
    assert!(wiki.knows(&browser).await, "signed in anew");
    until(SOON, "the frame is recorded", async || {
        (outcome(&only_receipt(&app).await, "wiki", "frontchannel") == "sent").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_frame_without_sid_fails_once_a_newer_session_begins() {
    let mut bare = Registration::new("bare").front_only();
    bare.front = Front::Bare;
    let bare = bare.start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&bare]).await;
    let browser = Browser::new();
    app.enter(&browser, &bare, "alice").await;
    app.api(http::Method::POST, "/api/v1/logouts", Some(&json!({ "scope": "user", "user": "alice" }))).await;
    let page = bare.begin(&browser, &[]).await;
    let page = app.sign_in(&browser, &page, "alice").await;
    assert_eq!(page.mark().as_deref(), Some("home"), "it would end the new session, so it is not loaded: {page}");
    assert!(bare.ledger().by(Way::Front).is_empty());
    assert_eq!(outcome(&only_receipt(&app).await, "bare", "frontchannel"), "failed");
}

#[tokio::test]
async fn an_application_with_both_channels_is_told_by_the_back_one() {
    let mut both = Registration::new("both");
    both.front = Front::Named;
    let both = both.start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&both]).await;
    let browser = Browser::new();
    app.enter(&browser, &both, "alice").await;
    let landing = browser.open(&both.end_session_url(&browser, None)).await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
    assert_eq!((both.ledger().by(Way::Back).len(), both.ledger().by(Way::Front).len()), (1, 0));
}

#[tokio::test]
async fn an_application_without_a_channel_is_named_as_unsupported() {
    let mute = Registration::new("mute").untold().start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&mute]).await;
    let browser = Browser::new();
    app.enter(&browser, &mute, "alice").await;
    let page = browser.open(&app.url("/oauth2/v1/logout")).await;
    let out = browser.submit(&page, page.form_with("decision").press("decision", "sign-out")).await;
    assert_eq!(out.mark().as_deref(), Some("signed-out"), "{out}");
    assert!(
        out.steps().iter().any(|(party, _, outcome)| party == "mute" && outcome == "unsupported"),
        "{:?}",
        out.steps()
    );
    let receipt = only_receipt(&app).await;
    assert_eq!(receipt["state"], "incomplete");
}
