//! The app behind the route: it says what it was asked, holds an answer back, or never ends one.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

/// How much of an endless answer comes at a time, in bytes.
const PIECE: usize = 16 * 1024;

/// What the app counts.
#[derive(Default)]
struct Counts {
    asked: AtomicUsize,
    open: AtomicUsize,
    said: AtomicUsize,
}

/// The app.
pub(super) struct App {
    pub(super) address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl App {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::<Counts>::default();
        let shared = counts.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counts = shared.clone();
                let service = service_fn(move |request| answer(request, counts.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, counts, task }
    }

    /// How many requests it has got.
    pub(super) fn asked(&self) -> usize {
        self.counts.asked.load(Ordering::Relaxed)
    }

    /// How many requests it is at.
    pub(super) fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// How many bytes of endless answers were taken from it.
    pub(super) fn said(&self) -> usize {
        self.counts.said.load(Ordering::Relaxed)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request that it is at.
struct Open(Arc<Counts>);

impl Open {
    fn new(counts: Arc<Counts>) -> Self {
        counts.asked.fetch_add(1, Ordering::Relaxed);
        counts.open.fetch_add(1, Ordering::Relaxed);
        Self(counts)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(
    request: Request<Incoming>,
    counts: Arc<Counts>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let open = Open::new(counts);
    let (parts, body) = request.into_parts();
    if parts.uri.path().ends_with("/held") {
        std::future::pending::<()>().await;
    }
    if parts.uri.path().ends_with("/endless") {
        let pieces = stream::repeat_with(move || -> Result<_, Infallible> {
            open.0.said.fetch_add(PIECE, Ordering::Relaxed);
            Ok(Frame::data(Bytes::from_static(&[b'a'; PIECE])))
        });
        return Ok(Response::new(StreamBody::new(pieces).boxed()));
    }
    let body = body.collect().await?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let body = body.to_bytes();
    let mut said = format!("{} of {} bytes\n", parts.method, body.len());
    for (name, value) in parts.headers.iter().chain(&trailers) {
        said.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    drop(open);
    Ok(Response::new(Full::new(Bytes::from(said)).boxed()))
}
