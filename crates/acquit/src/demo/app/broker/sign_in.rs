//! Signing in through a customer's identity provider: the browser brings a code, and that becomes a profile.

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use super::Broker;
use crate::demo::app::{
    code_flow::Begun,
    error::AppError,
    sessions::{Proof, Session},
};

/// What the token endpoint answers.
#[derive(Deserialize)]
struct Reply {
    /// Which session this is, of all that the person has; events name it.
    session_id: String,
    profile: Profile,
}

/// Who signed in, as far as it is used here.
#[derive(Deserialize)]
struct Profile {
    id: String,
    connection_id: String,
    email: String,
    name: Option<String>,
}

/// `GET /sign-in`: sends the browser to the broker, which sends it on to the customer's identity provider.
pub(super) async fn begin(State(app): State<Broker>) -> Result<Response, AppError> {
    let endpoint = format!("{}/sso/authorize", app.issuer);
    let own = [("connection", app.account.connection.clone())];
    app.leave(Begun::new()?, &endpoint, &app.account.client_id, &own)
}

/// `GET /callback`: the browser comes back with a code, or with an error.
pub(super) async fn finish(State(app): State<Broker>, headers: HeaderMap, uri: Uri) -> Result<Response, AppError> {
    let (begun, code) = app.come_back(&headers, &uri, None)?;
    let body = json!({
        "client_id": app.account.client_id, "client_secret": app.account.api_key, "grant_type": "authorization_code",
        "code": code, "code_verifier": begun.verifier,
    });
    let Reply { session_id, profile } = app.call("/sso/token", &body).await?;
    // A profile of another customer's must not get into this one's data.
    if profile.connection_id != app.account.connection {
        return Err(AppError::Answer("this is somebody of another connection".to_owned()));
    }
    let session = Session {
        name: profile.name.unwrap_or(profile.email),
        subject: profile.id.clone(),
        sid: Some(session_id),
        proof: Proof::Profile(profile.id),
        since: app.now(),
        ended: None,
        told: false,
    };
    app.enter(app.memory(), &headers, session)
}
