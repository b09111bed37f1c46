//! `/oauth2/v1/keys`: the JWK set.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{App, keys::JWKS_MAX_AGE};

/// `GET /oauth2/v1/keys`.
pub async fn show(State(app): State<App>) -> Response {
    let set = app.keys.set(app.clock.now());
    let caching = format!("public, max-age={}", JWKS_MAX_AGE.as_secs());
    let open = [(header::CACHE_CONTROL, caching), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned())];
    (open, Json(set.document())).into_response()
}
