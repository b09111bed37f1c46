//! What arrives in a request: parameters, forms, JSON, the address. Each has its limit; each error is clear.

use std::{net::SocketAddr, time::Duration};

use acquit_oidc::params::Params;
use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::{App, api::problem::Problem, door::DoorError, provenance};

/// The largest body of a request, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// How long a body may take: a peer that sends it drop by drop would hold its connection for ever.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than may be, which is [`MAX_BODY`] for a form.
    #[error("the body is longer than 64 KiB")]
    TooLong,
    /// The connection broke off, or the body is not framed as it says.
    #[error("the body could not be read to its end")]
    Broken,
    /// It took longer than `BODY_WITHIN`.
    #[error("the body did not arrive within 30 seconds")]
    Slow,
    /// It is not what the endpoint takes.
    #[error("the content type must be {0}")]
    Type(&'static str),
}

impl From<BodyError> for DoorError {
    fn from(error: BodyError) -> Self {
        Self::BadRequest { parameter: None, reason: error.to_string() }
    }
}

/// Reads a body to its end, if that comes within the limit.
///
/// # Errors
/// [`BodyError`].
pub async fn read(body: Body) -> Result<Bytes, BodyError> {
    read_at_most(body, MAX_BODY).await
}

/// Reads a body to its end, if that comes within the time for one and after so many bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn read_at_most(body: Body, bytes: usize) -> Result<Bytes, BodyError> {
    let collected = tokio::time::timeout(BODY_WITHIN, Limited::new(body, bytes).collect());
    match collected.await.map_err(|_| BodyError::Slow)? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(BodyError::TooLong),
        Err(_) => Err(BodyError::Broken),
    }
}

/// Whether the body is said to be of this media type, whatever its parameters.
#[must_use]
pub fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    values.next().is_none() && essence.eq_ignore_ascii_case(wanted)
}

/// The media type of forms.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a form's bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn read_form(request: Request) -> Result<Bytes, BodyError> {
    if !is_type(request.headers(), FORM) {
        return Err(BodyError::Type(FORM));
    }
    read(request.into_body()).await
}

/// The query's parameters.
pub struct Query(pub Params);

impl std::ops::Deref for Query {
    type Target = Params;
    fn deref(&self) -> &Params {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = DoorError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, DoorError> {
        let query = parts.uri.query().unwrap_or_default();
        Params::parse(query.as_bytes()).map(Self).map_err(DoorError::from)
    }
}

/// The query's parameters, for the API: what is wrong with them is said in its own shape.
pub struct ApiQuery(pub Params);

impl std::ops::Deref for ApiQuery {
    type Target = Params;
    fn deref(&self) -> &Params {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for ApiQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Params::parse(query.as_bytes()).map(Self).map_err(|error| Problem::BadRequest(error.to_string()))
    }
}

/// A page's form.
pub struct Form(pub Params);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = DoorError;

    async fn from_request(request: Request, _: &S) -> Result<Self, DoorError> {
        let body = read_form(request).await?;
        Params::parse(&body).map(Self).map_err(DoorError::from)
    }
}

/// A form in which names may repeat.
pub struct RawForm(pub Vec<(String, String)>);

impl<S: Sync> FromRequest<S> for RawForm {
    type Rejection = DoorError;

    async fn from_request(request: Request, _: &S) -> Result<Self, DoorError> {
        let body = read_form(request).await?;
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }
}

/// A JSON body of the API.
pub struct JsonBody<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        const JSON: &str = "application/json";
        if !is_type(request.headers(), JSON) {
            return Err(Problem::BadRequest(BodyError::Type(JSON).to_string()));
        }
        let body = read(request.into_body()).await.map_err(|error| Problem::BadRequest(error.to_string()))?;
        serde_json::from_slice(&body).map(Self).map_err(|error| Problem::BadRequest(error.to_string()))
    }
}

/// The address of whoever asks, as text.
pub struct Address(pub String);

impl FromRequestParts<App> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        // In-process callers have no connection; they are this machine.
        let peer = peer.unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
        let address = provenance::address(&parts.headers, peer, &app.server.trusted_proxies);
        Ok(Self(address.to_string()))
    }
}

/// `after` and `limit` of a list.
///
/// # Errors
/// [`Problem::BadRequest`] for a limit that is no number from 1 to 500.
pub fn paging(query: &Params) -> Result<(Option<String>, u32), Problem> {
    let limit = match query.get("limit") {
        None => 100,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=500).contains(limit))
            .ok_or_else(|| Problem::BadRequest("`limit` is a number from 1 to 500".to_owned()))?,
    };
    Ok((query.get("after").map(str::to_owned), limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let read = tokio::time::timeout(BODY_WITHIN * 10, read(Body::from_stream(never)));
        assert_eq!(read.await.expect("nobody waits for ever"), Err(BodyError::Slow));
    }
}
