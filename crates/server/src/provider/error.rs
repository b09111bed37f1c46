//! Errors of the endpoints that clients call: RFC 6749 section 5.2 JSON, never a page, never 500 for what a client sent.

use std::time::Duration;

use acquit_oidc::{
    client_auth::BASIC_CHALLENGE,
    error::{ErrorCode, OAuthError},
};
use acquit_store::StoreError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{form::BodyError, random::NoRandomness};

/// Why a client's call failed.
#[derive(Debug)]
pub struct Failure {
    error: OAuthError,
    challenge: Option<String>,
    /// Too many calls: after how many seconds the next one is looked at.
    again_after: Option<u64>,
}

impl<T: Into<OAuthError>> From<T> for Failure {
    fn from(error: T) -> Self {
        Self { error: error.into(), challenge: None, again_after: None }
    }
}

/// The store did not answer, or something of our own is broken.
pub(super) fn ours(error: &StoreError) -> Failure {
    match error {
        StoreError::Unavailable(_) | StoreError::Conflict(_) => {
            tracing::warn!(%error, "the store did not answer");
            OAuthError::new(ErrorCode::TemporarilyUnavailable, "nothing was done; try again in a moment").into()
        }
        error => {
            tracing::error!(%error, "a client's call failed for a reason of our own");
            OAuthError::new(ErrorCode::ServerError, "something broke on our side").into()
        }
    }
}

/// What a body that cannot be read is answered with.
pub(super) fn unreadable(error: BodyError) -> Failure {
    OAuthError::with(ErrorCode::InvalidRequest, &error.to_string()).into()
}

/// No secrets can be drawn.
pub(super) fn no_randomness(error: NoRandomness) -> Failure {
    tracing::error!(%error, "a client's call failed for a reason of our own");
    OAuthError::new(ErrorCode::ServerError, "something broke on our side").into()
}

/// Too many of these calls; RFC 9126 section 2.3 names the status.
pub(super) fn too_many(wait: Duration) -> Failure {
    let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, "too many such requests; try again later");
    Failure { again_after: Some(wait.as_secs() + 1), ..error.into() }
}

impl Failure {
    /// With the challenge of a client that used the `Authorization` header (RFC 6749 section 5.2).
    pub(super) fn with_basic_challenge(self) -> Self {
        Self { challenge: Some(BASIC_CHALLENGE.to_owned()), ..self }
    }

    /// With the challenge of a resource that wants an access token (RFC 6750 section 3).
    pub(super) fn with_bearer_challenge(self) -> Self {
        Self { challenge: Some(self.error.bearer_challenge()), ..self }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.again_after {
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
            None => StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::BAD_REQUEST),
        };
        let mut response = (status, Json(&self.error)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.again_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge.and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
