//! Responses by artifact: the browser carries a reference, the application fetches the assertion, once, soon, itself, and
//! while the session lives.

use std::time::Duration;

use acquit_saml::{
    binding::{artifact::Artifact, soap},
    security::{KeyKind, Signer},
};
use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration, TestApp, TestSp,
    acquit::{InProcess, outcome},
    browser::Load,
    sp::{Binding, Brought, artifact_in, post_soap, ride, ride_up_to},
};

use crate::failing_store::sql;

struct World {
    app: TestApp<InProcess>,
    wiki: TestSp,
    forum: TestSp,
    browser: Browser,
}

/// Two applications; one person is signed in, at no application yet.
async fn world_on(engine: Engine, wiki: SpRegistration) -> World {
    let wiki = wiki.start().await;
    let forum = SpRegistration::new("forum", Binding::Soap).start().await;
    let app = Setup::on(engine).with(&wiki.configuration()).with(&forum.configuration()).start(&[]).await;
    for sp in [&wiki, &forum] {
        sp.trust(app.as_issuer());
    }
    let browser = Browser::new();
    let page = browser.open(&app.url("/account")).await;
    app.sign_in(&browser, &page, "alice").await;
    World { app, wiki, forum, browser }
}

async fn world() -> World {
    world_on(Engine::Sqlite, SpRegistration::new("wiki", Binding::Soap)).await
}

impl World {
    /// An artifact on its way in the browser; nobody has fetched it.
    async fn artifact(&self) -> Artifact {
        self.artifact_with("").await
    }

    async fn artifact_with(&self, more: &str) -> Artifact {
        let begin = Load::typed(&self.wiki.url(&format!("/login?artifact=1&{more}")));
        let carries = |load: &Load| load.url.as_str().starts_with(&self.wiki.url("/acs"));
        artifact_in(&ride_up_to(&self.browser, begin, carries).await.url)
    }

    async fn resolve(&self, artifact: &Artifact) -> Result<Brought, String> {
        self.wiki.resolve(artifact, self.wiki.signer()).await
    }
}

fn is_assertion(brought: Result<Brought, String>) -> bool {
    matches!(brought, Ok(Brought::Assertion(_)))
}

const DENIED: &str = "the peer answered Requester/RequestDenied";

#[tokio::test]
async fn who_asks_for_an_artifact_gets_one_and_fetches_the_assertion_itself() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let world = world_on(engine, SpRegistration::new("wiki", Binding::Soap)).await;
        for how in ["artifact=1&relay=a%26b%22%3C", "artifact=1&post=1&relay=a%26b%22%3C"] {
            let page = world.wiki.begin(&world.browser, how).await;
            assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
            assert!(page.text().ends_with("a&b\"<"), "{page}");
            assert!(page.url.query().is_some_and(|query| query.contains("SAMLart=")), "{}", page.url);
            assert!(world.wiki.knows(&world.browser).await);
        }
        let sessions = world.app.live_sessions().await;
        assert_eq!(sessions[0]["applications"][0]["id"], "wiki", "{sessions:#?}");
    }
}

#[tokio::test]
async fn a_sign_in_page_in_between_and_the_default_endpoint_of_the_metadata_lead_to_an_artifact_too() {
    let wiki = SpRegistration::new("wiki", Binding::Soap).artifact_by_default().start().await;
    let app = Setup::on(Engine::Sqlite).with(&wiki.configuration()).start(&[]).await;
    wiki.trust(app.as_issuer());
    let browser = Browser::new();
    let page = browser.open(&app.url("/app/wiki/exkwiki/sso/saml?RelayState=deep")).await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    assert!(page.url.as_str().contains("SAMLart="), "{}", page.url);
    assert!(page.text().ends_with("deep"), "{page}");
    // One that asks for POST gets that.
    let page = wiki.begin(&browser, "").await;
    assert_eq!((page.mark().as_deref(), page.url.query()), (Some("signed-in"), None), "{page}");
}

#[tokio::test]
async fn a_refusal_comes_by_artifact_as_well() {
    let world = world().await;
    let stranger = Browser::new();
    let page = world.wiki.begin(&stranger, "artifact=1&passive=1").await;
    assert!(page.text().contains("Responder/NoPassive"), "{page}");
    let page = world.wiki.begin(&world.browser, "artifact=1&format=urn:x").await;
    assert!(page.text().contains("Requester/InvalidNameIDPolicy"), "{page}");
    assert!(page.url.as_str().contains("SAMLart="), "{}", page.url);
}

#[tokio::test]
async fn an_artifact_is_good_once_for_its_own_application_and_for_a_minute() {
    let world = world().await;
    let artifact = world.artifact().await;
    assert_eq!(world.forum.resolve(&artifact, world.forum.signer()).await, Ok(Brought::Nothing), "another's");
    assert!(is_assertion(world.resolve(&artifact).await), "whose try took nothing from it");
    assert_eq!(world.resolve(&artifact).await, Ok(Brought::Nothing), "once");

    let late = world.artifact().await;
    world.app.runs.advance(Duration::from_secs(60));
    assert_eq!(world.resolve(&late).await, Ok(Brought::Nothing), "late");
    let timely = world.artifact().await;
    world.app.runs.advance(Duration::from_secs(59));
    assert!(is_assertion(world.resolve(&timely).await), "timely");

    let fresh = world.artifact().await;
    let entity = world.app.url("/saml/metadata");
    let handle = *fresh.handle();
    for (what, other) in [
        ("a handle that nobody gave", Artifact::from_random(&entity, 0, [7; 20])),
        ("another provider's", Artifact::from_random("https://idp.example/", 0, handle)),
    ] {
        assert_eq!(world.resolve(&other).await, Ok(Brought::Nothing), "{what}");
    }
    assert!(is_assertion(world.resolve(&fresh).await), "and none of them took it");
}

#[tokio::test]
async fn only_who_signs_as_the_application_gets_an_assertion() {
    let world = world().await;
    let artifact = world.artifact().await;
    let stranger = Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "stranger").unwrap();
    for (who, signer) in [("nobody", &stranger), ("another application", world.forum.signer())] {
        assert_eq!(world.resolve_as(&artifact, signer).await, Err(DENIED.to_owned()), "{who}");
    }
    let (to, request) = world.wiki.artifact_resolve(&artifact).await;
    let good = soap::encode(&request, world.wiki.signer()).unwrap();
    let id = request.header.id.as_str();
    let begin = good.find("<ds:Signature ").unwrap();
    let end = good.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let unsigned = format!("{}{}", &good[..begin], &good[end..]);
    let mut elsewhere = request.clone();
    elsewhere.header.destination = Some("https://idp.example/artifact".to_owned());
    let mut stale = request.clone();
    stale.header.issue_instant = acquit_core::Timestamp::from_seconds(0);
    let mut unknown = request.clone();
    unknown.header.issuer = "https://nobody.example/".to_owned();
    let mut forged = request.clone();
    forged.artifact = Artifact::from_random(&world.app.url("/saml/metadata"), 0, [7; 20]);
    let forged = soap::encode(&forged, world.wiki.signer()).unwrap();
    let between = |text: &str| {
        let begin = text.find("<samlp:Artifact>").unwrap();
        text[begin..text.find("</samlp:Artifact>").unwrap()].to_owned()
    };
    let swapped = forged.replace(&between(&forged), &between(&good));
    for (what, envelope) in [
        ("unsigned", unsigned),
        ("for another address", soap::encode(&elsewhere, world.wiki.signer()).unwrap()),
        ("old", soap::encode(&stale, world.wiki.signer()).unwrap()),
        ("of somebody unknown", soap::encode(&unknown, world.wiki.signer()).unwrap()),
        ("signed over another artifact", swapped),
    ] {
        assert_eq!(world.wiki.resolve_by(&to, envelope, id).await, Err(DENIED.to_owned()), "{what}");
    }
    assert!(is_assertion(world.wiki.resolve_by(&to, good, id).await), "what was refused took nothing");
}

impl World {
    /// The request signed by somebody, as the wiki.
    async fn resolve_as(&self, artifact: &Artifact, signer: &Signer) -> Result<Brought, String> {
        self.wiki.resolve(artifact, signer).await
    }
}

#[tokio::test]
async fn a_logout_in_between_kills_the_assertion_and_tells_the_application() {
    for everywhere in [false, true] {
        let world = world().await;
        let artifact = world.artifact().await;
        let session = world.app.live_sessions().await.remove(0);
        assert_eq!(session["applications"][0]["id"], "wiki", "in the ledger before anything is fetched: {session:#}");
        if everywhere {
            let body = serde_json::json!({ "scope": "user", "user": "alice" });
            assert_eq!(world.app.api(http::Method::POST, "/api/v1/logouts", Some(&body)).await.0, 202);
        } else {
            let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
            world.app.api(http::Method::DELETE, &path, None).await;
        }
        assert!(world.app.live_sessions().await.is_empty());
        assert_eq!(world.resolve(&artifact).await, Ok(Brought::Nothing));
        let receipt = world.app.receipts().await.remove(0);
        assert_ne!(outcome(&receipt, "wiki", "saml-soap"), "no such step", "{receipt:#}");
        // A new session gives a new one, and the old one stays dead.
        let page = world.browser.open(&world.app.url("/account")).await;
        world.app.sign_in(&world.browser, &page, "alice").await;
        assert!(is_assertion(world.resolve(&world.artifact().await).await));
        assert_eq!(world.resolve(&artifact).await, Ok(Brought::Nothing));
    }
}

#[tokio::test]
async fn an_application_that_is_gone_from_the_configuration_or_has_no_key_gets_none() {
    let wiki = SpRegistration::new("wiki", Binding::Soap).start().await;
    let lines = [
        "[[applications]]".to_owned(),
        "id = \"wiki\"".to_owned(),
        "protocol = \"saml\"".to_owned(),
        format!("entity_id = {:?}", wiki.entity_id()),
        format!("acs_url = {:?}", wiki.url("/acs")),
    ];
    let app = Setup::on(Engine::Sqlite).with(&(lines.join("\n") + "\n\n")).start(&[]).await;
    wiki.trust(app.as_issuer());
    let page = wiki.begin(&Browser::new(), "artifact=1").await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
}

#[tokio::test]
async fn what_is_no_request_for_an_artifact_is_answered_with_a_fault_and_never_otherwise_by_5xx() {
    let world = world().await;
    let artifact = world.artifact().await;
    let (to, request) = world.wiki.artifact_resolve(&artifact).await;
    let good = soap::encode(&request, world.wiki.signer()).unwrap();
    let logout =
        world.wiki.logout_request_for(acquit_saml::message::NameId::new("x", ""), Vec::new(), Binding::Soap).await;
    let short = good.replace("</samlp:Artifact>", "AAAA</samlp:Artifact>");
    for (what, body, fault) in [
        ("empty", String::new(), true),
        ("no XML", "artifact".to_owned(), true),
        ("no envelope", good.replace("soap:Envelope", "soap:Letter"), true),
        ("another message", soap::encode(&logout, world.wiki.signer()).unwrap(), true),
        ("a document type", format!("<!DOCTYPE x [<!ENTITY y \"z\">]>{good}"), true),
        ("an artifact of another length", short, false),
    ] {
        let (status, answer) = post_soap(&to, body).await;
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!((status, answer.contains("soap:Fault")), (if fault { 500 } else { 200 }, fault), "{what}: {answer}");
        assert!(!answer.contains(":Assertion"), "{what}: {answer}");
    }
    let (status, _) = post_soap(&to, "x".repeat(2_000_000)).await;
    assert_eq!(status, 413);
    assert_eq!(Browser::new().open(&to).await.status, 405);
    let page = Browser::new().load(Load::typed(&to).post(good.clone())).await;
    assert_eq!(page.status, 415, "not as a form: {page}");
    assert!(is_assertion(world.wiki.resolve_by(&to, good, &request.header.id).await));
}

#[tokio::test]
async fn without_the_store_there_is_no_artifact_and_no_assertion_and_it_waits_until_there_is() {
    let world = world_on(Engine::Postgres, SpRegistration::new("wiki", Binding::Soap)).await;
    let artifact = world.artifact().await;
    let function = "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$";
    let full = format!(
        "CREATE FUNCTION full_disk() RETURNS trigger {function}; CREATE TRIGGER full_disk BEFORE INSERT OR DELETE ON \
         saml_artifacts FOR EACH ROW EXECUTE FUNCTION full_disk()"
    );
    sql(&world.app, &full);
    let page = world.wiki.begin(&world.browser, "artifact=1").await;
    assert_eq!(page.status, 503, "{page}");
    assert_eq!(world.resolve(&artifact).await, Err("500".to_owned()), "a fault");
    sql(&world.app, "DROP TRIGGER full_disk ON saml_artifacts");
    assert!(is_assertion(world.resolve(&artifact).await), "what could not be taken was not used up");
    // Nothing in the store reads like a person.
    world.artifact().await;
    let clear = "DO $$ BEGIN IF EXISTS (SELECT 1 FROM saml_artifacts WHERE encode(message, 'escape') LIKE '%Assertion%') \
                 OR NOT EXISTS (SELECT 1 FROM saml_artifacts) THEN RAISE EXCEPTION 'in the clear'; END IF; END $$";
    sql(&world.app, clear);
}
