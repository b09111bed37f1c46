//! A small HTTP client that reaches this machine and nothing else. `localhost` and the names under it are dialled without
//! asking a resolver (RFC 6761 section 6.3): browsers know them, many resolvers do not.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use acquit_oidc::uri;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use url::{Host, Position, Url};

/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(20);
/// The longest body that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL leads away from this machine.
    #[error("{0} is not on this machine")]
    Elsewhere(String),
    /// Nobody listens there.
    #[error("{0} cannot be reached: {1}")]
    Connect(String, #[source] std::io::Error),
    /// What came is no HTTP answer, or none of a bearable size.
    #[error("the answer of {0} cannot be read: {1}")]
    Answer(String, String),
    /// It took too long.
    #[error("{0} did not answer in time")]
    Time(String),
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Its headers; `Host` is added.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Ask {
    /// To get something.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: String::new() }
    }

    /// To post a form.
    #[must_use]
    pub fn post<N: AsRef<str>, V: AsRef<str>>(url: Url, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self { method: Method::POST, url, headers: HeaderMap::from_iter([(header::CONTENT_TYPE, form)]), body }
    }

    /// To post a JSON value.
    #[must_use]
    pub fn post_json(url: Url, value: &serde_json::Value) -> Self {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        Self { method: Method::POST, url, headers, body: value.to_string() }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; what is no UTF-8 in it is replaced.
    pub body: String,
}

/// Makes one request, follows nothing.
///
/// # Errors
/// [`HttpError`].
pub async fn send(ask: Ask) -> Result<Answer, HttpError> {
    // The path only: queries carry codes and tokens.
    let place = ask.url[..Position::AfterPath].to_owned();
    timeout(WITHIN, exchange(ask, &place)).await.unwrap_or_else(|_| Err(HttpError::Time(place.clone())))
}

/// Asks for another protocol than HTTP on the connection: the status, and the connection where the other end has switched.
///
/// # Errors
/// [`HttpError`].
pub async fn switch(ask: Ask) -> Result<(StatusCode, Option<Upgraded>), HttpError> {
    let place = ask.url[..Position::AfterPath].to_owned();
    let switched = async {
        let response = begin(ask, &place).await?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok((status, None));
        }
        let stream = hyper::upgrade::on(response).await.map_err(|error| unreadable(&place, &error))?;
        Ok((status, Some(stream)))
    };
    timeout(WITHIN, switched).await.unwrap_or_else(|_| Err(HttpError::Time(place.clone())))
}

fn unreadable(place: &str, error: &dyn std::fmt::Display) -> HttpError {
    HttpError::Answer(place.to_owned(), error.to_string())
}

async fn exchange(ask: Ask, place: &str) -> Result<Answer, HttpError> {
    let (head, body) = begin(ask, place).await?.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| unreadable(place, &error))?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer { status: head.status, headers: head.headers, body })
}

/// Sends a request, up to the head of the answer.
async fn begin(ask: Ask, place: &str) -> Result<Response<Incoming>, HttpError> {
    let unreadable = |error: &dyn std::fmt::Display| unreadable(place, error);
    let address = address(&ask.url).ok_or_else(|| HttpError::Elsewhere(place.to_owned()))?;
    let stream = TcpStream::connect(address).await.map_err(|error| HttpError::Connect(place.to_owned(), error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreadable(&error))?;
    // It ends by itself when the sender is dropped; an error is seen there.
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::builder()
        .method(ask.method)
        .uri(&ask.url[Position::BeforePath..Position::AfterQuery])
        .body(Full::new(Bytes::from(ask.body)))
        .map_err(|error| unreadable(&error))?;
    *request.headers_mut() = ask.headers;
    let host = &ask.url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|error| unreadable(&error))?;
    request.headers_mut().insert(header::HOST, host);
    sender.send_request(request).await.map_err(|error| unreadable(&error))
}

fn address(url: &Url) -> Option<SocketAddr> {
    if url.scheme() != "http" || !uri::is_loopback(url) {
        return None;
    }
    let ip = match url.host()? {
        Host::Domain(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
    };
    Some(SocketAddr::new(ip, url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_under_localhost_are_this_machine_and_nothing_else_is() {
        let at = |url: &str| address(&Url::parse(url).unwrap()).map(|address| address.to_string());
        assert_eq!(at("http://localhost:8080/x").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(at("http://notes.localhost:1/x").as_deref(), Some("127.0.0.1:1"));
        for elsewhere in
            ["http://example.com/", "http://localhost.example.com/", "https://localhost/", "http://10.0.0.1/"]
        {
            assert_eq!(at(elsewhere), None, "{elsewhere}");
        }
    }
}
