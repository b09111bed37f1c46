//! Okta's paths: those of its `default` authorization server, which its SDKs are configured with. The org server's are
//! our own.

use acquit_oidc::discovery::Paths;
use axum::{Router, extract::State, response::Response, routing::get};

use super::{discovery, endpoints};
use crate::App;

/// Okta's names for the provider's endpoints.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/oauth2/default/.well-known/openid-configuration", get(configuration))
        .route("/oauth2/default/.well-known/oauth-authorization-server", get(configuration))
        .merge(endpoints("/oauth2/default/v1"))
}

async fn configuration(State(app): State<App>) -> Response {
    discovery::document(&app, &Paths::OKTA)
}
