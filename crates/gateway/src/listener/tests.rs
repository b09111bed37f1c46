use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A service that has nothing for anybody.
async fn nothing(_: Request<Incoming>, _: Caller) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// What the server says to a peer that sends this and then nothing, until it hangs up.
async fn hear_out(said: &[u8]) -> Vec<u8> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, Options::default(), nothing, stop.clone()));
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

/// Asks on a connection of HTTP/1.1 that stays open; whether it is answered.
async fn ask(stream: &mut TcpStream) -> bool {
    let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut heard = Vec::new();
    while sent.is_ok() && !heard.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => heard.push(byte),
            Err(_) => break,
        }
    }
    heard.starts_with(b"HTTP/1.1 404")
}

/// How long it takes until the server hangs up.
async fn hung_up_after(stream: &mut TcpStream) -> Duration {
    let begun = tokio::time::Instant::now();
    let end = timeout(IDLE * 10, stream.read_to_end(&mut Vec::new())).await;
    end.expect("the server hangs up").unwrap();
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_longer_than_a_proxy_keeps_one_that_it_does_not_use() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, Options::default(), nothing, stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        assert!(ask(&mut stream).await);
        tokio::time::sleep(Duration::from_secs(120)).await;
    }
    let rest = hung_up_after(&mut stream).await;
    assert!(rest <= IDLE, "{rest:?}");
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn where_room_runs_short_who_asks_nothing_makes_way() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let options = Options { connections: 4, ..Options::default() };
    let server = tokio::spawn(serve(listener, options, nothing, stop.clone()));
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut stream).await);
        streams.push(stream);
    }
    let last = hung_up_after(streams.last_mut().unwrap()).await;
    assert!(last <= HEADERS_WITHIN, "{last:?}");
    assert!(ask(&mut streams[0]).await, "who came while there was room stays");
    stop.cancel();
    server.await.unwrap();
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
    let server = tokio::spawn(serve(listener, Options::default(), nothing, stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&[PREFACE, SETTINGS, GET].concat()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let types = timeout(IDLE * 10, keep_alive(&mut stream)).await.expect("the server hangs up");
    assert!(types.contains(&1) && types.contains(&6), "it answered, and asked whether the peer is there: {types:?}");
    assert!(types.contains(&7), "it says goodbye, so that no request is lost: {types:?}");
    assert!(begun.elapsed() >= IDLE && begun.elapsed() <= IDLE * 2 + DRAIN + HEADERS_WITHIN, "{:?}", begun.elapsed());
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_http2_peer_that_does_not_end_a_head_is_hung_up_on() {
    // The second request's HEADERS lack END_HEADERS, and within a head nothing else may be said: no answer to a ping either.
    let half = [&[0, 0, 6, 1, 1, 0, 0, 0, 3], &GET[9..]].concat();
    for said in [[PREFACE, SETTINGS, &half].concat(), [PREFACE, SETTINGS, GET, &half].concat()] {
        hear_out(&said).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_is_not_idle_however_long_it_takes() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let slow = |_: Request<Incoming>, _: Caller| async {
        tokio::time::sleep(IDLE * 5).await;
        Response::new(Full::new(Bytes::from_static(b"done")))
    };
    let server = tokio::spawn(serve(listener, Options::default(), slow, stop.clone()));
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
    let served = tokio::spawn(serve(listener, Options::default(), nothing, stop.clone()));
    let _silent = TcpStream::connect(address).await.unwrap();
    // One that speaks comes after it, so the silent one was accepted.
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    other.read_to_end(&mut Vec::new()).await.unwrap();
    stop.cancel();
    timeout(DRAIN / 2, served).await.unwrap().unwrap();
}
