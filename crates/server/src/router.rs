//! Which door opens at which path, and what every answer carries.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use tower::Layer;

use crate::{
    App, account, api, broker, door::DoorError, gateway, health, pages::assets, provider, respond::COMMON, saml,
    way_out,
};

/// All doors of a running server.
pub fn router(app: App) -> Router {
    let doors: Router = Router::new()
        .merge(provider::routes())
        .merge(saml::routes())
        .merge(broker::routes())
        .merge(people())
        .merge(operators())
        .merge(gateway::doors::own())
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .fallback(nothing_here)
        .with_state(app.clone());
    // Around all doors at once: around each of them, axum would copy them for each request.
    let by_host = middleware::from_fn_with_state(gateway::doors::Hosts::new(&app), gateway::doors::by_host);
    let common = middleware::from_fn_with_state(app.clone(), common);
    // Outside of these: proxies ask by any method and for any host.
    let asked_by_proxies = gateway::forward_auth::routes();
    asked_by_proxies.fallback_service(common.layer(by_host.layer(doors))).with_state(app)
}

fn people() -> Router<App> {
    Router::new()
        .route("/", get(account::sessions::home))
        .route("/sign-in", get(account::sign_in::show).post(account::sign_in::submit))
        .route("/sign-in/with/{connection}", get(account::with::go))
        .route("/sign-out", get(account::sign_out::show).post(account::sign_out::answer))
        .route("/signed-out", get(account::signed_out::show))
        .route(account::signing_out::REPORT, post(account::signing_out::loaded))
        .route(way_out::NEXT, get(way_out::next))
        .route("/account", get(account::sessions::show))
        .route("/account/sign-out", post(account::sessions::end))
        .route("/logouts/{id}", get(account::receipt::show))
}

fn operators() -> Router<App> {
    Router::new()
        .route("/api/v1/logouts", get(api::logouts::list).post(api::logouts::create))
        .route("/api/v1/logouts/{id}", get(api::logouts::show))
        .route("/api/v1/logouts/{id}/retry", post(api::logouts::retry))
        .route("/api/v1/programs", post(api::programs::create))
        .route(api::logs::PATH, get(api::logs::list))
        .route("/api/v1/sessions", get(api::sessions::list))
        .route("/api/v1/sessions/{id}", get(api::sessions::show).delete(api::sessions::end))
}

async fn nothing_here() -> DoorError {
    DoorError::NotFound
}

/// What every answer carries; and `HEAD` on anything that could act is answered without acting.
async fn common(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let harmless = path.starts_with(assets::FOLDER) || path.ends_with("z") || path.contains(".well-known");
    let mut response = if request.method() == Method::HEAD && !harmless {
        StatusCode::OK.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in COMMON {
        headers.entry(name).or_insert(value);
    }
    if app.server.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}
