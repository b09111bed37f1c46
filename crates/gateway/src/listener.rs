//! The accept loop. An identity server faces the internet: a peer that is slow, silent or greedy costs one bounded
//! connection and nothing else.

mod reins;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    error::Error,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use http::{Request, Response, Version};
use hyper::{
    body::{Body, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{self, AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::reins::Streams;
pub use self::reins::{Hold, Reins};
use crate::hygiene::forwarded;

/// How long a new connection may stay silent, and how long the headers of its first request may take.
pub(crate) const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection may stay open without a request: longer than proxies keep one that they do not use (nginx and AWS 60 s, Go
/// 90 s, Caddy 120 s), or it would be closed just as one sends a request. Peers of HTTP/2 answer our pings for as long as they like,
/// so those say nothing about whether anybody is interested.
pub(crate) const IDLE: Duration = Duration::from_secs(130);
/// How long requests under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a silent connection is believed to be there without a probe.
const PROBE_AFTER: Duration = Duration::from_secs(60);
/// The most connections at a time, unless the caller says otherwise.
const MAX_CONNECTIONS: usize = 8192;
/// The most header bytes of one request.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The most concurrent HTTP/2 streams of one connection.
const MAX_STREAMS: u32 = 100;
/// How much of one HTTP/2 answer is held for a peer that does not read it.
const MAX_SEND_BYTES: usize = 64 * 1024;

/// How connections are taken.
#[derive(Clone, Debug)]
pub struct Options {
    /// TLS with these certificates; without, plain.
    pub tls: Option<Arc<ServerConfig>>,
    /// The most connections at a time, WebSockets among them.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { tls: None, connections: MAX_CONNECTIONS }
    }
}

/// Who sent a request. For as long as one of its clones is there, the request is under way.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The other end of the connection.
    pub address: SocketAddr,
    /// What ends the answer from outside.
    pub reins: Reins,
    presence: Arc<Presence>,
}

impl Caller {
    /// Runs what goes on after the answer, such as a WebSocket: it takes a connection's place, and the server waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let caller = self.clone();
        self.presence.0.tracker.spawn(async move {
            task.await;
            drop(caller);
        });
    }

    /// The other end of the connection, as apps are told of it.
    #[must_use]
    pub(crate) fn told(&self) -> &forwarded::Peer {
        &self.presence.0.told
    }

    /// Cancelled when the server is told to stop.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.presence.0.stop
    }
}

/// A request that is under way on its connection.
#[derive(Debug)]
struct Presence(Arc<Peer>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.requests.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves `service` on `listener` until `stop`, then lets requests under way finish.
pub async fn serve<S, F, B>(listener: TcpListener, options: Options, service: S, stop: CancellationToken)
where
    S: Fn(Request<Incoming>, Caller) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let tracker = TaskTracker::new();
    let places = Arc::new(Semaphore::new(options.connections));
    let tls = options.tls.map(TlsAcceptor::from);
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: leave the others time to finish.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (stop, requests) = (stop.clone(), Requests::default());
        let told = forwarded::Peer::new(address.ip());
        // Where room runs short, who asks nothing makes way sooner.
        let kept = if places.available_permits() * 2 < options.connections { HEADERS_WITHIN } else { IDLE };
        let peer = Arc::new(Peer { address, told, kept, _place: place, stop, tracker: tracker.clone(), requests });
        let (service, tls) = (service.clone(), tls.clone());
        tracker.spawn(async move {
            // Nagle's algorithm only delays answers here.
            let _ = stream.set_nodelay(true);
            // A browser that vanished says nothing more; nothing else would tell it from a WebSocket on which nothing happens.
            let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER));
            // Browsers open connections ahead of time; a silent one has nothing to finish when the server stops.
            let spoke = peer.stop.run_until_cancelled(timeout(HEADERS_WITHIN, first_byte(&stream))).await;
            let Some(Ok(Ok(()))) = spoke else { return };
            match tls {
                None => connection(stream, peer, service).await,
                Some(tls) => {
                    let shaken = peer.stop.run_until_cancelled(timeout(HEADERS_WITHIN, tls.accept(stream))).await;
                    if let Some(Ok(Ok(stream))) = shaken {
                        connection(stream, peer, service).await;
                    }
                }
            }
        });
    }
    drop(listener);
    tracker.close();
    if timeout(DRAIN, tracker.wait()).await.is_err() {
        tracing::warn!("some requests took too long to finish and were cut");
    }
}

/// The other end of a connection. What goes on after the connection was given away holds its place as well.
#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    told: forwarded::Peer,
    /// How long HTTP/1.1 waits for the next request.
    kept: Duration,
    stop: CancellationToken,
    tracker: TaskTracker,
    requests: Requests,
    _place: OwnedSemaphorePermit,
}

impl Peer {
    fn caller(self: &Arc<Self>, reins: Reins) -> Caller {
        self.requests.begun.fetch_add(1, Ordering::Relaxed);
        self.requests.under_way.fetch_add(1, Ordering::Relaxed);
        Caller { address: self.address, reins, presence: Arc::new(Presence(self.clone())) }
    }

    /// Returns when the connection is to end: when the server stops, or nobody uses it; whether nothing was ever asked on it.
    async fn over(&self) -> bool {
        // The timeout for headers begins once it is known which HTTP is spoken: who sends half of HTTP/2's preface, or all
        // of it and then nothing, is held to this one.
        tokio::select! {
            () = self.stop.cancelled() => return false,
            () = tokio::time::sleep(HEADERS_WITHIN) => {}
        }
        if self.requests.begun.load(Ordering::Relaxed) == 0 {
            return true;
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.requests.idle() => {}
        }
        false
    }
}

/// Serves one connection until it ends, nobody uses it, or the server stops.
async fn connection<I, S, F, B>(stream: I, peer: Arc<Peer>, service: S)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Fn(Request<Incoming>, Caller) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let whole = Reins::default();
    let builder = builder(peer.kept);
    let (http1, asked) = (whole.clone(), peer.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let reins = if request.version() == Version::HTTP_2 { Reins::default() } else { http1.clone() };
        if request.version() == Version::HTTP_2 {
            Streams::expect(&reins);
        }
        let caller = asked.caller(reins);
        let answer = service(request, caller.clone());
        // Not in a block of its own, which would have room for the answer's future twice.
        answer.map(move |answer| {
            drop(caller);
            Ok::<_, Infallible>(answer)
        })
    });
    // An error here is the peer's: it went away or spoke no HTTP.
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned());
    // It is asked when it has something to say, not whenever something moves on the connection.
    let mut over = FuturesUnordered::from_iter([peer.over()]);
    tokio::select! {
        biased;
        _ = whole.run(connection.as_mut()) => return,
        silent = over.next() => {
            if silent == Some(true) {
                return;
            }
        }
    }
    // Requests under way are finished; a peer that does not read their answers is not waited for.
    connection.as_mut().graceful_shutdown();
    let _ = timeout(DRAIN, whole.run(connection)).await;
}

/// The requests of one connection.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    under_way: AtomicUsize,
}

impl Requests {
    /// Returns when no request was under way, nor any begun, for [`IDLE`]; at the latest after twice that.
    async fn idle(&self) {
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            tokio::time::sleep(IDLE).await;
            if self.under_way.load(Ordering::Relaxed) == 0 && self.begun.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

async fn first_byte(stream: &TcpStream) -> io::Result<()> {
    let mut byte = [0];
    if stream.peek(&mut byte).await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn builder(kept: Duration) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(Streams);
    builder
        .http1()
        .timer(TokioTimer::new())
        // It begins to wait when the last answer is over.
        .header_read_timeout(kept)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buf_size(MAX_SEND_BYTES)
        .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(HEADERS_WITHIN);
    builder
}
