//! Errors of the API, as RFC 9457 problem details.

use acquit_store::StoreError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::logout::LogoutError;

/// What is wrong with a request to the API. Each kind says who must act.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The request is wrong; the caller corrects it. Nothing was changed.
    #[error("{0}")]
    BadRequest(String),
    /// No token, or none that is known.
    #[error("give an operator's token as `Authorization: Bearer …`")]
    Unauthorized,
    /// The token lacks a scope; the operator grants it.
    #[error("this token lacks the scope `{0}`")]
    Forbidden(&'static str),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The store did not answer; nothing is known to be done. Trying again is right.
    #[error("the store is not available; nothing was reported as done")]
    Unavailable,
    /// Acquit's own fault; the operator looks at the log.
    #[error("something broke on our side; see the server's log")]
    Internal,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict(_) => {
                tracing::warn!(%error, "the store did not answer");
                Self::Unavailable
            }
            StoreError::Cursor => Self::BadRequest("`after` is no cursor that such a list ended with".to_owned()),
            error => {
                tracing::error!(%error, "an API request failed for a reason of our own");
                Self::Internal
            }
        }
    }
}

impl From<LogoutError> for Problem {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::Store(error) => error.into(),
            // No operator asks by a message that may come only once.
            LogoutError::Random(_) | LogoutError::Replayed => Self::Internal,
            LogoutError::UnknownTarget => Self::NotFound("session or user"),
        }
    }
}

#[derive(Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title) = match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "Bad request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "Not found"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        };
        let body = Body { kind: "about:blank", title, status: status.as_u16(), detail: self.to_string() };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
