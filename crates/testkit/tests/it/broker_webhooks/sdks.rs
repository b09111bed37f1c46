//! Webhooks as the official SDKs take them, and the whole of it: a logout at the identity provider reaches an application of
//! each kind.

use std::time::Instant;

use acquit_oidc::jose::LogoutSubject;
use acquit_testkit::{
    SpRegistration,
    peers::{self, Package, Sdk},
    rp::ledger::Way,
    sp::Binding,
};

use super::*;

async fn sdk(world: &World, package: Package) -> Sdk {
    // Node takes a host and a port only, and knows no names of its own.
    let base = world.broker.url("").replace("id.localhost", "127.0.0.1");
    Sdk::start(package, &base, Some(API_KEY), "client_01SAAS").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_official_sdk_verifies_a_webhook_as_it_was_delivered() {
    if !peers::take_part() {
        return;
    }
    let (world, hook) = hooked(Engine::Sqlite).await;
    let reply = world.enter("alice").await;
    // Software by others has no other clock than the machine's, and refuses what is older than three minutes.
    world.broker.runs.clock.set(acquit_server::clock::Clock::now(&acquit_server::clock::SystemClock));
    world.end_all_of(&reply).await;
    hook.wait(COMPLETED, 1, SOON).await;
    let mut python = sdk(&world, Package::Python).await;
    for posted in hook.all() {
        let (header, event) = (posted.header("workos-signature"), posted.event());
        let arguments =
            |secret: &str| json!({ "event_body": posted.body, "event_signature": header, "secret": secret });
        let verified = python.call("webhooks.verify_event", arguments(SECRET)).await.unwrap();
        assert_eq!(verified, event);
        let refused = python.call("webhooks.verify_event", arguments("whsec_another")).await.unwrap_err();
        assert_eq!(refused.class, "ValueError", "{refused:?}");
        for package in Package::NODE {
            let mut node = sdk(&world, package).await;
            let arguments = |secret: &str| json!({ "payload": event, "sigHeader": header, "secret": secret });
            // 8.13 signs what it writes out again, so the body is written as it would write it. 11 takes the raw text.
            let raw = json!({ "payload": posted.body, "sigHeader": header, "secret": SECRET });
            let given = if package == Package::Node8 { arguments(SECRET) } else { raw };
            let verified = node.call("webhooks.constructEvent", given).await;
            verified.unwrap_or_else(|raised| panic!("{package:?}: {raised:?}"));
            let refused = node.call("webhooks.constructEvent", arguments("whsec_another")).await.unwrap_err();
            assert_eq!(refused.class, "SignatureVerificationException", "{package:?}: {refused:?}");
        }
        assert!(world.verify(&posted, SECRET).is_ok(), "and Rust's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_keeps_endpoints_and_reads_events() {
    if !peers::take_part() {
        return;
    }
    let (world, _hook) = hooked(Engine::Sqlite).await;
    let mut python = sdk(&world, Package::Python).await;
    let wanted = json!({ "endpoint_url": "https://saas.example/hook", "events": [STARTED] });
    let made = python.call("webhooks.create_webhook_endpoint", wanted.clone()).await.unwrap();
    assert_eq!((&made["status"], &made["events"]), (&json!("enabled"), &json!([STARTED])), "{made}");
    let again = python.call("webhooks.create_webhook_endpoint", wanted).await.unwrap_err();
    assert_eq!((again.class.as_str(), &again.said["code"]), ("ConflictError", &json!("duplicate_endpoint")));
    let change = json!({ "id": made["id"], "status": "disabled", "events": [STARTED, COMPLETED] });
    let changed = python.call("webhooks.update_webhook_endpoint", change).await.unwrap();
    assert_eq!((&changed["status"], &changed["secret"]), (&json!("disabled"), &made["secret"]));
    python.call("webhooks.delete_webhook_endpoint", json!({ "id": made["id"] })).await.unwrap();
    let gone = python.call("webhooks.delete_webhook_endpoint", json!({ "id": made["id"] })).await.unwrap_err();
    assert_eq!(gone.class, "NotFoundError");

    let reply = world.enter("alice").await;
    world.end_all_of(&reply).await;
    // The SDK reads every event that it knows into a class of its own, and fails where a key is missing.
    let events =
        ["authentication.sso_started", "authentication.sso_succeeded", "session.created", "session.revoked", STARTED];
    let listed = python.call("events.list_events", json!({ "events": events })).await.unwrap();
    let text = listed.to_string();
    for event in events {
        assert!(text.contains(event), "{event} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_provider_tells_an_application_of_each_kind_within_a_second() {
    for engine in Engine::BOTH {
        let hook = TestHook::start().await;
        let files = SpRegistration::new("files", Binding::Soap).with("session_index_required = true").start().await;
        let more = format!("{}\n{}", webhook(&hook.url("/hook")), files.configuration());
        let world = world_of(engine, "", &more).await;
        files.trust(world.broker.as_issuer());
        world.enter("alice").await;
        world.wiki.begin(&world.browser, &[]).await;
        let page = files.begin(&world.browser, "").await;
        assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");

        let sid = world.sids().await.remove(0);
        let token = world.signed(&world.claims("acquit", "jti-1", LogoutSubject::Session { sid, sub: None }));
        let begun = Instant::now();
        assert_eq!(world.send(&token).await, 200);
        let openid = world.wiki.ledger().wait(Way::Back, 1, SOON).await[0].at.duration_since(begun);
        let posted = hook.wait(STARTED, 1, SOON).await[0].at.duration_since(begun);
        until(SOON, "the SAML application is told", async || (!files.ledger().is_empty()).then_some(())).await;
        let saml = begun.elapsed();
        println!("{engine:?}: told after {openid:?} (OpenID Connect), {posted:?} (webhook), at most {saml:?} (SAML)");
        assert!(openid.max(posted).max(saml) < SOON);

        let receipt = only_receipt(&world.broker).await;
        let receipt = settled(&world.broker, receipt["id"].as_str().unwrap(), SOON).await;
        assert_eq!(receipt["requested"]["by"], "upstream", "{receipt:#}");
        for (party, channel) in [("wiki", "backchannel"), ("files", "saml-soap"), ("saas", "webhook")] {
            assert_eq!(outcome(&receipt, party, channel), "confirmed", "{party}: {receipt:#}");
        }
        assert!(receipt["steps"].as_array().unwrap().iter().all(|step| step["party"] != "conn_01EXAMPLE"));
        assert!(!world.is_signed_in().await && !world.wiki.knows(&world.browser).await);
    }
}
