//! Apps for the tests: each does on a socket what its test says.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::world::read_head;
use crate::listener::{self, Options};

/// Answers with this text, as an answer of known length.
pub(super) fn ok(text: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

/// An app that reads the head of one request on each connection and answers with what `answer` makes of it, then hangs up.
pub(super) async fn app(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let answer = Arc::new(answer);
    app_that(move |mut stream| {
        let answer = answer.clone();
        async move {
            let head = read_head(&mut stream).await;
            stream.write_all(&answer(&head)).await.unwrap();
        }
    })
    .await
}

/// An app of HTTP/2 without TLS.
pub(super) async fn http2_app<F>(serve: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static) -> String
where
    F: Future<Output = Response<BoxBody<Bytes, hyper::Error>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    let answer = move |request, _| serve(request);
    tokio::spawn(listener::serve(listener, Options::default(), answer, CancellationToken::new()));
    url
}

/// An app that says what it was asked.
pub(super) async fn mirror() -> SocketAddr {
    app(ok).await
}

/// An app that does this with each connection.
pub(super) async fn app_that<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// An address that takes no connections.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
