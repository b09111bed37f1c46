//! `/sso/profile`: the person of an access token.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::Value;

use super::{call::bearer, error::Failure, person};
use crate::{App, random};

/// `GET /sso/profile`, with an access token of `/sso/token`; the API key is none.
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    let token = bearer(&headers).ok_or(Failure::Unauthorized)?;
    let view = app.store.access_token(&random::hash(token)).await?.ok_or(Failure::Unauthorized)?;
    let lifetimes = app.settings().lifetimes.session();
    if !view.live(app.clock.now(), lifetimes) || app.denials.denies_grant(&view.grant.session, false) {
        return Err(Failure::Unauthorized);
    }
    let connections = app.clients.connections();
    // A token of one kind is never taken for another: this one was given to a broker application.
    let application = connections.by_client_id(&view.grant.client_id).ok_or(Failure::Unauthorized)?;
    app.used(&view.grant.session).await?;
    let origin = view.grant.user.origin.as_ref().ok_or(Failure::Unauthorized)?;
    let connection = connections.find(&origin.connection).ok_or(Failure::Unauthorized)?;
    if !application.gets(connection.organization.as_ref()) {
        return Err(Failure::Unauthorized);
    }
    Ok(Json(person::profile(&view.grant.user, &connection)))
}
