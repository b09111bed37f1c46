//! `/api/v1/programs`: programs are let in at the gateway's routes. What they have is listed and ended as a session.

use std::time::Duration;

use acquit_core::Timestamp;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{operator::require, problem::Problem, sessions::find_user};
use crate::{
    App,
    form::JsonBody,
    gateway::program::{Admission, AdmitError, Admitted, Means, admit},
    settings::Scope,
};

/// Which program to let in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProgram {
    user: String,
    route: String,
    name: String,
    /// In seconds.
    expires_in: Option<u64>,
}

/// A program that was let in.
#[derive(Debug, Serialize)]
pub struct ProgramBody {
    /// What it sends; said this once.
    pub token: String,
    /// The session that it dies with.
    pub session: String,
    /// When its time is over.
    pub expires_at: Timestamp,
}

impl From<Admitted> for ProgramBody {
    fn from(admitted: Admitted) -> Self {
        Self { token: admitted.token, session: admitted.session.to_string(), expires_at: admitted.until }
    }
}

/// `POST /api/v1/programs`: 201 and the token, which is never said again. Whoever may call this may act as anybody at the routes, so
/// it needs the scope `manage`.
pub async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<NewProgram>,
) -> Result<Response, Problem> {
    let operator = require(&app, &headers, Scope::Manage)?;
    let user = find_user(&app, &body.user).await?.ok_or(Problem::NotFound("user"))?;
    let admission = Admission {
        user,
        route: body.route,
        name: body.name,
        life: body.expires_in.map(Duration::from_secs),
        by: operator.name,
    };
    let means = Means {
        store: &app.store,
        clients: &app.clients,
        cookies: app.gate.cookies(),
        routes: &app.gate.routes(),
        lifetimes: app.settings().lifetimes.session(),
    };
    let admitted = admit(means, admission, app.clock.now()).await?;
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, Json(ProgramBody::from(admitted))).into_response())
}

impl From<AdmitError> for Problem {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::Store(error) => error.into(),
            AdmitError::Random(error) => {
                tracing::error!(%error, "a program could not be let in");
                Self::Internal
            }
            error => Self::BadRequest(error.to_string()),
        }
    }
}
