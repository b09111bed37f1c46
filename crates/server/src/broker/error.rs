//! The broker's errors, in WorkOS's families: one with a `message`, one in OAuth's shape. Never a page, never 500 for what a
//! client sent.

use acquit_core::id::InvalidId;
use acquit_store::StoreError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    App, door::DoorError, form::BodyError, limits::TooMany, logout::LogoutError, random::NoRandomness, seal::SealError,
};

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// OAuth's shape (RFC 6749 section 5.2), always with 400: what the application sent does not do.
    OAuth {
        /// Its code.
        error: &'static str,
        /// In words.
        description: String,
    },
    /// The access token or the API key does not do.
    Unauthorized,
    /// The API key is good, and not for this.
    Forbidden {
        /// Why.
        message: String,
    },
    /// What is asked cannot be: with 400 and a code of WorkOS's.
    Bad {
        /// Its code.
        code: &'static str,
        /// In words.
        message: String,
    },
    /// It is in the way of what is there.
    Conflict {
        /// Its code.
        code: &'static str,
        /// In words.
        message: String,
    },
    /// A field is wrong, in a way that WorkOS has a code of its own for.
    Unprocessable {
        /// Its code.
        code: &'static str,
        /// In words.
        message: String,
    },
    /// There is no such thing, or not for this application.
    NotFound {
        /// Which.
        id: String,
    },
    /// A field is wrong.
    Invalid {
        /// Which, and why.
        message: String,
    },
    /// Too many calls.
    TooMany {
        /// After how many seconds the next one is looked at.
        again_after: u64,
    },
    /// The store did not answer: trying again is right.
    Unavailable,
    /// Our own fault; the log has the reason.
    Internal,
}

impl Failure {
    /// In OAuth's shape.
    #[must_use]
    pub fn oauth(error: &'static str, description: impl Into<String>) -> Self {
        Self::OAuth { error, description: description.into() }
    }

    /// A field is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into() }
    }

    /// There is no such thing.
    pub fn not_found(id: impl Into<String>) -> Self {
        Self::NotFound { id: id.into() }
    }

    /// Too many calls.
    #[must_use]
    pub fn too_many(app: &App, refusal: TooMany) -> Self {
        Self::TooMany { again_after: refusal.seconds(app.clock.now()) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Duplicate(_) => {
                let message = "it was made a moment ago by another call; read it again".to_owned();
                Self::Conflict { code: "changed_meanwhile", message }
            }
            StoreError::Unavailable(_) | StoreError::Conflict(_) => {
                tracing::warn!(%error, "the store did not answer");
                Self::Unavailable
            }
            error => ours(&error),
        }
    }
}

impl From<LogoutError> for Failure {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::Store(error) => error.into(),
            LogoutError::Random(error) => error.into(),
            LogoutError::UnknownTarget | LogoutError::Replayed => Self::NotFound { id: String::new() },
        }
    }
}

impl From<NoRandomness> for Failure {
    fn from(error: NoRandomness) -> Self {
        ours(&error)
    }
}

impl From<InvalidId> for Failure {
    fn from(error: InvalidId) -> Self {
        ours(&error)
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        ours(&error)
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Self::Invalid { message: error.to_string() }
    }
}

impl From<DoorError> for Failure {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::Unavailable(error) => error.into(),
            DoorError::NotFound => Self::NotFound { id: String::new() },
            DoorError::Internal(why) => {
                tracing::error!(why, "a broker call failed for a reason of our own");
                Self::Internal
            }
            error => Self::Invalid { message: error.to_string() },
        }
    }
}

fn ours(error: &dyn std::error::Error) -> Failure {
    tracing::error!(%error, "a broker call failed for a reason of our own");
    Failure::Internal
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut retry = None;
        let (status, body) = match self {
            Self::OAuth { error, description } => {
                (StatusCode::BAD_REQUEST, json!({ "error": error, "error_description": description }))
            }
            Self::Unauthorized => {
                (StatusCode::UNAUTHORIZED, json!({ "error": "Unauthorized", "message": "Unauthorized" }))
            }
            Self::Forbidden { message } => (StatusCode::FORBIDDEN, json!({ "message": message, "code": "forbidden" })),
            Self::Bad { code, message } => (StatusCode::BAD_REQUEST, json!({ "message": message, "code": code })),
            Self::Conflict { code, message } => (StatusCode::CONFLICT, json!({ "message": message, "code": code })),
            Self::Unprocessable { code, message } => {
                let errors = [json!({ "code": code, "message": message })];
                (StatusCode::UNPROCESSABLE_ENTITY, json!({ "message": message, "code": code, "errors": errors }))
            }
            Self::NotFound { id } => {
                let message = format!("Not found: {id}");
                (StatusCode::NOT_FOUND, json!({ "message": message, "code": "entity_not_found", "entity_id": id }))
            }
            Self::Invalid { message } => {
                let errors = [json!({ "code": "invalid_request_parameters", "message": message })];
                let body = json!({ "message": message, "code": "invalid_request_parameters", "errors": errors });
                (StatusCode::UNPROCESSABLE_ENTITY, body)
            }
            Self::TooMany { again_after } => {
                retry = Some(again_after);
                let body = json!({ "message": "Too many requests", "code": "rate_limit_exceeded" });
                (StatusCode::TOO_MANY_REQUESTS, body)
            }
            Self::Unavailable => {
                retry = Some(1);
                (StatusCode::SERVICE_UNAVAILABLE, json!({ "message": "Nothing was done; try again in a moment" }))
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": "Something broke on our side" })),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
