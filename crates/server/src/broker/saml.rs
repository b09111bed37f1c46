//! SAML identity providers upstream. To each we are a service provider of a name of its own, so that what one of them signs is
//! good at no other's door.

pub mod acs;
pub mod attributes;
pub mod authn_request;
pub mod end;
pub mod idp;
pub mod metadata;
pub mod slo;

use std::sync::Arc;

use acquit_core::ConnectionId;
use acquit_store::StoreError;
use axum::{Router, routing::get};

use self::idp::Idp;
use crate::{App, door::DoorError, settings::Connection};

/// The paths of every SAML connection.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/sso/saml/metadata/{connection}", get(metadata::show))
        .route("/sso/saml/acs/{connection}", get(acs::get).post(acs::post))
        .route("/sso/saml/slo/{connection}", get(slo::get).post(slo::post))
}

/// Our name towards the provider of a connection: the address of our metadata for it.
#[must_use]
pub fn entity_id(issuer: &str, connection: &ConnectionId) -> String {
    format!("{issuer}/sso/saml/metadata/{connection}")
}

/// Where its Responses come.
#[must_use]
pub fn acs_path(connection: &ConnectionId) -> String {
    format!("/sso/saml/acs/{connection}")
}

/// Where its logout messages come, by every binding.
#[must_use]
pub fn slo_path(connection: &ConnectionId) -> String {
    format!("/sso/saml/slo/{connection}")
}

/// The SAML connection with this id.
///
/// # Errors
/// [`DoorError::NotFound`].
fn connection(app: &App, id: &str) -> Result<Arc<Connection>, DoorError> {
    let found = ConnectionId::parse(id).ok().and_then(|id| app.clients.connections().find(&id));
    found.filter(|connection| connection.saml().is_some()).ok_or(DoorError::NotFound)
}

/// The identity provider of the SAML connection with this id. Where its metadata is not known yet, it can be told nothing and
/// believed nothing.
///
/// # Errors
/// [`DoorError::NotFound`], [`DoorError::Unavailable`] while its metadata was never fetched.
fn provider(app: &App, id: &str) -> Result<Idp, DoorError> {
    let connection = connection(app, id)?;
    let idp = app.clients.connections().identity_provider(&connection.id);
    let missing = || StoreError::Unavailable("the metadata of this identity provider is not known yet".to_owned());
    idp.ok_or_else(|| missing().into())
}
