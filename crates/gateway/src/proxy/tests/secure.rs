//! Apps behind TLS: whom we trust, and which HTTP is agreed on.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use rcgen::generate_simple_self_signed;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_util::sync::CancellationToken;

use super::world::*;
use crate::listener::{self, Options};

/// An app behind TLS for `localhost` that says which HTTP it was asked in and at which host, and its certificate.
async fn app(protocols: &[&str]) -> (String, CertificateDer<'static>) {
    let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let options = Options { tls: Some(Arc::new(config)), ..Options::default() };
    let answer = |request: http::Request<hyper::body::Incoming>, _| async move {
        let host = request.uri().authority().map(ToString::to_string);
        let host = host.or_else(|| request.headers().get("host").map(|host| host.to_str().unwrap().to_owned()));
        let upgrade = request.headers().contains_key("upgrade");
        Response::new(Full::new(Bytes::from(format!("{:?} {} {upgrade}", request.version(), host.unwrap_or_default()))))
    };
    tokio::spawn(listener::serve(listener, options, answer, CancellationToken::new()));
    (url, certificate)
}

#[tokio::test]
async fn an_app_behind_tls_is_asked_in_what_it_agrees_to() {
    for (protocols, agreed) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")] {
        let (url, certificate) = app(protocols).await;
        let world = World::trusting([route(&[url])], vec![certificate]).await;
        let heard = world.get("/", "").await;
        assert!(heard.ends_with(&format!("{agreed} {HOST} false")), "{protocols:?}: {heard}");
    }
}

#[tokio::test]
async fn a_websocket_asks_in_http_1_even_where_the_app_would_rather_not() {
    let (url, certificate) = app(&["h2", "http/1.1"]).await;
    let world = World::trusting([route(&[url])], vec![certificate]).await;
    let mut stream = world.connect().await;
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n";
    stream.write_all(world.head("GET", "/", upgrade).as_bytes()).await.unwrap();
    // It does not switch; in HTTP/2 the question could not have been put at all.
    let heard = read_until(&mut stream, " true").await;
    assert!(heard.starts_with("HTTP/1.1 200") && heard.ends_with(&format!("HTTP/1.1 {HOST} true")), "{heard}");
}

#[tokio::test]
async fn an_app_that_nobody_vouches_for_is_not_asked() {
    let (url, _) = app(&["h2"]).await;
    let world = World::with([route(&[url])]).await;
    let heard = world.get("/", "").await;
    assert!(heard.starts_with("HTTP/1.1 502") && heard.contains("cannot be reached"), "{heard}");
}
