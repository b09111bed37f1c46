use serde_json::json;

use super::*;
use crate::client::tests::payroll;

fn alice() -> Person {
    Person {
        subject: "usr_1".into(),
        username: "alice".into(),
        email: Some("alice@example.com".into()),
        groups: vec!["ops".into()],
        ..Person::default()
    }
}

fn told(scopes: &str, claims: &str) -> Value {
    let request = ClaimsRequest::parse(Some(claims)).unwrap();
    Value::Object(userinfo(&payroll(), &alice(), Scopes::parse(scopes), &request))
}

#[test]
fn scopes_open_their_claims_and_no_more() {
    assert_eq!(told("openid", "{}"), json!({"sub": "usr_1"}));
    assert_eq!(
        told("openid profile email groups", "{}"),
        json!({"sub": "usr_1", "preferred_username": "alice", "email": "alice@example.com", "email_verified": false,
               "groups": ["ops"]})
    );
}

#[test]
fn the_claims_parameter_brings_single_claims() {
    let claims = r#"{"userinfo": {"email": null, "nickname": {"essential": true}}, "id_token": {"groups": null}}"#;
    assert_eq!(told("openid", claims), json!({"sub": "usr_1", "email": "alice@example.com"}));
}

#[test]
fn where_people_are_asked_the_claims_parameter_does_not_get_around_it() {
    let client = Client { consent: true, ..payroll() };
    let request = ClaimsRequest::parse(Some(r#"{"userinfo": {"email": null, "groups": null}}"#)).unwrap();
    let told = userinfo(&client, &alice(), Scopes::parse("openid groups"), &request);
    assert_eq!(Value::Object(told), json!({"sub": "usr_1", "groups": ["ops"]}));
}

#[test]
fn nothing_that_is_asked_for_can_replace_a_claim_of_the_token() {
    let claims =
        r#"{"id_token": {"iss": {"value": "x"}, "sub": {"value": "y"}, "aud": null, "sid": null, "email": null}}"#;
    let request = ClaimsRequest::parse(Some(claims)).unwrap();
    let sign_in = SignIn { authenticated_at: Timestamp::from_seconds(5), acr: None, amr: &["pwd"], sid: "s1" };
    let issue = Issue {
        issuer: "https://id.example.com",
        now: Timestamp::from_seconds(10),
        lifetime: Duration::from_secs(3600),
        nonce: Some("n"),
        access_token: Some("at"),
    };
    let claims = id_token(&payroll(), &alice(), Scopes::parse("openid"), &request, sign_in, issue);
    assert_eq!(
        serde_json::to_value(&claims).unwrap(),
        json!({"iss": "https://id.example.com", "sub": "usr_1", "aud": "payroll", "exp": 3610, "iat": 10,
               "auth_time": 5, "nonce": "n", "amr": ["pwd"], "sid": "s1", "at_hash": Algorithm::Rs256.half_hash("at"),
               "email": "alice@example.com"})
    );
}

#[test]
fn a_claims_parameter_of_the_wrong_form_is_refused() {
    let deep = format!("{}1{}", "{\"id_token\":".repeat(1000), "}".repeat(1000));
    let many =
        format!(r#"{{"id_token":{{{}}}}}"#, (0..65).map(|i| format!("\"c{i}\":null")).collect::<Vec<_>>().join(","));
    for bad in ["", "[]", "null", "{", r#"{"id_token": []}"#, r#"{"userinfo": {"email": 1}}"#, &deep, &many] {
        assert!(ClaimsRequest::parse(Some(bad)).is_err(), "{bad:.60}");
    }
    assert!(ClaimsRequest::parse(Some(r#"{"other": 1, "id_token": null}"#)).unwrap().is_empty());
    assert!(ClaimsRequest::parse(None).unwrap().is_empty());
}

#[test]
fn an_essential_acr_is_found_with_its_values() {
    let request = |text: &str| ClaimsRequest::parse(Some(text)).unwrap();
    let one = request(r#"{"id_token": {"acr": {"essential": true, "values": ["gold", "silver"]}}}"#);
    assert_eq!(one.essential_acr(), Some(&["gold".to_owned(), "silver".to_owned()][..]));
    assert_eq!(request(r#"{"id_token": {"acr": {"values": ["gold"]}}}"#).essential_acr(), None);
    assert_eq!(request(r#"{"id_token": {"acr": {"essential": true}}}"#).essential_acr(), None);
    assert_eq!(request(r#"{"id_token": {"sub": {"value": "usr_1"}}}"#).subject(), Some("usr_1"));
}
