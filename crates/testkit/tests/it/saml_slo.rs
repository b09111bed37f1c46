//! One logout across OpenID Connect and SAML, begun anywhere.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup, SpRegistration, TestApp, TestRp, TestSp,
    acquit::{InProcess, outcome},
    rp::ledger::Way,
    sp::{Binding, Manner, ride},
};

use crate::world::{enter_all, only_receipt, settled};

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
                assert!(!hop.url.as_str().starts_with(&world.app.url("/saml/slo/next?SAML")), "{}", hop.url);
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
async fn with_an_index_one_browser_is_signed_out_and_without_it_both() {
    for by_index in [true, false] {
        let world = world().await;
        let phone = Browser::new();
        world.enter(&phone, "alice").await;
        let stranger = Browser::new();
        world.enter(&stranger, "bob").await;
        let wiki = world.sp(Binding::Redirect);
        let mut request = wiki.logout_request(&world.browser, Binding::Redirect).await;
        if !by_index {
            request.session_indexes.clear();
        }
        let page = wiki.send(&world.browser, &request, Binding::Redirect, None).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
        assert!(!world.payroll.knows(&world.browser).await);
        assert_eq!(world.payroll.knows(&phone).await, by_index);
        assert!(world.payroll.knows(&stranger).await, "nobody else's");
        assert_eq!(world.app.live_sessions().await.len(), if by_index { 2 } else { 1 });
    }
}

#[tokio::test]
async fn the_name_or_index_of_another_application_reaches_nothing() {
    let world = world().await;
    let (wiki, forum) = (world.sp(Binding::Redirect), world.sp(Binding::Post));
    let (own, other) = (wiki.session(&world.browser), forum.session(&world.browser));
    for (name_id, indexes) in [
        (other.name_id.clone(), vec![other.index.clone()]),
        (own.name_id.clone(), vec![other.index.clone()]),
        (other.name_id.clone(), vec![]),
    ] {
        let request = wiki.logout_request_for(name_id, indexes, Binding::Redirect).await;
        let page = wiki.send(&world.browser, &request, Binding::Redirect, None).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
        assert_eq!(wiki.responses().last().map(String::as_str), Some("Requester/UnknownPrincipal"));
    }
    assert_eq!(world.app.live_sessions().await.len(), 1);
    assert!(world.app.receipts().await.is_empty());
}

#[tokio::test]
async fn who_cannot_be_told_makes_the_answer_partial() {
    for (manner, expected) in [(Manner::Refuse, "failed"), (Manner::Partly, "confirmed"), (Manner::Honour, "pending")] {
        let world = world().await;
        let forum = world.sp(Binding::Post);
        forum.behave(manner);
        if manner == Manner::Honour {
            forum.close();
        }
        let wiki = world.sp(Binding::Redirect);
        let page = wiki.sign_out(&world.browser, Binding::Redirect, None).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{manner:?}: {page}");
        assert_eq!(wiki.responses(), ["Success/PartialLogout"], "{manner:?}");
        let receipt = only_receipt(&world.app).await;
        assert_eq!(outcome(&receipt, "forum", "saml-post"), expected, "{manner:?}: {receipt:#}");
        assert!(!world.payroll.knows(&world.browser).await);
    }
}

#[tokio::test]
async fn a_browser_that_vanishes_between_two_hops_leaves_the_rest_waiting_for_it() {
    let world = world().await;
    let first = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert!(first.tags("main")[0].attributes.contains_key("data-hop"), "{first}");
    // It is gone here: what needs no browser is done all the same.
    let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
    let receipt = until_confirmed(&world, &id).await;
    assert_eq!(outcome(&receipt, "forum", "saml-post"), "sent", "it was on its way: {receipt:#}");
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "pending", "{receipt:#}");
    // It comes back for a new sign-in: first the application that waits, which is told of the ended session alone.
    let page = world.sp(Binding::Redirect).begin(&world.browser, "").await;
    let page = ride(&world.browser, world.app.sign_in(&world.browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    let receipt = world.app.receipt(&id).await;
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "confirmed", "{receipt:#}");
    assert!(world.sp(Binding::Redirect).knows(&world.browser).await, "the new session lives");
}

async fn until_confirmed(world: &World, id: &str) -> serde_json::Value {
    crate::world::until(Duration::from_secs(5), "the back channels confirm", async || {
        let receipt = world.app.receipt(id).await;
        let done = [("files", "saml-soap"), ("payroll", "backchannel"), ("crm", "backchannel")]
            .iter()
            .all(|(party, channel)| outcome(&receipt, party, channel) == "confirmed");
        done.then_some(receipt)
    })
    .await
}

#[tokio::test]
async fn a_person_may_go_on_without_an_application_that_does_not_answer() {
    let world = world().await;
    world.sp(Binding::Post).behave(Manner::Wander);
    let wiki = world.sp(Binding::Redirect);
    let request = wiki.logout_request(&world.browser, Binding::Redirect).await;
    let page = wiki.send_first(&world.browser, &request, Binding::Redirect, Some("back")).await;
    let skip = page.link("data-skip").unwrap();
    let page = ride(&world.browser, page).await;
    assert_eq!(page.mark().as_deref(), Some("wandered"), "{page}");
    let page = ride(&world.browser, world.browser.open(skip.as_str()).await).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(wiki.responses(), ["Success/PartialLogout"]);
    let receipt = only_receipt(&world.app).await;
    assert_eq!(outcome(&receipt, "forum", "saml-post"), "sent", "{receipt:#}");
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
async fn in_frames_as_okta_has_them_every_application_is_told_and_answers() {
    let world = world_on(Engine::Sqlite, "session_index_required = true\nslo_frame = true").await;
    let page = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert_eq!((page.mark().as_deref(), page.tags("iframe").len()), (Some("signing-out"), 2), "{page}");
    let frames = world.browser.load_frames(&page).await;
    for frame in &frames {
        let frame = if frame.mark().as_deref() == Some("form-post") {
            assert_eq!(frame.header("x-frame-options"), Some("SAMEORIGIN"));
            let form = frame.forms().remove(0);
            let next = world.browser.submit(frame, form).await;
            ride(&world.browser, next).await
        } else {
            frame.clone()
        };
        assert_eq!(frame.status, 200, "{frame}");
    }
    let page = world.browser.click(&page, page.link("data-continue").unwrap().as_str()).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    world.all_out("").await;
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
async fn a_soap_application_that_is_down_is_told_when_it_comes_back() {
    let world = world().await;
    let files = world.sp(Binding::Soap);
    files.close();
    let wiki = world.sp(Binding::Redirect);
    let page = wiki.sign_out(&world.browser, Binding::Redirect, None).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(wiki.responses(), ["Success/PartialLogout"]);
    files.reopen().await;
    let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
    let receipt = crate::world::settle_by_clock(&world.app, &id, Duration::from_secs(5), Duration::from_secs(20)).await;
    assert_eq!(outcome(&receipt, "files", "saml-soap"), "confirmed", "{receipt:#}");
    assert!(!files.knows(&world.browser).await);
}
