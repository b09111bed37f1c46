//! `private_key_jwt`: a client proves itself by a JWT that it signed (RFC 7523, OpenID Connect Core section 9): how one is
//! judged, and how one of ours is made for an upstream provider. There it may also be `client_secret_jwt`, made with the
//! secret instead of a key.

use std::time::Duration;

use acquit_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Algorithm, CLOCK_SKEW, Jwks, JwsError,
    key::{KeyError, SigningKey},
    time::{Audience, maybe_seconds, seconds},
};

/// The furthest ahead that an assertion may expire; its `jti` must be remembered that long.
pub const MAX_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The longest assertion that is looked at, in bytes.
pub const MAX_ASSERTION: usize = 16 * 1024;

/// How long one that we make is good.
pub const LIFETIME: Duration = Duration::from_secs(60);

/// The claims of an assertion that we make.
#[derive(Serialize)]
struct OurClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    #[serde(serialize_with = "seconds::serialize")]
    exp: Timestamp,
    #[serde(serialize_with = "seconds::serialize")]
    iat: Timestamp,
    jti: &'a str,
}

impl<'a> OurClaims<'a> {
    fn new(client_id: &'a str, audience: &'a str, jti: &'a str, now: Timestamp) -> Self {
        Self { iss: client_id, sub: client_id, aud: audience, exp: now.plus(LIFETIME), iat: now, jti }
    }
}

impl SigningKey {
    /// Signs an assertion that we are `client_id`, for one `audience` only; `jti` is the caller's, fresh for each request.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn sign_client_assertion(
        &self,
        client_id: &str,
        audience: &str,
        jti: &str,
        now: Timestamp,
    ) -> Result<String, KeyError> {
        super::jws::sign(self, super::id_token::TYP, &OurClaims::new(client_id, audience, jti, now))
    }
}

/// Makes the same of the client secret that both sides have, by HS256: `client_secret_jwt`.
///
/// # Errors
/// [`KeyError::ShortSecret`]
pub fn client_assertion_by_secret(
    secret: &str,
    client_id: &str,
    audience: &str,
    jti: &str,
    now: Timestamp,
) -> Result<String, KeyError> {
    super::jws::mac(secret.as_bytes(), super::id_token::TYP, &OurClaims::new(client_id, audience, jti, now))
}

/// An assertion that proves its client once its `jti` is found to be new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAssertion {
    /// Its name, to be remembered until [`ClientAssertion::remember_until`].
    pub jti: String,
    /// The last moment at which the same assertion would be taken.
    pub remember_until: Timestamp,
}

/// Why an assertion proves nothing. The client must make another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientAssertionError {
    /// Not signed as it must be by a key of the client's.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A token of another kind.
    #[error("the token is not a client assertion")]
    Type,
    /// `iss` and `sub` are not both the client.
    #[error("the assertion's issuer and subject must be the client_id")]
    Client,
    /// It is meant for somebody else.
    #[error("the assertion's audience must be this issuer or its token endpoint")]
    Audience,
    /// Expired, not yet valid, or good for too long.
    #[error("the assertion is expired, or good for more than an hour, or not yet good")]
    Time,
    /// `jti` is empty or absurdly long.
    #[error("the assertion's jti is not usable")]
    Jti,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(with = "seconds")]
    exp: Timestamp,
    #[serde(default, with = "maybe_seconds")]
    iat: Option<Timestamp>,
    #[serde(default, with = "maybe_seconds")]
    nbf: Option<Timestamp>,
    jti: String,
}

/// The client that an assertion claims to be of, not checked in any way: only to find whose keys to check it with.
#[must_use]
pub fn unverified_client_id(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    if token.len() > MAX_ASSERTION {
        return None;
    }
    let payload = super::decode(token.split('.').nth(1)?)?;
    serde_json::from_slice::<Subject>(&payload).ok().map(|claims| claims.sub)
}

/// Judges an assertion of `client_id` for one of `audiences` (the issuer, the endpoint that was called).
///
/// # Errors
/// [`ClientAssertionError`]
pub fn verify_client_assertion(
    keys: &Jwks,
    only: Option<Algorithm>,
    client_id: &str,
    audiences: &[&str],
    token: &str,
    now: Timestamp,
) -> Result<ClientAssertion, ClientAssertionError> {
    let verified = super::jws::verify(keys, only, token, MAX_ASSERTION)?;
    if !matches!(verified.typ().as_deref(), None | Some("jwt" | "client-authentication+jwt")) {
        return Err(ClientAssertionError::Type);
    }
    let claims: Claims = verified.claims()?;
    if claims.iss != client_id || claims.sub != client_id {
        return Err(ClientAssertionError::Client); // RFC 7523 section 3, items 1 and 2
    }
    // Item 3, and stricter: an assertion that also names another server could be used by that server here.
    let aud = claims.aud.list();
    if aud.is_empty() || !aud.iter().all(|aud| audiences.contains(&aud.as_str())) {
        return Err(ClientAssertionError::Audience);
    }
    let expired = now >= claims.exp.plus(CLOCK_SKEW); // item 4
    let too_long = claims.exp > now.plus(MAX_LIFETIME).plus(CLOCK_SKEW);
    let future = |at: Option<Timestamp>| at.is_some_and(|at| at > now.plus(CLOCK_SKEW)); // items 5 and 6
    if expired || too_long || future(claims.nbf) || future(claims.iat) {
        return Err(ClientAssertionError::Time);
    }
    if claims.jti.is_empty() || claims.jti.len() > 255 {
        return Err(ClientAssertionError::Jti); // item 7, with OpenID Connect Core section 9 making it required
    }
    Ok(ClientAssertion { jti: claims.jti, remember_until: claims.exp.plus(CLOCK_SKEW) })
}
