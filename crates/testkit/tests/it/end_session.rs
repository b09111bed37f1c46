//! RP-Initiated Logout 1.0 as a browser and an application see it. Rule ids are the checklist's.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::InProcess,
    browser::{Dest, Load},
    rp::ledger::Way,
};
use http::Method;

use crate::world::{PUNCTUATION, enter_all, only_receipt};

mod confirmation;

struct World {
    payroll: TestRp,
    crm: TestRp,
    app: TestApp<InProcess>,
    browser: Browser,
}

async fn world() -> World {
    world_of(Registration::new("payroll")).await
}

async fn world_of(payroll: Registration) -> World {
    let payroll = payroll.start().await;
    let crm = Registration::new("crm").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll, &crm]).await;
    let browser = Browser::new();
    enter_all(&app, &browser, &[&payroll, &crm], "alice").await;
    World { payroll, crm, app, browser }
}

impl World {
    async fn nothing_happened(&self) {
        assert_eq!(self.app.live_sessions().await.len(), 1);
        assert!(self.app.receipts().await.is_empty());
        assert!(self.payroll.ledger().by(Way::Back).is_empty() && self.crm.ledger().by(Way::Back).is_empty());
    }

    async fn all_out(&self) {
        assert!(self.app.live_sessions().await.is_empty());
        assert_eq!(self.app.receipts().await.len(), 1);
        self.payroll.ledger().wait(Way::Back, 1, Duration::from_secs(5)).await;
        self.crm.ledger().wait(Way::Back, 1, Duration::from_secs(5)).await;
    }

    /// Answers the question, and gives the page where that leads.
    async fn answer(&self, page: &Page, decision: &str) -> Page {
        assert_eq!(page.mark().as_deref(), Some("sign-out-confirm"), "{page}");
        self.browser.submit(page, page.form_with("decision").press("decision", decision)).await
    }
}

#[tokio::test]
async fn a_hint_of_this_session_signs_out_and_lands_with_the_state_byte_for_byte() {
    let world = world().await;
    assert!(PUNCTUATION.len() >= 90);
    let landing = world.browser.open(&world.payroll.end_session_url(&world.browser, Some(PUNCTUATION))).await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
    assert_eq!(world.payroll.ledger().by(Way::Landing)[0].parameter("state").as_deref(), Some(PUNCTUATION));
    world.all_out().await;
}

#[tokio::test]
async fn a_post_works_like_a_get_also_from_another_site() {
    for same_site in [true, false] {
        let host = if same_site { "127.0.0.1" } else { "payroll.localhost" };
        let world = world_of(Registration::new("payroll").host(host)).await;
        let url = world.payroll.end_session_url(&world.browser, Some("x"));
        let (endpoint, form) = url.split_once('?').unwrap();
        let from = url::Url::parse(&world.payroll.url("/")).unwrap();
        let landing = world.browser.load(Load::typed(endpoint).post(form.to_owned()).by(&from)).await;
        assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
        for hop in &landing.hops {
            assert!(!hop.url.as_str().contains("eyJ"), "no token in a URL: {}", hop.url);
        }
        world.all_out().await;
    }
}

#[tokio::test]
async fn an_expired_hint_that_is_ours_is_good() {
    let world = world().await;
    world.app.runs.advance(Duration::from_secs(3 * 60 * 60));
    let landing = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
    world.all_out().await;
}

#[tokio::test]
async fn a_hint_of_another_session_or_user_asks_first() {
    for other_user in ["alice", "bob"] {
        let world = world().await;
        let other = Browser::new();
        world.app.enter(&other, &world.payroll, other_user).await;
        let page = world.browser.open(&world.payroll.end_session_url(&other, None)).await;
        assert_eq!(page.mark().as_deref(), Some("sign-out-confirm"), "{other_user}: {page}");
        assert_eq!(world.app.live_sessions().await.len(), 2);
        world.answer(&page, "sign-out").await;
        assert_eq!(world.app.live_sessions().await.len(), 1, "only the browser's own session ends");
        assert!(world.payroll.knows(&other).await, "the hint's session goes on");
    }
}

#[tokio::test]
async fn a_hint_without_the_cookie_ends_nothing_and_never_says_signed_out() {
    let world = world().await;
    let hint = world.payroll.session(&world.browser).unwrap().id_token;
    let stranger = Browser::new();
    let landing = stranger.open(&world.payroll.end_session_url_with(&hint, Some("s"))).await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "as for who is out already: {landing}");
    let page = stranger.open(&world.app.url(&format!("/oauth2/v1/logout?id_token_hint={hint}"))).await;
    assert!(!page.text().contains("You are signed out"), "{page}");
    assert!(page.link("data-sign-in").is_some(), "it offers to sign in, to end it: {page}");
    world.nothing_happened().await;
}

#[tokio::test]
async fn nobody_signed_in_is_no_error() {
    let world = world().await;
    let url = world.payroll.end_session_url(&world.browser, Some("again"));
    world.browser.open(&url).await;
    let again = world.browser.open(&url).await;
    assert_eq!(again.mark().as_deref(), Some("landing"), "{again}");
    let page = Browser::new().open(&world.app.url("/oauth2/v1/logout")).await;
    assert_eq!((page.status, page.mark().as_deref()), (200, Some("signed-out")), "{page}");
    world.all_out().await;
}

#[tokio::test]
async fn the_same_logout_twice_at_once_is_one() {
    let world = world().await;
    let url = world.payroll.end_session_url(&world.browser, Some("x"));
    let twins = [world.browser.copy(), world.browser.copy(), world.browser.copy()];
    let pages = futures_util::future::join_all(twins.iter().map(|twin| twin.open(&url))).await;
    for page in pages {
        assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    }
    let receipt = only_receipt(&world.app).await;
    world.all_out().await;
    assert_eq!(receipt["steps"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.payroll.ledger().by(Way::Back).len(), 1, "and each application is told once");
}

#[tokio::test]
async fn head_prefetch_frames_and_scripts_sign_nobody_out() {
    let world = world().await;
    let hinted = world.payroll.end_session_url(&world.browser, Some("x"));
    let evil = url::Url::parse("http://evil.localhost/").unwrap();
    let own = url::Url::parse(&world.app.url("/account")).unwrap();
    let confirm = world.app.url("/sign-out");
    for url in [&hinted, &world.app.url("/oauth2/v1/logout"), &world.app.url("/oauth2/default/v1/logout"), &confirm] {
        for load in [
            Load::typed(url).method(Method::HEAD),
            Load::typed(url).with("sec-purpose", "prefetch"),
            Load::typed(url).with("sec-purpose", "prefetch;prerender"),
            Load::typed(url).with("purpose", "prefetch"),
            Load::typed(url).by(&evil).framed_in(&evil),
            Load::typed(url).by(&own).framed_in(&own),
            Load::typed(url).embedded_in(&evil, Dest::Image),
            Load::typed(url).embedded_in(&own, Dest::Fetch),
        ] {
            let page = world.browser.load(load.clone()).await;
            assert!(page.status < 500, "{page}");
            world.nothing_happened().await;
        }
    }
}

#[tokio::test]
async fn an_application_that_takes_nobody_along_ends_only_the_session_here() {
    let world = world_of(Registration::new("payroll").with("single_logout = \"none\"")).await;
    world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert!(world.app.live_sessions().await.is_empty());
    let receipt = only_receipt(&world.app).await;
    let step = &receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == "crm").unwrap();
    assert_eq!((&step["outcome"], &step["detail"]), (&"unsupported".into(), &"not asked".into()), "{receipt:#}");
    assert!(world.crm.knows(&world.browser).await && world.crm.ledger().by(Way::Back).is_empty());
    // A later logout of the user still tells them.
    let body = serde_json::json!({ "scope": "user", "user": "alice" });
    let (status, later) = world.app.api(Method::POST, "/api/v1/logouts", Some(&body)).await;
    assert_eq!(status, 202, "{later}");
    world.crm.ledger().wait(Way::Back, 1, Duration::from_secs(5)).await;
    assert!(!world.crm.knows(&world.browser).await);
}

#[tokio::test]
async fn an_application_that_takes_all_sessions_along_ends_those_of_other_browsers_too() {
    let world = world_of(Registration::new("payroll").with("single_logout = \"user\"")).await;
    let phone = Browser::new();
    world.app.enter(&phone, &world.crm, "alice").await;
    let stranger = Browser::new();
    world.app.enter(&stranger, &world.crm, "bob").await;
    world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    world.crm.ledger().wait(Way::Back, 2, Duration::from_secs(5)).await;
    assert!(!world.crm.knows(&phone).await && !world.crm.knows(&world.browser).await);
    assert!(world.crm.knows(&stranger).await, "nobody else's");
    assert_eq!(world.app.live_sessions().await.len(), 1);
}

#[tokio::test]
async fn after_a_sign_out_the_browser_keeps_nothing() {
    let world = world().await;
    let out = world.browser.open(&world.app.url("/oauth2/v1/logout")).await;
    let out = world.browser.submit(&out, out.form_with("decision").press("decision", "sign-out")).await;
    let answer = out.hops.first().expect("a redirect after the answer");
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("set-login"), "logged-out");
    assert!(header("clear-site-data").contains("\"cache\""), "{}", header("clear-site-data"));
    assert!(!header("clear-site-data").contains("cookies"), "that would reach the whole registrable domain");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(out.header("cache-control"), Some("no-store"));
    let account = world.browser.open(&world.app.url("/account")).await;
    assert_eq!(account.mark().as_deref(), Some("sign-in"), "{account}");
}

#[tokio::test]
async fn the_paths_of_okta_and_login_gov_sign_out_too() {
    for path in ["/oauth2/default/v1/logout", "/openid_connect/logout"] {
        let world = world().await;
        let url = world.payroll.end_session_url(&world.browser, Some("0123456789012345678901"));
        let landing = world.browser.open(&url.replace("/oauth2/v1/logout", path)).await;
        assert_eq!(landing.mark().as_deref(), Some("landing"), "{path}: {landing}");
        world.all_out().await;
    }
}

#[tokio::test]
async fn a_state_that_is_shorter_than_the_application_asks_for_is_refused() {
    let world = world_of(Registration::new("payroll").with("state_min_length = 22")).await;
    let short = world.browser.open(&world.payroll.end_session_url(&world.browser, Some("012345678901234567890"))).await;
    assert_eq!((short.status, short.mark().as_deref()), (400, Some("error")), "{short}");
    world.nothing_happened().await;
    let long = world.browser.open(&world.payroll.end_session_url(&world.browser, Some("0123456789012345678901"))).await;
    assert_eq!(long.mark().as_deref(), Some("landing"), "{long}");
}
