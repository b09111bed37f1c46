//! The app behind the route: it says what it was asked, holds an answer back, never ends one, or opens a WebSocket.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt as _, net::TcpSocket, sync::Notify, task::JoinHandle};

/// How much of an endless answer comes at a time, in bytes.
const PIECE: usize = 16 * 1024;

/// What the kernel keeps for the app of each connection, in bytes: little, so that who is held back is held back soon.
const ROOM: u32 = 64 * 1024;

/// What the app counts.
#[derive(Default)]
struct Counts {
    asked: AtomicUsize,
    open: AtomicUsize,
    said: AtomicUsize,
    on: Notify,
}

/// The app.
pub(super) struct App {
    pub(super) address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl App {
    pub(super) async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(ROOM).unwrap();
        socket.set_recv_buffer_size(ROOM).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::<Counts>::default();
        let shared = counts.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counts = shared.clone();
                let service = service_fn(move |request| answer(request, counts.clone()));
                let http1 = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http1.serve_connection(TokioIo::new(stream), service).with_upgrades());
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

    /// Has it read the body that it has not read so far.
    pub(super) fn go_on(&self) {
        self.counts.on.notify_one();
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
    mut request: Request<Incoming>,
    counts: Arc<Counts>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let open = Open::new(counts);
    if request.uri().path() == "/live" {
        let accepted = accepted(&request);
        tokio::spawn(echo(hyper::upgrade::on(&mut request), open));
        return Ok(accepted);
    }
    let (parts, body) = request.into_parts();
    if parts.uri.path().ends_with("/endless") {
        let pieces = stream::repeat_with(move || -> Result<_, Infallible> {
            open.0.said.fetch_add(PIECE, Ordering::Relaxed);
            Ok(Frame::data(Bytes::from_static(&[b'a'; PIECE])))
        });
        return Ok(Response::new(StreamBody::new(pieces).boxed()));
    }
    if parts.uri.path().ends_with("/unread") {
        open.0.on.notified().await;
    }
    let body = body.collect().await?;
    if parts.uri.path().ends_with("/held") {
        std::future::pending::<()>().await;
    }
    let trailers = body.trailers().cloned().unwrap_or_default();
    let body = body.to_bytes();
    let mut said = format!("{} of {} bytes\n", parts.method, body.len());
    for (name, value) in parts.headers.iter().chain(&trailers) {
        said.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    drop(open);
    Ok(Response::new(Full::new(Bytes::from(said)).boxed()))
}

/// The answer to a WebSocket (RFC 6455, 4.2.2).
fn accepted(request: &Request<Incoming>) -> Response<BoxBody<Bytes, Infallible>> {
    let mut text = request.headers()["sec-websocket-key"].as_bytes().to_vec();
    text.extend_from_slice(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", STANDARD.encode(hash))
        .body(Empty::new().boxed())
        .unwrap()
}

/// Says hello, then what it hears.
async fn echo(stream: OnUpgrade, _open: Open) {
    let mut stream = TokioIo::new(stream.await.expect("the other side switches"));
    if stream.write_all(b"\x81\x05hello").await.is_ok() {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    }
}
