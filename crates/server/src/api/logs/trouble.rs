//! Errors in Okta's shape, for this path alone; everything else of the API answers with problem details.

use acquit_core::Timestamp;
use acquit_oidc::params::ParamsError;
use acquit_store::StoreError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{filter::FilterError, keywords::TooManyWords};
use crate::{api::problem::Problem, random};

/// What is wrong with a request for the log. Each kind says who must act.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A parameter is wrong; the caller corrects it.
    #[error("Api validation failed: {parameter}")]
    Validation {
        /// Which.
        parameter: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The parameters cannot be read; the caller corrects them.
    #[error("Api validation failed: parameters")]
    Parameters(#[from] ParamsError),
    /// The filter cannot be used; the caller corrects it.
    #[error("Invalid filter")]
    Filter(#[from] FilterError),
    /// The time asked for is too long past; the caller asks for less.
    #[error("Invalid parameter: since")]
    TooLongPast,
    /// No token, or none that is known.
    #[error("Invalid token provided")]
    Unauthorized,
    /// The token lacks the scope `read`; the operator grants it.
    #[error("You do not have permission to perform the requested action")]
    Forbidden,
    /// Too many requests with this token; the caller waits.
    #[error("API call exceeded rate limit due to too many requests.")]
    TooMany(Timestamp),
    /// The store did not answer; trying again is right.
    #[error("The log is not available at the moment")]
    Unavailable,
    /// Acquit's own fault; the operator looks at the server's log.
    #[error("Internal Server Error")]
    Internal,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match Problem::from(error) {
            Problem::Unavailable => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl From<TooManyWords> for Trouble {
    fn from(error: TooManyWords) -> Self {
        Self::Validation { parameter: "q", cause: error.to_string() }
    }
}

impl From<Problem> for Trouble {
    /// Of what the check of a token may say.
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Unauthorized => Self::Unauthorized,
            Problem::Forbidden(_) => Self::Forbidden,
            _ => Self::Internal,
        }
    }
}

impl Trouble {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Validation { .. } | Self::Parameters(_) => (StatusCode::BAD_REQUEST, "E0000001"),
            Self::Filter(FilterError::Unfit { .. }) => (StatusCode::BAD_REQUEST, "E0000031"),
            Self::Filter(_) | Self::TooLongPast => (StatusCode::BAD_REQUEST, "E0000053"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "E0000011"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "E0000006"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "E0000047"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "E0000009"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "E0000009"),
        }
    }

    fn cause(&self) -> Option<String> {
        match self {
            Self::Validation { parameter, cause } => Some(format!("{parameter}: {cause}")),
            Self::Parameters(error) => Some(error.to_string()),
            Self::Filter(error) => Some(error.to_string()),
            Self::TooLongPast => Some("since: more than 180 days ago".to_owned()),
            _ => None,
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, code) = self.code();
        // Without random bytes it has no number; that is no reason to keep the error back.
        let id = random::bytes::<12>().unwrap_or_default().map(|byte| format!("{byte:02x}")).concat();
        let causes: Vec<Value> = self.cause().into_iter().map(|cause| json!({ "errorSummary": cause })).collect();
        let body = json!({
            "errorCode": code, "errorSummary": self.to_string(), "errorLink": code, "errorId": format!("oae{id}"),
            "errorCauses": causes,
        });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooMany(again_at) => {
                // Clients of Okta's API wait until this second.
                headers.insert("x-rate-limit-reset", HeaderValue::from(again_at.as_seconds().saturating_add(1)));
            }
            Self::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}
