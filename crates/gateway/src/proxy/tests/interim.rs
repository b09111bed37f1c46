//! What comes before the answer: `1xx` of an app, and `Expect: 100-continue`, from either side.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::io::AsyncWriteExt;

use super::{apps::*, world::*};

/// An app that says these first, each a head, then reads the request's body of five bytes and says it.
async fn before_its_answer(says: &'static [&'static str]) -> std::net::SocketAddr {
    app_that(move |mut stream| async move {
        loop {
            let head = read_head(&mut stream).await;
            if head.is_empty() {
                return;
            }
            for interim in says {
                stream.write_all(format!("HTTP/1.1 {interim}\r\n\r\n").as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            let body = if head.starts_with("POST ") { read_until(&mut stream, "hello").await } else { String::new() };
            stream.write_all(&ok(&format!("final {body} {head}"))).await.unwrap();
        }
    })
    .await
}

const HINTS: &[&str] = &[
    "100 Continue",
    "102 Processing",
    "103 Early Hints\r\nLink: </a.css>; rel=preload\r\nSet-Cookie: early=1",
    "103 Early Hints\r\nLink: </b.css>; rel=preload",
    "199 Whatever",
];

#[tokio::test]
async fn what_an_app_says_before_its_answer_is_left_out_and_the_answer_is_whole() {
    let world = World::before(before_its_answer(HINTS).await).await;
    let mut stream = world.connect().await;
    for method in ["GET", "POST", "GET"] {
        let (more, body) = if method == "POST" { ("Content-Length: 5\r\n", "hello") } else { ("", "") };
        stream.write_all((world.head(method, "/", more) + body).as_bytes()).await.unwrap();
        let heard = read_until(&mut stream, "\r\n\r\n").await;
        assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
        for gone in ["Early", "early", "link:", "a.css", " 100 "] {
            assert!(!heard.contains(gone), "{gone}: {heard}");
        }
        // The next answer on the connection is the next one's.
        let length =
            heard.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
        let had = heard.split_once("\r\n\r\n").unwrap().1.len();
        let mut rest = vec![0; length - had];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut rest).await.unwrap();
    }
    let mut sender = world.http2().await;
    let (upload, body) = sent();
    upload.send(Frame::data(Bytes::from_static(b"hello"))).unwrap();
    drop(upload);
    let answer = sender.send_request(world.request("POST", "/", &identity("alice"), body)).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("link")), (200, false));
    assert!(answer.into_body().collect().await.unwrap().to_bytes().starts_with(b"final "));
}

#[tokio::test]
async fn who_waits_to_be_told_to_go_on_is_told_once_whether_the_app_says_so_or_not() {
    for says in [&[][..], &["100 Continue"], HINTS] {
        let world = World::before(before_its_answer(says).await).await;
        let mut stream = world.connect().await;
        let head = world.head("POST", "/", "Content-Length: 5\r\nExpect: 100-continue\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(read_head(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n", "{says:?}");
        stream.write_all(b"hello").await.unwrap();
        let heard = read_until(&mut stream, "final hello").await;
        assert!(heard.starts_with("HTTP/1.1 200 "), "{says:?}: {heard}");
    }
}

#[tokio::test]
async fn who_may_not_pass_is_not_told_to_send() {
    let world = World::before(before_its_answer(&[]).await).await;
    let mut stream = world.connect().await;
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let heard = read_head(&mut stream).await;
    assert!(heard.starts_with("HTTP/1.1 401 "), "{heard}");
}

#[tokio::test]
async fn an_app_that_refuses_what_it_was_to_expect_is_heard() {
    let refuses = app_that(|mut stream| async move {
        drop(read_head(&mut stream).await);
        let _ = stream
            .write_all(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            .await;
    })
    .await;
    let world = World::before(refuses).await;
    let mut stream = world.connect().await;
    let head = world.head("POST", "/", "Content-Length: 5\r\nExpect: 100-continue\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let heard = read_until(&mut stream, "no").await;
    assert!(heard.contains("HTTP/1.1 417 "), "{heard}");
}
