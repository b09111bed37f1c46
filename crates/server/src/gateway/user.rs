//! What the page of an app learns of its person on its own host: `/.pomerium/user`, `/.pomerium/jwt`, and the same below `/.acquit`.

use std::sync::Arc;

use acquit_gateway::{identity::Identity, origin::Origin, route::Route};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{assertion, forbidden, host::RouteHost, sign_in, visitor};
use crate::{App, door::DoorError};

/// Who is signed in at this host, or the answer to who is not.
pub(super) async fn signed_in(
    app: &App,
    origin: &Origin,
    (uri, headers): (&Uri, &HeaderMap),
) -> Result<Arc<Identity>, Response> {
    match visitor::signed_in(app, origin, headers).await {
        Ok(Some(identity)) => Ok(identity),
        Ok(None) => {
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            Err(sign_in::answer(app, origin, &Method::GET, path, headers))
        }
        Err(error) => Err(DoorError::page_on_route(error)),
    }
}

/// The routes of this host that the person may pass.
fn admitting(app: &App, origin: &Origin, identity: &Identity) -> Vec<Arc<Route>> {
    let routes = app.gate.routes();
    let of_host = routes.of_host(origin.authority()).map(|routes| routes.to_vec()).unwrap_or_default();
    of_host.into_iter().filter(|route| route.allow.admits(identity)).collect()
}

/// `GET …/user`: what the assertion says of the person. 404 where the app is told nothing.
pub async fn user(State(app): State<App>, RouteHost(origin): RouteHost, uri: Uri, headers: HeaderMap) -> Response {
    match signed_in(&app, &origin, (&uri, &headers)).await {
        Ok(_) if !is_told(&app, &origin) => StatusCode::NOT_FOUND.into_response(),
        Ok(identity) => Json(assertion::person(&identity)).into_response(),
        Err(response) => response,
    }
}

/// `GET …/jwt`: the assertion itself, for whoever may pass.
pub async fn jwt(State(app): State<App>, RouteHost(origin): RouteHost, uri: Uri, headers: HeaderMap) -> Response {
    let identity = match signed_in(&app, &origin, (&uri, &headers)).await {
        Ok(identity) => identity,
        Err(response) => return response,
    };
    // It opens the app for whoever can reach that past the gateway.
    if admitting(&app, &origin, &identity).is_empty() {
        return forbidden::answer(&app, &origin, &identity, &Method::GET, &headers);
    }
    match app.assertions.token(&origin, &identity, app.clock.now()) {
        Some(token) if is_told(&app, &origin) => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
            ([kind], token.as_bytes().to_vec()).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether apps of this host are told who their people are.
fn is_told(app: &App, origin: &Origin) -> bool {
    let routes = app.gate.routes();
    routes.of_host(origin.authority()).is_some_and(|routes| routes.iter().any(|route| route.pass_identity))
}
