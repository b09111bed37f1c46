//! Okta's paths: those of its `default` authorization server, which its SDKs are configured with. The org server's are
//! our own.

use axum::{Router, routing::get};

use super::{discovery, endpoints};
use crate::App;

/// Okta's names for the provider's endpoints.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/oauth2/default/.well-known/openid-configuration", get(discovery::show))
        .route("/oauth2/default/.well-known/oauth-authorization-server", get(discovery::show))
        .merge(endpoints("/oauth2/default/v1"))
}
