//! The connections to one app: pooled, HTTP/1.1 or HTTP/2.

use std::{
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use acquit_delivery::egress::{EgressError, roots};
use http::{
    HeaderMap, HeaderValue, Request, Response, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Builder, Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;
use tower::Service;
use url::Url;

use super::upload::Upload;

/// How long an app may take to take a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a silent connection is believed to be there without a probe of TCP.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// For how long an upstream that took no connection is left out.
pub(super) const REST: Duration = Duration::from_secs(10);
/// How long an idle connection is kept; shorter than what apps usually do, so that they seldom hang up first.
const IDLE: Duration = Duration::from_secs(30);
/// How many idle connections are kept.
const IDLE_CONNECTIONS: usize = 256;
/// The most header bytes of an answer.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How much of one HTTP/2 answer is taken ahead of a browser that does not read it.
const STREAM_WINDOW: u32 = 64 * 1024;
/// How much of all answers on one HTTP/2 connection: many slow readers must not stop the others.
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

type Pool = Client<Connector, Upload>;

/// Why an app did not answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It took no connection: nothing of the request was sent.
    Unreachable(Error),
    /// It broke off, or said what is no HTTP.
    Broken(Error),
}

/// Whom connections to apps trust.
#[derive(Clone, Debug)]
pub(crate) struct Dialer(ClientConfig);

impl Dialer {
    /// With the system's roots and these.
    pub(super) fn new(extra_roots: Vec<CertificateDer<'static>>) -> Result<Self, EgressError> {
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self(builder.with_root_certificates(roots(extra_roots)?).with_no_client_auth()))
    }

    #[cfg(test)]
    pub(super) fn trusting_nobody() -> Self {
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Self(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
    }
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
        let connector = |protocols: &[&[u8]]| Connector::new(uri.clone(), dialer, protocols);
        let (any, http1) = if h2c {
            (pool().http2_only(true).build(connector(&[b"h2"])), None)
        } else {
            (pool().build(connector(&[b"h2", b"http/1.1"])), Some(pool().build(connector(&[b"http/1.1"]))))
        };
        let alone = pool().pool_max_idle_per_host(0).build(connector(&[b"http/1.1"]));
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

    /// Sends a request in the name of `host`, and returns the head of the answer.
    pub(super) async fn send(
        &self,
        mut request: Request<Upload>,
        (host, path): (Authority, PathAndQuery),
        upgrade: bool,
    ) -> Result<Response<Incoming>, Failure> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        // HTTP/2 sends it as `:authority`. The connection goes where this upstream is, whatever the request says.
        parts.authority = Some(host);
        parts.path_and_query = Some(path);
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        let pool = match &self.http1 {
            Some(http1) if upgrade => http1,
            Some(_) if authenticates_connection(request.headers()) => &self.alone,
            _ => &self.any,
        };
        pool.request(request)
            .await
            .map_err(|error| if error.is_connect() { Failure::Unreachable(error) } else { Failure::Broken(error) })
    }
}

/// Whether some apps take a request to say who is at the other end of its connection (NTLM, and `Negotiate` as IIS does it), for
/// all that follow: the next one may be somebody else's.
fn authenticates_connection(headers: &HeaderMap) -> bool {
    headers.get_all(header::AUTHORIZATION).iter().any(|value| {
        let scheme = value.as_bytes().split(u8::is_ascii_whitespace).find(|word| !word.is_empty()).unwrap_or_default();
        [&b"ntlm"[..], b"negotiate", b"kerberos"].iter().any(|bound| scheme.eq_ignore_ascii_case(bound))
    })
}

/// Connects to one place, whatever is asked for there.
#[derive(Clone, Debug)]
struct Connector {
    uri: Uri,
    https: HttpsConnector<HttpConnector>,
}

impl Connector {
    fn new(uri: Uri, dialer: &Dialer, protocols: &[&[u8]]) -> Self {
        let mut tls = dialer.0.clone();
        tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        http.set_keepalive(Some(KEEP_ALIVE));
        Self { uri, https: HttpsConnector::from((http, tls)) }
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = <HttpsConnector<HttpConnector> as Service<Uri>>::Error;
    type Future = <HttpsConnector<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        self.https.call(self.uri.clone())
    }
}

fn pool() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .set_host(false)
        .http1_max_buf_size(MAX_HEADER_BYTES)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10));
    builder
}
