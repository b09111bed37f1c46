//! The accept loop. An identity server faces the internet: a peer that is slow, silent or greedy costs one bounded
//! connection and nothing else.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a new connection may stay silent, and how long the headers of a request may take.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection may stay open without a request. HTTP/2 peers answer our pings for as long as they like, so those
/// say nothing about whether anybody is interested.
const IDLE: Duration = Duration::from_secs(90);
/// How long requests under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// The most connections at a time.
const MAX_CONNECTIONS: usize = 8192;
/// The most header bytes of one request.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The most concurrent HTTP/2 streams of one connection.
const MAX_STREAMS: u32 = 64;

/// Serves `router` on `listener` until `stop`, then lets requests under way finish.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let tracker = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let (stream, peer) = tokio::select! {
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
        let router = router.clone();
        let told = stop.clone();
        tracker.spawn(async move {
            let _place = place;
            // Nagle's algorithm only delays answers here.
            let _ = stream.set_nodelay(true);
            // Browsers open connections ahead of time; a silent one has nothing to finish when the server stops.
            let spoke = told.run_until_cancelled(timeout(HEADERS_WITHIN, first_byte(&stream))).await;
            if let Some(Ok(Ok(()))) = spoke {
                connection(stream, peer, router, told).await;
            }
        });
    }
    drop(listener);
    tracker.close();
    if timeout(DRAIN, tracker.wait()).await.is_err() {
        tracing::warn!("some requests took too long to finish and were cut");
    }
}

/// Serves one connection until it ends, nobody uses it, or the server stops.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let requests = Arc::new(Requests::default());
    let asked = requests.clone();
    let service = service_fn(move |request| {
        let under_way = asked.begin();
        let answer = answer(router.clone(), peer, request);
        async move {
            let _under_way = under_way;
            answer.await
        }
    });
    // An error here is the peer's: it went away or spoke no HTTP.
    let mut connection = pin!(builder().serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned());
    tokio::select! {
        _ = &mut connection => return,
        () = stop.cancelled() => {}
        // The timeout for headers begins once it is known which HTTP is spoken: who sends half of HTTP/2's preface, or all
        // of it and then nothing, is held to this one.
        () = tokio::time::sleep(HEADERS_WITHIN) => {
            if requests.begun.load(Ordering::Relaxed) == 0 {
                return;
            }
            tokio::select! {
                _ = &mut connection => return,
                () = stop.cancelled() => {}
                () = requests.idle() => {}
            }
        }
    }
    // Requests under way are finished; a peer that does not read their answers is not waited for.
    connection.as_mut().graceful_shutdown();
    let _ = timeout(DRAIN, connection).await;
}

/// The requests of one connection.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    under_way: AtomicUsize,
}

impl Requests {
    fn begin(self: &Arc<Self>) -> UnderWay {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

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

/// A request that is not answered yet, or given up by its peer.
struct UnderWay(Arc<Requests>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn first_byte(stream: &TcpStream) -> io::Result<()> {
    let mut byte = [0];
    if stream.peek(&mut byte).await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(HEADERS_WITHIN);
    builder
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What the server says to a peer that sends this and then nothing, until it hangs up.
    async fn hear_out(said: &[u8]) -> Vec<u8> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, Router::new(), stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut heard = Vec::new();
        let end = timeout(HEADERS_WITHIN * 10, stream.read_to_end(&mut heard)).await;
        end.expect("the server hangs up").unwrap();
        stop.cancel();
        server.await.unwrap();
        heard
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_falls_silent_before_its_first_request_is_hung_up_on() {
        let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let settings = [preface, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
        for said in [&b""[..], b"G", b"GET / HTTP/1.1\r\nA: ", &preface[..3], preface, &settings] {
            hear_out(said).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_asks_is_answered() {
        let heard = hear_out(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(heard.starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&heard));
    }

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    /// `GET /` as stream 1: headers from the static table, and `:authority: x`.
    const GET: &[u8] = &[0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x01, 1, b'x'];

    /// Reads frames until the server hangs up, answering every ping; the types of those that came.
    async fn keep_alive(stream: &mut TcpStream) -> Vec<u8> {
        let mut types = Vec::new();
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
            stream.read_exact(&mut payload).await.unwrap();
            types.push(head[3]);
            if head[3] == 6 && head[4] & 1 == 0 {
                head[4] = 1;
                let _ = stream.write_all(&[&head[..], &payload].concat()).await;
            }
        }
        types
    }

    #[tokio::test(start_paused = true)]
    async fn an_http2_peer_that_only_answers_pings_is_hung_up_on_in_the_end() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, Router::new(), stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[PREFACE, SETTINGS, GET].concat()).await.unwrap();
        let begun = tokio::time::Instant::now();
        let types = timeout(IDLE * 10, keep_alive(&mut stream)).await.expect("the server hangs up");
        assert!(
            types.contains(&1) && types.contains(&6),
            "it answered, and asked whether the peer is there: {types:?}"
        );
        assert!(types.contains(&7), "it says goodbye, so that no request is lost: {types:?}");
        assert!(
            begun.elapsed() >= IDLE && begun.elapsed() <= IDLE * 2 + DRAIN + HEADERS_WITHIN,
            "{:?}",
            begun.elapsed()
        );
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_is_not_idle_however_long_it_takes() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let slow = axum::routing::get(|| async {
            tokio::time::sleep(IDLE * 5).await;
            "done"
        });
        let server = tokio::spawn(serve(listener, Router::new().route("/", slow), stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[PREFACE, SETTINGS, GET].concat()).await.unwrap();
        let types = timeout(IDLE * 10, keep_alive(&mut stream)).await.expect("the server hangs up");
        let data = types.iter().position(|kind| *kind == 0).expect("the answer's body");
        let goodbye = types.iter().position(|kind| *kind == 7).expect("a goodbye");
        assert!(data < goodbye, "{types:?}");
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_silent_connection_does_not_hold_up_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, Router::new(), stop.clone()));
        let _silent = TcpStream::connect(address).await.unwrap();
        // One that speaks comes after it, so the silent one was accepted.
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        other.read_to_end(&mut Vec::new()).await.unwrap();
        stop.cancel();
        timeout(DRAIN / 2, served).await.unwrap().unwrap();
    }
}
