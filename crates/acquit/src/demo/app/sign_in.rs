//! Signing in at a sample application: the code flow with PKCE, `state` and `nonce`.

use std::time::Duration;

use acquit_oidc::{
    jose::{self, IdTokenError, IdTokenRules, verify_id_token},
    params::Params,
    response::add_query,
};
use acquit_server::{
    random::{self, NoRandomness},
    respond,
};
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};

use super::{
    error::AppError,
    oidc::Oidc,
    provider::{Credentials, Tokens},
    sessions::{Proof, Session},
};

/// How long a person may take to sign in.
const BEGUN_LIFE: Duration = Duration::from_secs(15 * 60);

/// A sign-in that was begun in one browser.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) state: String,
    nonce: String,
    pub(super) verifier: String,
}

impl Begun {
    pub(super) fn new() -> Result<Self, NoRandomness> {
        Ok(Self { state: random::secret()?, nonce: random::secret()?, verifier: random::secret()? })
    }
}

/// `GET /sign-in`: sends the browser to the provider.
pub(super) async fn begin(State(app): State<Oidc>) -> Result<Response, AppError> {
    let key = random::secret()?;
    let begun = Begun::new()?;
    let endpoint = app.provider.metadata.authorization_endpoint.as_str();
    let url = add_query(
        endpoint,
        &[
            ("response_type", "code".to_owned()),
            ("client_id", app.kind.id.to_owned()),
            ("redirect_uri", app.callback()),
            ("scope", "openid profile".to_owned()),
            ("state", begun.state.clone()),
            ("nonce", begun.nonce.clone()),
            ("code_challenge", jose::encode(&jose::sha256(begun.verifier.as_bytes()))),
            ("code_challenge_method", "S256".to_owned()),
        ],
    );
    app.memory().begun.insert(key.clone(), begun, app.now(), BEGUN_LIFE);
    Ok(respond::with_cookie(respond::see_other(&url), app.cookie("sign-in", &key)))
}

/// `GET /callback`: the browser comes back with a code, or with an error.
pub(super) async fn finish(State(app): State<Oidc>, headers: HeaderMap, uri: Uri) -> Result<Response, AppError> {
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| AppError::Answer(error.to_string()))?;
    let key = app.read_cookie(&headers, "sign-in").ok_or(AppError::Begin)?;
    let begun = app.memory().begun.take(&key, app.now()).ok_or(AppError::Begin)?;
    if params.get("state") != Some(begun.state.as_str()) {
        return Err(AppError::Begin);
    }
    if params.get("iss") != Some(app.provider.metadata.issuer.as_str()) {
        // RFC 9207: our provider always says who it is.
        return Err(AppError::Answer("the answer comes from another provider".to_owned()));
    }
    if let Some(error) = params.get("error") {
        let description = params.get("error_description").unwrap_or_default();
        return Err(AppError::Answer(format!("{error} {description}")));
    }
    let code = params.get("code").ok_or_else(|| AppError::Answer("there is no code".to_owned()))?;
    let credentials = Credentials { client_id: app.kind.id, secret: &app.secret };
    let tokens = app.provider.redeem(&credentials, code, &app.callback(), &begun.verifier).await?;
    let session = believe(&app, &begun, code, tokens).await?;
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
