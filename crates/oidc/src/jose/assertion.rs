//! The assertion that the gateway gives an app with each request: who its person is, as Pomerium says it, so that libraries made
//! for that take it.

use std::{fmt::Write as _, time::Duration};

use acquit_core::Timestamp;
use serde::Serialize;

use super::{
    PublicJwk,
    key::{KeyError, SigningKey},
    sha256,
    time::seconds,
};

/// `typ` of an assertion.
const TYP: &str = "JWT";
/// How long one is good.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Who somebody is to an app. Every member is there, empty where nothing is known: clients break where one is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssertedPerson {
    /// Their identifier.
    pub sub: String,
    /// The same, under Pomerium's other name for it.
    pub user: String,
    /// Their address.
    pub email: String,
    /// Their groups.
    pub groups: Vec<String>,
    /// The session.
    pub sid: String,
    /// Their name for people.
    pub name: String,
    /// What they sign in as.
    pub preferred_username: String,
}

/// The claims of an assertion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssertionClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    jti: String,
    #[serde(serialize_with = "seconds::serialize")]
    iat: Timestamp,
    #[serde(serialize_with = "seconds::serialize")]
    exp: Timestamp,
    #[serde(flatten)]
    person: &'a AssertedPerson,
}

impl<'a> AssertionClaims<'a> {
    /// Of a person at a host, which is both who says it and to whom.
    #[must_use]
    pub fn new(host: &'a str, jti: String, now: Timestamp, person: &'a AssertedPerson) -> Self {
        Self { iss: host, aud: host, jti, iat: now, exp: now.plus(LIFETIME), person }
    }
}

impl SigningKey {
    /// Signs an assertion.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn sign_assertion(&self, claims: &AssertionClaims<'_>) -> Result<String, KeyError> {
        super::jws::sign_as(self, TYP, &self.assertion_kid(), claims)
    }

    /// Its name in assertions: the thumbprint in hexadecimal, as Pomerium has it.
    #[must_use]
    pub fn assertion_kid(&self) -> String {
        hex_thumbprint(self.public_jwk())
    }

    /// Its public part under that name.
    #[must_use]
    pub fn assertion_jwk(&self) -> PublicJwk {
        PublicJwk { kid: self.assertion_kid(), ..self.public_jwk().clone() }
    }
}

fn hex_thumbprint(jwk: &PublicJwk) -> String {
    // The name of our keys is the thumbprint (RFC 7638) in base64url; what is not, gets a name of its own.
    let bytes = super::decode(&jwk.kid).unwrap_or_else(|| sha256(jwk.kid.as_bytes()).to_vec());
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::{Algorithm, Jwks, decode, jws};

    fn person() -> AssertedPerson {
        AssertedPerson {
            sub: "usr_1".to_owned(),
            user: "usr_1".to_owned(),
            email: String::new(),
            groups: vec!["ops".to_owned()],
            sid: "ses_1".to_owned(),
            name: "Alice".to_owned(),
            preferred_username: "alice".to_owned(),
        }
    }

    #[test]
    fn an_assertion_says_who_it_is_for_five_minutes_under_a_key_named_in_hexadecimal() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let now = Timestamp::from_seconds(1000);
        let (person, jti) = (person(), "one".to_owned());
        let token = key.sign_assertion(&AssertionClaims::new("a.example.com", jti, now, &person)).unwrap();
        let mut parts = token.split('.').map(|part| decode(part).unwrap());
        let header: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        let jwk = key.assertion_jwk();
        assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": jwk.kid }));
        assert!(jwk.kid.len() == 64 && jwk.kid.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", jwk.kid);
        let claims: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        assert_eq!(
            claims,
            json!({
                "iss": "a.example.com", "aud": "a.example.com", "jti": "one", "iat": 1000, "exp": 1300,
                "sub": "usr_1", "user": "usr_1", "email": "", "groups": ["ops"], "sid": "ses_1", "name": "Alice",
                "preferred_username": "alice",
            })
        );
        assert!(jws::verify(&Jwks::of([&jwk]), Some(Algorithm::Es256), &token, 4096).is_ok());
        let tampered = token.replace('.', ".A");
        assert!(jws::verify(&Jwks::of([&jwk]), Some(Algorithm::Es256), &tampered, 4096).is_err());
    }
}
