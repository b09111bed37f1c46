use std::collections::HashMap;

use acquit_core::{Timestamp, event::Facts};
use acquit_store::event::Person;

use super::*;

fn record(kind: Kind) -> EventRecord {
    EventRecord {
        seq: 7,
        kind: kind.as_str().to_owned(),
        at: Timestamp::from_seconds(1_790_000_000),
        user: Some("usr_1".to_owned()),
        session: Some("ses_1".to_owned()),
        logout: None,
        party: None,
        ip: Some("192.0.2.7".to_owned()),
        connection: None,
        organization: None,
        detail: None,
        facts: Facts::NONE,
    }
}

fn shown(event: &EventRecord) -> Value {
    let ana = Person { username: Some("ana".to_owned()), email: Some("ana@example.com".to_owned()), name: None };
    let context = Context {
        people: HashMap::from([("usr_1".to_owned(), ana)]),
        browsers: HashMap::from([("ses_1".to_owned(), "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0".to_owned())]),
    };
    let application = |id: &str| id.to_uppercase();
    of(event, &Names { context: &context, application: &application, issuer: "https://id.example.com" })
}

#[test]
fn an_event_has_every_part_of_a_log_event() {
    let event = shown(&record(Kind::SessionBegan));
    for part in [
        "uuid",
        "version",
        "published",
        "severity",
        "eventType",
        "legacyEventType",
        "displayMessage",
        "actor",
        "client",
        "device",
        "authenticationContext",
        "outcome",
        "securityContext",
        "debugContext",
        "transaction",
        "request",
        "target",
    ] {
        assert!(event.get(part).is_some(), "{part}");
    }
    assert_eq!(event["published"], "2026-09-21T14:13:20.000Z");
    assert_eq!(event["eventType"], "user.session.start");
    assert_eq!(event["actor"]["alternateId"], "ana@example.com");
    assert_eq!(event["request"]["ipChain"][0]["version"], "V4");
    assert_eq!(event["client"]["userAgent"], Value::Null, "nobody said that it was the session's browser");
}

#[test]
fn an_event_keeps_its_uuid_and_shares_it_with_none() {
    let event = record(Kind::SessionBegan);
    let uuid = shown(&event)["uuid"].clone();
    assert_eq!(shown(&event)["uuid"], uuid);
    assert_ne!(shown(&EventRecord { seq: 8, ..event.clone() })["uuid"], uuid);
    let text = uuid.as_str().unwrap();
    assert_eq!((text.len(), &text[14..15]), (36, "8"), "{text}");
    assert!("89ab".contains(&text[19..20]), "{text}");
    assert_eq!(shown(&event)["transaction"]["id"], uuid, "a transaction of its own");
}

#[test]
fn who_asked_for_a_logout_is_its_actor() {
    let ended = |by: &str| {
        let facts = Facts { by: Some(by.to_owned()), own_browser: true, ..Facts::NONE };
        shown(&EventRecord { party: Some("wiki".to_owned()), facts, ..record(Kind::SessionEnded) })
    };
    for (by, actor, targets) in [
        ("user", "User", 1),
        ("application", "User", 2),
        ("administrator", "ApiToken", 1),
        ("policy", "SystemPrincipal", 1),
    ] {
        let event = ended(by);
        assert_eq!(
            (&event["actor"]["type"], event["target"].as_array().unwrap().len()),
            (&actor.into(), targets),
            "{by}"
        );
        assert_eq!(event["target"][0]["id"], "usr_1");
    }
    assert_eq!(ended("user")["client"]["userAgent"]["browser"], "CHROME");
}

#[test]
fn a_step_says_no_more_than_was_proved() {
    for (outcome, result) in [
        ("confirmed", "SUCCESS"),
        ("sent", "UNKNOWN"),
        ("pending", "DEFERRED"),
        ("failed", "FAILURE"),
        ("unsupported", "SKIPPED"),
        ("of-tomorrow", "FAILURE"),
    ] {
        let facts = Facts { outcome: Some(outcome.to_owned()), reason: Some("answered 200".to_owned()), ..Facts::NONE };
        // What the application itself said is in the detail, and stays there.
        let detail = Some("confirmed: sid=secret".to_owned());
        let event =
            shown(&EventRecord { party: Some("wiki".to_owned()), facts, detail, ..record(Kind::StepAttempted) });
        assert_eq!(event["outcome"], json!({ "result": result, "reason": "answered 200" }));
        assert_eq!(event["target"][0]["displayName"], "WIKI");
        assert!(!event.to_string().contains("secret"));
    }
}

#[test]
fn reasons_are_bounded_and_unknown_kinds_shown() {
    let facts = Facts { reason: Some("é".repeat(400)), ..Facts::NONE };
    let event = shown(&EventRecord { facts, ..record(Kind::SignInFailed) });
    assert_eq!(event["outcome"]["reason"].as_str().unwrap().chars().count(), 255);
    let event = shown(&EventRecord { kind: "moon-landed".to_owned(), user: None, ..record(Kind::SessionBegan) });
    assert_eq!(event["eventType"], "acquit.moon_landed");
}
