//! The client: one bounded request, one bounded answer, over pooled connections that are never old.

use std::{
    fmt,
    future::{Future, pending},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming as Body};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{CaptureConnection, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    EgressError, Phase, Policy, Refusal, Resolve, System, Trouble,
    connect::{Connector, Shared},
    retry_after, tls,
    url::Target,
};

/// How much of a delivery's response body is read, in bytes.
pub const BODY_LIMIT: usize = 4 * 1024;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("Acquit/", env!("CARGO_PKG_VERSION")));

/// Bounds on time and size. The defaults are those of the design; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the name look-up.
    pub dns: Duration,
    /// For the TCP connection, over all addresses tried.
    pub connect: Duration,
    /// For the TLS handshake.
    pub tls: Duration,
    /// From having a connection to the end of the response's head.
    pub first_byte: Duration,
    /// For everything together.
    pub total: Duration,
    /// The response's head, in bytes.
    pub head: usize,
    /// How old a pooled connection may get: after this a moved name is looked up and checked again.
    pub connection_age: Duration,
    /// How long a pooled connection may be unused.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(2),
            connect: Duration::from_secs(3),
            tls: Duration::from_secs(3),
            first_byte: Duration::from_secs(5),
            total: Duration::from_secs(10),
            head: 16 * 1024,
            connection_age: Duration::from_secs(5 * 60),
            idle: Duration::from_secs(60),
        }
    }
}

/// What the client is built with.
pub struct Options {
    /// Where requests may go.
    pub policy: Policy,
    /// Who looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// Roots that are trusted beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Bounds on time and size.
    pub limits: Limits,
}

impl Options {
    /// The system's resolver, the system's roots, the default limits.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, resolver: Arc::new(System), extra_roots: Vec::new(), limits: Limits::default() }
    }
}

/// A request to be made.
#[derive(Clone)]
pub struct Outgoing {
    /// Its method.
    pub method: Method,
    /// Its URL, parsed and checked when it is sent.
    pub url: String,
    /// Its headers; `Host`, `Content-Length` and `User-Agent` are set by the client.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// How much of the response's body is read, in bytes; the rest is cut off.
    pub max_body: usize,
    /// A shorter limit on the whole request than the client's own.
    pub total: Option<Duration>,
}

impl Outgoing {
    /// A POST whose response is read to [`BODY_LIMIT`].
    #[must_use]
    pub fn post(url: impl Into<String>, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, content_type);
        Self { method: Method::POST, url: url.into(), headers, body: body.into(), max_body: BODY_LIMIT, total: None }
    }

    /// A GET for JSON whose response is read to `max_body` bytes.
    #[must_use]
    pub fn get(url: impl Into<String>, max_body: usize) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Self { method: Method::GET, url: url.into(), headers, body: Bytes::new(), max_body, total: None }
    }
}

/// Without headers, query and body: those carry tokens.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("Outgoing").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, bounded by [`Limits::head`].
    pub headers: HeaderMap,
    /// The beginning of its body. Never rendered as HTML, never decompressed.
    pub body: Bytes,
    /// Whether there was more of the body than was read, or it broke off, or it came too slowly.
    pub cut: bool,
}

impl Incoming {
    /// How long the response asks to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after::retry_after(&self.headers)
    }
}

type HttpClient = Client<Connector, Full<Bytes>>;

/// The guarded client for all requests that leave this server. Share one; it is made for concurrent use.
pub struct Egress {
    shared: Arc<Shared>,
    pool: Mutex<Pool>,
}

/// The present generation of pooled connections. Dropping a generation closes its idle connections; busy ones finish.
struct Pool {
    client: HttpClient,
    policy: Arc<Policy>,
    since: Instant,
}

impl Egress {
    /// Builds the client. Reads the system's root certificates, which takes some milliseconds.
    ///
    /// # Errors
    /// [`EgressError`] for a root that cannot be used. A machine without any root is no error: https requests then fail,
    /// each with that reason.
    pub fn new(options: Options) -> Result<Self, EgressError> {
        let (tls, has_roots) = tls::config(options.extra_roots)?;
        let shared = Arc::new(Shared { resolver: options.resolver, tls, has_roots, limits: options.limits });
        let pool = Mutex::new(Pool::new(&shared, Arc::new(options.policy)));
        Ok(Self { shared, pool })
    }

    /// Replaces the policy. Connections made under the old one take no further request.
    pub fn set_policy(&self, policy: Policy) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        *pool = Pool::new(&self.shared, Arc::new(policy));
    }

    /// Says at once whether a URL can never be reached, for whoever registers it. Looks nothing up and dials nothing;
    /// the decision that counts is made at each connection.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, url: &str) -> Result<Target, Refusal> {
        let target = Target::parse(url)?;
        self.policy().check(&target)?;
        Ok(target)
    }

    /// Sends one request and reads the answer. Follows no redirect, keeps no cookie, asks no proxy.
    ///
    /// # Errors
    /// [`Trouble`] when no answer came. Once a status has come it is the answer, even if the body then breaks off
    /// ([`Incoming::cut`]).
    pub async fn send(&self, outgoing: Outgoing) -> Result<Incoming, Trouble> {
        let target = Target::parse(&outgoing.url)?;
        let client = {
            let pool = self.generation();
            pool.policy.check(&target)?;
            pool.client.clone()
        };
        let limits = &self.shared.limits;
        let deadline = Instant::now() + outgoing.total.map_or(limits.total, |asked| asked.min(limits.total));
        let mut request = Request::new(Full::new(outgoing.body));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = target.uri().clone();
        *request.headers_mut() = outgoing.headers;
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let connected = capture_connection(&mut request);
        let response = timeout_at(deadline, first_byte(limits.first_byte, connected, client.request(request)))
            .await
            .map_err(|_| Trouble::Timeout(Phase::Total))??;
        let (head, body) = response.into_parts();
        let size: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if size > limits.head {
            return Err(Trouble::Protocol(format!("its headers are larger than {} bytes", limits.head)));
        }
        let (body, cut) = read(body, outgoing.max_body, deadline).await;
        Ok(Incoming { status: head.status, headers: head.headers, body, cut })
    }

    /// Fetches a document (a key set, metadata) of at most `max_body` bytes.
    ///
    /// # Errors
    /// [`Trouble`], also for a document that is larger or breaks off: half of it is none.
    pub async fn fetch(&self, url: &str, max_body: usize) -> Result<Incoming, Trouble> {
        let answer = self.send(Outgoing::get(url, max_body)).await?;
        if answer.cut {
            return Err(Trouble::Protocol(format!("its body broke off or is larger than {max_body} bytes")));
        }
        Ok(answer)
    }

    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.generation().policy)
    }

    /// The present generation, or the next one when this has grown old.
    fn generation(&self) -> std::sync::MutexGuard<'_, Pool> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.since.elapsed() >= self.shared.limits.connection_age {
            *pool = Pool::new(&self.shared, Arc::clone(&pool.policy));
        }
        pool
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("policy", &self.policy()).finish_non_exhaustive()
    }
}

impl Pool {
    fn new(shared: &Arc<Shared>, policy: Arc<Policy>) -> Self {
        let limits = &shared.limits;
        let connector = Connector { policy: Arc::clone(&policy), shared: Arc::clone(shared) };
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.idle)
            .pool_max_idle_per_host(8)
            // hyper refuses less than 8 KiB.
            .http1_max_buf_size(limits.head.max(8 * 1024))
            .http2_max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
            .build(connector);
        Self { client, policy, since: Instant::now() }
    }
}

/// Waits for the head of the response: connecting has limits of its own, so this one's clock starts with the connection.
async fn first_byte<E: std::error::Error + 'static>(
    limit: Duration,
    connected: CaptureConnection,
    response: impl Future<Output = Result<Response<Body>, E>>,
) -> Result<Response<Body>, Trouble> {
    let mut response = pin!(response);
    let answer = tokio::select! {
        biased;
        answer = &mut response => answer,
        () = is_connected(connected) => {
            timeout(limit, response).await.map_err(|_| Trouble::Timeout(Phase::FirstByte))?
        }
    };
    answer.map_err(|error| Trouble::of(&error))
}

async fn is_connected(mut connection: CaptureConnection) {
    let connected = connection.wait_for_connection_metadata().await.is_some();
    if !connected {
        // The attempt is over without a connection; the response's error says why.
        pending::<()>().await;
    }
}

/// Reads at most `max` bytes, and no longer than to the deadline. Dropping the rest closes the connection.
async fn read(mut body: Body, max: usize, deadline: Instant) -> (Bytes, bool) {
    let mut parts = Parts { first: Bytes::new(), all: Vec::new() };
    let complete = timeout_at(deadline, async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Ok(data) = frame.into_data() else { continue };
            let room = max - parts.len();
            if data.len() > room {
                parts.push(data.slice(..room));
                return false;
            }
            parts.push(data);
        }
        true
    })
    .await
    .unwrap_or(false);
    (parts.finish(), !complete)
}

/// A body in one piece is kept as it came; only one in several is copied together.
struct Parts {
    first: Bytes,
    all: Vec<u8>,
}

impl Parts {
    fn len(&self) -> usize {
        if self.all.is_empty() { self.first.len() } else { self.all.len() }
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&data);
        }
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.into() }
    }
}

#[cfg(test)]
mod tests;
