//! Judging a received ID token: the relying party's side (OpenID Connect Core section 3.1.3.7, for a token that came
//! with a code).

use std::time::Duration;

use acquit_core::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::jose::{
    Algorithm, CLOCK_SKEW, Jwks, JwsError, MAX_SID, MAX_SUBJECT, jws,
    time::{Audience, maybe_seconds, present, seconds},
    usable,
};

/// The longest that is looked at, in bytes.
pub const MAX_ID_TOKEN: usize = 64 * 1024;

/// What a relying party expects of the ID token that answers its request.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenRules<'a> {
    /// Who issues it, as discovered.
    pub issuer: &'a str,
    /// The relying party's `client_id` there.
    pub client_id: &'a str,
    /// The algorithm registered for its ID tokens; RS256 when none is.
    pub alg: Algorithm,
    /// The `nonce` of the request; a token that carries one although none was sent is refused as well.
    pub nonce: Option<&'a str>,
    /// The `max_age` of the request: the sign-in may not be older.
    pub max_age: Option<Duration>,
    /// The values of `acr` that the request demanded; empty when it demanded none.
    pub acr: &'a [&'a str],
    /// The access token that came with it: `at_hash`, if present, must fit.
    pub access_token: Option<&'a str>,
    /// The code that it came for: `c_hash`, if present, must fit.
    pub code: Option<&'a str>,
    /// Whether a token with further audiences is taken when its `azp` names this client (3, 4): this issuer is trusted to
    /// say for whom it made the token. Otherwise there may be no other audience.
    pub several_audiences: bool,
    /// The user of the sign-in that this token continues: it came from a refresh (section 12.2), must be theirs, and need
    /// not repeat the `nonce`, but may not have another.
    pub refreshes: Option<&'a str>,
}

impl<'a> IdTokenRules<'a> {
    /// The rules for a request without `nonce`, `max_age` and `acr`, answered with RS256.
    #[must_use]
    pub fn new(issuer: &'a str, client_id: &'a str) -> Self {
        Self {
            issuer,
            client_id,
            alg: Algorithm::Rs256,
            nonce: None,
            max_age: None,
            acr: &[],
            access_token: None,
            code: None,
            several_audiences: false,
            refreshes: None,
        }
    }
}

/// An ID token that may be believed.
#[derive(Clone, Debug, PartialEq)]
pub struct IdToken {
    /// The user, as the issuer knows them.
    pub subject: String,
    /// The session at this relying party, which logout tokens and frames will name.
    pub sid: Option<String>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When the user proved who they are.
    pub auth_time: Option<Timestamp>,
    /// How strongly they proved it.
    pub acr: Option<String>,
    /// The `nonce`, which a refreshed token must not contradict.
    pub nonce: Option<String>,
    /// What else it says, about the user above all.
    pub others: Map<String, Value>,
}

/// Why an ID token is not believed: the sign-in has failed. Numbers are the items of section 3.1.3.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Not signed as it must be (6, 7).
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A token of another kind.
    #[error("the token is not an ID token")]
    NotAnIdToken,
    /// Another issuer's (2).
    #[error("the token was issued by somebody else")]
    Issuer,
    /// Not for this client, or for others as well where only this client is trusted (3).
    #[error("the token is not for this client alone")]
    Audience,
    /// Issued to another client (5), or for several without saying to which (4).
    #[error("the token was issued to another client")]
    AuthorizedParty,
    /// No subject, or one that is too long (section 2).
    #[error("the token's subject is not usable")]
    Subject,
    /// The refreshed token is somebody else's (section 12.2).
    #[error("the token is of another user than the sign-in that it continues")]
    AnotherSubject,
    /// A `sid` that cannot be kept: a logout that names it could not be understood later.
    #[error("the token's session is not usable")]
    Session,
    /// Expired (9), or from the future (10).
    #[error("the token is expired or not yet good")]
    Time,
    /// Another request's (11).
    #[error("the token answers another request")]
    Nonce,
    /// The user did not prove who they are as strongly as demanded (12).
    #[error("the token does not say that the sign-in was as strong as demanded")]
    Acr,
    /// The sign-in is older than allowed, or its time is missing (13).
    #[error("the token does not say that the sign-in is as recent as demanded")]
    AuthTime,
    /// It came with another access token (section 3.1.3.8) or for another code (section 3.3.2.11).
    #[error("the token belongs to another access token or code")]
    Hash,
}

impl IdTokenError {
    /// Whether the signer's keys should be read again, once: the token may be signed by a key newer than our copy of them.
    #[must_use]
    pub fn wants_fresh_keys(&self) -> bool {
        *self == Self::Jws(JwsError::UnknownKey)
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    #[serde(with = "seconds")]
    exp: Timestamp,
    #[serde(with = "seconds")]
    iat: Timestamp,
    #[serde(default, with = "maybe_seconds")]
    nbf: Option<Timestamp>,
    #[serde(default, with = "maybe_seconds")]
    auth_time: Option<Timestamp>,
    nonce: Option<String>,
    acr: Option<String>,
    sid: Option<String>,
    at_hash: Option<String>,
    c_hash: Option<String>,
    // What logout tokens and other security events carry, and ID tokens never do.
    #[serde(default, deserialize_with = "present")]
    events: bool,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Judges a received ID token in full. Item 1 (encryption) does not arise, and item 8 neither: no MAC is taken here.
///
/// # Errors
/// [`IdTokenError`]
pub fn verify_id_token(
    keys: &Jwks,
    rules: IdTokenRules<'_>,
    token: &str,
    now: Timestamp,
) -> Result<IdToken, IdTokenError> {
    let verified = jws::verify(keys, Some(rules.alg), token, MAX_ID_TOKEN)?; // 6, 7
    if !matches!(verified.typ().as_deref(), None | Some("jwt")) {
        return Err(IdTokenError::NotAnIdToken); // RFC 8725 section 3.11: `logout+jwt`, `at+jwt` and so on
    }
    let claims: Claims = verified.claims()?;
    if claims.events {
        return Err(IdTokenError::NotAnIdToken);
    }
    if claims.iss != rules.issuer {
        return Err(IdTokenError::Issuer); // 2
    }
    let audiences = claims.aud.list();
    if !audiences.iter().any(|aud| aud == rules.client_id) || (audiences.len() > 1 && !rules.several_audiences) {
        return Err(IdTokenError::Audience); // 3
    }
    match claims.azp.as_deref() {
        Some(azp) if azp != rules.client_id => return Err(IdTokenError::AuthorizedParty), // 5
        None if audiences.len() > 1 => return Err(IdTokenError::AuthorizedParty),         // 4
        _ => {}
    }
    if !usable(&claims.sub, MAX_SUBJECT) {
        return Err(IdTokenError::Subject);
    }
    if rules.refreshes.is_some_and(|subject| subject != claims.sub) {
        return Err(IdTokenError::AnotherSubject);
    }
    let sid = claims.sid.filter(|sid| !sid.is_empty());
    if sid.as_deref().is_some_and(|sid| !usable(sid, MAX_SID)) {
        return Err(IdTokenError::Session);
    }
    let future = |at: Timestamp| at > now.plus(CLOCK_SKEW);
    if now >= claims.exp.plus(CLOCK_SKEW) || future(claims.iat) || claims.nbf.is_some_and(future) {
        return Err(IdTokenError::Time); // 9, 10
    }
    let not_repeated = claims.nonce.is_none() && rules.refreshes.is_some();
    if !not_repeated && claims.nonce.as_deref() != rules.nonce {
        return Err(IdTokenError::Nonce); // 11
    }
    if !rules.acr.is_empty() && !claims.acr.as_deref().is_some_and(|acr| rules.acr.contains(&acr)) {
        return Err(IdTokenError::Acr); // 12
    }
    if let Some(max_age) = rules.max_age {
        let fresh = |at: Timestamp| !future(at) && now <= at.plus(max_age).plus(CLOCK_SKEW);
        if !claims.auth_time.is_some_and(fresh) {
            return Err(IdTokenError::AuthTime); // 13
        }
    }
    let fits = |hash: &Option<String>, value: Option<&str>| match (hash, value) {
        (Some(hash), Some(value)) => *hash == rules.alg.half_hash(value),
        _ => true,
    };
    if !fits(&claims.at_hash, rules.access_token) || !fits(&claims.c_hash, rules.code) {
        return Err(IdTokenError::Hash);
    }
    Ok(IdToken {
        subject: claims.sub,
        sid,
        issued_at: claims.iat,
        expires_at: claims.exp,
        auth_time: claims.auth_time,
        acr: claims.acr,
        nonce: claims.nonce,
        others: claims.others,
    })
}

#[cfg(test)]
mod tests;
