//! The authorization request (OpenID Connect Core section 3.1.2, RFC 6749 section 4.1.1, RFC 9207).
//!
//! A mistake in `client_id` or `redirect_uri` is shown on a page and never redirected; every later one goes back to the
//! client. What then happens to a good request is [`next`](self::next::next)'s decision.

use serde::{Deserialize, Serialize};

use crate::{
    claims::ClaimsRequest,
    client::Client,
    error::{ErrorCode, OAuthError},
    jose::{self, Hint, Jwks},
    params::{BadParam, Params},
    pkce,
    response::{Response, ResponseMode, ReturnPath},
    scope::{Scope, Scopes},
};

pub mod next;
pub mod prompt;
pub mod pushed;

pub use next::{Next, Present, Progress, next};
pub use prompt::Prompt;

/// The beginning of a `request_uri` that the pushed authorization endpoint gives (RFC 9126 section 2.2).
pub const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";

/// An authorization request that may be answered. It can be sealed and carried through the sign-in, in URLs and forms: what it does
/// not say takes no room there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// The client.
    pub client_id: String,
    /// Where the answer goes.
    pub return_path: ReturnPath,
    /// What is asked for, as far as the client may have it.
    pub scopes: Scopes,
    /// `nonce`, for the ID token.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nonce: Option<String>,
    /// `prompt`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prompt: Prompt,
    /// `max_age` in seconds, or the client's default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_age: Option<u32>,
    /// `login_hint`: what to fill in on the sign-in page.
    #[serde(default, skip_serializing_if = "is_default")]
    pub login_hint: Option<String>,
    /// `id_token_hint`, not checked yet: see [`AuthorizeRequest::hint`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub id_token_hint: Option<String>,
    /// `ui_locales`, by preference.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ui_locales: Vec<String>,
    /// `claims`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub claims: ClaimsRequest,
    /// `acr_values`, by preference; a wish.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acr_values: Vec<String>,
    /// The S256 challenge, for the code.
    #[serde(default, skip_serializing_if = "is_default")]
    pub code_challenge: Option<String>,
    /// `connection`: the upstream to sign in with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub connection: Option<String>,
    /// `organization`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub organization: Option<String>,
    /// `domain_hint`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub domain_hint: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Why a request is not answered with a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// To be shown on a page with status 400: it is not known whom else to tell.
    Page(BadParam),
    /// To be sent to the client.
    Redirect {
        /// Where to; boxed, because it is so much larger than the other case.
        path: Box<ReturnPath>,
        /// The error.
        error: OAuthError,
    },
}

impl Refusal {
    /// The error alone, for the pushed authorization endpoint, which redirects nowhere.
    #[must_use]
    pub fn into_error(self) -> OAuthError {
        match self {
            Self::Page(bad) => bad.into(),
            Self::Redirect { error, .. } => error,
        }
    }
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Through the browser.
    Browser,
    /// Through the pushed authorization endpoint (RFC 9126).
    Pushed,
}

/// The client that a request names: to be looked up, before [`parse`].
///
/// # Errors
/// [`BadParam`] when it names none; for a page.
pub fn client_id(params: &Params) -> Result<&str, BadParam> {
    params.require("client_id")
}

/// What to show when [`client_id`] names no client.
pub const UNKNOWN_CLIENT: BadParam = BadParam { name: "client_id", why: "is not known" };

/// Reads a request of `client`, which its `client_id` named.
///
/// # Errors
/// [`Refusal`]
pub fn parse(params: &Params, client: &Client, via: Via) -> Result<AuthorizeRequest, Refusal> {
    if client_id(params).map_err(Refusal::Page)? != client.client_id {
        return Err(Refusal::Page(UNKNOWN_CLIENT));
    }
    let redirect_uri = params.require("redirect_uri").map_err(Refusal::Page)?;
    if !client.may_redirect_to(redirect_uri) {
        return Err(Refusal::Page(BadParam { name: "redirect_uri", why: "is not registered for this client" }));
    }
    let mode = params.get("response_mode").map(|name| ResponseMode::parse(name).ok_or(name));
    let return_path = ReturnPath {
        redirect_uri: redirect_uri.to_owned(),
        // An unknown mode is an error that has to travel somehow.
        mode: mode.and_then(Result::ok).unwrap_or_default(),
        state: params.owned("state"),
    };
    let known_mode = !matches!(mode, Some(Err(_)));
    read(params, client, via, known_mode, &return_path)
        .map_err(|error| Refusal::Redirect { path: Box::new(return_path), error })
}

fn read(
    params: &Params,
    client: &Client,
    via: Via,
    known_mode: bool,
    return_path: &ReturnPath,
) -> Result<AuthorizeRequest, OAuthError> {
    unsupported(params, client, via)?;
    let invalid = |why| OAuthError::new(ErrorCode::InvalidRequest, why);
    match params.require("response_type")? {
        "code" => {}
        _ => return Err(OAuthError::new(ErrorCode::UnsupportedResponseType, "only response_type=code is supported")),
    }
    if !known_mode {
        return Err(invalid("response_mode must be query, fragment or form_post"));
    }
    if params.get("state").unwrap_or_default().chars().count() < client.state_min_length {
        return Err(OAuthError::with(
            ErrorCode::InvalidRequest,
            &format!("state must have at least {} characters", client.state_min_length),
        ));
    }
    let mut scopes = Scopes::parse(params.get("scope").unwrap_or_default());
    if !scopes.has(Scope::OpenId) {
        return Err(OAuthError::new(ErrorCode::InvalidScope, "scope must contain openid"));
    }
    if !client.grant_types.refresh_token {
        // OpenID Connect Core section 11: offline_access may be ignored.
        scopes = scopes.without(Scope::OfflineAccess);
    }
    let code_challenge = pkce::challenge(params.get("code_challenge"), params.get("code_challenge_method"))?;
    if code_challenge.is_none() && client.needs_pkce() {
        return Err(invalid("code_challenge is missing; this client must use PKCE with S256"));
    }
    let words = |name| params.words(name).into_iter().map(str::to_owned).collect();
    Ok(AuthorizeRequest {
        client_id: client.client_id.clone(),
        return_path: return_path.clone(),
        scopes,
        nonce: params.owned("nonce"),
        prompt: Prompt::parse(&params.words("prompt"))?,
        max_age: params.number("max_age")?.or(client.default_max_age),
        login_hint: params.owned("login_hint"),
        id_token_hint: params.owned("id_token_hint"),
        ui_locales: words("ui_locales"),
        claims: ClaimsRequest::parse(params.get("claims"))?,
        acr_values: words("acr_values"),
        code_challenge,
        connection: params.owned("connection"),
        organization: params.owned("organization"),
        domain_hint: params.owned("domain_hint"),
    })
}

/// What is not spoken here, each with the code that the specification has for it.
fn unsupported(params: &Params, client: &Client, via: Via) -> Result<(), OAuthError> {
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ] {
        if params.get(name).is_some() {
            return Err(OAuthError::with(code, &format!("the parameter {name} is not supported here")));
        }
    }
    if !client.grant_types.authorization_code {
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "this client may not use the code flow"));
    }
    if client.require_pushed_authorization_requests && via == Via::Browser {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "this client must push its authorization requests"));
    }
    Ok(())
}

impl AuthorizeRequest {
    /// Checks the request's hint.
    ///
    /// # Errors
    /// `invalid_request` when it is not an ID token that `issuer` issued to this client.
    pub fn hint(&self, keys: &Jwks, issuer: &str) -> Result<Option<Hint>, OAuthError> {
        let Some(token) = &self.id_token_hint else { return Ok(None) };
        match jose::verify_id_token_hint(keys, issuer, token) {
            Ok(hint) if hint.client_id == self.client_id => Ok(Some(hint)),
            Ok(_) => Err(OAuthError::new(ErrorCode::InvalidRequest, "id_token_hint was issued to another client")),
            Err(why) => {
                Err(OAuthError::with(ErrorCode::InvalidRequest, &format!("id_token_hint is not usable: {why}")))
            }
        }
    }

    /// The answer with a code.
    #[must_use]
    pub fn code(&self, issuer: &str, code: &str) -> Response {
        self.return_path.code(issuer, code)
    }

    /// The answer with an error.
    #[must_use]
    pub fn error(&self, issuer: &str, error: &OAuthError) -> Response {
        self.return_path.error(issuer, error)
    }
}

#[cfg(test)]
mod tests;
