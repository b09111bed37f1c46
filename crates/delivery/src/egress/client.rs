//! The client: one bounded request, one bounded answer, over pooled connections that are never old.

use std::{
    fmt,
    future::{Future, pending},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
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
    EgressError, Incoming, Limits, Outgoing, Phase, Policy, Refusal, Resolve, System, Trouble,
    connect::{Connector, Shared},
    message::read,
    tls,
    url::Target,
};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("Acquit/", env!("CARGO_PKG_VERSION")));

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

    /// Whether anybody takes connections where a URL points, as far as the policy lets this server look: what the policy
    /// refuses counts as reachable, since a browser is to go there and not this server. Nothing is sent.
    pub async fn is_reachable(&self, url: &str, within: Duration) -> bool {
        let Ok(target) = Target::parse(url) else { return false };
        let connector = Connector { policy: self.policy(), shared: Arc::clone(&self.shared) };
        match timeout(within, connector.reach(&target)).await {
            Ok(Ok(()) | Err(Trouble::Blocked(_))) => true,
            Ok(Err(_)) | Err(_) => false,
        }
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

#[cfg(test)]
mod tests;
