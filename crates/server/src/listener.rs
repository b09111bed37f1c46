//! The accept loop. An identity server faces the internet: a peer that is slow, silent or greedy costs one bounded
//! connection and nothing else.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a new connection may stay silent, and how long the headers of a request may take.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
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
    let graceful = GracefulShutdown::new();
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
        let watcher = graceful.watcher();
        let told = stop.clone();
        tokio::spawn(async move {
            let _place = place;
            // Nagle's algorithm only delays answers here.
            let _ = stream.set_nodelay(true);
            // Browsers open connections ahead of time; a silent one has nothing to finish when the server stops.
            let spoke = told.run_until_cancelled(timeout(HEADERS_WITHIN, first_byte(&stream))).await;
            if let Some(Ok(Ok(()))) = spoke {
                let heard = Arc::new(AtomicBool::new(false));
                let asked = heard.clone();
                let service = service_fn(move |request| {
                    asked.store(true, Ordering::Relaxed);
                    answer(router.clone(), peer, request)
                });
                let connection = builder().serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
                // An error here is the peer's: it went away or spoke no HTTP.
                let mut connection = pin!(watcher.watch(connection));
                // The timeout for headers begins once it is known which HTTP is spoken: who sends half of HTTP/2's preface,
                // or all of it and then nothing, is held to this one.
                tokio::select! {
                    _ = &mut connection => return,
                    () = tokio::time::sleep(HEADERS_WITHIN) => {}
                }
                if heard.load(Ordering::Relaxed) {
                    let _ = connection.await;
                }
            }
        });
    }
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests took too long to finish and were cut");
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
