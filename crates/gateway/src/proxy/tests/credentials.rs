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
