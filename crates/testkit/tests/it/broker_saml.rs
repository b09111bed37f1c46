//! The broker, with a SAML identity provider as the customer's: sign-in, profile, and sign-out in both directions.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestIdp, TestRp,
    acquit::{InProcess, outcome},
    browser::{Load, jar::Cookie},
    rp::ledger::Way,
    sp::{Binding, Manner, ride, ride_up_to},
};
use serde_json::{Value, json};

use crate::{
    broker_wire::{self, API_KEY, CLIENT, value},
    world::{only_receipt, settle_by_clock, settled, until},
};

mod another_provider;
mod bad_input;
mod fresh_proof;
mod late;
mod oracle;
mod received;
mod routes;

const CONNECTION: &str = "conn_01EXAMPLE";
const SOON: Duration = Duration::from_secs(10);

/// A broker with a customer whose provider speaks SAML, a broker application and one of OpenID Connect.
struct World {
    idp: TestIdp,
    app: TestApp<InProcess>,
    wiki: TestRp,
    saas: TestRp,
    browser: Browser,
}

/// One whose provider is told of logouts so.
async fn world(engine: Engine, told: &[Binding]) -> World {
    world_with(engine, told, "", "").await
}

/// The same with more lines for the connection, and with more configuration.
async fn world_with(engine: Engine, told: &[Binding], line: &str, more: &str) -> World {
    let idp = TestIdp::start(CONNECTION, told).await;
    let wiki = Registration::new("wiki").start().await;
    let saas = Registration::new("saas").start().await;
    let configuration = format!(
        "[[organizations]]\nid = \"org_01EXAMPLE\"\nname = \"Example\"\ndomains = [\"example.com\"]\n\n{}\
         [[applications]]\nid = \"saas\"\nprotocol = \"broker\"\nclient_id = \"{CLIENT}\"\napi_key = \"{API_KEY}\"\n\
         redirect_uris = [\"{}\"]\nlogout_uri = \"{}\"\npost_logout_redirect_uris = [\"{}\"]\n{more}",
        idp.configuration(&format!("organization = \"org_01EXAMPLE\"\n{line}")),
        saas.url("/callback"),
        saas.url("/frontchannel"),
        saas.url("/bye"),
    );
    let app = Setup::on(engine).host("id.localhost").with(&configuration).start(&[&wiki]).await;
    idp.trust(&app).await;
    World { idp, app, wiki, saas, browser: Browser::new() }
}

impl World {
    fn authorize(&self, more: &str) -> String {
        broker_wire::authorize(&self.app, &self.saas.url("/callback"), CONNECTION, &[]) + more
    }

    /// What the browser is about to bring to the provider.
    async fn leaving(&self, more: &str) -> Load {
        let sso = self.idp.url("/sso");
        ride_up_to(&self.browser, Load::typed(&self.authorize(more)), |load| load.url.as_str().starts_with(&sso)).await
    }

    /// Where the browser ends after a sign-in at the provider, which asks nobody.
    async fn follow(&self, more: &str) -> Page {
        ride(&self.browser, self.browser.open(&self.authorize(more)).await).await
    }

    /// Signs in at the broker application; its token reply.
    async fn enter(&self) -> Value {
        let page = self.follow("").await;
        assert!(page.url.as_str().starts_with(&self.saas.url("/callback")), "{page}");
        self.reply(&page).await
    }

    async fn reply(&self, page: &Page) -> Value {
        let answer = page.query();
        assert_eq!(value(&answer, "state"), "st ate");
        broker_wire::exchange(&self.app, &answer).await
    }

    /// The application has the person signed out: by its right to a logout, in the browser. Gives where that ends.
    async fn sign_out(&self, reply: &Value) -> Page {
        let page = self.browser.open(&broker_wire::logout_url(&self.app, reply).await).await;
        onward(&self.browser, page).await
    }

    /// The session is used by a second application, of OpenID Connect.
    async fn join_wiki(&self) {
        self.wiki.begin(&self.browser, &[]).await;
        assert!(self.wiki.knows(&self.browser).await);
    }

    async fn is_signed_in(&self) -> bool {
        self.browser.open(&self.app.url("/account")).await.mark().as_deref() == Some("account")
    }

    /// The sign-ins that wait in the browser.
    fn trips(&self) -> Vec<Cookie> {
        self.browser.jar().all().iter().filter(|cookie| cookie.name.contains("trip")).cloned().collect()
    }

    /// The only receipt, once nothing of it is pending.
    async fn receipt(&self) -> Value {
        let id = only_receipt(&self.app).await["id"].as_str().unwrap().to_owned();
        settled(&self.app, &id, SOON).await
    }
}

/// Goes on through the pages between two hops as well, which a browser leaves by itself.
async fn onward(browser: &Browser, page: Page) -> Page {
    let mut page = ride(browser, page).await;
    while let Some((_, next)) = page.refresh() {
        page = ride(browser, browser.click(&page, next.as_str()).await).await;
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_of_a_saml_provider_signs_in_and_the_application_gets_their_profile() {
    for engine in Engine::BOTH {
        let world =
            world_with(engine, &[Binding::Redirect], "attributes = { custom = { team = \"department\" } }", "").await;
        world.idp.person(|person| {
            let said = |name: &str, values: &[&str]| {
                acquit_saml::message::Attribute::new(name, values.iter().map(|value| (*value).to_owned()).collect())
            };
            person.attributes.push(said("urn:oid:2.5.4.42", &["Ann"]));
            person.attributes.push(said("sn", &["Example"]));
            person.attributes.push(said("memberOf", &["ops", "staff"]));
            person.attributes.push(said("department", &["R&D"]));
        });
        let reply = world.enter().await;
        let profile = &reply["profile"];
        let expected = json!({
            "object": "profile", "organization_id": "org_01EXAMPLE", "connection_id": CONNECTION,
            "connection_type": "GenericSAML", "idp_id": "ann-there", "email": "ann@example.com", "first_name": "Ann",
            "last_name": "Example", "name": "Ann Example", "role": null, "roles": null, "groups": ["ops", "staff"],
            "custom_attributes": { "team": "R&D" }, "raw_attributes": {}, "id": profile["id"],
        });
        assert_eq!(*profile, expected);
        world.join_wiki().await;
        assert_eq!(world.enter().await["profile"]["id"], profile["id"], "again is the same person");
        assert_eq!(world.app.live_sessions().await.len(), 1);
        assert!(world.trips().is_empty(), "nothing is left of the way: {:?}", world.trips());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_goes_on_to_the_provider_by_the_binding_that_it_has_and_the_receipt_says_confirmed() {
    for (engine, by, channel) in [
        (Engine::Sqlite, Binding::Redirect, "saml-redirect"),
        (Engine::Sqlite, Binding::Post, "saml-post"),
        (Engine::Sqlite, Binding::Soap, "saml-soap"),
        (Engine::Postgres, Binding::Soap, "saml-soap"),
        (Engine::Postgres, Binding::Redirect, "saml-redirect"),
    ] {
        let world = world(engine, &[by]).await;
        let reply = world.enter().await;
        world.join_wiki().await;
        let landed = world.sign_out(&reply).await;
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{channel}: {landed}");
        assert!(!world.is_signed_in().await);
        let receipt = world.receipt().await;
        assert_eq!(outcome(&receipt, CONNECTION, channel), "confirmed", "{receipt:#}");
        assert_eq!(outcome(&receipt, "wiki", "backchannel"), "confirmed");
        let [told] = world.idp.requests().try_into().expect("asked once");
        assert_eq!((told.by, told.said.as_str()), (by, ""), "{told:?}");
        assert_eq!(told.name.map(|name| name.value).as_deref(), Some("ann-there"));
        assert_eq!(told.indexes, ["index-1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_answers_is_what_the_receipt_says() {
    for (manner, by, channel, expected, detail) in [
        (Manner::Refuse, Binding::Redirect, "saml-redirect", "failed", "RequestDenied"),
        (Manner::Partly, Binding::Redirect, "saml-redirect", "confirmed", "not all that hang on it"),
        (Manner::Refuse, Binding::Soap, "saml-soap", "failed", "RequestDenied"),
        (Manner::Partly, Binding::Soap, "saml-soap", "confirmed", "not all that hang on it"),
    ] {
        let world = world(Engine::Sqlite, &[by]).await;
        let reply = world.enter().await;
        world.idp.behave(manner);
        let landed = world.sign_out(&reply).await;
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{manner:?}: {landed}");
        let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
        // Who refuses what a young key signed is asked once more, some minutes later.
        let receipt = settle_by_clock(&world.app, &id, Duration::from_secs(400), SOON).await;
        assert_eq!(outcome(&receipt, CONNECTION, channel), expected, "{manner:?}: {receipt:#}");
        assert!(receipt.to_string().contains(detail), "{manner:?}: {receipt:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_another_key_signed_confirms_nothing_and_leaves_nobody_stranded() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    let reply = world.enter().await;
    world.idp.behave(Manner::Forge);
    let page = world.sign_out(&reply).await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
    let way_on = page.link("data-continue").expect("a way on");
    let landed = onward(&world.browser, world.browser.click(&page, way_on.as_str()).await).await;
    assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
    assert_eq!(outcome(&world.receipt().await, CONNECTION, "saml-redirect"), "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_passed_over_and_the_person_lands() {
    for (by, channel) in [(Binding::Redirect, "saml-redirect"), (Binding::Soap, "saml-soap")] {
        let world = world(Engine::Sqlite, &[by]).await;
        let reply = world.enter().await;
        world.idp.close();
        let begun = std::time::Instant::now();
        let landed = world.sign_out(&reply).await;
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
        let receipt = only_receipt(&world.app).await;
        let expected = if by == Binding::Soap { "pending" } else { "failed" };
        assert_eq!(outcome(&receipt, CONNECTION, channel), expected, "{receipt:#}");
        if by == Binding::Soap {
            world.idp.reopen().await;
            let id = receipt["id"].as_str().unwrap();
            let receipt = settle_by_clock(&world.app, id, Duration::from_secs(10), Duration::from_secs(30)).await;
            assert_eq!(outcome(&receipt, CONNECTION, channel), "confirmed", "{receipt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_single_logout_or_kept_out_of_it_is_in_the_receipt_with_the_reason() {
    for (told, line, why) in [
        (&[][..], "", "no SingleLogoutService"),
        (&[Binding::Redirect][..], "logout = \"local\"", "as its operator chose"),
    ] {
        let world = world_with(Engine::Sqlite, told, line, "").await;
        let reply = world.enter().await;
        let landed = world.sign_out(&reply).await;
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
        let receipt = world.receipt().await;
        let steps = receipt["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["party"] == CONNECTION).expect("a step");
        assert_eq!(step["outcome"], "unsupported", "{receipt:#}");
        assert!(step["detail"].as_str().unwrap().contains(why), "{receipt:#}");
        assert!(world.idp.requests().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_again_where_the_application_wants_that_and_the_provider_must_have_asked() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    assert!(!world.idp.asked(&world.leaving("").await).force_authn);
    let forced = world.leaving("&prompt=login").await;
    let request = world.idp.asked(&forced);
    assert!(request.force_authn);
    // It answers by a sign-in of an hour ago.
    let mut stale = world.idp.response(&request);
    stale.assertion.as_mut().unwrap().authn.instant = world.idp.now().minus(Duration::from_secs(3600));
    let load = world.idp.posted(&stale, acquit_saml::message::SignWhat::Response);
    let page = world.browser.load(load).await;
    assert_eq!(value(&page.query(), "error"), "oauth_failed", "{page}");
    let page = world.follow("&prompt=login").await;
    assert!(page.query().iter().any(|(name, _)| name == "code"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_names_somebody_to_the_provider_only_where_it_names_people_so_and_it_is_one_of_theirs() {
    let plain = world(Engine::Sqlite, &[]).await;
    assert_eq!(plain.idp.asked(&plain.leaving("&login_hint=ann%40example.com").await).subject, None);
    let by_email = world_with(Engine::Sqlite, &[], "name_id = \"email\"", "").await;
    for (hint, expected) in [("ann%40example.com", true), ("ann%40evil.example", false), ("ann", false)] {
        let request = by_email.idp.asked(&by_email.leaving(&format!("&login_hint={hint}")).await);
        assert_eq!(request.subject.is_some(), expected, "{hint}");
        assert!(request.name_id_policy.unwrap().format.unwrap().ends_with("emailAddress"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_assertion_is_taken() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    world.idp.encrypt();
    assert_eq!(world.enter().await["profile"]["idp_id"], "ann-there");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_in_several_tabs_do_not_get_into_each_others_way() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    let (one, two) = (world.leaving("").await, world.leaving("").await);
    for tab in [two, one] {
        let page = ride(&world.browser, world.browser.load(tab).await).await;
        assert!(page.query().iter().any(|(name, _)| name == "code"), "{page}");
    }
    // However many are left behind, what the browser keeps of them is bounded.
    for _ in 0..30 {
        world.leaving("").await;
    }
    let kept: usize = world.trips().iter().map(|cookie| cookie.name.len() + cookie.value.len()).sum();
    assert!((1..7000).contains(&kept), "{kept}");
    world.enter().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_waits_for_its_browser_never_ends_a_newer_session_at_the_provider() {
    for engine in Engine::BOTH {
        let world = world(engine, &[Binding::Redirect]).await;
        world.enter().await;
        let session = world.app.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
        let (status, _) = world.app.api(http::Method::DELETE, &format!("/api/v1/sessions/{session}"), None).await;
        assert!((200..300).contains(&status), "{status}");
        let waiting = only_receipt(&world.app).await;
        assert_eq!(outcome(&waiting, CONNECTION, "saml-redirect"), "pending", "{waiting:#}");
        world.app.runs.advance(Duration::from_secs(2));
        world.idp.person(|person| person.index = Some("index-2".to_owned()));
        let landed = onward(&world.browser, world.follow("").await).await;
        assert!(landed.url.as_str().starts_with(&world.saas.url("/callback")), "{landed}");
        let receipt = only_receipt(&world.app).await;
        assert_eq!(outcome(&receipt, CONNECTION, "saml-redirect"), "failed", "{receipt:#}");
        assert!(world.idp.requests().is_empty(), "it would end whatever the browser has there now");
        assert!(world.is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_gone_from_the_configuration_is_told_and_believed() {
    let world = world(Engine::Sqlite, &[Binding::Soap]).await;
    world.enter().await;
    let mut settings = (*world.app.runs.app.settings()).clone();
    settings.connections.clear();
    acquit_server::reload::reload(&world.app.runs.app, settings).await.unwrap();
    // The frame of the broker application waits for a browser, so the whole is not settled.
    until(SOON, "its answer is believed", async || {
        let receipt = only_receipt(&world.app).await;
        (outcome(&receipt, CONNECTION, "saml-soap") == "confirmed").then_some(())
    })
    .await;
    assert_eq!(world.idp.requests().len(), 1);
    let gone = world.browser.open(&world.app.url(&format!("/sso/saml/metadata/{CONNECTION}"))).await;
    assert_eq!(gone.status, 404);
}
