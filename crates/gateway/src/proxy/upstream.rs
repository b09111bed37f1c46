//! The connections to one app: pooled, HTTP/1.1 or HTTP/2.

mod again;
mod answer;
mod connect;
mod dial;
mod pool;
mod streams;

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper::body::Body;
use tokio::time::Instant;
use url::Url;

pub use self::answer::Answer;
pub(crate) use self::connect::Dialer;
pub(super) use self::streams::Place;
use self::{
    connect::{Connector, Speaks},
    pool::Pool,
};
use super::{body::BoxError, upload::Upload};

/// For how long an upstream that took no connection is left out.
pub(super) const REST: Duration = Duration::from_secs(10);

/// Why an app did not answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It took no connection: nothing of the request was sent.
    Unreachable(BoxError),
    /// It broke off, or said what is no HTTP.
    Broken(hyper::Error),
}

impl Failure {
    /// What went wrong.
    pub(super) fn error(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Unreachable(error) => &**error,
            Self::Broken(error) => error,
        }
    }
}

/// What a request is for. The connection goes where the upstream is, whatever this says.
#[derive(Debug)]
struct Target<'a> {
    scheme: &'a Scheme,
    authority: &'a Authority,
    path: &'a PathAndQuery,
}

/// One upstream of a route.
#[derive(Debug)]
pub(crate) struct Upstream {
    scheme: Scheme,
    authority: Authority,
    /// The same as a `Host` header.
    host: HeaderValue,
    /// HTTP/1.1, or HTTP/2 where TLS agrees on it or it is known beforehand.
    any: Pool,
    /// HTTP/1.1, from which a connection can be taken over; none where only HTTP/2 is spoken.
    http1: Option<Pool>,
    /// HTTP/1.1, a connection for each request.
    alone: Pool,
    rests_until: Mutex<Option<Instant>>,
}

impl Upstream {
    /// Takes `http` and `https` URLs, and `h2c` for HTTP/2 without TLS, which has to be known beforehand.
    pub(super) fn of(url: &Url, dialer: &Dialer) -> Option<Self> {
        let (scheme, h2c) = match url.scheme() {
            "http" => (Scheme::HTTP, false),
            "https" => (Scheme::HTTPS, false),
            "h2c" => (Scheme::HTTP, true),
            _ => return None,
        };
        let host = url.host_str()?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let authority: Authority = authority.parse().ok()?;
        let uri =
            Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query("/").build().ok()?;
        let connector = |speaks| Connector::new(uri.clone(), dialer, speaks);
        let (any, http1) = if h2c {
            (Pool::new(connector(Speaks::Http2)), None)
        } else {
            (Pool::new(connector(Speaks::Either)), Some(Pool::new(connector(Speaks::Http1))))
        };
        let alone = Pool::of_single_use(connector(Speaks::Http1));
        let host = HeaderValue::from_str(authority.as_str()).ok()?;
        Some(Self { scheme, authority, host, any, http1, alone, rests_until: Mutex::default() })
    }

    /// Host, and port where it is not the scheme's own.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The same as a `Host` header and as a part of a URI.
    pub(super) fn names(&self) -> (&HeaderValue, &Authority) {
        (&self.host, &self.authority)
    }

    /// Whether it took no connection lately.
    pub(super) fn rests(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// It took no connection; whether that is news.
    pub(super) fn refused(&self) -> bool {
        let news = !self.rests();
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        news
    }

    /// Whether a connection to it can be taken over for a WebSocket.
    pub(super) fn upgrades(&self) -> bool {
        self.http1.is_some()
    }

    /// Sends a request in the name of `host`, and returns the head of the answer. The request is taken by the connection that it is
    /// sent on: while none took it, it is there for another upstream.
    pub(super) async fn send(
        &self,
        request: &mut Option<Request<Upload>>,
        (host, path): (&Authority, &PathAndQuery),
        upgrade: bool,
    ) -> Result<Response<Answer>, Failure> {
        let alone = request
            .as_ref()
            .is_some_and(|request| authenticates_connection(request.headers()) || is_overlooked(request));
        let pool = match &self.http1 {
            // A WebSocket, too: the app may refuse it, and keep whom it saw.
            Some(_) if alone => &self.alone,
            Some(http1) if upgrade => http1,
            _ => &self.any,
        };
        pool.send(request, &Target { scheme: &self.scheme, authority: host, path }).await
    }
}

/// Whether some apps do not read a request's body, since its method has none, and take it for the next request on the connection: that
/// would be answered to somebody else.
fn is_overlooked(request: &Request<Upload>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD) && !request.body().is_end_stream()
}

/// Whether some apps take a request to say who is at the other end of its connection (NTLM, and `Negotiate` as IIS does it), for
/// all that follow: the next one may be somebody else's.
fn authenticates_connection(headers: &HeaderMap) -> bool {
    headers.get_all(header::AUTHORIZATION).iter().any(|value| {
        let scheme = value.as_bytes().split(u8::is_ascii_whitespace).find(|word| !word.is_empty()).unwrap_or_default();
        [&b"ntlm"[..], b"negotiate", b"kerberos"].iter().any(|bound| scheme.eq_ignore_ascii_case(bound))
    })
}
