use serde_json::json;

use super::*;
use crate::jose::SigningKey;

const ISSUER: &str = "https://id.example.com";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

struct Case {
    key: SigningKey,
    claims: Value,
    typ: &'static str,
}

impl Case {
    fn good() -> Self {
        let alg = Algorithm::Es256;
        let claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": "wiki", "exp": 1_800_000_300, "iat": 1_800_000_000,
            "auth_time": 1_799_999_990, "nonce": "n-1", "acr": "two", "sid": "s-1", "name": "Alice Example",
            "at_hash": alg.half_hash("an access token"), "c_hash": alg.half_hash("a code"),
        });
        Self { key: SigningKey::generate(alg).unwrap(), claims, typ: "JWT" }
    }

    fn with(claim: &str, value: Value) -> Self {
        let mut case = Self::good();
        case.claims[claim] = value;
        case
    }

    fn without(claim: &str) -> Self {
        let mut case = Self::good();
        case.claims.as_object_mut().unwrap().remove(claim).unwrap();
        case
    }

    fn typed(typ: &'static str) -> Self {
        Self { typ, ..Self::good() }
    }

    fn judge_by(&self, rules: IdTokenRules<'_>, now: Timestamp) -> Result<IdToken, IdTokenError> {
        let token = jws::sign(&self.key, self.typ, &self.claims).unwrap();
        verify_id_token(&Jwks::of([self.key.public_jwk()]), rules, &token, now)
    }

    fn judge(&self) -> Result<IdToken, IdTokenError> {
        self.judge_by(rules(), NOW)
    }
}

fn rules() -> IdTokenRules<'static> {
    IdTokenRules {
        alg: Algorithm::Es256,
        nonce: Some("n-1"),
        max_age: Some(Duration::from_secs(60)),
        acr: &["two", "three"],
        access_token: Some("an access token"),
        code: Some("a code"),
        ..IdTokenRules::new(ISSUER, "wiki")
    }
}

fn refused(case: &Case) -> IdTokenError {
    case.judge().unwrap_err()
}

#[test]
fn a_good_token_is_believed_and_read() {
    let token = Case::good().judge().unwrap();
    assert_eq!((token.subject.as_str(), token.sid.as_deref()), ("alice", Some("s-1")));
    assert_eq!(token.expires_at, Timestamp::from_seconds(1_800_000_300));
    assert_eq!(token.others, json!({ "name": "Alice Example" }).as_object().unwrap().clone());
}

#[test]
fn what_our_own_provider_signs_is_believed() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let claims = crate::jose::IdTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: "wiki".into(),
        exp: NOW.plus(Duration::from_secs(60)),
        iat: NOW,
        auth_time: None,
        nonce: None,
        acr: None,
        amr: Vec::new(),
        sid: Some("s-1".into()),
        at_hash: None,
        c_hash: None,
        user: Map::new(),
    };
    let token = key.sign_id_token(&claims).unwrap();
    let rules = IdTokenRules { alg: Algorithm::EdDsa, ..IdTokenRules::new(ISSUER, "wiki") };
    assert_eq!(verify_id_token(&Jwks::of([key.public_jwk()]), rules, &token, NOW).unwrap().sid.as_deref(), Some("s-1"));
}

#[test]
fn another_issuers_token_is_refused() {
    for issuer in ["https://id.example.com/", "https://evil.example.com", ""] {
        assert_eq!(refused(&Case::with("iss", json!(issuer))), IdTokenError::Issuer, "{issuer}");
    }
}

#[test]
fn a_token_for_another_client_or_for_others_too_is_refused() {
    for aud in [json!("mail"), json!(["mail"]), json!([]), json!(["wiki", "mail"])] {
        assert_eq!(refused(&Case::with("aud", aud.clone())), IdTokenError::Audience, "{aud}");
    }
    assert!(Case::with("aud", json!(["wiki"])).judge().is_ok(), "a list of one is one");
}

#[test]
fn a_token_issued_to_another_client_is_refused() {
    assert_eq!(refused(&Case::with("azp", json!("mail"))), IdTokenError::AuthorizedParty);
    assert!(Case::with("azp", json!("wiki")).judge().is_ok());
}

#[test]
fn a_token_signed_by_another_key_or_algorithm_is_refused() {
    let case = Case::good();
    let token = jws::sign(&case.key, "JWT", &case.claims).unwrap();
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let by = |keys: &Jwks, rules| verify_id_token(keys, rules, &token, NOW).unwrap_err();
    assert_eq!(by(&Jwks::of([other.public_jwk()]), rules()), IdTokenError::Jws(JwsError::UnknownKey));
    let rs256 = IdTokenRules { alg: Algorithm::Rs256, ..rules() };
    assert_eq!(by(&Jwks::of([case.key.public_jwk()]), rs256), IdTokenError::Jws(JwsError::Algorithm));
}

#[test]
fn a_changed_token_is_refused() {
    let case = Case::good();
    let token = jws::sign(&case.key, "JWT", &case.claims).unwrap();
    let mallory = Case::with("sub", json!("mallory"));
    let forged = jws::sign(&mallory.key, "JWT", &mallory.claims).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let mixed = format!("{}.{}.{}", parts[0], forged.split('.').nth(1).unwrap(), parts[2]);
    let keys = Jwks::of([case.key.public_jwk()]);
    assert_eq!(verify_id_token(&keys, rules(), &mixed, NOW), Err(IdTokenError::Jws(JwsError::Signature)));
}

#[test]
fn a_token_of_another_kind_is_refused() {
    for typ in ["logout+jwt", "at+jwt", "secevent+jwt"] {
        assert_eq!(refused(&Case::typed(typ)), IdTokenError::NotAnIdToken, "{typ}");
    }
    for events in [json!({}), json!(null)] {
        assert_eq!(refused(&Case::with("events", events)), IdTokenError::NotAnIdToken);
    }
}

#[test]
fn an_expired_token_is_refused_and_a_minute_of_skew_is_not_counted() {
    let case = Case::good();
    let rules = IdTokenRules { max_age: None, ..rules() };
    assert!(case.judge_by(rules, Timestamp::from_seconds(1_800_000_359)).is_ok());
    assert_eq!(case.judge_by(rules, Timestamp::from_seconds(1_800_000_360)), Err(IdTokenError::Time));
}

#[test]
fn a_token_from_the_future_is_refused() {
    for claim in ["iat", "nbf"] {
        assert!(Case::with(claim, json!(1_800_000_060)).judge().is_ok(), "{claim}");
        assert_eq!(refused(&Case::with(claim, json!(1_800_000_061))), IdTokenError::Time, "{claim}");
    }
}

#[test]
fn a_token_that_answers_another_request_is_refused() {
    assert_eq!(refused(&Case::with("nonce", json!("n-2"))), IdTokenError::Nonce);
    assert_eq!(refused(&Case::without("nonce")), IdTokenError::Nonce);
    let none_sent = IdTokenRules { nonce: None, ..rules() };
    assert_eq!(Case::good().judge_by(none_sent, NOW), Err(IdTokenError::Nonce));
}

#[test]
fn a_weaker_sign_in_than_demanded_is_refused() {
    assert_eq!(refused(&Case::with("acr", json!("one"))), IdTokenError::Acr);
    assert_eq!(refused(&Case::without("acr")), IdTokenError::Acr);
    assert!(Case::without("acr").judge_by(IdTokenRules { acr: &[], ..rules() }, NOW).is_ok());
}

#[test]
fn an_older_sign_in_than_allowed_is_refused() {
    for auth_time in [1_799_999_879, 1_800_000_061] {
        assert_eq!(refused(&Case::with("auth_time", json!(auth_time))), IdTokenError::AuthTime, "{auth_time}");
    }
    assert!(Case::with("auth_time", json!(1_799_999_880)).judge().is_ok());
    assert_eq!(refused(&Case::without("auth_time")), IdTokenError::AuthTime);
}

#[test]
fn a_token_that_came_with_another_access_token_or_code_is_refused() {
    for claim in ["at_hash", "c_hash"] {
        let wrong = Algorithm::Es256.half_hash("another");
        assert_eq!(refused(&Case::with(claim, json!(wrong))), IdTokenError::Hash, "{claim}");
        assert!(Case::without(claim).judge().is_ok(), "{claim} is optional with a code");
    }
}

#[test]
fn a_token_without_a_usable_subject_is_refused() {
    for sub in [String::new(), "x".repeat(256)] {
        assert_eq!(refused(&Case::with("sub", json!(sub))), IdTokenError::Subject);
    }
    for claim in ["sub", "iss", "aud", "exp", "iat"] {
        assert_eq!(refused(&Case::without(claim)), IdTokenError::Jws(JwsError::Malformed), "{claim}");
    }
}

#[test]
fn a_token_for_several_is_believed_only_where_that_is_allowed_and_it_says_that_it_was_made_for_us() {
    let several = IdTokenRules { several_audiences: true, ..rules() };
    let judge = |azp: Option<Value>, rules| {
        let mut case = Case::with("aud", json!(["mail", "wiki"]));
        if let Some(azp) = azp {
            case.claims["azp"] = azp;
        }
        case.judge_by(rules, NOW).map(|token| token.subject)
    };
    assert_eq!(judge(Some(json!("wiki")), several).as_deref(), Ok("alice"));
    assert_eq!(judge(Some(json!("wiki")), rules()), Err(IdTokenError::Audience));
    assert_eq!(judge(Some(json!("mail")), several), Err(IdTokenError::AuthorizedParty));
    assert_eq!(judge(None, several), Err(IdTokenError::AuthorizedParty));
    for aud in [json!(["mail", "chat"]), json!([]), json!("mail")] {
        assert_eq!(Case::with("aud", aud).judge_by(several, NOW), Err(IdTokenError::Audience));
    }
}

#[test]
fn a_refreshed_token_continues_the_sign_in_of_the_same_user() {
    let refreshed = IdTokenRules { refreshes: Some("alice"), ..rules() };
    assert!(Case::good().judge_by(refreshed, NOW).is_ok());
    assert!(Case::without("nonce").judge_by(refreshed, NOW).is_ok());
    assert_eq!(Case::with("nonce", json!("n-2")).judge_by(refreshed, NOW), Err(IdTokenError::Nonce));
    assert_eq!(Case::with("sub", json!("mallory")).judge_by(refreshed, NOW), Err(IdTokenError::AnotherSubject));
}

#[test]
fn a_name_that_could_not_be_kept_is_refused() {
    for sub in ["a\0b", "a\nb"] {
        assert_eq!(refused(&Case::with("sub", json!(sub))), IdTokenError::Subject);
    }
    for sid in ["s\0".to_owned(), "s".repeat(MAX_SID + 1)] {
        assert_eq!(refused(&Case::with("sid", json!(sid))), IdTokenError::Session);
    }
    assert_eq!(Case::with("sid", json!("")).judge().unwrap().sid, None);
}

#[test]
fn keys_are_read_again_only_for_a_token_that_a_newer_key_may_have_signed() {
    let case = Case::good();
    let token = jws::sign(&case.key, "JWT", &case.claims).unwrap();
    let newer = SigningKey::generate(Algorithm::Es256).unwrap();
    let error = |keys: &Jwks, token: &str| verify_id_token(keys, rules(), token, NOW).unwrap_err();
    assert!(error(&Jwks::of([newer.public_jwk()]), &token).wants_fresh_keys());
    assert!(error(&Jwks::default(), &token).wants_fresh_keys());
    // A provider whose keys have no names.
    let mut nameless = json!(newer.public_jwk());
    nameless.as_object_mut().unwrap().remove("kid");
    let nameless = Jwks::from_value(&json!({ "keys": [nameless] })).unwrap();
    assert!(error(&nameless, &token).wants_fresh_keys());
    // The key is known and did not make this signature.
    let other = jws::sign(&newer, "JWT", &case.claims).unwrap();
    let forged = format!("{}.{}", token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    assert!(!error(&Jwks::of([case.key.public_jwk()]), &forged).wants_fresh_keys());
    assert!(!refused(&Case::with("iss", json!("https://evil.example"))).wants_fresh_keys());
}
