//! The connections to an app: used again while they are good, one of HTTP/2 by all, and none that somebody left in the middle.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::timeout,
};

use super::{apps::*, world::*};

/// An app that says on which of its connections it is asked, and answers this often on each before it hangs up.
async fn one_that_counts(answers: usize) -> SocketAddr {
    let connections = Arc::new(AtomicUsize::default());
    app_that(move |mut stream| {
        let number = connections.fetch_add(1, Ordering::Relaxed);
        async move {
            for _ in 0..answers {
                if stream.peek(&mut [0]).await.unwrap_or_default() == 0 {
                    return;
                }
                read_head(&mut stream).await;
                stream.write_all(&ok(&format!("on {number}"))).await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let world = World::before(one_that_counts(usize::MAX).await).await;
    for _ in 0..3 {
        assert!(world.get("/", "").await.ends_with("on 0"));
    }
    // Each of these waits for its connection; the last that came back goes first.
    let all = futures_util::future::join_all((0..5).map(|_| world.get("/", ""))).await;
    assert!(all.iter().all(|heard| heard.contains("200 OK")), "{all:?}");
    assert!(world.get("/", "").await.contains("\r\n\r\non "));
}

#[tokio::test]
async fn nobody_notices_that_an_app_hung_up_meanwhile() {
    let world = World::before(one_that_counts(1).await).await;
    for number in 0..20 {
        let method = if number % 2 == 0 { "GET" } else { "POST" };
        let heard = world.say(world.head(method, "/", "Connection: close\r\nContent-Length: 0\r\n")).await;
        assert!(heard.ends_with(&format!("on {number}")), "{heard}");
    }
}

#[tokio::test]
async fn what_a_browser_left_unread_is_no_part_of_the_next_answer() {
    let (left, leaves) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::default()));
    let (waits, count) = (left.clone(), leaves.clone());
    let app = app_that(move |mut stream| {
        let (waits, count) = (waits.clone(), count.clone());
        async move {
            read_head(&mut stream).await;
            if count.fetch_add(1, Ordering::Relaxed) > 0 {
                stream.write_all(&ok("the second")).await.unwrap();
                return;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nthe first").await.unwrap();
            waits.notified().await;
            // What is still to come of the first answer; the proxy may have hung up.
            let _ = stream.write_all(&[b'x'; 999_991]).await;
            let _ = stream.read(&mut [0]).await;
        }
    })
    .await;
    let world = World::before(app).await;
    let mut browser = world.connect().await;
    browser.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
    read_until(&mut browser, "the first").await;
    drop(browser);
    until(|| world.standing.live().count() == 0).await;
    left.notify_one();
    assert!(world.get("/", "").await.ends_with("\r\n\r\nthe second"));
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    let count = Arc::new(AtomicUsize::default());
    let app = app_that(move |mut stream| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            while stream.peek(&mut [0]).await.is_ok_and(|more| more > 0) {
                read_head(&mut stream).await;
                let mut said = ok("asked for");
                if first {
                    said.extend(ok("not asked for"));
                }
                stream.write_all(&said).await.unwrap();
            }
        }
    })
    .await;
    let world = World::before(app).await;
    for number in 0..3 {
        let heard = world.get("/", "").await;
        assert!(heard.ends_with("\r\n\r\nasked for"), "{number}: {heard}");
    }
}

/// An app of HTTP/2 that answers with the path, or breaks off where that says so, until it is told to hang up; how often it was
/// connected to.
async fn one_of_http_2(hang_up: Arc<Notify>) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::default());
    let count = connections.clone();
    let app = app_that(move |stream| {
        count.fetch_add(1, Ordering::Relaxed);
        let hang_up = hang_up.clone();
        async move {
            let answer = service_fn(|request: Request<Incoming>| async move {
                let path = request.uri().path();
                if path == "/broken-off" {
                    return Err(io::Error::from(io::ErrorKind::Other));
                }
                Ok(Response::new(Full::new(Bytes::from(path.to_owned()))))
            });
            let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer);
            tokio::select! {
                _ = serving => {}
                () = hang_up.notified() => {}
            }
        }
    })
    .await;
    (app, connections)
}

#[tokio::test]
async fn one_connection_of_http_2_is_shared_and_replaced_when_it_is_gone() {
    let hang_up = Arc::new(Notify::new());
    let (app, connections) = one_of_http_2(hang_up.clone()).await;
    let world = World::with([route(&[format!("h2c://{app}")])]).await;
    let paths: Vec<String> = (0..20).map(|number| format!("/{number}")).collect();
    let answers = futures_util::future::join_all(paths.iter().map(|path| world.get(path, ""))).await;
    for (path, heard) in paths.iter().zip(&answers) {
        assert!(heard.contains("200 OK") && heard.ends_with(path), "{path}: {heard}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1, "who came while it was opened waited for it");
    hang_up.notify_one();
    let asking = async {
        // The first may have been on its way already.
        while !world.get("/again", "").await.ends_with("/again") {}
    };
    timeout(LONG, asking).await.expect("another connection is opened");
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn answers_that_never_end_keep_no_connection_of_http_2_from_others() {
    let app = http2_app(|request| async move {
        let body = match request.uri().path() {
            "/endless" => StreamBody::new(futures_util::stream::pending()).boxed(),
            path => Full::new(Bytes::from(path.to_owned())).map_err(|never| match never {}).boxed(),
        };
        Response::new(body)
    })
    .await;
    let world = World::with([route(&[app])]).await;
    let mut open = Vec::new();
    for _ in 0..150 {
        let mut browser = world.connect().await;
        browser.write_all(world.head("GET", "/endless", "").as_bytes()).await.unwrap();
        open.push(browser);
    }
    for browser in &mut open {
        assert!(timeout(SOON, read_head(browser)).await.expect("it is answered").contains("200 OK"));
    }
    assert!(timeout(SOON, world.get("/whole", "")).await.expect("it is answered").ends_with("/whole"));
}

#[tokio::test]
async fn an_answer_that_is_broken_off_leaves_the_others_on_its_connection_of_http_2() {
    let (app, connections) = one_of_http_2(Arc::default()).await;
    let world = World::with([route(&[format!("h2c://{app}")])]).await;
    for _ in 0..3 {
        assert!(world.get("/broken-off", "").await.contains("502 Bad Gateway"));
        assert!(world.get("/whole", "").await.ends_with("/whole"));
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_request_on_its_way_holds_little() {
    let world = World::before(mirror().await).await;
    assert!(world.get("/", "").await.contains("200 OK"));
    let size = world.size.load(Ordering::Relaxed);
    assert!(size <= 3072, "hyper moves {size} bytes about for each request");
}
