//! The SAML 2.0 identity provider. The messages and their security are in `acquit_saml`; the doors here read requests, ask
//! the store, and answer.

pub mod answer;
pub mod artifact;
mod assertion;
mod context;
pub mod fetch;
pub mod frame;
pub mod hop;
pub mod incoming;
pub mod keys;
pub mod metadata;
pub mod okta;
pub mod parties;
pub mod party;
pub mod registry;
pub mod slo;
pub mod soap;
pub mod sso;
mod subject;

use axum::{
    Router,
    routing::{get, post},
};

use crate::App;

/// The identity provider's own paths, and Okta's names for them.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/saml/metadata", get(metadata::show))
        .route("/saml/sso", get(sso::get).post(sso::post))
        .route("/saml/slo", get(slo::get).post(slo::post))
        .route("/saml/slo/soap", post(soap::receive))
        .route(artifact::PATH, post(artifact::resolve))
        .route(frame::PATH, get(frame::show))
        .merge(okta::routes())
}

impl App {
    /// The name of this identity provider: the address of its metadata.
    #[must_use]
    pub fn entity_id(&self) -> String {
        entity_id(self.issuer())
    }
}

/// The name of the identity provider of an issuer.
pub(crate) fn entity_id(issuer: &str) -> String {
    format!("{issuer}/saml/metadata")
}
