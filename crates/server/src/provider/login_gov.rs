//! Login.gov's paths. Its rules for clients (`state` of at least 22 characters, no single logout) are settings of the
//! application: `state_min_length = 22`, `single_logout = "none"`.

use axum::{
    Router,
    routing::{get, post},
};

use super::{authorize, cors, keys, logout, token, userinfo};
use crate::App;

/// Login.gov's names for the provider's endpoints.
pub fn routes() -> Router<App> {
    let open = Router::new()
        .route("/api/openid_connect/token", post(token::exchange))
        .route("/api/openid_connect/userinfo", get(userinfo::show).post(userinfo::show));
    Router::new()
        .merge(cors::open_to_pages(open))
        .route("/openid_connect/authorize", get(authorize::get).post(authorize::post))
        .route("/openid_connect/logout", get(logout::get).post(logout::post))
        .route("/api/openid_connect/certs", get(keys::show))
}
