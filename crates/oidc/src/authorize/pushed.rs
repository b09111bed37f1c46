//! Pushed authorization requests (RFC 9126).

use serde::Serialize;

use super::{AuthorizeRequest, PUSHED, Via, parse};
use crate::{
    client::Client,
    error::{ErrorCode, OAuthError},
    params::{BadParam, Params},
};

/// The answer to a push, with status 201.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// What the client sends the browser with.
    pub request_uri: String,
    /// For how many seconds it is good.
    pub expires_in: u64,
}

impl Pushed {
    /// For a request that was kept under `handle`, which is unguessable.
    #[must_use]
    pub fn new(handle: &str, expires_in: u64) -> Self {
        Self { request_uri: format!("{PUSHED}{handle}"), expires_in }
    }
}

/// Reads a pushed request of `client`, which has proved itself.
///
/// # Errors
/// As at the authorization endpoint, but in the answer's body.
pub fn push(params: &Params, client: &Client) -> Result<AuthorizeRequest, OAuthError> {
    if params.get("request_uri").is_some() {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "request_uri must not be pushed")); // section 2.1
    }
    if params.get("client_id").is_none() {
        // A client that proved itself by the header need not repeat its name.
        let named = params.iter().chain([("client_id", client.client_id.as_str())]);
        let params = Params::from_pairs(named)?;
        return parse(&params, client, Via::Pushed).map_err(super::Refusal::into_error);
    }
    parse(params, client, Via::Pushed).map_err(super::Refusal::into_error)
}

/// The handle of the pushed request that a browser's request names; `None` when it names none.
///
/// # Errors
/// [`BadParam`], for a page, when it names a `request_uri` that was not given here. A reference to somebody's web
/// server is never fetched.
pub fn handle(params: &Params) -> Result<Option<&str>, BadParam> {
    let Some(uri) = params.get("request_uri") else { return Ok(None) };
    match uri.strip_prefix(PUSHED) {
        Some(handle) if !handle.is_empty() => Ok(Some(handle)),
        _ => Err(BadParam { name: "request_uri", why: "was not given by the pushed authorization endpoint" }),
    }
}

/// What to show when the handle leads to nothing, was used, or is too old.
pub const UNKNOWN: BadParam = BadParam { name: "request_uri", why: "is not known, was used, or has expired" };

/// Takes up a pushed request: it must be of the client that the browser's request names (section 4). The browser's other
/// parameters are ignored.
///
/// # Errors
/// [`BadParam`], for a page.
pub fn resume(params: &Params, request: AuthorizeRequest) -> Result<AuthorizeRequest, BadParam> {
    if super::client_id(params)? == request.client_id { Ok(request) } else { Err(UNKNOWN) }
}
