//! The OpenID Connect provider. The rules are in `acquit_oidc`; the doors here read requests, ask the store, and answer.

pub mod authorize;
pub mod clients;
pub mod consent;
mod cors;
pub mod credentials;
pub mod discovery;
pub mod error;
pub mod introspect;
pub mod keys;
pub mod login_gov;
pub mod logout;
pub mod okta;
pub mod par;
pub mod revoke;
pub mod token;
pub mod upstream;
pub mod userinfo;

use axum::{
    Router,
    routing::{get, post},
};

use crate::App;

/// The provider's own paths.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::show))
        .route("/.well-known/oauth-authorization-server", get(discovery::show))
        .route("/consent", get(consent::show).post(consent::answer))
        .merge(endpoints("/oauth2/v1"))
        .merge(okta::routes())
        .merge(login_gov::routes())
}

/// The endpoints under a prefix: our own, and Okta's name for the same.
fn endpoints(prefix: &str) -> Router<App> {
    let at = |name: &str| format!("{prefix}/{name}");
    let open = Router::new()
        .route(&at("token"), post(token::exchange))
        .route(&at("userinfo"), get(userinfo::show).post(userinfo::show))
        .route(&at("revoke"), post(revoke::revoke));
    Router::new()
        .merge(cors::open_to_pages(open))
        .route(&at("authorize"), get(authorize::get).post(authorize::post))
        .route(&at("keys"), get(keys::show))
        .route(&at("introspect"), post(introspect::introspect))
        .route(&at("logout"), get(logout::get).post(logout::post))
        .route(&at("par"), post(par::push_request))
        .route(&at("clients"), post(clients::register))
        .route(&at("clients/{client_id}"), get(clients::read).put(clients::update).delete(clients::delete))
}
