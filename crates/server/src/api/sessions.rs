//! `/api/v1/sessions`: who is signed in, and the end of a session.

use acquit_core::{
    SessionId, Timestamp, UserId,
    plan::{self, By, Tell},
    session::Life,
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
use serde::Serialize;

use super::{operator::require, problem::Problem};
use crate::{
    App,
    form::{Address, ApiQuery, paging},
    logout::{Order, log_out},
    settings::Scope,
};

#[derive(Serialize)]
struct SessionBody {
    id: String,
    user: UserBody,
    state: &'static str,
    began_at: Timestamp,
    authenticated_at: Timestamp,
    last_seen_at: Timestamp,
    ended_at: Option<Timestamp>,
    logout: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    applications: Vec<ApplicationBody>,
}

#[derive(Serialize)]
struct UserBody {
    id: String,
    username: String,
}

#[derive(Serialize)]
struct ApplicationBody {
    id: String,
    joined_at: Timestamp,
}

fn body(app: &App, view: &SessionView) -> SessionBody {
    let life = view.life(app.clock.now(), app.settings().lifetimes.session());
    SessionBody {
        id: view.session.id.to_string(),
        user: UserBody { id: view.user.id.to_string(), username: view.user.username.clone() },
        state: if life == Life::Live { "live" } else { "ended" },
        began_at: view.session.began_at,
        authenticated_at: view.session.authenticated_at,
        last_seen_at: view.session.last_seen_at,
        ended_at: view.session.ended.as_ref().map(|ended| ended.at),
        logout: view.session.ended.as_ref().map(|ended| ended.logout.to_string()),
        ip: view.ip.clone(),
        user_agent: view.user_agent.clone(),
        applications: view
            .participants
            .iter()
            .map(|joined| ApplicationBody { id: joined.app.to_string(), joined_at: joined.joined_at })
            .collect(),
    }
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
