//! What the code flow asks of a sample application's browser door, whoever gives the code: OpenID Connect, or WorkOS's wire. The
//! browser leaves with `state` and PKCE, and comes back with the same `state`, and a code.

use std::time::Duration;

use acquit_oidc::{jose, params::Params, response::add_query};
use acquit_server::{
    random::{self, NoRandomness},
    respond,
};
use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};

use super::{App, error::AppError};

/// How long a person may take to sign in.
const BEGUN_LIFE: Duration = Duration::from_secs(15 * 60);

/// A sign-in that was begun in one browser.
#[derive(Debug)]
pub(super) struct Begun {
    state: String,
    /// What an ID token must say.
    pub(super) nonce: String,
    /// PKCE's, for the token request.
    pub(super) verifier: String,
}

impl Begun {
    pub(super) fn new() -> Result<Self, NoRandomness> {
        Ok(Self { state: random::secret()?, nonce: random::secret()?, verifier: random::secret()? })
    }
}

impl App {
    /// Where the browser comes back to.
    pub(super) fn callback(&self) -> String {
        format!("{}/callback", self.origin)
    }

    /// Sends the browser to an authorization endpoint, with these parameters of its own.
    pub(super) fn leave(
        &self,
        begun: Begun,
        endpoint: &str,
        client_id: &str,
        own: &[(&str, String)],
    ) -> Result<Response, AppError> {
        let key = random::secret()?;
        let mut query = vec![
            ("response_type", "code".to_owned()),
            ("client_id", client_id.to_owned()),
            ("redirect_uri", self.callback()),
            ("state", begun.state.clone()),
            ("code_challenge", jose::encode(&jose::sha256(begun.verifier.as_bytes()))),
            ("code_challenge_method", "S256".to_owned()),
        ];
        query.extend_from_slice(own);
        let url = add_query(endpoint, &query);
        self.memory().begun.insert(key.clone(), begun, self.now(), BEGUN_LIFE);
        Ok(respond::with_cookie(respond::see_other(&url), self.cookie("sign-in", &key)))
    }

    /// The browser is back: what was begun in it, once, and the code. `issuer`: who must have answered (RFC 9207), where that
    /// is said.
    pub(super) fn come_back(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        issuer: Option<&str>,
    ) -> Result<(Begun, String), AppError> {
        let params = Params::parse(uri.query().unwrap_or_default().as_bytes())
            .map_err(|error| AppError::Answer(error.to_string()))?;
        let key = self.read_cookie(headers, "sign-in").ok_or(AppError::Begin)?;
        let begun = self.memory().begun.take(&key, self.now()).ok_or(AppError::Begin)?;
        if params.get("state") != Some(begun.state.as_str()) {
            return Err(AppError::Begin);
        }
        if issuer.is_some() && params.get("iss") != issuer {
            return Err(AppError::Answer("the answer comes from another provider".to_owned()));
        }
        if let Some(error) = params.get("error") {
            let description = params.get("error_description").unwrap_or_default();
            return Err(AppError::Answer(format!("{error} {description}")));
        }
        let code = params.get("code").ok_or_else(|| AppError::Answer("there is no code".to_owned()))?;
        Ok((begun, code.to_owned()))
    }
}
