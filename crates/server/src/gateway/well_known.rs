//! `/.well-known/acquit` and `/.well-known/pomerium` on every host: where things are, the token of a sign-out, and the keys that
//! assertions are signed with.

use acquit_gateway::origin::Origin;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    CALLBACK, POMERIUM_SIGN_OUT, SIGN_IN, SIGN_OUT,
    host::RouteHost,
    proof::{self, Bound},
    visitor::{self, CSRF},
};
use crate::{App, browser::Browser, door::DoorError};

const ANY: HeaderValue = HeaderValue::from_static("*");

/// How Acquit's things are called on a host.
#[derive(Clone, Copy)]
enum Dialect {
    Acquit,
    Pomerium,
}

/// `GET /.well-known/acquit` on the host of a route.
pub async fn acquit(
    State(app): State<App>,
    RouteHost(origin): RouteHost,
    headers: HeaderMap,
) -> Result<Response, DoorError> {
    at_route(&app, &origin, &headers, Dialect::Acquit)
}

/// `GET /.well-known/pomerium` on the host of a route.
pub async fn pomerium(
    State(app): State<App>,
    RouteHost(origin): RouteHost,
    headers: HeaderMap,
) -> Result<Response, DoorError> {
    at_route(&app, &origin, &headers, Dialect::Pomerium)
}

/// `GET /.well-known/acquit` on Acquit's own host.
pub async fn own_acquit(State(app): State<App>, headers: HeaderMap) -> Result<Response, DoorError> {
    at_home(&app, &headers, Dialect::Acquit).await
}

/// `GET /.well-known/pomerium` on Acquit's own host.
pub async fn own_pomerium(State(app): State<App>, headers: HeaderMap) -> Result<Response, DoorError> {
    at_home(&app, &headers, Dialect::Pomerium).await
}

fn at_route(app: &App, origin: &Origin, headers: &HeaderMap, dialect: Dialect) -> Result<Response, DoorError> {
    let whose = visitor::identity(app, origin, headers);
    let session = whose.as_ref().map(|identity| &identity.session);
    answer(app, origin, headers, Bound { authority: origin.authority(), session }, dialect)
}

async fn at_home(app: &App, headers: &HeaderMap, dialect: Dialect) -> Result<Response, DoorError> {
    let browser = Browser::look_up(app, headers).await?;
    let session = browser.session.as_ref().map(|view| &view.session.id);
    // Our own origin is of the form of a route's, or the server would not have started.
    let own = Origin::parse(app.issuer()).map_err(|error| DoorError::Internal(error.to_string()))?;
    answer(app, &own, headers, Bound { authority: app.issuer(), session }, dialect)
}

/// The document, with the token of this browser. Who reads across origins is not shown that header: CORS exposes none of it.
fn answer(
    app: &App,
    origin: &Origin,
    headers: &HeaderMap,
    bound: Bound<'_>,
    dialect: Dialect,
) -> Result<Response, DoorError> {
    let (secret, fresh) = visitor::secret(headers, origin, CSRF)?;
    let token =
        HeaderValue::try_from(bound.token(app, &secret)).map_err(|error| DoorError::Internal(error.to_string()))?;
    let mut response = Json(document(origin, dialect)).into_response();
    let sent = response.headers_mut();
    sent.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    sent.insert(proof::TOKEN, token);
    if let Some(cookie) = fresh {
        sent.append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn document(origin: &Origin, dialect: Dialect) -> Value {
    let (name, sign_out) = match dialect {
        Dialect::Acquit => ("acquit", SIGN_OUT),
        Dialect::Pomerium => ("pomerium", POMERIUM_SIGN_OUT),
    };
    json!({
        "issuer": format!("{origin}/"),
        "authentication_callback_endpoint": format!("{origin}{CALLBACK}"),
        "jwks_uri": format!("{origin}/.well-known/{name}/jwks.json"),
        "frontchannel_logout_uri": format!("{origin}{sign_out}"),
        "frontchannel_logout_session_supported": true,
        "sign_in_uri": format!("{origin}{SIGN_IN}"),
    })
}

/// `GET /.well-known/{acquit,pomerium}/jwks.json`, the same on every host.
pub async fn jwks(State(app): State<App>) -> Response {
    let keys = app.assertions.keys().document(app.clock.now());
    let headers =
        [(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY), (header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"))];
    (headers, Json(keys)).into_response()
}
