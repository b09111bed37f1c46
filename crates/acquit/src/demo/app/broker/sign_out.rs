//! Signing out: the application ends its own session, asks the broker for the right to a logout, and sends the browser with
//! it. The broker tells everybody else, up to the customer's identity provider.

use acquit_server::{provenance, respond};
use axum::{
    extract::{Request, State},
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use super::Broker;
use crate::demo::app::{error::AppError, sessions::Proof};

/// What `/sso/logout/authorize` answers.
#[derive(Deserialize)]
struct Right {
    logout_url: String,
}

/// `POST /sign-out`.
pub(super) async fn begin(State(app): State<Broker>, request: Request) -> Result<Response, AppError> {
    let headers = request.headers();
    if !provenance::same_origin(headers, &app.origin) {
        return Err(AppError::Foreign);
    }
    let handle = app.read_cookie(headers, "session");
    let session = handle.and_then(|handle| app.memory().sessions.end(&handle, app.now()));
    let Some(Proof::Profile(profile)) = session.map(|session| session.proof) else {
        return Ok(respond::see_other("/"));
    };
    let right: Right = app.call("/sso/logout/authorize", &json!({ "profile_id": profile })).await?;
    if !right.logout_url.starts_with(&format!("{}/", app.issuer)) {
        return Err(AppError::Answer("the logout would be somebody else's".to_owned()));
    }
    Ok(respond::see_other(&right.logout_url))
}
