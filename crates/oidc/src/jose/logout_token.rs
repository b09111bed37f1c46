//! Logout tokens (Back-Channel Logout 1.0 section 2.4): what is sent, and how one that is received is judged.

use std::time::Duration;

use acquit_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Algorithm, CLOCK_SKEW, Jwks, JwsError, MAX_JTI, MAX_SID, MAX_SUBJECT,
    key::{KeyError, SigningKey},
    time::{Audience, maybe_seconds, present, seconds},
    usable,
};

/// The member of `events` that makes a token a logout token (BC-9).
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// `typ` of a logout token (BC-14).
const TYP: &str = "logout+jwt";
/// How long one that we send is good (BC-35).
pub const LIFETIME: Duration = Duration::from_secs(120);
/// The furthest ahead that a received one may expire; its `jti` must be remembered that long.
pub const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest that is looked at, in bytes.
pub const MAX_LOGOUT_TOKEN: usize = 16 * 1024;

/// What a logout token names (BC-8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutSubject {
    /// One session of a user.
    Session {
        /// The session at that client.
        sid: String,
        /// The user.
        sub: Option<String>,
    },
    /// All sessions of a user.
    User {
        /// The user.
        sub: String,
    },
}

/// The claims of a logout token: exactly those of BC-7 and BC-8. There is no room for a `nonce` (BC-10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogoutTokenClaims {
    iss: String,
    aud: String,
    #[serde(serialize_with = "seconds::serialize")]
    iat: Timestamp,
    #[serde(serialize_with = "seconds::serialize")]
    exp: Timestamp,
    jti: String,
    events: Events,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Empty,
}

/// `{}`, as BC-9 recommends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Empty {}

impl LogoutTokenClaims {
    /// A token of `issuer` for `client_id`, made `now`; `jti` is the caller's, fresh for each attempt.
    #[must_use]
    pub fn new(issuer: &str, client_id: &str, jti: String, now: Timestamp, subject: LogoutSubject) -> Self {
        let (sub, sid) = match subject {
            LogoutSubject::Session { sid, sub } => (sub, Some(sid)),
            LogoutSubject::User { sub } => (Some(sub), None),
        };
        Self {
            iss: issuer.to_owned(),
            aud: client_id.to_owned(),
            iat: now,
            exp: now.plus(LIFETIME),
            jti,
            events: Events { logout: Empty {} },
            sub,
            sid,
        }
    }
}

impl SigningKey {
    /// Signs a logout token.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn sign_logout_token(&self, claims: &LogoutTokenClaims) -> Result<String, KeyError> {
        super::jws::sign(self, TYP, claims)
    }
}

/// What a receiver expects of logout tokens.
#[derive(Clone, Copy, Debug)]
pub struct LogoutTokenRules<'a> {
    /// Who issues them.
    pub issuer: &'a str,
    /// The receiver's `client_id` there.
    pub client_id: &'a str,
    /// The algorithm of its ID tokens there (BC-21).
    pub alg: Algorithm,
    /// Demand `typ`; deployed peers leave it out (BC-14), so by option only.
    pub require_typ: bool,
}

/// A logout token that may be acted on once its `jti` is found to be new (BC-27).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// What it ends.
    pub subject: LogoutSubject,
    /// Its name.
    pub jti: String,
    /// When it was made.
    pub issued_at: Timestamp,
    /// Until when its `jti` must be remembered, clock skew not included.
    pub expires_at: Timestamp,
}

/// Why a logout token is refused; the answer is 400 (BC-28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutTokenError {
    /// Not signed as it must be (BC-20, BC-21, BC-22).
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A token of another kind.
    #[error("the token is not a logout token")]
    Type,
    /// BC-23.
    #[error("the token's issuer is not the one expected")]
    Issuer,
    /// BC-23.
    #[error("the token is for another audience")]
    Audience,
    /// BC-23.
    #[error("the token is not from now")]
    Time,
    /// BC-24; or a name that nobody can have.
    #[error("the token names neither a subject nor a session")]
    Subject,
    /// BC-7: its name, by which a repetition is known (BC-27), is empty or cannot be kept.
    #[error("the token's jti is not usable")]
    Jti,
    /// BC-25.
    #[error("the token has no back-channel logout event")]
    Events,
    /// BC-26.
    #[error("the token has a nonce")]
    Nonce,
}

impl LogoutTokenError {
    /// Whether the signer's keys should be read again, once: the token may be signed by a key newer than our copy of them.
    #[must_use]
    pub fn wants_fresh_keys(&self) -> bool {
        *self == Self::Jws(JwsError::UnknownKey)
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    #[serde(with = "seconds")]
    iat: Timestamp,
    #[serde(with = "seconds")]
    exp: Timestamp,
    #[serde(default, with = "maybe_seconds")]
    nbf: Option<Timestamp>,
    jti: String,
    events: Value,
    sub: Option<String>,
    sid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    nonce: bool,
}

/// Judges a received logout token in full (BC-18). The caller checks that its `jti` is new and finds the session.
///
/// # Errors
/// [`LogoutTokenError`]
pub fn verify_logout_token(
    keys: &Jwks,
    rules: LogoutTokenRules<'_>,
    token: &str,
    now: Timestamp,
) -> Result<LogoutToken, LogoutTokenError> {
    let verified = super::jws::verify(keys, Some(rules.alg), token, MAX_LOGOUT_TOKEN)?; // BC-20, BC-21, BC-22
    match verified.typ().as_deref() {
        Some(TYP) => {}
        None | Some("jwt") if !rules.require_typ => {} // BC-14
        _ => return Err(LogoutTokenError::Type),
    }
    let claims: Claims = verified.claims()?; // BC-11: unknown claims are ignored
    if claims.iss != rules.issuer {
        return Err(LogoutTokenError::Issuer); // BC-23
    }
    if !claims.aud.list().iter().any(|aud| aud == rules.client_id) {
        return Err(LogoutTokenError::Audience); // BC-23
    }
    let future = |at: Timestamp| at > now.plus(CLOCK_SKEW);
    let early = future(claims.iat) || claims.nbf.is_some_and(future);
    let late = now >= claims.exp.plus(CLOCK_SKEW);
    if early || late || claims.exp > now.plus(MAX_LIFETIME) {
        return Err(LogoutTokenError::Time); // BC-23
    }
    if !claims.events.get(EVENT).is_some_and(Value::is_object) {
        return Err(LogoutTokenError::Events); // BC-25
    }
    if claims.nonce {
        return Err(LogoutTokenError::Nonce); // BC-26
    }
    if !usable(&claims.jti, MAX_JTI) {
        return Err(LogoutTokenError::Jti); // BC-27
    }
    // To pass over a name that is there but cannot be anybody's would end more, or others, than what is meant.
    let filled = |claim: Option<String>| claim.filter(|text| !text.is_empty());
    let (sid, sub) = (filled(claims.sid), filled(claims.sub));
    let wrong = |name: &Option<String>, max| name.as_deref().is_some_and(|name| !usable(name, max));
    if wrong(&sid, MAX_SID) || wrong(&sub, MAX_SUBJECT) {
        return Err(LogoutTokenError::Subject);
    }
    let subject = match (sid, sub) {
        (Some(sid), sub) => LogoutSubject::Session { sid, sub },
        (None, Some(sub)) => LogoutSubject::User { sub },
        (None, None) => return Err(LogoutTokenError::Subject), // BC-24
    };
    Ok(LogoutToken { subject, jti: claims.jti, issued_at: claims.iat, expires_at: claims.exp })
}
