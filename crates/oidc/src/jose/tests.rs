use std::sync::{Arc, LazyLock};

use acquit_core::Timestamp;
use serde_json::{Value, json};

use super::*;

mod confusion;
mod keys;
mod received;

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// One key of each kind, made once: RSA ones take their time.
static KEYS: LazyLock<Vec<Arc<SigningKey>>> =
    LazyLock::new(|| Algorithm::ALL.into_iter().map(|alg| Arc::new(SigningKey::generate(alg).unwrap())).collect());

pub(crate) fn key(alg: Algorithm) -> Arc<SigningKey> {
    KEYS.iter().find(|key| key.algorithm() == alg).unwrap().clone()
}

pub(crate) fn keyset() -> KeySet {
    KeySet::new(KEYS.iter().map(|key| (key.clone(), Role::Active)).collect())
}

/// Any claims, signed as they are: what the module never does outside of its tests.
pub(crate) fn forge(key: &SigningKey, typ: &str, claims: &Value) -> String {
    super::jws::sign(key, typ, claims).unwrap()
}

fn id_token_claims() -> IdTokenClaims {
    IdTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: "payroll".into(),
        exp: Timestamp::from_seconds(1_700_003_600),
        iat: Timestamp::from_seconds(1_700_000_000),
        auth_time: Some(Timestamp::from_seconds(1_699_999_999)),
        nonce: Some("n".into()),
        acr: None,
        amr: vec!["pwd".into()],
        sid: Some("s1".into()),
        at_hash: None,
        c_hash: None,
        user: serde_json::Map::new(),
    }
}

fn logout_claims(subject: LogoutSubject) -> LogoutTokenClaims {
    LogoutTokenClaims::new(ISSUER, "payroll", "j1".into(), NOW, subject)
}

fn session() -> LogoutSubject {
    LogoutSubject::Session { sid: "s1".into(), sub: Some("alice".into()) }
}
