//! How a client proves itself at the token endpoint, as it is kept.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use subtle::{Choice, ConstantTimeEq};

use crate::jose::{self, Algorithm};

/// How a client proves itself (`token_endpoint_auth_method`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Authentication {
    /// `none`: a public client. It must use PKCE.
    None,
    /// A secret that both sides know.
    Secret {
        /// Where it may come.
        via: SecretMethod,
        /// What it is compared with; more than one while a secret is being changed.
        digests: Vec<SecretDigest>,
    },
    /// `private_key_jwt` (RFC 7523).
    PrivateKeyJwt {
        /// The client's public keys.
        keys: ClientKeys,
        /// `token_endpoint_auth_signing_alg`: the only algorithm taken, when it is set.
        #[serde(default)]
        alg: Option<Algorithm>,
    },
}

impl Authentication {
    /// The names of RFC 7591 that this admits.
    #[must_use]
    pub fn method_names(&self) -> &'static [&'static str] {
        match self {
            Self::None => &["none"],
            Self::Secret { via: SecretMethod::Basic, .. } => &["client_secret_basic"],
            Self::Secret { via: SecretMethod::Post, .. } => &["client_secret_post"],
            Self::Secret { via: SecretMethod::Either, .. } => &["client_secret_basic", "client_secret_post"],
            Self::PrivateKeyJwt { .. } => &["private_key_jwt"],
        }
    }

    /// A secret kept as its digest.
    #[must_use]
    pub fn secret(via: SecretMethod, secret: &str) -> Self {
        Self::Secret { via, digests: vec![SecretDigest::of(secret)] }
    }
}

/// Where a client's secret may come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretMethod {
    /// `client_secret_basic`: in the `Authorization` header.
    Basic,
    /// `client_secret_post`: in the body.
    Post,
    /// Either; for an application whose operator did not say which.
    #[default]
    Either,
}

/// Where a client's public keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeys {
    /// In the registration itself: a JWK set.
    Jwks(serde_json::Value),
    /// At a URL of the client's, fetched by the server.
    JwksUri(String),
}

/// The SHA-256 digest of a client secret. Secrets are random and long (registration draws at least 32 bytes, a
/// configured one is the operator's), so that no slow hash is needed on the token endpoint's hot path.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(jose::sha256(secret.as_bytes()))
    }

    /// Whether `secret` is the one, in constant time.
    #[must_use]
    pub fn matches(&self, secret: &str) -> bool {
        bool::from(self.compare(&jose::sha256(secret.as_bytes())))
    }

    pub(crate) fn compare(&self, digest: &[u8; 32]) -> Choice {
        self.0.ct_eq(digest)
    }
}

/// Shows nothing: a digest of a weak secret is worth guessing at.
impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

impl Serialize for SecretDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for SecretDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)?;
        bytes.try_into().map(Self).map_err(|_| D::Error::custom("not a SHA-256 digest"))
    }
}
