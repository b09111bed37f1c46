//! Apps that refuse, die, lie, hang or never end.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{apps::*, world::*};
use crate::route::Route;

#[tokio::test]
async fn an_app_that_takes_no_connection_is_a_bad_gateway() {
    let world = World::before(nobody().await).await;
    let heard = world.get("/", "").await;
    assert!(heard.starts_with("HTTP/1.1 502") && heard.contains("cache-control: no-store"), "{heard}");
    let world = World::with([route(&[])]).await;
    assert!(world.get("/", "").await.starts_with("HTTP/1.1 404"), "another proxy takes its traffic");
}

#[tokio::test]
async fn another_upstream_is_asked_while_nothing_was_sent() {
    let to = [format!("http://{}", nobody().await), format!("http://{}", one_that_reads("form").await)];
    for (method, more, body) in [("GET", "", ""), ("POST", "Content-Length: 4\r\n", "form")] {
        let world = World::with([route(&to)]).await;
        for _ in 0..4 {
            let head = world.head(method, "/", &format!("Connection: close\r\n{more}"));
            let heard = world.say(format!("{head}{body}")).await;
            assert!(heard.contains("200 OK") && heard.ends_with(&format!("got {body:?}")), "{method}: {heard}");
        }
    }
}

/// An app that reads the body of a request that says that it has one, and says what it read.
async fn one_that_reads(text: &'static str) -> std::net::SocketAddr {
    app_that(move |mut stream| async move {
        let head = read_head(&mut stream).await;
        let length = if head.to_ascii_lowercase().contains("content-length: 4") { text.len() } else { 0 };
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(&ok(&format!("got {:?}", String::from_utf8_lossy(&body)))).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn an_app_that_hangs_up_was_asked_once() {
    let dead = app_that(|mut stream| async move { drop(read_head(&mut stream).await) }).await;
    let to = [format!("http://{dead}"), format!("http://{}", mirror().await)];
    for (method, more) in [("GET", ""), ("POST", "Content-Length: 0\r\n")] {
        let world = World::with([route(&to)]).await;
        let heard = world.say(world.head(method, "/", &format!("Connection: close\r\n{more}"))).await;
        assert!(heard.starts_with("HTTP/1.1 502"), "{method}: {heard}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_passed_on_is_a_bad_gateway() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
    ] {
        let world = World::before(app(move |_| answer.as_bytes().to_vec()).await).await;
        let heard = world.get("/", "").await;
        assert!(heard.starts_with("HTTP/1.1 502"), "{answer:?}: {heard}");
    }
}

#[tokio::test]
async fn an_answer_in_a_hundred_pieces_before_the_head_is_passed_over() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(3);
    let world = World::before(app(move |_| [early.as_bytes(), &ok("the app")].concat()).await).await;
    let heard = world.get("/", "").await;
    assert!(
        heard.starts_with("HTTP/1.1 200") && heard.ends_with("the app"),
        "hyper's server cannot send them on: {heard}"
    );
}

#[tokio::test]
async fn a_head_of_an_answer_without_end_is_a_bad_gateway() {
    let world = World::before(
        app_that(|mut stream| async move {
            drop(read_head(&mut stream).await);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nA: ").await;
            while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
        })
        .await,
    )
    .await;
    assert!(world.get("/", "").await.starts_with("HTTP/1.1 502"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_made_whole() {
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n3\r\nabc");
        let world = World::before(app(move |_| answer.clone().into_bytes()).await).await;
        let heard = world.get("/", "").await;
        assert!(heard.starts_with("HTTP/1.1 200") && !heard.ends_with("0\r\n\r\n"), "{heard}");
        until(|| world.standing.live().count() == 0).await;
    }
}

#[tokio::test]
async fn an_app_that_never_answers_is_given_up_in_time() {
    let silent = app_that(|mut stream| async move { drop(stream.read_to_end(&mut Vec::new()).await) }).await;
    let quick = Route { timeout: Duration::from_millis(100), ..route(&[format!("http://{silent}")]) };
    let world = World::with([quick]).await;
    assert!(world.get("/", "").await.starts_with("HTTP/1.1 504"));
    let half = world.head("POST", "/", "Connection: close\r\nContent-Length: 10\r\n") + "half";
    assert!(world.say(half).await.starts_with("HTTP/1.1 408"), "it is the browser that is late");
    until(|| world.standing.live().count() == 0).await;
}

#[tokio::test]
async fn a_long_upload_is_no_late_answer() {
    let app = app_that(|mut stream| async move {
        read_until(&mut stream, "0\r\n\r\n").await;
        stream.write_all(&ok("all of it")).await.unwrap();
    })
    .await;
    let quick = Route { timeout: Duration::from_millis(400), ..route(&[format!("http://{app}")]) };
    let world = World::with([quick]).await;
    let mut stream = world.connect().await;
    stream.write_all(world.head("POST", "/", "Transfer-Encoding: chunked\r\n").as_bytes()).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(b"1\r\na\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(read_until(&mut stream, "all of it").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_browser_that_does_not_read_holds_back_the_app() {
    let (sender, mut sent) = tokio::sync::watch::channel(0usize);
    let sender = std::sync::Arc::new(sender);
    let flood = app_that(move |mut stream| {
        let sender = sender.clone();
        async move {
            drop(read_head(&mut stream).await);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[0; 65536]).await.is_ok() {
                sender.send_modify(|sent| *sent += 65536);
            }
            sender.send_modify(|sent| *sent = usize::MAX);
        }
    })
    .await;
    let world = World::before(flood).await;
    let mut stream = world.connect().await;
    stream.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
    // It stands still once the buffers of the kernel are full.
    let mut before = 0;
    while timeout(Duration::from_millis(500), sent.changed()).await.is_ok() {
        before = *sent.borrow_and_update();
        assert!(before < 64 << 20, "{before} bytes are held for a browser that reads none");
    }
    assert!(before > 0);
    drop(stream);
    timeout(LONG, sent.wait_for(|sent| *sent == usize::MAX))
        .await
        .expect("the app learns that the browser left")
        .unwrap();
}

#[tokio::test]
async fn an_app_that_refuses_an_upload_early_is_heard() {
    let app = app_that(|mut stream| async move {
        drop(read_head(&mut stream).await);
        stream
            .write_all(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    stream.write_all(world.head("POST", "/", "Content-Length: 100000000\r\n").as_bytes()).await.unwrap();
    stream.write_all(&[0; 65536]).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 413"));
    drop(stream);
    until(|| world.standing.live().count() == 0).await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_not_made_whole() {
    for (length, body) in [("Content-Length: 100", "half"), ("Transfer-Encoding: chunked", "4\r\nhalf\r\n")] {
        let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let app = app_that(move |mut stream| {
            let sender = sender.clone();
            async move {
                let mut all = read_head(&mut stream).await.into_bytes();
                let _ = stream.read_to_end(&mut all).await;
                sender.send(String::from_utf8(all).unwrap()).unwrap();
            }
        })
        .await;
        let world = World::before(app).await;
        let mut stream = world.connect().await;
        stream.write_all((world.head("POST", "/", &format!("{length}\r\n")) + body).as_bytes()).await.unwrap();
        until(|| world.standing.live().count() == 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(stream);
        let heard = timeout(LONG, heard.recv()).await.expect("the app learns that it is over").unwrap();
        assert!(heard.to_ascii_lowercase().contains(&length.to_ascii_lowercase()), "{heard}");
        assert!(heard.ends_with("half") || heard.ends_with("half\r\n"), "no last chunk, no more bytes: {heard:?}");
    }
}
