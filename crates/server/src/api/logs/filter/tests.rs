use proptest::prelude::*;
use serde_json::json;

use super::*;

fn event() -> Value {
    json!({
        "eventType": "user.session.end", "severity": "INFO", "legacyEventType": null,
        "actor": { "id": "usr_1", "alternateId": "Ana@Example.com", "displayName": "" },
        "outcome": { "result": "SUCCESS", "reason": null },
        "authenticationContext": { "authenticationStep": 0 },
        "debugContext": { "debugData": { "TotalOidcLogoutRequests": "2", "requestUri": "/oauth2/v1/logout" } },
        "transaction": { "id": "lgo_1" },
        "target": [ { "id": "usr_1", "type": "User" }, { "id": "wiki", "type": "AppInstance" } ],
    })
}

fn fits(filter: &str) -> bool {
    Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}")).fits(&event())
}

#[test]
fn every_operator_does_what_scim_says() {
    for filter in [
        "eventType eq \"user.session.end\"",
        "EVENTTYPE EQ \"User.Session.End\"",
        "eventType ne \"user.session.start\"",
        "legacyEventType ne \"x\"",
        "eventType co \"session\"",
        "actor.alternateId sw \"ana@\"",
        "eventType ew \".end\"",
        "outcome.result pr",
        "target pr",
        "outcome.reason eq null",
        "outcome.result ne null",
        "severity gt \"DEBUG\"",
        "severity ge \"info\"",
        "severity lt \"WARN\"",
        "severity le \"INFO\"",
        "authenticationContext.authenticationStep eq 0",
        "authenticationContext.authenticationStep ge -1.5",
        "authenticationContext.authenticationStep lt 1e3",
        "debugContext.debugData.TotalOidcLogoutRequests eq \"2\"",
        "debugContext.debugData.requestUri eq \"/oauth2/v1/logout\"",
        "target.id eq \"wiki\"",
        "target.type eq \"User\" and target.type eq \"AppInstance\"",
    ] {
        assert!(fits(filter), "{filter}");
    }
    for filter in [
        "eventType ne \"user.session.end\"",
        "target.id ne \"wiki\"",
        "outcome.reason pr",
        "actor.displayName pr",
        "client pr",
        "legacyEventType co \"x\"",
        "outcome.result eq null",
        "severity gt \"INFO\"",
        "authenticationContext.authenticationStep gt 0",
    ] {
        assert!(!fits(filter), "{filter}");
    }
}

#[test]
fn not_binds_tighter_than_and_and_that_tighter_than_or() {
    let (yes, no) = ("severity eq \"INFO\"", "severity eq \"WARN\"");
    for (filter, holds) in [
        (format!("{yes} or {no} and {no}"), true),
        (format!("({yes} or {no}) and {no}"), false),
        (format!("not ({no}) and {yes}"), true),
        (format!("not ({yes}) or {yes}"), true),
        (format!("not({no} or {yes})"), false),
        (format!("  (({yes}))  AND  NOT ( {no} )"), true),
        (format!("{no} or {no} or {yes}"), true),
    ] {
        assert_eq!(fits(&filter), holds, "{filter}");
    }
}

#[test]
fn a_text_is_written_as_in_json() {
    let filter = Filter::parse(r#"displayMessage eq "a \"quoted\" \\ \u00fc word""#).unwrap();
    assert!(filter.fits(&json!({ "displayMessage": "A \"quoted\" \\ Ü word" })));
    assert!(!filter.fits(&json!({ "displayMessage": "another" })));
}

#[test]
fn what_is_no_filter_is_refused_with_its_place() {
    for (filter, at) in [
        ("", 1),
        ("   ", 4),
        ("eventType", 10),
        ("eventType eq", 13),
        ("eventType eq user", 14),
        ("eventType eq \"x", 14),
        ("eventType eq 'x'", 14),
        ("eventType eq \"x\" eventType", 18),
        ("eventType eq \"x\" and", 21),
        ("(eventType eq \"x\"", 18),
        ("eventType eq \"x\")", 17),
        ("not eventType eq \"x\"", 5),
        ("target[type eq \"x\"]", 7),
        ("eventType eq \"\\x\"", 14),
    ] {
        let error = Filter::parse(filter).unwrap_err();
        assert!(matches!(error, FilterError::Syntax { at: found, .. } if found == at), "{filter}: {error}");
    }
}

#[test]
fn attributes_and_operators_that_do_not_exist_or_do_not_fit_are_told_apart() {
    for name in ["published", "sid", "actor.password", "debugContext.debugData.", "debugContext.debugData.a.b", "é"] {
        let error = Filter::parse(&format!("{name} pr")).unwrap_err();
        assert!(matches!(error, FilterError::UnknownField(_) | FilterError::Syntax { .. }), "{name}: {error}");
    }
    assert_eq!(Filter::parse("eventType like \"x\""), Err(FilterError::UnknownOperator("like".to_owned())));
    for filter in [
        "debugContext.debugData.url co \"x\"",
        "debugContext.debugData.requestUri co \"x\"",
        "device.managed gt true",
        "securityContext.asNumber co 1",
        "target eq \"x\"",
        "eventType sw null",
    ] {
        assert!(matches!(Filter::parse(filter), Err(FilterError::Unfit { .. })), "{filter}");
    }
    for filter in ["eventType eq 1", "device.managed eq \"true\"", "securityContext.asNumber eq \"1\""] {
        assert!(matches!(Filter::parse(filter), Err(FilterError::Value { .. })), "{filter}");
    }
}

#[test]
fn a_filter_beyond_its_bounds_is_refused_whatever_it_says() {
    let term = "severity eq \"INFO\"";
    let deep = |depth: usize| format!("{}{term}{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&deep(MAX_DEPTH)).is_ok());
    let nots = format!("{}{term}{}", "not (".repeat(MAX_DEPTH + 1), ")".repeat(MAX_DEPTH + 1));
    let many = |terms: usize| vec!["uuid pr"; terms].join(" or ");
    assert!(Filter::parse(&many(MAX_TERMS)).is_ok());
    let long = format!("{term}{}", " ".repeat(MAX_LEN));
    for filter in [deep(MAX_DEPTH + 1), "(".repeat(1_900), nots, many(MAX_TERMS + 1), long] {
        assert_eq!(Filter::parse(&filter), Err(FilterError::TooLarge), "{filter}");
    }
}

#[test]
fn the_transaction_that_must_be_is_found_and_no_other() {
    let transaction = |filter: &str| Filter::parse(filter).unwrap().transaction().map(str::to_owned);
    let id = Some("lgo_1".to_owned());
    assert_eq!(transaction("transaction.id eq \"LGO_1\""), id);
    assert_eq!(transaction("severity pr and (transaction.id eq \"lgo_1\")"), id);
    for filter in [
        "transaction.id eq \"lgo_1\" or severity pr",
        "not (transaction.id eq \"lgo_1\")",
        "transaction.id ne \"lgo_1\"",
        "transaction.id sw \"lgo_1\"",
        "severity pr",
    ] {
        assert_eq!(transaction(filter), None, "{filter}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = Filter::parse(&text);
    }

    #[test]
    fn no_string_of_tokens_makes_it_panic(tokens in prop::collection::vec(prop::sample::select(vec![
        "(", ")", "not", "and", "or", "pr", "eq", "co", "gt", "eventType", "target.id", "debugContext.debugData.x",
        "device.managed", "\"x\"", "\"\\\"\"", "\"", "1", "-", "null", "true", "é", "[", " ",
    ]), 0..40)) {
        for separator in ["", " "] {
            if let Ok(filter) = Filter::parse(&tokens.join(separator)) {
                let _ = filter.fits(&event());
            }
        }
    }

    #[test]
    fn what_was_written_as_json_is_read_as_it_was(text in "\\PC{0,40}") {
        let filter = Filter::parse(&format!("displayMessage eq {}", Value::from(text.as_str()))).unwrap();
        if !text.is_empty() {
            let event = json!({ "displayMessage": text });
            prop_assert!(filter.fits(&event));
        }
    }
}
