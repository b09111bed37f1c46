//! The gateway's doors: those on the hosts of routes, and those on Acquit's own.

use std::convert::Infallible;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use tower::ServiceExt;

use super::{
    CALLBACK, POMERIUM_SIGN_OUT, SIGN_IN, SIGN_OUT, callback, host, host::RouteHost, own_sign_out, sign_in, sign_out,
};
use crate::{App, door::DoorError, pages::assets};

/// Tells requests for the hosts of routes from those for Acquit's own, which have their doors each: nobody signs in to Acquit on
/// a host on which an app's scripts run.
#[derive(Clone)]
pub struct Hosts {
    app: App,
    routes: Router,
}

impl Hosts {
    /// With the doors of this server.
    #[must_use]
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), routes: of_routes().with_state(app.clone()) }
    }
}

/// What proxies ask on behalf of routes, at Acquit's own host whatever host they name besides.
const ASKED_BY_PROXIES: &str = "/auth/";

/// Has the doors of a route answer what is for its host.
pub async fn by_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let route = if parts.uri.path().starts_with(ASKED_BY_PROXIES) { None } else { host::of(&hosts.app, &parts) };
    let Some(origin) = route else { return next.run(Request::from_parts(parts, body)).await };
    parts.extensions.insert(RouteHost(origin));
    let answer: Result<Response, Infallible> = hosts.routes.oneshot(Request::from_parts(parts, body)).await;
    answer.unwrap_or_else(|never| match never {})
}

/// The doors on Acquit's own host.
pub fn own() -> Router<App> {
    Router::new()
        .route(SIGN_IN, get(sign_in::show))
        .route(SIGN_OUT, get(own_sign_out::show).post(own_sign_out::post))
        .route(POMERIUM_SIGN_OUT, get(own_sign_out::show).post(own_sign_out::post))
        .route("/.acquit/assets/{name}", get(asset))
}

/// The doors on the host of a route.
fn of_routes() -> Router<App> {
    Router::new()
        .route(SIGN_IN, get(sign_in::begin))
        .route(CALLBACK, get(callback::show))
        .route(SIGN_OUT, get(sign_out::get).post(sign_out::post))
        .route(POMERIUM_SIGN_OUT, get(sign_out::get).post(sign_out::post))
        .route("/.acquit/assets/{name}", get(asset))
        .fallback(nothing_here)
}

/// Style sheet, scripts, icon: named after their content, so that they may be kept for ever.
async fn asset(Path(name): Path<String>) -> Response {
    match assets::at(&format!("{}{name}", assets::FOLDER)) {
        Some(asset) => {
            let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, assets::CACHE_CONTROL)];
            (headers, asset.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn nothing_here() -> Response {
    DoorError::NotFound.page_on_route()
}
