//! What a request says of who sends it, to an app that takes it for more than one request.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::io::AsyncWriteExt;

use super::{apps::*, world::*};

/// An app as IIS is: who authenticated once on a connection is whoever asks on it. It says which of its connections it is, and as
/// whom it takes the request.
async fn one_that_knows_connections() -> std::net::SocketAddr {
    let connections = Arc::new(AtomicUsize::default());
    app_that(move |mut stream| {
        let number = connections.fetch_add(1, Ordering::Relaxed);
        async move {
            let mut who = "nobody";
            loop {
                let head = read_head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                if head.to_ascii_lowercase().contains("\r\nauthorization: n") {
                    who = "alice";
                }
                if stream.write_all(&ok(&format!("{who} on {number}"))).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn nobody_is_taken_for_whom_an_app_saw_on_the_same_connection() {
    let world = World::before(one_that_knows_connections().await).await;
    assert!(world.get("/", "").await.ends_with("nobody on 0"));
    assert!(world.get("/", "Authorization: Basic YTpi\r\n").await.ends_with("nobody on 0"), "connections are shared");
    for scheme in ["NTLM", "Negotiate", "negotiate", " NTLM"] {
        let heard = world.get("/", &format!("Authorization: {scheme} TlRMTVNTUAAB\r\n")).await;
        assert!(heard.contains("alice on ") && !heard.ends_with(" 0"), "{heard}");
        let heard = world.get("/", "").await;
        assert!(heard.ends_with("nobody on 0"), "{heard}");
    }
}

#[tokio::test]
async fn nobody_is_taken_for_whom_an_app_saw_when_it_refused_a_websocket() {
    let world = World::before(one_that_knows_connections().await).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for _ in 0..2 {
        let mut browser = world.connect().await;
        let more = format!("{upgrade}Authorization: Negotiate YII=\r\n");
        browser.write_all(world.head("GET", "/ws", &more).as_bytes()).await.unwrap();
        read_until(&mut browser, "alice on ").await;
        drop(browser);
        until(|| world.standing.live().count() == 0).await;
        let mut other = world.connect().await;
        other.write_all(world.head("GET", "/ws", upgrade).as_bytes()).await.unwrap();
        let heard = read_until(&mut other, " on ").await;
        assert!(heard.contains("nobody on "), "{heard}");
    }
}
