//! `/api/v1/sessions`: who is signed in, and the end of a session.

mod body;

use super::{operator::require, problem::Problem};
use crate::{
    App,
    form::{Address, ApiQuery, paging},
    logout::{Order, log_out},
    settings::Scope,
};
use acquit_core::{
    SessionId, UserId,
    plan::{self, By, Tell},
};
use acquit_store::{
    session::{SessionFilter, SessionState, SessionView},
    user::User,
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

pub use body::{ApplicationBody, SessionBody, UserBody};

fn body(app: &App, view: &SessionView) -> SessionBody {
    SessionBody::new(view, app.clock.now(), app.settings().lifetimes.session())
}

/// The user of this id or username.
pub(super) async fn find_user(app: &App, name: &str) -> Result<Option<User>, Problem> {
    if let Ok(id) = UserId::parse(name)
        && let Some(user) = app.store.user(&id).await?
    {
        return Ok(Some(user));
    }
    Ok(app.store.user_by_username(name).await?)
}

/// `GET /api/v1/sessions?user=&state=live|ended`: newest first.
pub async fn list(State(app): State<App>, headers: HeaderMap, ApiQuery(query): ApiQuery) -> Result<Response, Problem> {
    require(&app, &headers, Scope::Read)?;
    let user = match query.get("user") {
        Some(user) => Some(find_user(&app, user).await?.ok_or(Problem::NotFound("user"))?.id),
        None => None,
    };
    let state = match query.get("state") {
        None => SessionState::Any,
        Some("live") => SessionState::Live,
        Some("ended") => SessionState::Ended,
        Some(_) => return Err(Problem::BadRequest("`state` is `live` or `ended`".to_owned())),
    };
    let (after, limit) = paging(&query)?;
    let page = app.store.sessions(&SessionFilter { user, state, app: None }, after.as_deref(), limit).await?;
    let data: Vec<SessionBody> = page.data.iter().map(|view| body(&app, view)).collect();
    Ok(Json(serde_json::json!({ "data": data, "next": page.next })).into_response())
}

/// `GET /api/v1/sessions/{id}`.
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(session): Path<String>,
) -> Result<Response, Problem> {
    require(&app, &headers, Scope::Read)?;
    let session = SessionId::parse(&session).map_err(|_| Problem::NotFound("session"))?;
    let view = app.store.session(&session).await?.ok_or(Problem::NotFound("session"))?;
    Ok(Json(body(&app, &view)).into_response())
}

/// `DELETE /api/v1/sessions/{id}`: ends it by a logout; 202 and the receipt as it stands.
pub async fn end(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Path(session): Path<String>,
) -> Result<Response, Problem> {
    let operator = require(&app, &headers, Scope::Sessions)?;
    let session = SessionId::parse(&session).map_err(|_| Problem::NotFound("session"))?;
    let order = Order {
        scope: plan::Scope::Session(session),
        by: By::Administrator,
        party: Some(operator.name.clone()),
        reason: None,
        tell: Tell::Everyone,
        ip: Some(address),
        browser: None,
        named: Vec::new(),
    };
    let done = log_out(&app, order).await?;
    let receipt = app.store.receipt(&done.logout).await?.ok_or(Problem::Internal)?;
    Ok((StatusCode::ACCEPTED, Json(receipt)).into_response())
}
