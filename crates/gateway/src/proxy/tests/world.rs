//! A proxy on loopback with apps behind it, and a house that answers as it is told.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use acquit_core::{SessionId, Timestamp, UserId, session::Lifetimes};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Frame, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::*;
use crate::{
    identity::Person,
    listener::{self, Options},
    live::Live,
    policy::Allow,
    seal::SealKey,
};

/// The host of the route in all tests, as a request names it.
pub(super) const HOST: &str = "app.localhost:1";
/// Longer than anything may take here.
pub(super) const LONG: Duration = Duration::from_secs(10);
/// Shorter than any limit that would end it anyway. The aim is 100 ms, which a machine under load cannot be held to.
pub(super) const SOON: Duration = Duration::from_secs(2);

/// What a test sends as a body, bit by bit.
pub(super) type Sent = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// A body of what comes through the channel.
pub(super) fn sent() -> (tokio::sync::mpsc::UnboundedSender<Frame<Bytes>>, Sent) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    (sender, StreamBody::new(ReceiverStream(receiver)).boxed_unsync())
}

/// No body, which is known from the head on, as with browsers.
pub(super) fn nothing() -> Sent {
    Empty::new().boxed_unsync()
}

/// The end of a channel, as a stream.
pub(super) struct ReceiverStream(tokio::sync::mpsc::UnboundedReceiver<Frame<Bytes>>);

impl futures_util::Stream for ReceiverStream {
    type Item = Result<Frame<Bytes>, std::convert::Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

/// A house that writes down what it was asked.
pub(super) struct TestHouse {
    standing: Arc<Standing>,
    /// Whether the store answers.
    pub(super) store: AtomicBool,
    pub(super) refreshed: AtomicUsize,
    pub(super) used: AtomicUsize,
    /// How often it was asked who somebody is now.
    pub(super) asked: AtomicUsize,
    pub(super) renewed: Mutex<Option<Renewed>>,
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

impl House for TestHouse {
    type Body = Full<Bytes>;

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(0)
    }

    async fn refresh(&self) -> Result<(), Unavailable> {
        self.refreshed.fetch_add(1, Ordering::Relaxed);
        if !self.store.load(Ordering::Relaxed) {
            return Err(Unavailable);
        }
        self.standing.heard(Instant::now());
        Ok(())
    }

    async fn door(&self, request: Request<Incoming>, _: &Caller) -> Response<Full<Bytes>> {
        text(StatusCode::OK, format!("door {}", request.uri()))
    }

    async fn sign_in(&self, request: &Parts, route: &Route) -> Response<Full<Bytes>> {
        text(StatusCode::UNAUTHORIZED, format!("sign in for {}{}", route.from, request.uri))
    }

    async fn renew(&self, _: &Route, _: &Identity) -> Result<Option<Renewed>, Unavailable> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if !self.store.load(Ordering::Relaxed) {
            return Err(Unavailable);
        }
        Ok(self.renewed.lock().unwrap().clone())
    }

    fn forbidden(&self, _: &Parts, _: &Route, identity: &Identity) -> Response<Full<Bytes>> {
        text(StatusCode::FORBIDDEN, format!("not for {}", identity.username))
    }

    fn identity_headers(&self, _: &Route, identity: &Identity, headers: &mut HeaderMap) {
        headers.insert("x-acquit-jwt-assertion", HeaderValue::try_from(&identity.username).unwrap());
    }

    fn used(&self, _: &SessionId) {
        self.used.fetch_add(1, Ordering::Relaxed);
    }
}

/// A proxy that runs, and what is around it. It ends when this is dropped.
pub(super) struct World {
    pub(super) house: Arc<TestHouse>,
    pub(super) standing: Arc<Standing>,
    pub(super) proxy: Proxy<TestHouse>,
    pub(super) address: SocketAddr,
    cookies: Arc<Cookies>,
    /// How large the future of the last request was, in bytes.
    pub(super) size: Arc<AtomicUsize>,
    _guard: DropGuard,
}

const MAX: Duration = Duration::from_secs(1000);
const LIFETIMES: Lifetimes = Lifetimes { idle: MAX, max: MAX, program: MAX };

/// A person with a session.
pub(super) fn identity(username: &str) -> Identity {
    let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 0);
    Identity::new(
        of,
        Person { username: username.to_owned(), ..Person::default() },
        Timestamp::default()..Timestamp::from_seconds(100),
    )
}

/// The usual route to these apps: for alice, with `/public` for everybody.
pub(super) fn route(to: &[String]) -> Route {
    let to = to.iter().map(|url| url.parse().unwrap()).collect();
    Route {
        allow: Allow { users: vec!["alice".to_owned()], ..Allow::default() },
        public_paths: vec!["/public".to_owned()],
        timeout: Duration::from_secs(5),
        ..Route::new(Origin::parse(&format!("http://{HOST}")).unwrap(), to)
    }
}

impl World {
    /// With the usual route.
    pub(super) async fn before(app: SocketAddr) -> Self {
        Self::with([route(&[format!("http://{app}")])]).await
    }

    pub(super) async fn with(routes: impl IntoIterator<Item = Route>) -> Self {
        Self::trusting(routes, Vec::new()).await
    }

    /// With roots that connections to apps trust.
    pub(super) async fn trusting(
        routes: impl IntoIterator<Item = Route>,
        extra_roots: Vec<CertificateDer<'static>>,
    ) -> Self {
        let standing = Arc::new(Standing::new(Live::default()));
        standing.heard(Instant::now());
        let cookies = Arc::new(Cookies::new(SealKey::new(&[1; 32]).unwrap(), LIFETIMES));
        let house = Arc::new(TestHouse {
            standing: standing.clone(),
            store: AtomicBool::new(true),
            refreshed: AtomicUsize::default(),
            used: AtomicUsize::default(),
            asked: AtomicUsize::default(),
            renewed: Mutex::default(),
        });
        let rules = Rules { routes: Routes::new(routes), own: Some("id.localhost".to_owned()), ..Rules::default() };
        let config = Config { rules, cookies: cookies.clone(), standing: standing.clone(), extra_roots };
        let proxy = Proxy::new(config, house.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = proxy.clone();
        let size = Arc::new(AtomicUsize::default());
        let measures = Arc::clone(&size);
        let answer = move |request, caller| {
            let going = serving.serve(request, caller);
            measures.store(size_of_val(&going), Ordering::Relaxed);
            going
        };
        let (watching, over) = (proxy.clone(), stop.clone());
        tokio::spawn(async move { over.run_until_cancelled(watching.watch_people()).await });
        let options = Options { connections: 65_536, ..Options::default() };
        tokio::spawn(listener::serve(listener, options, answer, stop.clone()));
        Self { house, standing, proxy, address, cookies, size, _guard: stop.drop_guard() }
    }

    /// The `Cookie` header of somebody.
    pub(super) fn cookie(&self, identity: &Identity) -> String {
        let origin = Origin::parse(&format!("http://{HOST}")).unwrap();
        format!("Cookie: acquit-route={}\r\n", self.cookies.seal(&origin, identity).unwrap())
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes and reads until the proxy hangs up.
    pub(super) async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut heard = Vec::new();
        let end = timeout(LONG, stream.read_to_end(&mut heard)).await.expect("the proxy hangs up");
        end.map(drop).or_else(|error| if heard.is_empty() { Err(error) } else { Ok(()) }).unwrap();
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// A connection of HTTP/2.
    pub(super) async fn http2(&self) -> http2::SendRequest<Sent> {
        let stream = TokioIo::new(self.connect().await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// A request of somebody's as HTTP/2 has it, with what is to be sent.
    pub(super) fn request(&self, method: &str, path: &str, who: &Identity, body: Sent) -> Request<Sent> {
        let cookie = self.cookie(who);
        let cookie = cookie.trim_end().strip_prefix("Cookie: ").unwrap();
        let request = Request::builder().method(method).uri(format!("http://{HOST}{path}"));
        request.header("cookie", cookie).body(body).unwrap()
    }

    /// Alice's request for a path with more headers, each with its line's end, on a connection of its own.
    pub(super) async fn get(&self, path: &str, more: &str) -> String {
        self.say(self.head("GET", path, &format!("Connection: close\r\n{more}"))).await
    }

    /// The head of a request of Alice's.
    pub(super) fn head(&self, method: &str, path: &str, more: &str) -> String {
        let cookie = self.cookie(&identity("alice"));
        format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{cookie}{more}\r\n")
    }
}

/// Reads a head and nothing beyond it.
pub(super) async fn read_head(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        let byte = timeout(LONG, stream.read_u8()).await.expect("it says something").unwrap();
        heard.push(byte);
    }
    String::from_utf8(heard).unwrap()
}

/// Reads until what came contains `mark`.
pub(super) async fn read_until(stream: &mut TcpStream, mark: &str) -> String {
    let mut heard = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&heard).into_owned();
        if text.contains(mark) {
            return text;
        }
        let count = timeout(LONG, stream.read_buf(&mut heard)).await.expect("it says something").unwrap();
        assert!(count > 0, "it hung up after {text:?}");
    }
}

/// Waits until something is so.
pub(super) async fn until(mut is: impl FnMut() -> bool) {
    let waiting = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, waiting).await.expect("it becomes so");
}
