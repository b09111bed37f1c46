//! `id_token_hint`: an ID token of ours that comes back, in an authorization or a logout request.

use acquit_core::Timestamp;
use serde::Deserialize;

use super::{
    Jwks, JwsError,
    time::{Audience, maybe_seconds, present, seconds},
};

/// The longest hint that is looked at, in bytes.
pub const MAX_HINT: usize = 16 * 1024;

/// An ID token that this provider did issue, whether or not it has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The client that it was issued to.
    pub client_id: String,
    /// The user.
    pub subject: String,
    /// The session at that client.
    pub sid: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expired or will; says nothing about whether it may be used as a hint (RPI-13).
    pub expires_at: Timestamp,
    /// When its user had proved who they are.
    pub auth_time: Option<Timestamp>,
}

/// Why a text is no ID token of ours. Nothing that it says may be used (RPI-25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// Not signed as it must be, by a key of ours.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A token of another kind.
    #[error("the token is not an ID token")]
    NotAnIdToken,
    /// Another issuer's.
    #[error("the token was issued by somebody else")]
    Issuer,
    /// Not exactly one audience.
    #[error("the token does not name exactly one client")]
    Audience,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(with = "seconds")]
    exp: Timestamp,
    #[serde(with = "seconds")]
    iat: Timestamp,
    #[serde(default, with = "maybe_seconds")]
    auth_time: Option<Timestamp>,
    sid: Option<String>,
    // What other kinds of token carry and our ID tokens never do.
    #[serde(default, deserialize_with = "present")]
    events: bool,
    #[serde(default, deserialize_with = "present")]
    scope: bool,
    #[serde(default, deserialize_with = "present")]
    client_id: bool,
}

/// Takes `token` as an ID token that `issuer` issued, signed with one of `keys` (its own, retired ones too).
///
/// # Errors
/// [`HintError`]
pub fn verify_id_token_hint(keys: &Jwks, issuer: &str, token: &str) -> Result<Hint, HintError> {
    let verified = super::jws::verify(keys, None, token, MAX_HINT)?; // RPI-12: only keys of ours
    if verified.typ().as_deref() != Some("jwt") {
        return Err(HintError::NotAnIdToken); // `logout+jwt`, `at+jwt`, or none: ours always say JWT
    }
    let claims: Claims = verified.claims()?;
    if claims.events || claims.scope || claims.client_id {
        return Err(HintError::NotAnIdToken);
    }
    if claims.iss != issuer {
        return Err(HintError::Issuer); // RPI-12
    }
    let [client_id] = claims.aud.list() else { return Err(HintError::Audience) };
    // RPI-13: `exp` is not looked at; whether the session is current or recent is for the caller.
    Ok(Hint {
        client_id: client_id.clone(),
        subject: claims.sub,
        sid: claims.sid,
        issued_at: claims.iat,
        expires_at: claims.exp,
        auth_time: claims.auth_time,
    })
}
