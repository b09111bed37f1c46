//! `/api/v1/logouts`: order a logout, read receipts, try again.

use acquit_core::{
    LogoutId, SessionId, UserId,
    plan::{self, By, Tell},
    receipt::{Receipt, State as ReceiptState},
};
use acquit_store::receipt::LogoutFilter;
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{operator::require, problem::Problem, sessions::find_user};
use crate::{
    App,
    form::{Address, ApiQuery, JsonBody, paging},
    logout::{Order, log_out},
    settings::Scope,
};

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 500;

/// What to end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLogout {
    scope: String,
    session: Option<String>,
    user: Option<String>,
    reason: Option<String>,
}

/// `POST /api/v1/logouts`: 202 and the receipt as it stands.
pub async fn create(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    JsonBody(body): JsonBody<NewLogout>,
) -> Result<Response, Problem> {
    let operator = require(&app, &headers, Scope::Sessions)?;
    let scope = match (body.scope.as_str(), &body.session, &body.user) {
        ("session", Some(session), None) => {
            plan::Scope::Session(SessionId::parse(session).map_err(|error| Problem::BadRequest(error.to_string()))?)
        }
        ("user", None, Some(user)) => {
            plan::Scope::User(find_user(&app, user).await?.ok_or(Problem::NotFound("user"))?.id)
        }
        ("session" | "user", _, _) => {
            return Err(Problem::BadRequest(format!(
                "a logout of scope `{0}` names one `{0}` and nothing else",
                body.scope
            )));
        }
        _ => return Err(Problem::BadRequest("`scope` is `session` or `user`".to_owned())),
    };
    if body.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        return Err(Problem::BadRequest(format!("`reason` has more than {MAX_REASON} characters")));
    }
    let party = Some(operator.name.clone());
    let order = Order {
        scope,
        by: By::Administrator,
        party,
        reason: body.reason,
        tell: Tell::Everyone,
        ip: Some(address),
        browser: None,
        named: Vec::new(),
    };
    let done = log_out(&app, order).await?;
    let receipt = app.store.receipt(&done.logout).await?.ok_or(Problem::Internal)?;
    Ok((StatusCode::ACCEPTED, Json(receipt)).into_response())
}

/// `GET /api/v1/logouts/{id}`: the receipt.
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(logout): Path<String>,
) -> Result<Json<Receipt>, Problem> {
    require(&app, &headers, Scope::Read)?;
    let logout = parse(&logout)?;
    Ok(Json(app.store.receipt(&logout).await?.ok_or(Problem::NotFound("logout"))?))
}

/// `GET /api/v1/logouts?user=&session=&state=`: newest first.
pub async fn list(State(app): State<App>, headers: HeaderMap, ApiQuery(query): ApiQuery) -> Result<Response, Problem> {
    require(&app, &headers, Scope::Read)?;
    let user: Option<UserId> = match query.get("user") {
        Some(user) => Some(find_user(&app, user).await?.ok_or(Problem::NotFound("user"))?.id),
        None => None,
    };
    let session = query
        .get("session")
        .map(SessionId::parse)
        .transpose()
        .map_err(|error| Problem::BadRequest(error.to_string()))?;
    let state =
        match query.get("state") {
            Some(state) => Some(ReceiptState::parse(state).ok_or_else(|| {
                Problem::BadRequest("`state` is `complete`, `in_progress` or `incomplete`".to_owned())
            })?),
            None => None,
        };
    let (after, limit) = paging(&query)?;
    let page = app.store.logouts(&LogoutFilter { user, session, state }, after.as_deref(), limit).await?;
    Ok(Json(serde_json::json!({ "data": page.data, "next": page.next })).into_response())
}

/// `POST /api/v1/logouts/{id}/retry`: attempts pending and failed steps at once.
pub async fn retry(
    State(app): State<App>,
    headers: HeaderMap,
    Path(logout): Path<String>,
) -> Result<Response, Problem> {
    require(&app, &headers, Scope::Sessions)?;
    let logout = parse(&logout)?;
    if app.store.receipt(&logout).await?.is_none() {
        return Err(Problem::NotFound("logout"));
    }
    app.store.retry_now(&logout, app.clock.now()).await?;
    app.worker.retry();
    let receipt = app.store.receipt(&logout).await?.ok_or(Problem::Internal)?;
    Ok((StatusCode::ACCEPTED, Json(receipt)).into_response())
}

fn parse(logout: &str) -> Result<LogoutId, Problem> {
    LogoutId::parse(logout).map_err(|_| Problem::NotFound("logout"))
}
