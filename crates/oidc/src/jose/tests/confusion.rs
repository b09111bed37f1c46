//! Tokens that pretend to be an ID token of ours: each line of the tables is a known attack.

use jsonwebtoken as peer;
use proptest::prelude::*;

use super::*;

fn hint(token: &str) -> Result<Hint, HintError> {
    verify_id_token_hint(keyset().verifying(), ISSUER, token)
}

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "alice", "aud": "payroll", "exp": 1, "iat": 0, "sid": "s1"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A token with this header, signed by nobody in particular.
fn raw(header: &Value, payload: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| encode(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(payload), encode(signature))
}

#[test]
fn an_id_token_of_ours_is_a_good_hint_long_after_it_expired() {
    for alg in Algorithm::ALL {
        let hint = hint(&key(alg).sign_id_token(&id_token_claims()).unwrap()).unwrap();
        assert_eq!((&*hint.client_id, &*hint.subject, hint.sid.as_deref()), ("payroll", "alice", Some("s1")));
        assert_eq!(hint.expires_at, Timestamp::from_seconds(1_700_003_600));
        assert_eq!(hint.auth_time, Some(Timestamp::from_seconds(1_699_999_999)));
    }
}

#[test]
fn a_token_that_nobody_of_us_signed_is_refused() {
    let rsa = key(Algorithm::Rs256);
    let kid = rsa.kid();
    let secret = json!(rsa.public_jwk()).to_string();
    let modulus = decode(rsa.public_jwk().n.as_deref().unwrap()).unwrap();
    let hmac = |secret: &[u8]| {
        let header = peer::Header { kid: Some(kid.to_owned()), ..peer::Header::new(peer::Algorithm::HS256) };
        peer::encode(&header, &claims(), &peer::EncodingKey::from_secret(secret)).unwrap()
    };
    let header = |alg: &str| json!({"alg": alg, "typ": "JWT", "kid": kid});
    let stranger = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let stranger_token = forge(&stranger, "JWT", &claims());
    // A stranger's key in the header, as a JWK and by reference, under our key's name.
    let carried = json!({"alg": "EdDSA", "typ": "JWT", "kid": key(Algorithm::EdDsa).kid(),
        "jwk": stranger.public_jwk(), "jku": "https://evil.example/keys", "x5u": "https://evil.example/x"});
    let signed_part = raw(&carried, &claims(), b"");
    let signed_part = signed_part.trim_end_matches('.');
    let carried = format!("{signed_part}.{}", encode(&stranger.sign(signed_part.as_bytes()).unwrap()));
    // A signature of one algorithm under the name of another, with the same kind of key.
    let good = forge(&rsa, "JWT", &claims());
    let [_, payload, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let renamed = |alg: &str| format!("{}.{payload}.{signature}", encode(header(alg).to_string().as_bytes()));

    for (what, token, error) in [
        ("alg none", raw(&header("none"), &claims(), b""), JwsError::Algorithm),
        ("alg nOnE", raw(&header("nOnE"), &claims(), b""), JwsError::Algorithm),
        ("alg empty", raw(&header(""), &claims(), b""), JwsError::Algorithm),
        ("no alg", raw(&json!({"typ": "JWT", "kid": kid}), &claims(), b""), JwsError::Malformed),
        ("HS256 with our JWK as the secret", hmac(secret.as_bytes()), JwsError::Algorithm),
        ("HS256 with our modulus as the secret", hmac(&modulus), JwsError::Algorithm),
        ("HS256 with no secret", hmac(b""), JwsError::Algorithm),
        ("a stranger's signature", stranger_token, JwsError::UnknownKey),
        ("a stranger's key in the header", carried, JwsError::Signature),
        ("RS256 called PS256", renamed("PS256"), JwsError::UnknownKey),
        ("RS256 called ES256", renamed("ES256"), JwsError::UnknownKey),
        ("an empty signature", raw(&header("RS256"), &claims(), b""), JwsError::Signature),
        ("a signature of zeros", raw(&header("RS256"), &claims(), &[0; 256]), JwsError::Signature),
        (
            "an ECDSA signature of zeros (psychic)",
            raw(&json!({"alg": "ES256", "typ": "JWT", "kid": key(Algorithm::Es256).kid()}), &claims(), &[0; 64]),
            JwsError::Signature,
        ),
        ("crit", raw(&json!({"alg": "RS256", "kid": kid, "crit": ["exp"]}), &claims(), b""), JwsError::Critical),
        ("crit null", raw(&json!({"alg": "RS256", "kid": kid, "crit": null}), &claims(), b""), JwsError::Critical),
        ("b64 false", raw(&json!({"alg": "RS256", "kid": kid, "b64": false}), &claims(), b""), JwsError::Critical),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned(), JwsError::Malformed),
        ("four parts", format!("{good}.x"), JwsError::Malformed),
        ("five parts, as a JWE", format!("{good}.x.y"), JwsError::Malformed),
        ("a JWS as JSON", json!({"payload": payload, "signature": signature}).to_string(), JwsError::Malformed),
        ("padding", format!("{good}="), JwsError::Malformed),
        ("white space", format!("{good}\n"), JwsError::Malformed),
        ("nothing", String::new(), JwsError::Malformed),
        ("dots", "..".to_owned(), JwsError::Malformed),
        ("an opaque access token", "at_5fKcQm1xYw".to_owned(), JwsError::Malformed),
        ("too long", format!("{good}{}", "a".repeat(hint::MAX_HINT)), JwsError::TooLong),
    ] {
        assert_eq!(hint(&token), Err(HintError::Jws(error)), "{what}");
    }
    assert!(hint(&good).is_ok());
}

#[test]
fn a_header_that_says_a_thing_twice_is_refused() {
    let text = format!(r#"{{"alg":"none","alg":"RS256","typ":"JWT","kid":"{}"}}"#, key(Algorithm::Rs256).kid());
    let token = format!("{}.{}.", encode(text.as_bytes()), encode(claims().to_string().as_bytes()));
    assert_eq!(hint(&token), Err(HintError::Jws(JwsError::Malformed)));
}

#[test]
fn a_token_of_ours_of_another_kind_is_refused() {
    let key = key(Algorithm::Rs256);
    let logout = key.sign_logout_token(&logout_claims(session())).unwrap();
    assert_eq!(hint(&logout), Err(HintError::NotAnIdToken));
    for (typ, claims) in [
        ("logout+jwt", claims()),
        ("at+jwt", claims()),
        ("application/at+jwt", claims()),
        ("secevent+jwt", claims()),
        ("", claims()),
        ("JWT", with("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}))),
        ("JWT", with("scope", json!("openid"))),
        ("JWT", with("client_id", json!("payroll"))),
    ] {
        assert_eq!(hint(&forge(&key, typ, &claims)), Err(HintError::NotAnIdToken), "{typ} {claims}");
    }
}

#[test]
fn a_token_with_other_claims_than_an_id_token_of_ours_is_refused() {
    let key = key(Algorithm::Es256);
    let malformed = HintError::Jws(JwsError::Malformed);
    for (claims, error) in [
        (with("iss", json!("https://id.example.com/")), HintError::Issuer),
        (with("iss", json!("https://ID.example.com")), HintError::Issuer),
        (with("aud", json!(["payroll", "wiki"])), HintError::Audience),
        (with("aud", json!([])), HintError::Audience),
        (with("aud", json!(7)), malformed),
        (with("sub", json!(null)), malformed),
        (with("exp", json!("tomorrow")), malformed),
        (without("iss"), malformed),
        (without("sub"), malformed),
        (without("aud"), malformed),
        (without("exp"), malformed),
        (json!([]), malformed),
    ] {
        assert_eq!(hint(&forge(&key, "JWT", &claims)), Err(error), "{claims}");
    }
    assert!(hint(&forge(&key, "jwt", &with("aud", json!(["payroll"])))).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_changed_token_is_ever_a_hint(at in 0usize..10_000, change in any::<char>(), alg in 0usize..4) {
        let good = GOOD[alg].as_str();
        let at = at % good.len();
        let mut changed = good.to_owned();
        changed.replace_range(at..=at, change.encode_utf8(&mut [0; 4]));
        prop_assume!(changed != good);
        prop_assert!(hint(&changed).is_err());
    }

    #[test]
    fn no_cut_or_doubled_token_is_ever_a_hint(from in 0usize..2000, to in 0usize..2000) {
        let good = GOOD[0].as_str();
        let (from, to) = (from % good.len(), to % good.len());
        prop_assert!(hint(&good[..from]).is_err());
        let doubled = format!("{}{}", &good[..from.max(1)], &good[to..]);
        prop_assume!(doubled != good);
        prop_assert!(hint(&doubled).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "[A-Za-z0-9_.{}\"-]{0,200}|.{0,50}") {
        prop_assert!(hint(&text).is_err());
    }
}

static GOOD: LazyLock<Vec<String>> = LazyLock::new(|| {
    Algorithm::ALL.into_iter().map(|alg| key(alg).sign_id_token(&id_token_claims()).unwrap()).collect()
});
