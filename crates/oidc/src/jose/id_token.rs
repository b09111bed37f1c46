//! ID tokens (OpenID Connect Core section 2): what is issued, and in [`verify`] how one that is received is judged.

use acquit_core::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    key::{KeyError, SigningKey},
    time::{maybe_seconds, seconds},
};

pub mod verify;

/// `typ` of an ID token.
pub(super) const TYP: &str = "JWT";

/// The claims of an ID token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The user, as this client knows them.
    pub sub: String,
    /// The client.
    pub aud: String,
    /// When it expires.
    #[serde(serialize_with = "seconds::serialize")]
    pub exp: Timestamp,
    /// When it was made.
    #[serde(serialize_with = "seconds::serialize")]
    pub iat: Timestamp,
    /// When the user proved who they are.
    #[serde(serialize_with = "maybe_seconds::serialize", skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// The request's nonce, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How strongly they proved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what means (RFC 8176).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The session at this client: what logout tokens and frames will name (FC-13, BC-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Of the access token, by [`Algorithm::half_hash`](super::Algorithm::half_hash).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// Of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
    /// What is told about the user ([`claims`](crate::claims)); must not name a claim above.
    #[serde(flatten)]
    pub user: Map<String, Value>,
}

impl SigningKey {
    /// Signs an ID token.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn sign_id_token(&self, claims: &IdTokenClaims) -> Result<String, KeyError> {
        super::jws::sign(self, TYP, claims)
    }
}
