//! What a stranger, another site or an unlucky moment must not get out of artifacts, names in requests and the way out.

use std::time::Duration;

use acquit_saml::{
    message::{AuthnRequest, NameId},
    names::{FORMAT_EMAIL, FORMAT_UNSPECIFIED, HTTP_ARTIFACT},
};
use acquit_server::sweep;
use acquit_testkit::{
    Browser, Engine, Page, Setup, SpRegistration, TestApp, TestSp,
    acquit::{InProcess, outcome},
    sp::{Binding, Manner, ride},
};

use crate::{
    failing_store::{refuse_inserts, sql, take_inserts},
    saml_astray::{Two, two},
    world::{once_known, only_receipt},
};

struct World {
    app: TestApp<InProcess>,
    wiki: TestSp,
    browser: Browser,
}

/// Alice is signed in at the wiki.
async fn world(engine: Engine, wiki: SpRegistration) -> World {
    let wiki = wiki.start().await;
    let app = Setup::on(engine).with(&wiki.configuration()).start(&[]).await;
    wiki.trust(app.as_issuer());
    let browser = Browser::new();
    let world = World { app, wiki, browser };
    let page = world.wiki.begin(&world.browser, "").await;
    let page = world.app.sign_in(&world.browser, &page, "alice").await;
    assert_eq!(ride(&world.browser, page).await.mark().as_deref(), Some("signed-in"));
    world
}

fn wiki() -> SpRegistration {
    SpRegistration::new("wiki", Binding::Redirect)
}

impl World {
    async fn open(&self, request: &AuthnRequest) -> Page {
        self.browser.open(&self.wiki.authn_url(request, Some(self.wiki.signer()))).await
    }

    /// What the wiki gets when it asks, showing nothing, whether it is this person.
    async fn is(&self, name: NameId) -> String {
        let request = AuthnRequest { subject: Some(name), is_passive: true, ..self.wiki.authn_request().await };
        ride(&self.browser, self.open(&request).await).await.text()
    }
}

const NOT_THEY: &str = "Responder/NoPassive";

#[tokio::test]
async fn another_site_passes_over_no_hop_of_a_browser_on_the_way_out() {
    for forged in ["?after=9", "?after=9&key=x", "KEY"] {
        let Two { app, wiki, forum, browser } = two().await;
        forum.behave(Manner::Wander);
        let account = browser.open(&app.url("/account")).await;
        let page = browser.submit(&account, account.form_with("scope").press("scope", "user")).await;
        assert_eq!(ride(&browser, page).await.mark().as_deref(), Some("wandered"));
        let url = if forged == "KEY" {
            // An application on the way knows its RelayState, and gets the key of the way for it.
            let relay = forum.requests().last().unwrap().relay_state.clone().unwrap();
            let lost = Browser::new().open(&app.url(&format!("/saml/slo?SAMLResponse=%%%&RelayState={relay}"))).await;
            format!("{}&after=9", lost.link("data-continue").unwrap())
        } else {
            app.url(&format!("/sign-out/next{forged}"))
        };
        ride(&browser, browser.open(&url).await).await;
        // Wherever that led, the person can still go on.
        ride(&browser, browser.open(&app.url("/sign-out/next")).await).await;
        let receipt = only_receipt(&app).await;
        assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "confirmed", "{forged}: {receipt:#}");
        assert!(!wiki.knows(&browser).await);
    }
}

#[tokio::test]
async fn an_answer_whose_artifact_the_store_did_not_take_has_not_used_its_request_up() {
    let world = world(Engine::Postgres, wiki()).await;
    let request = AuthnRequest {
        acs_url: None,
        protocol_binding: Some(HTTP_ARTIFACT.to_owned()),
        ..world.wiki.authn_request().await
    };
    refuse_inserts(&world.app, "saml_artifacts");
    let page = world.open(&request).await;
    assert_eq!(page.status, 503, "{page}");
    take_inserts(&world.app, "saml_artifacts");
    let page = ride(&world.browser, world.open(&request).await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    assert_eq!(world.open(&request).await.status, 400, "once");
}

#[tokio::test]
async fn one_request_gets_one_artifact_however_often_it_comes_at_once() {
    for engine in Engine::BOTH {
        let world = world(engine, wiki()).await;
        let request = AuthnRequest {
            acs_url: None,
            protocol_binding: Some(HTTP_ARTIFACT.to_owned()),
            ..world.wiki.authn_request().await
        };
        let pages = futures_util::future::join_all((0..6).map(|_| world.open(&request))).await;
        let refused = pages.iter().filter(|page| page.status == 400 && page.mark().as_deref() == Some("error")).count();
        assert_eq!(refused, 5, "{engine:?}");
    }
}

#[tokio::test]
async fn a_request_is_answered_once_for_as_long_as_its_sign_in_page_is_good() {
    let world = world(Engine::Sqlite, wiki()).await;
    let browser = Browser::new();
    let request = world.wiki.authn_request().await;
    let page = browser.open(&world.wiki.authn_url(&request, Some(world.wiki.signer()))).await;
    let page = world.app.sign_in(&browser, &page, "bob").await;
    assert_eq!(page.mark().as_deref(), Some("form-post"), "{page}");
    world.app.runs.advance(Duration::from_secs(20 * 60));
    sweep::clean(&world.app.runs.app).await.unwrap();
    let again = browser.open(page.url.as_str()).await;
    assert_eq!(again.status, 400, "{again}");
}

#[tokio::test]
async fn a_name_that_another_provider_or_another_application_gave_is_nobody_here() {
    let world = world(Engine::Sqlite, wiki()).await;
    let other = Some("https://other.example/".to_owned());
    for name in [NameId::new("alice", FORMAT_UNSPECIFIED), NameId::new("alice@example.com", FORMAT_EMAIL)] {
        for name in [
            NameId { name_qualifier: other.clone(), ..name.clone() },
            NameId { sp_name_qualifier: other.clone(), ..name.clone() },
        ] {
            let said = world.is(name.clone()).await;
            assert!(said.contains(NOT_THEY), "{name:?}: {said}");
        }
        let ours = Some(world.app.url("/saml/metadata"));
        let said = world.is(NameId { name_qualifier: ours, ..name.clone() }).await;
        assert!(!said.contains(NOT_THEY), "{name:?}: {said}");
    }
}

#[tokio::test]
async fn an_address_that_went_to_another_person_is_not_the_former_ones_any_more() {
    let world = world(Engine::Postgres, wiki().with("name_id = \"email\"")).await;
    let given = world.wiki.session(&world.browser).name_id;
    assert_eq!(given.value, "alice@example.com");
    sql(&world.app, "UPDATE users SET email = 'ally@example.com' WHERE username = 'alice'");
    sql(&world.app, "UPDATE users SET email = 'alice@example.com' WHERE username = 'bob'");
    let said = world.is(given.clone()).await;
    assert!(!said.contains(NOT_THEY), "in this session the wiki knows Alice by it: {said}");
    let elsewhere = World { browser: Browser::new(), ..world };
    let page = elsewhere.browser.open(&elsewhere.app.url("/account")).await;
    elsewhere.app.sign_in(&elsewhere.browser, &page, "alice").await;
    let said = elsewhere.is(given).await;
    assert!(said.contains(NOT_THEY), "{said}");
    let said = elsewhere.is(NameId::new("ally@example.com", FORMAT_EMAIL)).await;
    assert!(!said.contains(NOT_THEY), "{said}");
}

#[tokio::test]
async fn a_username_that_reads_like_the_address_of_another_person_is_its_owners() {
    let world = world(Engine::Postgres, wiki()).await;
    sql(&world.app, "UPDATE users SET username = 'alice@example.com' WHERE username = 'bob'");
    let said = world.is(NameId::new("alice@example.com", FORMAT_UNSPECIFIED)).await;
    assert!(said.contains(NOT_THEY), "{said}");
    let said = world.is(NameId::new("alice@example.com", FORMAT_EMAIL)).await;
    assert!(!said.contains(NOT_THEY), "{said}");
}

/// The wiki by metadata at a URL that ends, and the configuration of it. Fetched, so that it is read by the clock of the test.
async fn wiki_that_ends(by: SpRegistration) -> (TestSp, String) {
    const END: &str = "validUntil=\"2026-09-23T00:00:00Z\" entityID";
    let wiki = by.describing("entityID", END).start().await;
    let long = "[lifetimes]\nsession_idle = \"30d\"\nsession_max = \"60d\"\nlogout_deadline = \"3d\"\n";
    let configuration = format!("{}{long}", wiki.configuration_at_url());
    (wiki, configuration)
}

/// Shortly before that.
fn shortly_before_the_end(app: &TestApp<InProcess>) {
    let end = acquit_core::Timestamp::from_seconds(1_790_121_600);
    app.runs.advance(end.since(app.runs.app.clock.now()) - Duration::from_secs(30));
}

/// Alice is signed in at an application as soon as its metadata is known.
async fn enter_once_known(app: &TestApp<InProcess>, sp: &TestSp, browser: &Browser) {
    sp.trust(app.as_issuer());
    let page = once_known(sp, browser).await;
    if page.mark().as_deref() == Some("sign-in") {
        ride(browser, app.sign_in(browser, &page, "alice").await).await;
    }
    assert!(sp.knows(browser).await);
}

#[tokio::test]
async fn an_answer_is_not_sent_where_metadata_points_that_ended_on_the_way() {
    let (wiki, configuration) = wiki_that_ends(wiki()).await;
    let app = Setup::on(Engine::Sqlite).with(&configuration).start(&[]).await;
    let browser = Browser::new();
    enter_once_known(&app, &wiki, &browser).await;
    shortly_before_the_end(&app);
    let request = wiki.logout_request(&browser, Binding::Post).await;
    let onward = browser.step(&wiki.load(&request, Binding::Post, None)).await.unwrap();
    assert_eq!(onward.status, 303, "{onward}");
    app.runs.advance(Duration::from_secs(31));
    let page = browser.open(onward.location().unwrap().as_str()).await;
    assert!(app.live_sessions().await.is_empty(), "it was believed while it was good");
    assert!(!page.body.contains("SAMLResponse") && page.url.as_str().starts_with(&app.url("/")), "{page}");
    assert!(wiki.responses().is_empty());
}

#[tokio::test]
async fn a_browser_is_not_sent_where_metadata_points_that_ended_on_the_way() {
    let index = "session_index_required = true";
    let (wiki, configuration) = wiki_that_ends(wiki().with(index)).await;
    let forum = SpRegistration::new("forum", Binding::Post).with(index).start().await;
    let app = Setup::on(Engine::Sqlite).with(&forum.configuration()).with(&configuration).start(&[]).await;
    let browser = Browser::new();
    for sp in [&forum, &wiki] {
        enter_once_known(&app, sp, &browser).await;
    }
    shortly_before_the_end(&app);
    forum.behave(Manner::Wander);
    let account = browser.open(&app.url("/account")).await;
    let page = browser.submit(&account, account.form_with("scope").press("scope", "user")).await;
    assert_eq!(ride(&browser, page).await.mark().as_deref(), Some("wandered"));
    app.runs.advance(Duration::from_secs(31));
    ride(&browser, browser.open(&app.url("/sign-out/next")).await).await;
    assert!(wiki.requests().is_empty(), "{:?}", wiki.requests());
    let receipt = only_receipt(&app).await;
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "pending", "{receipt:#}");
    let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == "wiki").unwrap();
    assert_eq!(step["detail"], "its metadata has expired", "{step:#}");
}
