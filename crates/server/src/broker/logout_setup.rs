//! `/connections/{id}/logout_setup`, beyond what WorkOS has: what to register at an identity provider so that sign-outs reach
//! both ways, and what it can do, by its own account.

use acquit_core::ConnectionId;
use acquit_oidc::rp::logout_setup::{LogoutSetup, OurUrls};
use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use super::{connections::one, error::Failure, manage::Reader, provider::discover, stored::Stored};
use crate::{
    App,
    broker::registry::ListedConnection,
    settings::{Connection, broker::UpstreamProvider},
};

/// `GET /connections/{id}/logout_setup`. Where the provider cannot be read now, the URLs are there all the same.
pub async fn show(
    State(app): State<App>,
    Reader(application): Reader,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let listed = one(&app, &application, &id)?;
    let connection = connection(&app, &listed).ok_or_else(|| Failure::not_found(listed.id.as_str()))?;
    let UpstreamProvider::Oidc(oidc) = &connection.provider;
    let ours = OurUrls::of(app.issuer(), &connection.external_key);
    let (setup, problem) = match discover(&app, oidc).await {
        Ok(provider) => (Some(LogoutSetup::for_connection(&provider, &ours)), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Json(json!({
        "object": "logout_setup",
        "connection_id": ConnectionId::as_str(&listed.id),
        "callback_url": ours.callback,
        "post_logout_redirect_url": ours.post_logout,
        "idp_logout_url": ours.idp_logout,
        "backchannel_logout_url": ours.backchannel,
        "provider": setup,
        "problem": problem,
    })))
}

/// The connection behind a listed one, also while nobody may come through it.
fn connection(app: &App, listed: &ListedConnection) -> Option<std::sync::Arc<Connection>> {
    match &listed.record {
        None => app.clients.connections().find(&listed.id),
        Some(record) => Stored::connection(&app.sealer, record),
    }
}
