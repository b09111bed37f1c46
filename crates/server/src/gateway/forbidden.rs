//! The answer to somebody who is signed in at a route and may not pass it.

use acquit_gateway::{identity::Identity, origin::Origin};
use axum::{
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};

use super::{APPS, SIGN_OUT, sign_in};
use crate::{App, pages::forbidden::Forbidden, respond};

/// For a navigation a page that says as whom they are signed in and what they can do; for all else a line.
#[must_use]
pub fn answer(app: &App, origin: &Origin, identity: &Identity, method: &Method, headers: &HeaderMap) -> Response {
    answer_at(|| app.clients.name(&origin.app()), identity, method, headers)
}

/// The same where the app has this name.
pub(super) fn answer_at(
    name: impl FnOnce() -> String,
    identity: &Identity,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    if !sign_in::is_navigation(method, headers) {
        return (StatusCode::FORBIDDEN, "you may not open this app\n").into_response();
    }
    let page = Forbidden {
        application: name(),
        user: label(identity).to_owned(),
        apps: APPS.to_owned(),
        sign_out: SIGN_OUT.to_owned(),
    };
    respond::page(StatusCode::FORBIDDEN, &page)
}

/// What people call somebody: who comes through a provider has no username that anybody typed.
#[must_use]
pub(super) fn label(identity: &Identity) -> &str {
    if identity.username == identity.user.as_str() {
        identity.email.as_deref().or(identity.name.as_deref()).unwrap_or(&identity.username)
    } else {
        &identity.username
    }
}
