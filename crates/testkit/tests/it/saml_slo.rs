//! One logout across OpenID Connect and SAML, begun anywhere.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup, SpRegistration, TestApp, TestRp, TestSp,
    acquit::{InProcess, outcome},
    rp::ledger::Way,
    sp::{Binding, ride},
};

use crate::world::{enter_all, only_receipt, settled};

mod frames;
mod names;
mod partial;

struct World {
    app: TestApp<InProcess>,
    sps: [TestSp; 3],
    payroll: TestRp,
    crm: TestRp,
    browser: Browser,
}

const CHANNELS: [(&str, &str); 3] = [("wiki", "saml-redirect"), ("forum", "saml-post"), ("files", "saml-soap")];

async fn world_on(engine: Engine, more: &str) -> World {
    let sps = [
        SpRegistration::new("wiki", Binding::Redirect).with(more).start().await,
        SpRegistration::new("forum", Binding::Post).with(more).start().await,
        SpRegistration::new("files", Binding::Soap).with(more).start().await,
    ];
    let payroll = Registration::new("payroll").start().await;
    let crm = Registration::new("crm").start().await;
    let mut setup = Setup::on(engine);
    for sp in &sps {
        setup = setup.with(&sp.configuration());
    }
    let app = setup.start(&[&payroll, &crm]).await;
    for sp in &sps {
        sp.trust(app.as_issuer());
    }
    let browser = Browser::new();
    let world = World { app, sps, payroll, crm, browser };
    world.enter(&world.browser, "alice").await;
    world
}

async fn world() -> World {
    world_on(Engine::Sqlite, "session_index_required = true").await
}

impl World {
    async fn enter(&self, browser: &Browser, user: &str) {
        enter_all(&self.app, browser, &[&self.payroll, &self.crm], user).await;
        for sp in &self.sps {
            let page = sp.begin(browser, "").await;
            assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
        }
    }

    fn sp(&self, by: Binding) -> &TestSp {
        let at = match by {
            Binding::Redirect => 0,
            Binding::Post => 1,
            Binding::Soap => 2,
        };
        &self.sps[at]
    }

    /// Everybody is out, and every party but `asker` confirmed.
    async fn all_out(&self, asker: &str) {
        assert!(self.app.live_sessions().await.is_empty());
        for rp in [&self.payroll, &self.crm] {
            rp.ledger().wait(Way::Back, 1, Duration::from_secs(5)).await;
            assert!(!rp.knows(&self.browser).await);
        }
        let id = only_receipt(&self.app).await["id"].as_str().unwrap().to_owned();
        let receipt = settled(&self.app, &id, Duration::from_secs(5)).await;
        for (sp, (name, channel)) in self.sps.iter().zip(CHANNELS) {
            if name != asker {
                assert!(!sp.knows(&self.browser).await, "{name}: {receipt:#}");
                assert_eq!(outcome(&receipt, name, channel), "confirmed", "{receipt:#}");
                assert_eq!(sp.requests().len(), 1, "told once: {:?}", sp.ledger());
            }
        }
        assert_eq!(receipt["state"], "complete", "{receipt:#}");
    }
}

#[tokio::test]
async fn a_sign_out_that_begins_at_a_saml_application_ends_all_and_is_answered() {
    for engine in Engine::BOTH {
        for (by, name) in [(Binding::Redirect, "wiki"), (Binding::Post, "forum")] {
            let world = world_on(engine, "session_index_required = true").await;
            let page = world.sp(by).sign_out(&world.browser, by, Some("a&b=\"c\" +%20")).await;
            assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
            world.all_out(name).await;
            let sp = world.sp(by);
            assert_eq!(sp.responses(), ["Success"], "{:?}", sp.ledger());
            assert!(sp.requests().is_empty(), "who asked is not asked");
            assert_eq!(sp.ledger()[0].relay_state.as_deref(), Some("a&b=\"c\" +%20"));
            for hop in &page.hops {
                assert!(!hop.url.as_str().starts_with(&world.app.url("/sign-out/next?SAML")), "{}", hop.url);
            }
        }
    }
}

#[tokio::test]
async fn a_sign_out_over_soap_ends_all_that_need_no_browser() {
    let world = world().await;
    let files = world.sp(Binding::Soap);
    let request = files.logout_request(&world.browser, Binding::Soap).await;
    let (status, said) = files.sign_out_by_soap(&request).await;
    assert_eq!((status, said.as_str()), (200, "Success/PartialLogout"), "two wait for their browser");
    assert!(world.app.live_sessions().await.is_empty());
    let receipt = only_receipt(&world.app).await;
    for (name, channel, expected) in [
        ("payroll", "backchannel", "confirmed"),
        ("crm", "backchannel", "confirmed"),
        ("wiki", "saml-redirect", "pending"),
        ("forum", "saml-post", "pending"),
    ] {
        assert_eq!(outcome(&receipt, name, channel), expected, "{receipt:#}");
    }
}

#[tokio::test]
async fn a_sign_out_at_an_openid_application_or_at_the_account_tells_the_saml_applications() {
    let world = world().await;
    let first = world.browser.open(&world.payroll.end_session_url(&world.browser, Some("x"))).await;
    assert_eq!(first.mark().as_deref(), Some("signing-out"), "{first}");
    assert!(first.text().contains("Signing out of forum"), "the page names who is next: {first}");
    let page = ride(&world.browser, first).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert!(page.url.as_str().starts_with(&world.payroll.url("/bye")), "{page}");
    world.all_out("").await;

    let world = self::world().await;
    let account = world.browser.open(&world.app.url("/account")).await;
    let page = world.browser.submit(&account, account.form_with("scope").press("scope", "user")).await;
    let page = ride(&world.browser, page).await;
    assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
    world.all_out("").await;
}

#[tokio::test]
async fn who_wants_no_answer_gets_our_own_page() {
    let world = world().await;
    let wiki = world.sp(Binding::Redirect);
    let mut request = wiki.logout_request(&world.browser, Binding::Redirect).await;
    request.asynchronous = true;
    let page = wiki.send(&world.browser, &request, Binding::Redirect, None).await;
    assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
    assert!(wiki.responses().is_empty());
    world.all_out("wiki").await;
}

#[tokio::test]
async fn oktas_addresses_take_requests_and_answers() {
    let world = world().await;
    let wiki = world.sp(Binding::Redirect);
    let mut request = wiki.logout_request(&world.browser, Binding::Redirect).await;
    request.header.destination = Some(world.app.url("/app/wiki/exkwiki/slo/saml"));
    for sp in &world.sps {
        sp.answer_at(&world.app.url(&format!("/app/{0}/exk{0}/slo/saml/callback", sp.id())));
    }
    let page = wiki.send(&world.browser, &request, Binding::Redirect, Some("r")).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(wiki.responses(), ["Success"]);
    world.all_out("wiki").await;
}

#[tokio::test]
async fn the_way_of_one_browser_is_not_gone_by_another() {
    let world = world().await;
    let first = world.browser.open(&world.payroll.end_session_url(&world.browser, Some("secret"))).await;
    assert!(first.text().contains("Signing out of forum"), "{first}");
    let next = first.link("data-skip").unwrap();
    // An application that was told has this address from our answer to its LogoutResponse.
    let stranger = Browser::new();
    let page = stranger.open(next.as_str()).await;
    assert!(!page.url.as_str().contains("secret") && !page.to_string().contains("SAMLRequest"), "{page}");
    let other = Browser::new();
    world.app.enter(&other, &world.crm, "bob").await;
    let page = other.open(next.as_str()).await;
    assert!(!page.url.as_str().contains("secret") && !page.to_string().contains("SAMLRequest"), "{page}");
    let receipt = only_receipt(&world.app).await;
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "pending", "{receipt:#}");
    let page = ride(&world.browser, first).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert!(!world.sp(Binding::Redirect).knows(&world.browser).await);
}

#[tokio::test]
async fn who_signs_in_again_in_another_tab_still_comes_back_to_the_application_that_asked() {
    let world = world().await;
    let wiki = world.sp(Binding::Redirect);
    let request = wiki.logout_request(&world.browser, Binding::Redirect).await;
    let tab = wiki.send_first(&world.browser, &request, Binding::Redirect, Some("back")).await;
    assert!(tab.text().contains("Signing out of forum"), "{tab}");
    world.app.enter(&world.browser, &world.payroll, "alice").await;
    let page = ride(&world.browser, tab).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(wiki.responses(), ["Success"]);
    assert_eq!(world.app.live_sessions().await.len(), 1, "the new session lives");
    assert!(world.payroll.knows(&world.browser).await);
}
