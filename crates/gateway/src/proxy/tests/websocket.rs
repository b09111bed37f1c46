//! WebSockets: both ways in, and how they end.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode};
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::{Instant, timeout},
};

use super::{apps::*, world::*};
use crate::{live::Cut, route::Route};

const SIGNED_OUT: &[u8] = b"\x88\x0c\x03\xf0signed out";

/// The answer that RFC 6455 wants, made by the crypto library apart from the code under test.
fn accept(head: &str) -> String {
    use base64::Engine;
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hash)
}

/// An app that takes a WebSocket, says what `says` is, and sends back what it hears; and tells when it is over.
async fn echo(says: Vec<u8>) -> (std::net::SocketAddr, Arc<Notify>) {
    let over = Arc::new(Notify::new());
    let told = over.clone();
    let address = app_that(move |mut stream: TcpStream| {
        let (told, says) = (told.clone(), says.clone());
        async move {
            let head = read_head(&mut stream).await;
            assert!(head.starts_with("GET /ws HTTP/1.1\r\n") && head.contains("\r\nupgrade: websocket\r\n"), "{head}");
            let answer = format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: chat\r\n\r\n", accept(&head));
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.write_all(&says).await.unwrap();
            let (mut reader, mut writer) = stream.split();
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
            told.notify_one();
        }
    })
    .await;
    (address, over)
}

const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn open(world: &World) -> TcpStream {
    let mut stream = world.connect().await;
    stream.write_all(world.head("GET", "/ws", UPGRADE).as_bytes()).await.unwrap();
    stream
}

/// Alice's question for a WebSocket in HTTP/2.
fn connect(world: &World) -> Request<Sent> {
    let mut request = world.request("CONNECT", "/ws", &identity("alice"), nothing());
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    request.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    request
}

async fn read(stream: &mut (impl AsyncRead + Unpin), length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(LONG, stream.read_exact(&mut bytes)).await.expect("it says as much").unwrap();
    bytes
}

/// All that still comes, and that it ends soon.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let (begun, mut bytes) = (Instant::now(), Vec::new());
    let _ = timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("it ends");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    bytes
}

#[tokio::test]
async fn a_websocket_of_http_1_goes_both_ways_until_its_session_ends() {
    let (app, over) = echo(b"\x81\x02hi".to_vec()).await;
    let world = World::before(app).await;
    let mut stream = open(&world).await;
    let head = read_head(&mut stream).await;
    let lower = head.to_ascii_lowercase();
    assert!(
        lower.starts_with("http/1.1 101 ")
            && lower.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"),
        "{head}"
    );
    assert_eq!(read(&mut stream, 4).await, b"\x81\x02hi");
    stream.write_all(b"\x82\x03abc").await.unwrap();
    assert_eq!(read(&mut stream, 5).await, b"\x82\x03abc");
    assert_eq!(world.standing.live().count(), 1);
    world.standing.deny(&identity("alice").session);
    assert_eq!(rest(&mut stream).await, SIGNED_OUT);
    timeout(LONG, over.notified()).await.expect("the app's side is closed too");
    until(|| world.standing.live().count() == 0).await;
    assert_eq!(world.standing.counted(&identity("alice").session, HOST), 1);
}

#[tokio::test]
async fn a_websocket_of_http_2_goes_both_ways_until_its_session_ends() {
    let (app, over) = echo(b"\x81\x02hi".to_vec()).await;
    let world = World::before(app).await;
    let mut sender = world.http2().await;
    let answer = sender.send_request(connect(&world)).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["sec-websocket-protocol"]),
        (StatusCode::OK, &"chat".parse().unwrap())
    );
    assert!(!answer.headers().contains_key("sec-websocket-accept") && !answer.headers().contains_key("upgrade"));
    let mut stream = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    assert_eq!(read(&mut stream, 4).await, b"\x81\x02hi");
    stream.write_all(b"\x82\x03abc").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(read(&mut stream, 5).await, b"\x82\x03abc");
    world.standing.deny(&identity("alice").session);
    assert_eq!(rest(&mut stream).await, SIGNED_OUT);
    timeout(LONG, over.notified()).await.expect("the app's side is closed too");
}

#[tokio::test]
async fn a_node_that_is_unsure_and_a_server_that_stops_say_so() {
    for (unsure, code) in [(true, 1013u16), (false, 1001)] {
        let (app, _) = echo(Vec::new()).await;
        let world = World::before(app).await;
        let mut stream = open(&world).await;
        read_head(&mut stream).await;
        until(|| world.standing.live().count() == 1).await;
        if unsure {
            world.standing.live().cut_all(Cut::Unsure);
        } else {
            drop(world);
        }
        assert_eq!(rest(&mut stream).await[2..4], code.to_be_bytes());
    }
}

#[tokio::test]
async fn a_browser_that_does_not_read_is_not_waited_for() {
    let over = Arc::new(Notify::new());
    let told = over.clone();
    let flood = app_that(move |mut stream: TcpStream| {
        let told = told.clone();
        async move {
            let head = read_head(&mut stream).await;
            let answer = format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n", accept(&head));
            stream.write_all(answer.as_bytes()).await.unwrap();
            let frame = [&b"\x82\x7e\x10\x00"[..], &[0; 4096]].concat();
            while stream.write_all(&frame).await.is_ok() {}
            told.notify_one();
        }
    })
    .await;
    let world = World::before(flood).await;
    let mut stream = open(&world).await;
    read_head(&mut stream).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    world.standing.deny(&identity("alice").session);
    timeout(LONG, over.notified()).await.expect("the app's side is closed");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    until(|| world.standing.live().count() == 0).await;
}

#[tokio::test]
async fn without_a_session_there_is_no_websocket() {
    let (app, _) = echo(Vec::new()).await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    stream.write_all(format!("GET /ws HTTP/1.1\r\nHost: {HOST}\r\n{UPGRADE}\r\n").as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn no_other_protocol_is_switched_to_and_a_refusal_is_passed_on() {
    let world = World::before(mirror().await).await;
    let h2c = world.get("/", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n").await;
    assert!(h2c.contains("200 OK") && !h2c.contains("upgrade") && !h2c.contains("http2-settings"), "{h2c}");
    let refused = World::before(app(|_| b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_vec()).await).await;
    let mut stream = open(&refused).await;
    assert!(read_until(&mut stream, "\r\n\r\nno").await.starts_with("HTTP/1.1 403"));
    // Who does not switch just answers; by CONNECT that would open a tunnel that is no WebSocket.
    let mut stream = open(&world).await;
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200"));
    let mut sender = world.http2().await;
    let answer = sender.send_request(connect(&world)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn an_app_that_does_not_know_the_key_has_not_agreed() {
    let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
    let world = World::before(app(move |_| wrong.as_bytes().to_vec()).await).await;
    let mut sender = world.http2().await;
    let answer = sender.send_request(connect(&world)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_websocket_does_not_begin_with_a_body() {
    let (app, _) = echo(Vec::new()).await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    let asked = world.head("GET", "/ws", &format!("{UPGRADE}Content-Length: 5\r\n")) + "GET /";
    stream.write_all(asked.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn what_is_open_is_use_only_where_the_route_says_so() {
    for counts in [false, true] {
        let (app, _) = echo(Vec::new()).await;
        let endless = app_that(|mut stream| async move {
            drop(read_head(&mut stream).await);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbegin").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let events =
            Route { prefix: "/events".to_owned(), streams_are_use: counts, ..route(&[format!("http://{endless}")]) };
        let sockets = Route { streams_are_use: counts, ..route(&[format!("http://{app}")]) };
        let world = World::with([events, sockets]).await;
        let (mut events, mut socket) = (world.connect().await, open(&world).await);
        events.write_all(world.head("GET", "/events", "").as_bytes()).await.unwrap();
        read_until(&mut events, "begin").await;
        read_head(&mut socket).await;
        socket.write_all(b"\x82\x03abc").await.unwrap();
        read(&mut socket, 5).await;
        let used = || world.house.used.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(used(), 2, "each when it began");
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(61)).await;
        tokio::time::resume();
        if counts {
            until(|| used() == 4).await;
        } else {
            socket.write_all(b"\x82\x03abc").await.unwrap();
            read(&mut socket, 5).await;
            assert_eq!(used(), 2);
        }
    }
}

#[tokio::test]
async fn a_websocket_that_authenticates_its_connection_goes_both_ways_too() {
    let (app, _) = echo(b"\x81\x02hi".to_vec()).await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    let more = format!("{UPGRADE}Authorization: Negotiate YII=\r\n");
    stream.write_all(world.head("GET", "/ws", &more).as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 101 "));
    assert_eq!(read(&mut stream, 4).await, b"\x81\x02hi");
    stream.write_all(b"\x82\x03abc").await.unwrap();
    assert_eq!(read(&mut stream, 5).await, b"\x82\x03abc");
}
