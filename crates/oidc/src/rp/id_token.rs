//! The ID token that answers our request: which rules of [`verify_id_token`] hold for an upstream provider.

use std::{fmt, time::Duration};

use acquit_core::Timestamp;

use super::provider::Provider;
use crate::jose::{Algorithm, IdToken, IdTokenError, IdTokenRules, Jwks, verify_id_token};

/// What a request left behind, with which its ID token is judged.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Our name there.
    pub client_id: &'a str,
    /// The algorithm registered for our ID tokens there; RS256 where none is (Core section 3.1.3.7, item 7). There is no
    /// way to name `none` or an HMAC.
    pub alg: Algorithm,
    /// The `nonce` of the request: one was sent, so the token must have it.
    pub nonce: &'a str,
    /// The `max_age` of the request.
    pub max_age: Option<Duration>,
    /// The values of `acr`, one of which the connection demands; empty when it only prefers some.
    pub acr: &'a [&'a str],
}

/// Without the nonce.
impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("client_id", &self.client_id).field("alg", &self.alg).finish_non_exhaustive()
    }
}

impl<'a> Asked<'a> {
    fn rules(&self, provider: &'a Provider) -> IdTokenRules<'a> {
        IdTokenRules {
            alg: self.alg,
            nonce: Some(self.nonce),
            max_age: self.max_age,
            acr: self.acr,
            // Providers add audiences for APIs behind the same login; `azp` then says that the token was made for us.
            several_audiences: true,
            ..IdTokenRules::new(&provider.issuer, self.client_id)
        }
    }
}

/// Judges the ID token that came for `code`, together with `access_token`. Where the error
/// [wants fresh keys](IdTokenError::wants_fresh_keys), the caller reads the provider's keys once more and asks again.
///
/// # Errors
/// [`IdTokenError`]
pub fn judge(
    keys: &Jwks,
    provider: &Provider,
    asked: &Asked<'_>,
    (code, access_token): (&str, &str),
    token: &str,
    now: Timestamp,
) -> Result<IdToken, IdTokenError> {
    let rules = IdTokenRules { code: Some(code), access_token: Some(access_token), ..asked.rules(provider) };
    verify_id_token(keys, rules, token, now)
}

/// Judges the ID token that came with a refresh, of the user who signed in as `subject` (Core section 12.2). `max_age` and
/// `acr` were for the sign-in and are not looked at again.
///
/// # Errors
/// [`IdTokenError`]
pub fn judge_refreshed(
    keys: &Jwks,
    provider: &Provider,
    asked: &Asked<'_>,
    subject: &str,
    access_token: &str,
    token: &str,
    now: Timestamp,
) -> Result<IdToken, IdTokenError> {
    let rules = IdTokenRules {
        access_token: Some(access_token),
        refreshes: Some(subject),
        max_age: None,
        acr: &[],
        ..asked.rules(provider)
    };
    verify_id_token(keys, rules, token, now)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        jose::{
            JwsError, encode,
            tests::{NOW, forge, key},
        },
        rp::provider::tests::{ISSUER, provider},
    };

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "sub": "u-1", "aud": "we", "exp": NOW.as_seconds() + 300, "iat": NOW.as_seconds(),
            "nonce": "n-1", "sid": "s-1", "email": "zoe@a.example", "acr": "two", "auth_time": NOW.as_seconds(),
            "at_hash": Algorithm::Rs256.half_hash("at"), "c_hash": Algorithm::Rs256.half_hash("c"),
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn keys() -> Jwks {
        Jwks::of(Algorithm::ALL.map(key).iter().map(|key| key.public_jwk()))
    }

    const ASKED: Asked<'static> = Asked {
        client_id: "we",
        alg: Algorithm::Rs256,
        nonce: "n-1",
        max_age: Some(Duration::from_secs(60)),
        acr: &["two"],
    };

    fn judged(token: &str) -> Result<IdToken, IdTokenError> {
        judge(&keys(), &provider(), &ASKED, ("c", "at"), token, NOW)
    }

    fn forged(claims: &Value) -> Result<IdToken, IdTokenError> {
        judged(&forge(&key(Algorithm::Rs256), "JWT", claims))
    }

    #[test]
    fn a_good_token_says_who_signed_in_and_keeps_the_session_and_the_rest() {
        let token = forged(&claims()).unwrap();
        assert_eq!((token.subject.as_str(), token.sid.as_deref()), ("u-1", Some("s-1")));
        assert_eq!((token.acr.as_deref(), token.auth_time), (Some("two"), Some(NOW)));
        assert_eq!(Value::Object(token.others), json!({"email": "zoe@a.example"}));
    }

    #[test]
    fn each_rule_of_the_code_flow_is_kept() {
        let past = NOW.as_seconds() - 3600;
        for (claims, error) in [
            (with("iss", json!("https://login.example.org/tenant/")), IdTokenError::Issuer),
            (with("iss", json!("https://evil.example")), IdTokenError::Issuer),
            (with("aud", json!("other")), IdTokenError::Audience),
            (with("aud", json!([])), IdTokenError::Audience),
            (with("aud", json!(["we", "api"])), IdTokenError::AuthorizedParty),
            (with("azp", json!("api")), IdTokenError::AuthorizedParty),
            (with("exp", json!(past)), IdTokenError::Time),
            (with("iat", json!(NOW.as_seconds() + 3600)), IdTokenError::Time),
            (with("nonce", json!("n-2")), IdTokenError::Nonce),
            (with("nonce", json!(null)), IdTokenError::Nonce),
            (with("acr", json!("one")), IdTokenError::Acr),
            (with("auth_time", json!(past)), IdTokenError::AuthTime),
            (with("at_hash", json!("x")), IdTokenError::Hash),
            (with("c_hash", json!("x")), IdTokenError::Hash),
            (with("sub", json!("x".repeat(256))), IdTokenError::Subject),
            (with("sub", json!("")), IdTokenError::Subject),
            (with("sub", json!(7)), IdTokenError::Jws(JwsError::Malformed)),
            (with("exp", json!("1800000300")), IdTokenError::Jws(JwsError::Malformed)),
            (with("events", json!({})), IdTokenError::NotAnIdToken),
        ] {
            assert_eq!(forged(&claims), Err(error), "{claims}");
        }
        let mut both = with("aud", json!(["we", "api"]));
        both["azp"] = json!("we");
        assert!(forged(&both).is_ok());
    }

    #[test]
    fn only_the_registered_algorithm_is_taken_whatever_keys_the_provider_has() {
        for alg in [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa] {
            let token = forge(&key(alg), "JWT", &claims());
            assert_eq!(judged(&token), Err(IdTokenError::Jws(JwsError::Algorithm)), "{alg:?}");
            assert!(judge(&keys(), &provider(), &Asked { alg, ..ASKED }, ("x", "y"), &token, NOW).is_err());
        }
        let signed = forge(&key(Algorithm::Rs256), "JWT", &claims());
        let (_, rest) = signed.split_once('.').unwrap();
        for alg in ["none", "None", "HS256", "HS512", "RS1", ""] {
            let header = encode(json!({"alg": alg, "typ": "JWT"}).to_string().as_bytes());
            assert_eq!(judged(&format!("{header}.{rest}")), Err(IdTokenError::Jws(JwsError::Algorithm)), "{alg}");
        }
    }

    #[test]
    fn a_key_that_is_not_known_asks_for_fresh_keys() {
        let token = forge(&key(Algorithm::Rs256), "JWT", &claims());
        let judged = judge(&Jwks::default(), &provider(), &ASKED, ("c", "at"), &token, NOW);
        assert!(judged.unwrap_err().wants_fresh_keys());
    }

    #[test]
    fn a_refreshed_token_is_of_the_same_user_and_need_not_repeat_the_request() {
        let mut plain = claims();
        for name in ["nonce", "c_hash", "acr", "auth_time"] {
            plain.as_object_mut().unwrap().remove(name);
        }
        let refreshed = |claims: &Value, subject| {
            let token = forge(&key(Algorithm::Rs256), "JWT", claims);
            judge_refreshed(&keys(), &provider(), &ASKED, subject, "at", &token, NOW).map(|token| token.subject)
        };
        assert_eq!(refreshed(&plain, "u-1").as_deref(), Ok("u-1"));
        assert_eq!(refreshed(&claims(), "u-1").as_deref(), Ok("u-1"));
        assert_eq!(refreshed(&plain, "u-2"), Err(IdTokenError::AnotherSubject));
        assert_eq!(refreshed(&with("nonce", json!("n-2")), "u-1"), Err(IdTokenError::Nonce));
        assert_eq!(refreshed(&with("at_hash", json!("x")), "u-1"), Err(IdTokenError::Hash));
        // Without a nonce it is no answer to a request.
        assert_eq!(forged(&with("nonce", json!(null))), Err(IdTokenError::Nonce));
    }

    #[test]
    fn what_was_asked_does_not_show_its_nonce() {
        assert!(!format!("{ASKED:?}").contains("n-1"));
    }
}
