//! `GET /frontchannel?iss=…&sid=…`: the provider's page loads this in a frame (Front-Channel Logout 1.0). The session is
//! found by its `sid`, not by a cookie: browsers withhold cookies from frames of other sites.

use acquit_oidc::{frontchannel, jose::LogoutSubject, params::Params};
use axum::{
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{oidc::Oidc, sessions::How};

/// Ends what the URL names.
pub(super) async fn receive(State(app): State<Oidc>, uri: Uri) -> Response {
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let Ok(Some(session)) = frontchannel::parse(&params) else {
        return (StatusCode::BAD_REQUEST, "iss and sid are missing").into_response();
    };
    if session.iss != app.provider.metadata.issuer {
        return (StatusCode::BAD_REQUEST, "another issuer").into_response();
    }
    let subject = LogoutSubject::Session { sid: session.sid.to_owned(), sub: None };
    app.memory().sessions.told(&subject, How::FrontChannel, app.now());
    // Only the provider may frame this page.
    let policy = format!("default-src 'none'; frame-ancestors {}", app.provider.metadata.issuer);
    let headers =
        [(header::CONTENT_SECURITY_POLICY, policy), (header::CONTENT_TYPE, "text/html; charset=utf-8".into())];
    (headers, "<!doctype html><title>Signed out</title><p>Signed out.").into_response()
}
