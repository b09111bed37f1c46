//! The gateway's doors: those on the hosts of routes, and those on Acquit's own.

use std::convert::Infallible;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, Uri, header, request::Parts, uri::PathAndQuery},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use tower::ServiceExt;

use super::{
    APPS, CALLBACK, POMERIUM_SIGN_OUT, SIGN_IN, SIGN_OUT, apps, callback,
    host::{self, RouteHost},
    own_sign_out, sign_in, sign_out, user, well_known,
};
use crate::{App, door::DoorError, pages::assets};

/// Tells requests for the hosts of routes from those for Acquit's own, which have their doors each: nobody signs in to Acquit on
/// a host on which an app's scripts run.
#[derive(Clone)]
pub struct Hosts {
    app: App,
    routes: Router,
    own: Router,
}

impl Hosts {
    /// With the doors of this server.
    #[must_use]
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), routes: of_routes().with_state(app.clone()), own: own().with_state(app.clone()) }
    }
}

/// What proxies ask on behalf of routes, at Acquit's own host whatever host they name besides.
const ASKED_BY_PROXIES: &str = "/auth/";

/// Has the doors of a route answer what is for its host.
pub async fn by_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let merged = merge(&mut parts);
    let asked_by_proxy = parts.uri.path().starts_with(ASKED_BY_PROXIES);
    let route = if asked_by_proxy { Ok(None) } else { host::of(&hosts.app, &parts) };
    let Ok(route) = route else {
        return DoorError::Forbidden("this app is not reached by this scheme; try https").page_on_route();
    };
    let doors = match route {
        Some(origin) => {
            parts.extensions.insert(RouteHost(origin));
            hosts.routes
        }
        None if merged => hosts.own,
        None => return next.run(Request::from_parts(parts, body)).await,
    };
    let answer: Result<Response, Infallible> = doors.oneshot(Request::from_parts(parts, body)).await;
    answer.unwrap_or_else(|never| match never {})
}

/// Merges the slashes of a path to one of the documents; whether there were any to merge. Pomerium's SDK puts one too many before
/// it where the issuer is a URL.
fn merge(parts: &mut Parts) -> bool {
    let path = parts.uri.path();
    if !path.contains("//") {
        return false;
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let merged = segments.fold(String::new(), |merged, segment| merged + "/" + segment);
    if !merged.starts_with("/.well-known/acquit") && !merged.starts_with("/.well-known/pomerium") {
        return false;
    }
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(path_and_query) = PathAndQuery::try_from(format!("{merged}{query}")) else { return false };
    let mut uri = parts.uri.clone().into_parts();
    uri.path_and_query = Some(path_and_query);
    let Ok(uri) = Uri::from_parts(uri) else { return false };
    parts.uri = uri;
    true
}

/// The doors on Acquit's own host.
pub fn own() -> Router<App> {
    Router::new()
        .route(SIGN_IN, get(sign_in::show))
        .route(SIGN_OUT, get(own_sign_out::show).post(own_sign_out::post))
        .route(POMERIUM_SIGN_OUT, get(own_sign_out::show).post(own_sign_out::post))
        .merge(documents(get(well_known::own_acquit), get(well_known::own_pomerium)))
        .route("/.acquit/assets/{name}", get(asset))
}

/// The documents, at their paths with and without a slash at the end.
fn documents(acquit: MethodRouter<App>, pomerium: MethodRouter<App>) -> Router<App> {
    Router::new()
        .route("/.well-known/acquit", acquit.clone())
        .route("/.well-known/acquit/", acquit)
        .route("/.well-known/pomerium", pomerium.clone())
        .route("/.well-known/pomerium/", pomerium)
        .route("/.well-known/acquit/jwks.json", get(well_known::jwks))
        .route("/.well-known/pomerium/jwks.json", get(well_known::jwks))
}

/// The doors on the host of a route.
fn of_routes() -> Router<App> {
    Router::new()
        .route(SIGN_IN, get(sign_in::begin))
        .route(CALLBACK, get(callback::show))
        .route(SIGN_OUT, get(sign_out::get).post(sign_out::post))
        .route(POMERIUM_SIGN_OUT, get(sign_out::get).post(sign_out::post))
        .merge(documents(get(well_known::acquit), get(well_known::pomerium)))
        .route("/.acquit/user", get(user::user))
        .route("/.pomerium/user", get(user::user))
        .route("/.acquit/jwt", get(user::jwt))
        .route("/.pomerium/jwt", get(user::jwt))
        .route(APPS, get(apps::page))
        .route("/.acquit/routes", get(apps::page))
        .route("/.pomerium/", get(apps::page))
        .route("/.pomerium/routes", get(apps::page))
        .route("/.pomerium/api/v1/routes", get(apps::list))
        .route("/.acquit/assets/{name}", get(asset))
        .fallback(nothing_here)
}

/// Style sheet, scripts, icon: named after their content, so that they may be kept for ever.
async fn asset(uri: Uri) -> Response {
    // Not by a parameter of the path: a request for the host of a route has met the same one at our own doors already.
    match assets::at(uri.path()) {
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
