//! `POST /backchannel`: the provider says that a session is over (Back-Channel Logout 1.0 sections 2.5 to 2.8).

use acquit_oidc::{
    error::OAuthError,
    jose::{Algorithm, Jwks, LogoutTokenError, LogoutTokenRules, verify_logout_token},
    logout_token,
    params::Params,
};
use acquit_server::form;
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{oidc::Oidc, sessions::How};

/// Judges the token; ends what it names.
pub(super) async fn receive(State(app): State<Oidc>, request: Request) -> Response {
    let Ok(body) = form::read_form(request).await else { return StatusCode::BAD_REQUEST.into_response() };
    let Ok(params) = Params::parse(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let Ok(token) = logout_token::parse(&params) else { return StatusCode::BAD_REQUEST.into_response() };
    let now = app.now();
    let rules = LogoutTokenRules {
        issuer: &app.provider.metadata.issuer,
        client_id: app.kind.id,
        alg: Algorithm::Rs256,
        require_typ: true,
    };
    let check = |keys: &Jwks| verify_logout_token(keys, rules, token, now);
    let jws = |error: &LogoutTokenError| match error {
        LogoutTokenError::Jws(error) => Some(*error),
        _ => None,
    };
    let logout = match app.provider.with_keys(now, check, jws).await {
        Ok(logout) => logout,
        Err(error) => return refuse(&logout_token::refusal(error)),
    };
    let mut memory = app.memory();
    let life = logout.expires_at.since(now) + acquit_oidc::jose::CLOCK_SKEW;
    // BC-27: a token that was seen before does nothing, and is no mistake of the provider's either: its answer was lost.
    if memory.seen.insert(logout.jti, (), now, life) {
        memory.sessions.told(&logout.subject, How::BackChannel, now);
    }
    StatusCode::OK.into_response()
}

fn refuse(error: &OAuthError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(error)).into_response()
}
