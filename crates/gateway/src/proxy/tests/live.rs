//! What is open when a session ends: it ends too, whoever reads or does not.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::{apps::*, world::*};
use crate::live::Cut;

/// An app that answers without end, as fast as it can or bit by bit, and tells when its connection is over.
async fn endless(flood: bool) -> (std::net::SocketAddr, Arc<Notify>) {
    let over = Arc::new(Notify::new());
    let told = over.clone();
    let address = app_that(move |mut stream| {
        let told = told.clone();
        async move {
            let head = read_head(&mut stream).await;
            if head.starts_with("GET /short ") {
                stream.write_all(&ok("short")).await.unwrap();
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbegin").await;
            let (mut reader, mut writer) = stream.split();
            let mut byte = [0];
            tokio::select! {
                _ = reader.read(&mut byte) => {}
                () = async {
                    while writer.write_all(&[b'x'; 4096]).await.is_ok() {
                        if !flood {
                            sleep(Duration::from_millis(5)).await;
                        }
                    }
                } => {}
            }
            told.notify_one();
        }
    })
    .await;
    (address, over)
}

/// It is over soon; how soon.
async fn soon(over: impl Future) -> Duration {
    let begun = Instant::now();
    timeout(LONG, over).await.expect("it ends");
    let took = begun.elapsed();
    assert!(took < SOON, "{took:?}");
    took
}

#[tokio::test]
async fn an_answer_of_http_1_breaks_off_and_the_app_is_left() {
    let (app, over) = endless(false).await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    stream.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
    read_until(&mut stream, "begin").await;
    world.standing.deny(&identity("alice").session);
    let mut heard = Vec::new();
    soon(async { drop(stream.read_to_end(&mut heard).await) }).await;
    assert!(!heard.ends_with(b"0\r\n\r\n"), "it does not look whole");
    soon(over.notified()).await;
    assert_eq!((world.standing.live().count(), world.standing.counted(&identity("alice").session, HOST)), (0, 1));
}

#[tokio::test]
async fn a_browser_that_does_not_read_keeps_nothing_open() {
    let (app, over) = endless(true).await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    stream.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    world.standing.deny(&identity("alice").session);
    soon(over.notified()).await;
    soon(async { while stream.read(&mut [0; 65536]).await.is_ok_and(|count| count > 0) {} }).await;
}

#[tokio::test]
async fn a_stream_of_http_2_is_reset_and_the_others_on_its_connection_go_on() {
    let (app, over) = endless(false).await;
    let world = World::before(app).await;
    let mut sender = world.http2().await;
    let mut other = identity("alice");
    other.session = acquit_core::SessionId::from_random([7; 16]);
    let mut first = sender.send_request(world.request("GET", "/", &identity("alice"), nothing())).await.unwrap();
    let mut second = sender.send_request(world.request("GET", "/", &other, nothing())).await.unwrap();
    first.frame().await.unwrap().unwrap();
    second.frame().await.unwrap().unwrap();
    world.standing.deny(&identity("alice").session);
    let mut failed = None;
    soon(async {
        while let Some(frame) = first.frame().await {
            if let Err(error) = frame {
                failed = Some(error);
                break;
            }
        }
    })
    .await;
    assert!(failed.is_some(), "it does not look whole");
    soon(over.notified()).await;
    for _ in 0..10 {
        second.frame().await.unwrap().unwrap();
    }
    let third = sender.send_request(world.request("GET", "/short", &other, nothing())).await.unwrap();
    assert_eq!(third.into_body().collect().await.unwrap().to_bytes(), "short");
}

#[tokio::test]
async fn a_stream_of_http_2_whose_window_is_shut_is_let_go_of() {
    let (app, over) = endless(true).await;
    let world = World::before(app).await;
    let mut sender = world.http2().await;
    let mut other = identity("alice");
    other.session = acquit_core::SessionId::from_random([7; 16]);
    let first = sender.send_request(world.request("GET", "/", &identity("alice"), nothing())).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    world.standing.deny(&identity("alice").session);
    soon(over.notified()).await;
    until(|| world.standing.live().count() == 0).await;
    let short = sender.send_request(world.request("GET", "/short", &other, nothing())).await.unwrap();
    assert_eq!(short.into_body().collect().await.unwrap().to_bytes(), "short");
    drop(first);
}

#[tokio::test]
async fn who_waits_for_an_answer_is_told_and_the_app_is_left() {
    let over = Arc::new(Notify::new());
    let told = over.clone();
    let silent = app_that(move |mut stream| {
        let told = told.clone();
        async move {
            let _ = stream.read_to_end(&mut Vec::new()).await;
            told.notify_one();
        }
    })
    .await;
    for (why, status) in [(Cut::SignedOut, "401"), (Cut::Unsure, "503")] {
        let world = World::before(silent).await;
        let mut stream = world.connect().await;
        stream.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
        until(|| world.standing.live().count() == 1).await;
        world.standing.live().cut_all(why);
        assert!(read_head(&mut stream).await.starts_with(&format!("HTTP/1.1 {status}")));
        soon(over.notified()).await;
    }
}

#[tokio::test]
async fn an_upload_stops_even_where_the_browser_says_nothing_more() {
    let over = Arc::new(Notify::new());
    let told = over.clone();
    let taker = app_that(move |mut stream| {
        let told = told.clone();
        async move {
            drop(read_until(&mut stream, "half").await);
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
            told.notify_one();
        }
    })
    .await;
    let world = World::before(taker).await;
    let mut sender = world.http2().await;
    let (upload, body) = sent();
    upload.send(Frame::data(Bytes::from_static(b"half"))).unwrap();
    let mut answer = sender.send_request(world.request("POST", "/", &identity("alice"), body)).await.unwrap();
    answer.frame().await.unwrap().unwrap();
    world.standing.deny(&identity("alice").session);
    soon(over.notified()).await;
    assert!(answer.frame().await.is_none_or(|frame| frame.is_err()));
    until(|| world.standing.live().count() == 0).await;
    drop(upload);
}

#[tokio::test]
async fn an_upload_to_an_app_of_http_2_stops_too() {
    let over = Arc::new(Notify::new());
    let told = over.clone();
    let app = http2_app(move |request| {
        let told = told.clone();
        async move {
            tokio::spawn(async move {
                let mut body = request.into_body();
                while let Some(Ok(_)) = body.frame().await {}
                told.notify_one();
            });
            let never = futures_util::stream::pending::<Result<Frame<Bytes>, hyper::Error>>();
            http::Response::new(http_body_util::BodyExt::boxed(http_body_util::StreamBody::new(never)))
        }
    })
    .await;
    let world = World::with([route(&[app])]).await;
    let mut stream = world.connect().await;
    stream.write_all((world.head("POST", "/", "Content-Length: 100\r\n") + "half").as_bytes()).await.unwrap();
    read_head(&mut stream).await;
    world.standing.deny(&identity("alice").session);
    soon(over.notified()).await;
    soon(async { drop(stream.read_to_end(&mut Vec::new()).await) }).await;
    until(|| world.standing.live().count() == 0).await;
}

#[tokio::test]
async fn a_connection_of_http_1_that_is_idle_is_nobodys() {
    let world = World::before(app(|_| ok("the app")).await).await;
    let mut stream = world.connect().await;
    stream.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
    read_until(&mut stream, "the app").await;
    until(|| world.standing.live().count() == 0).await;
    world.standing.deny(&identity("alice").session);
    stream.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "sign in").await.starts_with("HTTP/1.1 401"), "the same connection answers on");
}
