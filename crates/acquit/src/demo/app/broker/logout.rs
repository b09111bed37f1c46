//! `GET /logout`: the broker brings the browser here when a logout began elsewhere, and the application clears its cookie.
//!
//! The webhook has ended the session by then, or will. A visit names no session: it has only the browser's own cookie. Browsers withhold that in a frame of another
//! site, so a frame of this ends nothing; only a visit does.

use acquit_server::respond;
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::Broker;
use crate::demo::app::{page, sessions::How};

const EXPLAINED: &str = " Your identity provider had signed you out.";

/// Ends the session of this browser, if it says which.
pub(super) async fn receive(State(app): State<Broker>, headers: HeaderMap) -> Response {
    if let Some(handle) = app.read_cookie(&headers, "session") {
        app.memory().sessions.told_by_visit(&handle, How::LogoutUri, app.now());
        return respond::with_cookie(page::goodbye(&app, Some(EXPLAINED)), app.clear_cookie("session"));
    }
    // Only the broker may frame this page.
    let policy = format!("default-src 'none'; frame-ancestors {}", app.issuer);
    let headers =
        [(header::CONTENT_SECURITY_POLICY, policy), (header::CONTENT_TYPE, "text/html; charset=utf-8".into())];
    (headers, "<!doctype html><title>Signed out</title><p>Signed out.").into_response()
}
