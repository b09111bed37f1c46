//! `/.well-known/openid-configuration`: what this provider can do, and where.

use acquit_oidc::discovery::{Capabilities, Metadata, Paths};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::App;

/// The document with our own paths.
pub async fn show(State(app): State<App>) -> Response {
    document(&app, &Paths::NATIVE)
}

/// The document with the paths of a dialect.
pub(super) fn document(app: &App, paths: &Paths) -> Response {
    let can = Capabilities {
        algorithms: app.keys.set(app.clock.now()).algorithms(),
        registration: !app.settings().registration.initial_access_tokens.is_empty(),
        acr_values: Vec::new(),
        ui_locales: vec!["en".to_owned()],
    };
    let metadata = Metadata::new(app.issuer(), paths, &can);
    let open = [(header::CACHE_CONTROL, "public, max-age=300"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (open, Json(metadata)).into_response()
}
