//! Signing out at a sample application: it ends its own session and sends the browser to the provider, which tells the
//! other applications (RP-Initiated Logout 1.0).

use std::time::Duration;

use acquit_oidc::{params::Params, response::add_query};
use acquit_server::{form, provenance, random, respond};
use axum::{
    extract::{Request, State},
    http::Uri,
    response::Response,
};

use super::{error::AppError, oidc::Oidc, page, sessions::Proof};

/// How long the way through the provider may take.
const LEAVING_LIFE: Duration = Duration::from_secs(15 * 60);

/// `POST /sign-out`: `then=receipt` ends at the provider's own page, with the receipt; `then=back` comes back here.
pub(super) async fn begin(State(app): State<Oidc>, request: Request) -> Result<Response, AppError> {
    let headers = request.headers().clone();
    if !provenance::same_origin(&headers, &app.origin) {
        return Err(AppError::Foreign);
    }
    let body = form::read_form(request).await.map_err(|error| AppError::Answer(error.to_string()))?;
    let params = Params::parse(&body).map_err(|error| AppError::Answer(error.to_string()))?;
    let session = app.read_cookie(&headers, "session").and_then(|handle| app.memory().sessions.end(&handle, app.now()));
    let Some(session) = session else { return Ok(respond::see_other("/")) };
    let mut query = vec![("client_id", app.kind.id.to_owned())];
    if let Proof::IdToken(id_token) = session.proof {
        query.push(("id_token_hint", id_token));
    }
    if params.get("then") == Some("back") {
        let state = random::secret()?;
        query.push(("post_logout_redirect_uri", app.landing()));
        query.push(("state", state.clone()));
        app.memory().leaving.insert(state, (), app.now(), LEAVING_LIFE);
    }
    Ok(respond::see_other(&add_query(app.provider.metadata.end_session_endpoint.as_str(), &query)))
}

/// `GET /signed-out`: the browser is back.
pub(super) async fn finish(State(app): State<Oidc>, uri: Uri) -> Result<Response, AppError> {
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| AppError::Answer(error.to_string()))?;
    let state = params.get("state").unwrap_or_default();
    app.memory().leaving.take(state, app.now()).ok_or(AppError::Begin)?;
    Ok(page::goodbye(&app, None))
}
