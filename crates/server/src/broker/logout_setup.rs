//! `/connections/{id}/logout_setup`, beyond what WorkOS has: what to register at an identity provider so that sign-outs reach
//! both ways, and what it can do, by its own account.

use acquit_core::participant::HopBinding;
use acquit_oidc::rp::logout_setup::LogoutSetup;
use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use super::{connections::one, error::Failure, manage::Reader, provider::discover, saml, stored::Stored};
use crate::{
    App,
    broker::registry::ListedConnection,
    settings::{
        Connection,
        broker::{OidcProvider, SamlProvider, UpstreamProvider},
        saml::told_at,
    },
};

/// `GET /connections/{id}/logout_setup`. Where the provider cannot be read now, the URLs are there all the same.
pub async fn show(
    State(app): State<App>,
    Reader(application): Reader,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let listed = one(&app, &application, &id)?;
    let connection = connection(&app, &listed).ok_or_else(|| Failure::not_found(listed.id.as_str()))?;
    Ok(Json(match &connection.provider {
        UpstreamProvider::Oidc(oidc) => openid(&app, &connection, oidc).await,
        UpstreamProvider::Saml(saml) => by_saml(&app, &connection, saml),
    }))
}

async fn openid(app: &App, connection: &Connection, oidc: &OidcProvider) -> Value {
    let ours = connection.urls(app.issuer());
    let (setup, problem) = match discover(app, oidc).await {
        Ok(provider) => (Some(LogoutSetup::for_connection(&provider, &ours)), None),
        Err(error) => (None, Some(error.to_string())),
    };
    json!({
        "object": "logout_setup",
        "connection_id": connection.id.as_str(),
        "callback_url": ours.callback,
        "post_logout_redirect_url": ours.post_logout,
        "idp_logout_url": ours.idp_logout,
        "backchannel_logout_url": ours.backchannel,
        "provider": setup,
        "problem": problem,
    })
}

/// A SAML provider reads all of it from our metadata.
fn by_saml(app: &App, connection: &Connection, saml: &SamlProvider) -> Value {
    let (us, id) = (app.issuer(), &connection.id);
    let idp = app.clients.connections().identity_provider(id);
    let provider = idp.as_ref().map(|idp| {
        let (soap, hop) = told_at(saml.slo_binding, &idp.metadata.role);
        let by = |binding| match binding {
            HopBinding::Redirect => "redirect",
            HopBinding::Post => "post",
        };
        let told = soap.map(|uri| ("soap", uri)).into_iter().chain(hop.map(|hop| (by(hop.binding), hop.uri)));
        json!({
            "entity_id": idp.metadata.entity_id,
            "expired": idp.metadata.role.expired(app.clock.now()),
            "single_logout": told.map(|(binding, url)| json!({ "binding": binding, "url": url })).collect::<Vec<_>>(),
        })
    });
    json!({
        "object": "logout_setup",
        "connection_id": id.as_str(),
        "metadata_url": saml::entity_id(us, id),
        "acs_url": format!("{us}{}", saml::acs_path(id)),
        "single_logout_url": format!("{us}{}", saml::slo_path(id)),
        "problem": if provider.is_none() { Some("the metadata of this identity provider is not known yet") } else { None },
        "provider": provider,
    })
}

/// The connection behind a listed one, also while nobody may come through it.
fn connection(app: &App, listed: &ListedConnection) -> Option<std::sync::Arc<Connection>> {
    match &listed.record {
        None => app.clients.connections().find(&listed.id),
        Some(record) => Stored::connection(&app.sealer, record),
    }
}
