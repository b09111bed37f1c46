//! The broker: customers' own identity providers behind the applications, on WorkOS's wire. Its ids, lists and errors are
//! translated here; the sessions and logouts are those of every other door.

use acquit_oidc::rp::logout_setup::SHARED_CALLBACK;
use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};

use crate::{App, random};

pub mod asked;
pub mod authorize;
pub mod backchannel;
pub mod body;
pub mod call;
pub mod callback;
pub mod connections;
pub mod end_session;
pub mod error;
pub mod event;
pub mod events;
pub mod idp_logout;
pub mod ids;
pub mod jwks;
pub mod kept;
pub mod list;
pub mod logout;
pub mod logout_setup;
pub mod made;
pub mod manage;
pub mod organizations;
pub mod person;
pub mod profile;
pub mod provider;
pub mod registry;
pub mod revalidate;
pub mod saml;
pub mod secrets;
pub mod stored;
pub mod token;
pub mod trip;
pub mod webhook_endpoints;

/// The paths of the broker.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/sso/authorize", get(authorize::get))
        .route("/sso/token", post(token::exchange))
        .route("/sso/profile", get(profile::show))
        .route("/sso/logout/authorize", post(logout::authorize))
        .route("/sso/logout", get(logout::get))
        .route("/sso/oidc/{external_key}/callback", get(callback::get).post(callback::post))
        .route(SHARED_CALLBACK, get(callback::shared).post(callback::post))
        .route(end_session::CALLBACK, get(end_session::back))
        .route("/sso/oidc/idp-logout/{external_key}", get(idp_logout::get).post(idp_logout::post))
        .route("/sso/oidc/backchannel-logout/{external_key}", post(backchannel::receive))
        .route("/events", get(events::list))
        .route("/webhook_endpoints", get(webhook_endpoints::list).post(webhook_endpoints::make))
        .route(
            "/webhook_endpoints/{id}",
            axum::routing::patch(webhook_endpoints::change).delete(webhook_endpoints::delete),
        )
        .route("/sso/jwks/{client_id}", get(jwks::show))
        .route("/connections", get(connections::list).post(connections::make))
        .route("/connections/{id}", get(connections::show).patch(connections::patch).delete(connections::delete))
        .route("/connections/{id}/logout_setup", get(logout_setup::show))
        .route("/organizations", get(organizations::list).post(organizations::make))
        .route("/organizations/{id}", get(organizations::show).put(organizations::change).delete(organizations::delete))
        // An older SDK writes a slash in it as it is.
        .route("/organizations/external_id/{*external_id}", get(organizations::show_by_external_id))
        .merge(saml::routes())
        .layer(middleware::from_fn(request_id))
}

/// Every answer has a name, by which the SDKs quote it.
async fn request_id(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Ok(bits) = random::bytes::<16>() {
        let id = acquit_core::LogoutId::from_random(bits).as_str().replacen("lgo_", "req_", 1);
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
        }
    }
    response
}
