//! Why a door that shows pages cannot go on, and the page that says so.

use acquit_oidc::params::{BadParam, ParamsError};
use acquit_store::StoreError;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    gateway,
    limits::TooMany,
    logout::LogoutError,
    pages::{
        Moment,
        error::{ErrorPage, Kind},
    },
    random::NoRandomness,
    respond,
    seal::SealError,
};

/// What is wrong. Each kind says who must act.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The request is wrong; the application's developer must act. Nothing was changed.
    #[error("{reason}")]
    BadRequest {
        /// The parameter at fault.
        parameter: Option<String>,
        /// Why.
        reason: String,
    },
    /// A form or page that was open for too long, or was used before; the person starts again.
    #[error("expired or used before")]
    Expired,
    /// The request came from another site, or cannot be shown to come from this one.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Nothing here.
    #[error("not found")]
    NotFound,
    /// Too many requests; the person waits.
    #[error("too many requests")]
    TooMany(Moment),
    /// The store did not answer; nothing was done, or it is unknown. Trying again is right.
    #[error("the store is not available")]
    Unavailable(#[source] StoreError),
    /// Acquit's own fault; the operator must act.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for DoorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict(_) => Self::Unavailable(error),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<NoRandomness> for DoorError {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<ParamsError> for DoorError {
    fn from(error: ParamsError) -> Self {
        Self::BadRequest { parameter: error.parameter().map(str::to_owned), reason: error.to_string() }
    }
}

impl From<BadParam> for DoorError {
    fn from(bad: BadParam) -> Self {
        Self::parameter(bad.name, bad.to_string())
    }
}

impl From<TooMany> for DoorError {
    fn from(refusal: TooMany) -> Self {
        Self::TooMany(Moment(refusal.again_at))
    }
}

impl From<LogoutError> for DoorError {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::Store(error) => error.into(),
            LogoutError::Random(error) => error.into(),
            LogoutError::UnknownTarget => Self::NotFound,
            LogoutError::Replayed => Self::parameter("ID", error.to_string()),
        }
    }
}

impl From<SealError> for DoorError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Forged | SealError::Expired => Self::Expired,
            SealError::Unsealable => {
                Self::BadRequest { parameter: None, reason: "the request is too large to be remembered".to_owned() }
            }
        }
    }
}

impl DoorError {
    /// A wrong parameter.
    pub(crate) fn parameter(name: &str, reason: impl Into<String>) -> Self {
        Self::BadRequest { parameter: Some(name.to_owned()), reason: reason.into() }
    }
}

impl DoorError {
    /// The page about it, for somebody who is on the way out and goes on there.
    pub(crate) fn page_with_way_on(self, onward: String) -> Response {
        self.page("/sign-out", Some(onward))
    }

    /// The page about it on the host of a route.
    pub(crate) fn page_on_route(self) -> Response {
        self.page(gateway::SIGN_OUT, None)
    }

    fn page(self, sign_out: &str, onward: Option<String>) -> Response {
        let (status, kind) = match &self {
            Self::BadRequest { .. } => (StatusCode::BAD_REQUEST, Kind::BadRequest),
            Self::Expired => (StatusCode::BAD_REQUEST, Kind::Expired),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, Kind::Forbidden),
            Self::NotFound => (StatusCode::NOT_FOUND, Kind::NotFound),
            Self::TooMany(at) => (StatusCode::TOO_MANY_REQUESTS, Kind::TooMany(Some(*at))),
            Self::Unavailable(error) => {
                tracing::warn!(%error, "the store did not answer");
                (StatusCode::SERVICE_UNAVAILABLE, Kind::Unavailable)
            }
            Self::Internal(error) => {
                tracing::error!(%error, "a request failed for a reason of our own");
                (StatusCode::INTERNAL_SERVER_ERROR, Kind::Internal)
            }
        };
        let (parameter, reason) = match self {
            Self::BadRequest { parameter, reason } => (parameter, reason),
            Self::Internal(_) => (None, "see the server's log".to_owned()),
            other => (None, other.to_string()),
        };
        let view = ErrorPage {
            kind,
            parameter,
            reason,
            application: None,
            // A person at a kiosk must still be able to get out (RP-Initiated Logout 1.0 section 4).
            sign_out: Some(sign_out.to_owned()),
            onward,
            reference: None,
        };
        let mut response = respond::page(status, &view);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("2"));
        }
        response
    }
}

impl IntoResponse for DoorError {
    fn into_response(self) -> Response {
        self.page("/sign-out", None)
    }
}
