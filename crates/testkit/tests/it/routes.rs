//! Two apps with no login of their own behind the gateway's socket, for the tests of what a sign-out leaves of them.

use std::time::Duration;

use acquit_testkit::{Browser, peers::free_port};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

pub(crate) mod app;

use app::App;

/// How long anything may take on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// The hosts of the routes, without what all have: the WebSocket is open at the first.
pub(crate) const HOSTS: [&str; 2] = ["grafana", "vault"];
/// The close frame of a session that was ended.
pub(crate) const SIGNED_OUT: &[u8] = b"\x88\x0c\x03\xf0signed out";
/// That of a stream that would not be let in any more.
pub(crate) const NOT_ALLOWED: &[u8] = b"\x88\x13\x03\xf0no longer allowed";

/// The routes, and the app behind both.
pub(crate) struct Routes {
    pub(crate) app: App,
    pub(crate) port: u16,
}

impl Routes {
    /// The app, and a port for the gateway.
    pub(crate) async fn start() -> Self {
        Self { app: App::start().await, port: free_port() }
    }

    /// The part of the configuration: everybody may enter the first route, whom `allow` names the second.
    pub(crate) fn configuration(&self, allow: &str) -> String {
        let route = |host: &str, allow: &str| {
            format!(
                "[[gateway.routes]]\nfrom = \"http://{host}.localhost:{}\"\nto = \"http://{}\"\nallow = {{ {allow} }}\n\
                 public_paths = [\"/health\"]\n\n",
                self.port, self.app.address
            )
        };
        format!(
            "\n[gateway]\nlisten = \"127.0.0.1:{}\"\n\n{}{}",
            self.port,
            route(HOSTS[0], "everyone = true"),
            route(HOSTS[1], allow)
        )
    }

    /// The host of a route as receipts name it.
    pub(crate) fn party(&self, host: &str) -> String {
        format!("{host}.localhost:{}", self.port)
    }

    /// The URL of a path at a route.
    pub(crate) fn at(&self, host: &str, path: &str) -> String {
        format!("http://{}{path}", self.party(host))
    }

    /// A browser's cookie of a route, as a header.
    pub(crate) fn cookie(&self, browser: &Browser, host: &str) -> String {
        let value = browser.cookie(&self.at(host, "/"), "acquit-route").expect("a route cookie");
        format!("acquit-route={value}")
    }

    /// Opens a connection with this head, and reads the head of the answer.
    pub(crate) async fn ask(&self, host: &str, head: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let head = head.replace("HOST", &self.party(host));
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(timeout(LONG, stream.read_u8()).await.expect("an answer").unwrap());
        }
        (stream, String::from_utf8(heard).unwrap())
    }

    /// What a request with this cookie is answered.
    pub(crate) async fn status(&self, host: &str, cookie: &str) -> String {
        let head =
            format!("GET / HTTP/1.1\r\nHost: HOST\r\nAccept: */*\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
        self.ask(host, &head).await.1[9..12].to_owned()
    }

    /// Opens a WebSocket with this cookie: what it is answered, and the connection.
    pub(crate) async fn websocket(&self, host: &str, cookie: &str) -> (TcpStream, String) {
        let head = format!(
            "GET /live HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookie}\r\n\r\n"
        );
        let (stream, answer) = self.ask(host, &head).await;
        (stream, answer[9..12].to_owned())
    }

    /// What of the routes a browser holds that is signed in at Acquit: it enters both, and opens a WebSocket at the first.
    pub(crate) async fn hold(&self, browser: &Browser) -> Held<'_> {
        for host in HOSTS {
            let page = browser.open(&self.at(host, "/dash")).await;
            assert_eq!(page.url.as_str(), self.at(host, "/dash"), "nobody is asked again: {page}");
        }
        let cookies = HOSTS.map(|host| self.cookie(browser, host));
        for (host, cookie) in HOSTS.iter().zip(&cookies) {
            assert_eq!(self.status(host, cookie).await, "200", "a copy is as good");
        }
        let open = greeted(self, HOSTS[0], browser).await;
        Held { routes: self, open, cookies }
    }

    /// The step of a host in a receipt.
    pub(crate) fn step<'a>(&self, receipt: &'a Value, host: &str) -> &'a Value {
        let party = self.party(host);
        let steps = receipt["steps"].as_array().unwrap();
        steps.iter().find(|step| step["party"] == party).unwrap_or_else(|| panic!("no step of {party}: {receipt:#}"))
    }

    /// A receipt says of both routes that they refuse the session, and how much was closed at the first.
    pub(crate) fn confirmed(&self, receipt: &Value, what: &str) {
        for host in HOSTS {
            let step = self.step(receipt, host);
            let outcome = (&step["channel"], &step["outcome"]);
            assert_eq!(outcome, (&json!("gateway"), &json!("confirmed")), "{what}: {receipt:#}");
        }
        assert_eq!(self.step(receipt, HOSTS[0])["detail"], "1 open stream was closed", "{what}");
        assert_eq!(self.step(receipt, HOSTS[1])["detail"], "nothing was open", "{what}");
    }
}

/// An open WebSocket at the first route, and copies of the cookies of both.
pub(crate) struct Held<'a> {
    routes: &'a Routes,
    open: TcpStream,
    cookies: [String; 2],
}

impl Held<'_> {
    /// The WebSocket is there, and both cookies are good.
    pub(crate) async fn is_good(&mut self) {
        for (host, cookie) in HOSTS.iter().zip(&self.cookies) {
            assert_eq!(self.routes.status(host, cookie).await, "200");
        }
        is_open(&mut self.open, "nothing ended it").await;
    }

    /// The WebSocket was closed in the right words, and the cookies are refused from another machine.
    pub(crate) async fn has_ended(mut self, what: &str) {
        let heard = rest(&mut self.open).await;
        assert!(heard.ends_with(SIGNED_OUT), "{what}: {heard:?}");
        for (host, cookie) in HOSTS.iter().zip(&self.cookies) {
            assert_eq!(self.routes.status(host, cookie).await, "401", "{what}: {host}: replayed");
            assert_eq!(self.routes.websocket(host, cookie).await.1, "401", "{what}: {host}");
        }
    }
}

/// A WebSocket is open, and the app greeted on it.
pub(crate) async fn greeted(routes: &Routes, host: &str, browser: &Browser) -> TcpStream {
    let (mut open, answer) = routes.websocket(host, &routes.cookie(browser, host)).await;
    assert_eq!(answer, "101", "{host}");
    let mut hello = [0; 7];
    timeout(LONG, open.read_exact(&mut hello)).await.unwrap().unwrap();
    assert_eq!(&hello, b"\x81\x05hello", "a frame of the app");
    open
}

/// A WebSocket says nothing, and is open.
pub(crate) async fn is_open(stream: &mut TcpStream, what: &str) {
    let said = timeout(Duration::from_millis(50), stream.read_u8()).await;
    assert!(said.is_err(), "{what}: the WebSocket is open: {said:?}");
}

/// What a WebSocket says until its end.
pub(crate) async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    timeout(LONG, stream.read_to_end(&mut heard)).await.expect("the end of the stream").unwrap();
    heard
}
