//! The receiver's rules of Back-Channel Logout 1.0 section 2.6, by their ids. BC-27 to BC-29 need a memory and sessions: the
//! server's tests have them.

use jsonwebtoken as peer;

use super::*;

const EVENT: &str = crate::jose::logout_token::EVENT;

fn rules() -> LogoutTokenRules<'static> {
    LogoutTokenRules { issuer: ISSUER, client_id: "payroll", alg: Algorithm::Rs256, require_typ: false }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "payroll", "iat": seconds(0), "exp": seconds(120), "jti": "j1",
           "events": {EVENT: {}}, "sub": "alice", "sid": "s1"})
}

fn judge(claims: &Value) -> Result<LogoutToken, LogoutTokenError> {
    let token = forge(&key(Algorithm::Rs256), "logout+jwt", claims);
    verify_logout_token(&jwks(Algorithm::Rs256), rules(), &token, NOW)
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name).unwrap();
    claims
}

/// The good claims under any header, with a signature of the registered key over both.
fn headed(header: &Value) -> Result<LogoutToken, LogoutTokenError> {
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims().to_string().as_bytes()));
    let signature = encode(&key(Algorithm::Rs256).sign(signed.as_bytes()).unwrap());
    verify_logout_token(&jwks(Algorithm::Rs256), rules(), &format!("{signed}.{signature}"), NOW)
}

#[test]
fn one_of_ours_is_good() {
    for alg in Algorithm::ALL {
        let token = key(alg).sign_logout_token(&logout_claims(session())).unwrap();
        let judged =
            verify_logout_token(&jwks(alg), LogoutTokenRules { alg, require_typ: true, ..rules() }, &token, NOW);
        let judged = judged.unwrap();
        assert_eq!((judged.subject, &*judged.jti), (session(), "j1"));
    }
}

#[test]
fn it_may_name_the_subject_alone_or_the_session_alone() {
    let mut bare = claims();
    bare.as_object_mut().unwrap().remove("sid");
    assert_eq!(judge(&bare).unwrap().subject, LogoutSubject::User { sub: "alice".into() });
    let mut bare = claims();
    bare.as_object_mut().unwrap().remove("sub");
    assert_eq!(judge(&bare).unwrap().subject, LogoutSubject::Session { sid: "s1".into(), sub: None });
}

#[test]
fn each_rule_is_kept() {
    let malformed = LogoutTokenError::Jws(JwsError::Malformed);
    let mut nameless = with("sid", json!(""));
    nameless["sub"] = json!("");
    for (claims, error) in [
        (with("iss", json!("https://other.example")), LogoutTokenError::Issuer), // BC-23
        (with("aud", json!("wiki")), LogoutTokenError::Audience),
        (with("aud", json!(["wiki", "mail"])), LogoutTokenError::Audience),
        (with("iat", json!(seconds(61))), LogoutTokenError::Time),
        (with("exp", json!(seconds(-60))), LogoutTokenError::Time),
        (with("exp", json!(seconds(90_000))), LogoutTokenError::Time),
        (with("nbf", json!(seconds(61))), LogoutTokenError::Time),
        (with("exp", json!(null)), malformed),
        (with("exp", json!("1800000120")), malformed),
        (without("exp"), malformed),
        (without("iat"), malformed),
        (without("iss"), malformed),
        (without("aud"), malformed),
        (without("jti"), malformed),
        (without("events"), malformed),
        (with("jti", json!("")), LogoutTokenError::Jti),
        (with("jti", json!("j".repeat(256))), LogoutTokenError::Jti),
        (with("jti", json!("j\u{0}")), LogoutTokenError::Jti),
        (with("jti", json!(["j1"])), malformed),
        (with("aud", json!([])), LogoutTokenError::Audience),
        (with("sub", json!("x".repeat(256))), LogoutTokenError::Subject),
        (with("sid", json!("x".repeat(513))), LogoutTokenError::Subject),
        (with("sid", json!("s\n1")), LogoutTokenError::Subject),
        (with("sid", json!(7)), malformed),
        (with("sub", json!({})), malformed),
        (with("iat", json!(null)), malformed),
        (with("jti", json!(null)), malformed),
        (nameless, LogoutTokenError::Subject),                 // BC-24
        (with("events", json!({})), LogoutTokenError::Events), // BC-25
        (with("events", json!({EVENT: true})), LogoutTokenError::Events),
        (with("events", json!([EVENT])), LogoutTokenError::Events),
        (with("events", json!({"https://other.example/event": {}})), LogoutTokenError::Events),
        (with("nonce", json!("n")), LogoutTokenError::Nonce), // BC-26
        (with("nonce", json!(null)), LogoutTokenError::Nonce),
    ] {
        assert_eq!(judge(&claims), Err(error), "{claims}");
    }
}

#[test]
fn unknown_claims_and_further_events_are_ignored() {
    // BC-11
    let mut claims = with("trace", json!({"a": [1]}));
    claims["events"]["https://other.example/event"] = json!({});
    claims["aud"] = json!(["payroll", "wiki"]);
    claims["exp"] = json!(seconds(120) as f64 + 0.5);
    assert!(judge(&claims).is_ok());
}

#[test]
fn an_id_token_is_no_logout_token() {
    let token = key(Algorithm::Rs256).sign_id_token(&id_token_claims()).unwrap();
    assert!(verify_logout_token(&jwks(Algorithm::Rs256), rules(), &token, NOW).is_err());
}

#[test]
fn only_the_registered_algorithm_is_taken() {
    // BC-21, BC-22
    let token = forge(&key(Algorithm::Es256), "logout+jwt", &claims());
    let judged = verify_logout_token(&jwks(Algorithm::Es256), rules(), &token, NOW);
    assert_eq!(judged, Err(LogoutTokenError::Jws(JwsError::Algorithm)));
}

#[test]
fn a_type_may_be_left_out_unless_it_is_required_and_never_be_another() {
    // BC-14
    let judge = |typ: &str, require_typ| {
        let token = forge(&key(Algorithm::Rs256), typ, &claims());
        verify_logout_token(&jwks(Algorithm::Rs256), LogoutTokenRules { require_typ, ..rules() }, &token, NOW)
    };
    for typ in ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt"] {
        assert!(judge(typ, true).is_ok(), "{typ}");
    }
    assert!(judge("JWT", false).is_ok());
    assert_eq!(judge("JWT", true), Err(LogoutTokenError::Type));
    assert_eq!(judge("at+jwt", false), Err(LogoutTokenError::Type));
}

#[test]
fn a_signature_is_demanded_and_no_mac_is_one() {
    // BC-20, BC-22
    let kid = key(Algorithm::Rs256).kid().to_owned();
    let algorithm = Err(LogoutTokenError::Jws(JwsError::Algorithm));
    assert!(headed(&json!({"alg": "RS256", "kid": kid})).is_ok());
    for alg in ["none", "None", "NONE", "", "HS256", "RS512"] {
        assert_eq!(headed(&json!({"alg": alg, "kid": kid, "typ": "logout+jwt"})), algorithm, "{alg}");
    }
    // The sample secret of every JWT tutorial, and our own public key as if it were a secret.
    let public = json!(key(Algorithm::Rs256).public_jwk()).to_string();
    for secret in ["your-256-bit-secret", "", &public] {
        let header = peer::Header { kid: Some(kid.clone()), ..peer::Header::new(peer::Algorithm::HS256) };
        let token = peer::encode(&header, &claims(), &peer::EncodingKey::from_secret(secret.as_bytes())).unwrap();
        assert_eq!(verify_logout_token(&jwks(Algorithm::Rs256), rules(), &token, NOW), algorithm);
    }
    let unsigned = format!("{}.{}.", encode(br#"{"alg":"RS256"}"#), encode(claims().to_string().as_bytes()));
    let judged = verify_logout_token(&jwks(Algorithm::Rs256), rules(), &unsigned, NOW);
    assert!(matches!(judged, Err(LogoutTokenError::Jws(_))));
}

#[test]
fn a_changed_token_is_refused() {
    // BC-20
    let token = forge(&key(Algorithm::Rs256), "logout+jwt", &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let other = encode(with("sid", json!("s2")).to_string().as_bytes());
    let mixed = format!("{}.{other}.{}", parts[0], parts[2]);
    let judged = verify_logout_token(&jwks(Algorithm::Rs256), rules(), &mixed, NOW);
    assert_eq!(judged, Err(LogoutTokenError::Jws(JwsError::Signature)));
}

#[test]
fn a_header_that_demands_what_is_not_understood_is_refused() {
    for header in [
        json!({"alg": "RS256", "crit": ["x"], "x": 1}),
        json!({"alg": "RS256", "crit": []}),
        json!({"alg": "RS256", "b64": false}),
    ] {
        assert_eq!(headed(&header), Err(LogoutTokenError::Jws(JwsError::Critical)), "{header}");
    }
}

#[test]
fn an_encrypted_token_is_refused_since_none_is_ever_negotiated() {
    // BC-19
    let judged = verify_logout_token(&jwks(Algorithm::Rs256), rules(), "a.b.c.d.e", NOW);
    assert_eq!(judged, Err(LogoutTokenError::Jws(JwsError::Malformed)));
    let long = "a".repeat(crate::jose::logout_token::MAX_LOGOUT_TOKEN + 1);
    let judged = verify_logout_token(&jwks(Algorithm::Rs256), rules(), &long, NOW);
    assert_eq!(judged, Err(LogoutTokenError::Jws(JwsError::TooLong)));
}

#[test]
fn a_key_that_is_not_known_asks_for_fresh_keys_and_a_broken_rule_does_not() {
    let token = forge(&SigningKey::generate(Algorithm::Es256).unwrap(), "logout+jwt", &claims());
    let rules = LogoutTokenRules { alg: Algorithm::Es256, ..rules() };
    let judged = verify_logout_token(&jwks(Algorithm::Es256), rules, &token, NOW).unwrap_err();
    assert!(judged.wants_fresh_keys());
    assert!(!judge(&with("nonce", json!("n"))).unwrap_err().wants_fresh_keys());
    assert!(!headed(&json!({"alg": "none"})).unwrap_err().wants_fresh_keys());
}

#[test]
fn a_token_is_good_until_it_expires_and_a_minute_longer() {
    // BC-23
    assert!(judge(&with("exp", json!(seconds(-59)))).is_ok());
    assert!(judge(&with("iat", json!(seconds(60)))).is_ok());
    // An old one that says that it is good for long is: only its jti tells that it was seen (BC-27).
    let mut old = with("iat", json!(seconds(-86_000)));
    old["exp"] = json!(seconds(300));
    assert!(judge(&old).is_ok());
}

#[test]
fn a_refusal_is_an_answer_of_400_that_says_why() {
    // BC-28, BC-33
    let refused = judge(&with("nonce", json!("n"))).unwrap_err();
    let answer = crate::logout_token::refusal(refused);
    assert_eq!(answer.status(), 400);
    let body = serde_json::to_value(&answer).unwrap();
    assert_eq!(body, json!({"error": "invalid_request", "error_description": "the token has a nonce"}));
}
