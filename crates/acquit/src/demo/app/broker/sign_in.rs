//! Signing in through a customer's identity provider: the browser brings a code, and that becomes a profile.

use std::time::Duration;

use acquit_oidc::{jose, params::Params, response::add_query};
use acquit_server::{random, respond};
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use super::Broker;
use crate::demo::app::{
    error::AppError,
    sessions::{Proof, Session},
    sign_in::Begun,
};

/// How long a person may take to sign in.
const BEGUN_LIFE: Duration = Duration::from_secs(15 * 60);

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
    let key = random::secret()?;
    let begun = Begun::new()?;
    let url = add_query(
        &format!("{}/sso/authorize", app.issuer),
        &[
            ("response_type", "code".to_owned()),
            ("client_id", app.account.client_id.clone()),
            ("redirect_uri", app.callback()),
            ("connection", app.account.connection.clone()),
            ("state", begun.state.clone()),
            ("code_challenge", jose::encode(&jose::sha256(begun.verifier.as_bytes()))),
            ("code_challenge_method", "S256".to_owned()),
        ],
    );
    app.memory().begun.insert(key.clone(), begun, app.now(), BEGUN_LIFE);
    Ok(respond::with_cookie(respond::see_other(&url), app.cookie("sign-in", &key)))
}

/// `GET /callback`: the browser comes back with a code, or with an error.
pub(super) async fn finish(State(app): State<Broker>, headers: HeaderMap, uri: Uri) -> Result<Response, AppError> {
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| AppError::Answer(error.to_string()))?;
    let key = app.read_cookie(&headers, "sign-in").ok_or(AppError::Begin)?;
    let begun = app.memory().begun.take(&key, app.now()).ok_or(AppError::Begin)?;
    if params.get("state") != Some(begun.state.as_str()) {
        return Err(AppError::Begin);
    }
    if let Some(error) = params.get("error") {
        let description = params.get("error_description").unwrap_or_default();
        return Err(AppError::Answer(format!("{error} {description}")));
    }
    let code = params.get("code").ok_or_else(|| AppError::Answer("there is no code".to_owned()))?;
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
    let handle = random::secret()?;
    let mut memory = app.memory();
    if let Some(former) = app.read_cookie(&headers, "session") {
        memory.sessions.forget(&former);
    }
    memory.sessions.begin(handle.clone(), session);
    drop(memory);
    let response = respond::with_cookie(respond::see_other("/"), app.cookie("session", &handle));
    Ok(respond::with_cookie(response, app.clear_cookie("sign-in")))
}
