//! The browser's way from one application to the next where something goes wrong on it: nobody is left standing, nothing is
//! believed that was not proved, and nobody is sent where nobody answers.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, SpRegistration, TestApp, TestSp,
    acquit::{InProcess, outcome},
    browser::Load,
    rp::Answer,
    sp::{Binding, Manner, ride},
};

use crate::world::{only_receipt, until};

/// Two applications that can be told only in the browser, and Alice in both.
pub(crate) struct Two {
    pub(crate) app: TestApp<InProcess>,
    pub(crate) wiki: TestSp,
    pub(crate) forum: TestSp,
    pub(crate) browser: Browser,
}

pub(crate) async fn two() -> Two {
    let index = "session_index_required = true";
    let wiki = SpRegistration::new("wiki", Binding::Redirect).with(index).start().await;
    let forum = SpRegistration::new("forum", Binding::Post).with(index).start().await;
    let setup = Setup::on(Engine::Sqlite).with(&forum.configuration()).with(&wiki.configuration());
    let app = setup.start(&[]).await;
    let browser = Browser::new();
    for sp in [&forum, &wiki] {
        sp.trust(app.as_issuer());
        let page = sp.begin(&browser, "").await;
        if page.mark().as_deref() == Some("sign-in") {
            ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
        }
    }
    Two { app, wiki, forum, browser }
}

impl Two {
    /// Signs out at Acquit itself: first the forum is to be told, then the wiki.
    async fn sign_out(&self) -> Page {
        let account = self.browser.open(&self.app.url("/account")).await;
        self.browser.submit(&account, account.form_with("scope").press("scope", "user")).await
    }

    async fn go_on(&self, page: &Page) -> Page {
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
        let onward = page.link("data-continue").expect("a way on");
        ride(&self.browser, self.browser.click(page, onward.as_str()).await).await
    }
}

#[tokio::test]
async fn who_is_brought_back_with_an_answer_that_is_not_believed_goes_on_from_there() {
    let world = two().await;
    world.forum.behave(Manner::Forge);
    let page = ride(&world.browser, world.sign_out().await).await;
    let receipt = only_receipt(&world.app).await;
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "pending", "{receipt:#}");
    let page = world.go_on(&page).await;
    assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
    let receipt = only_receipt(&world.app).await;
    assert_eq!(outcome(&receipt, "forum", "saml-post"), "sent", "{receipt:#}");
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "confirmed", "{receipt:#}");
    assert!(!world.wiki.knows(&world.browser).await);
}

#[tokio::test]
async fn an_answer_that_names_no_way_leads_on_by_the_cookie_alone() {
    let world = two().await;
    world.forum.behave(Manner::Wander);
    let page = ride(&world.browser, world.sign_out().await).await;
    assert_eq!(page.mark().as_deref(), Some("wandered"), "{page}");
    let slo = world.app.url("/saml/slo");
    for astray in [
        Load::typed(&format!("{slo}?SAMLResponse=%%%")),
        Load::typed(&slo).post("SAMLResponse=PHg%2BPC94Pg%3D%3D&RelayState=stp_nobody.1").by(&page.url),
    ] {
        let other = Browser::new();
        let lost = other.load(astray.clone()).await;
        let onward = lost.link("data-continue").unwrap();
        assert!(!onward.as_str().contains("logout="), "{onward}");
        assert_eq!(other.click(&lost, onward.as_str()).await.mark().as_deref(), Some("signed-out"));
        let lost = world.browser.load(astray).await;
        assert!(lost.link("data-continue").is_some(), "{lost}");
    }
    let lost = world.browser.open(&format!("{slo}?SAMLResponse=%%%")).await;
    let page = world.go_on(&lost).await;
    assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
    let receipt = only_receipt(&world.app).await;
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "confirmed", "{receipt:#}");
}

#[tokio::test]
async fn nobody_passes_over_a_hop_of_somebody_else_with_a_relay_state() {
    let world = two().await;
    world.forum.behave(Manner::Wander);
    ride(&world.browser, world.sign_out().await).await;
    let relay = world.forum.requests()[0].relay_state.clone().unwrap();
    let last = relay.rsplit_once('.').unwrap().0.to_owned() + ".1";
    let slo = world.app.url("/saml/slo");
    let lost = world.browser.open(&format!("{slo}?SAMLResponse=%%%&RelayState={last}")).await;
    world.go_on(&lost).await;
    let receipt = only_receipt(&world.app).await;
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "confirmed", "{receipt:#}");
}

#[tokio::test]
async fn a_browser_is_not_sent_to_an_application_that_is_being_left_alone() {
    let payroll = Registration::new("payroll").start().await;
    let wiki = SpRegistration::new("wiki", Binding::Redirect).with("session_index_required = true").start().await;
    // The wiki takes logouts where payroll is: one destination.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wiki.xml");
    std::fs::write(&file, wiki.metadata().replace(&wiki.url("/slo\""), &payroll.url("/slo\""))).unwrap();
    let line = format!("metadata = {{ file = {:?} }}", file.display().to_string());
    let lines = wiki.configuration();
    let lines: Vec<&str> =
        lines.lines().map(|text| if text.starts_with("metadata") { line.as_str() } else { text }).collect();
    let app = Setup::on(Engine::Sqlite).with(&lines.join("\n")).start(&[&payroll]).await;
    wiki.trust(app.as_issuer());
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    let page = wiki.begin(&browser, "").await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    for _ in 0..4 {
        app.enter(&Browser::new(), &payroll, "alice").await;
    }
    payroll.always_answers(Answer::Status(503));
    // By another hand, so that nothing waits for this browser's hop.
    let user = app.live_sessions().await[0]["user"]["id"].as_str().unwrap().to_owned();
    let (status, receipt) =
        app.api(http::Method::POST, "/api/v1/logouts", Some(&serde_json::json!({"scope": "user", "user": user}))).await;
    assert_eq!(status, 202, "{receipt:#}");
    let id = receipt["id"].as_str().unwrap().to_owned();
    until(Duration::from_secs(10), "payroll failed five times", async || {
        let receipt = app.receipt(&id).await;
        let tried = |step: &serde_json::Value| step["party"] == "payroll" && step["attempts"][0]["status"] == 503;
        (receipt["steps"].as_array().unwrap().iter().filter(|step| tried(step)).count() == 5).then_some(())
    })
    .await;
    // The browser comes for a new sign-in; on the way it would be sent to the wiki's place.
    let page = browser.open(&app.url("/sign-in")).await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("account"), "{page}");
    let receipt = app.receipt(&id).await;
    let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == "wiki").unwrap();
    assert_eq!((&step["outcome"], step["attempts"].as_array().map(Vec::len)), (&"pending".into(), Some(0)), "{step:#}");
    let detail = step["detail"].as_str().unwrap();
    assert!(detail.contains("did not answer the last times"), "{detail}");
}
