//! Signing in at a sample application: the code flow with PKCE, `state` and `nonce`.

use acquit_oidc::jose::{self, IdTokenError, IdTokenRules, verify_id_token};
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};

use super::{
    code_flow::Begun,
    error::AppError,
    oidc::Oidc,
    provider::{Credentials, Tokens},
    sessions::{Proof, Session},
};

/// `GET /sign-in`: sends the browser to the provider.
pub(super) async fn begin(State(app): State<Oidc>) -> Result<Response, AppError> {
    let begun = Begun::new()?;
    let own = [("scope", "openid profile".to_owned()), ("nonce", begun.nonce.clone())];
    app.leave(begun, app.provider.metadata.authorization_endpoint.as_str(), app.kind.id, &own)
}

/// `GET /callback`: the browser comes back with a code, or with an error. Our provider always says who it is.
pub(super) async fn finish(State(app): State<Oidc>, headers: HeaderMap, uri: Uri) -> Result<Response, AppError> {
    let (begun, code) = app.come_back(&headers, &uri, Some(&app.provider.metadata.issuer))?;
    let credentials = Credentials { client_id: app.kind.id, secret: &app.secret };
    let tokens = app.provider.redeem(&credentials, &code, &app.callback(), &begun.verifier).await?;
    let session = believe(&app, &begun, &code, tokens).await?;
    app.enter(app.memory(), &headers, session)
}

async fn believe(app: &Oidc, begun: &Begun, code: &str, tokens: Tokens) -> Result<Session, AppError> {
    let now = app.now();
    let rules = IdTokenRules {
        nonce: Some(&begun.nonce),
        access_token: Some(&tokens.access_token),
        code: Some(code),
        ..IdTokenRules::new(&app.provider.metadata.issuer, app.kind.id)
    };
    let check = |keys: &jose::Jwks| verify_id_token(keys, rules, &tokens.id_token, now);
    let jws = |error: &IdTokenError| match error {
        IdTokenError::Jws(error) => Some(*error),
        _ => None,
    };
    let token = app.provider.with_keys(now, check, jws).await?;
    let user = app.provider.user(&tokens.access_token, &token.subject).await?;
    Ok(Session {
        name: user.name.unwrap_or_else(|| token.subject.clone()),
        subject: token.subject,
        sid: token.sid,
        proof: Proof::IdToken(tokens.id_token),
        since: now,
        ended: None,
        told: false,
    })
}
