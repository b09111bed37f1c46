//! How a connection to an app begins: TCP, TLS where the URL says so, and which HTTP is spoken on it.

use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use acquit_delivery::egress::{EgressError, roots};
use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{Connection, HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::{Failure, streams::Streams};
use crate::proxy::upload::Upload;

/// How long an app may take to take a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a silent connection is believed to be there without a probe of TCP.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// The most header bytes of an answer.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How much of one HTTP/2 answer is taken ahead of a browser that does not read it.
const STREAM_WINDOW: u32 = 64 * 1024;
/// How much of all answers on one HTTP/2 connection: many slow readers must not stop the others.
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

/// Whom connections to apps trust.
#[derive(Clone, Debug)]
pub(crate) struct Dialer(ClientConfig);

impl Dialer {
    /// With the system's roots and these.
    pub(in crate::proxy) fn new(extra_roots: Vec<CertificateDer<'static>>) -> Result<Self, EgressError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self(builder.with_root_certificates(roots(extra_roots)?).with_no_client_auth()))
    }

    #[cfg(test)]
    pub(in crate::proxy) fn trusting_nobody() -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Self(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
    }
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// What TLS agrees on, and HTTP/1.1 without TLS.
    Either,
    /// HTTP/2, which the app is known to speak.
    Http2,
}

/// What requests are given to on a connection that is open.
pub(super) enum Sender {
    Http1(http1::SendRequest<Upload>),
    Http2(http2::SendRequest<Upload>, Streams),
}

/// Connects to one place.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    uri: Uri,
    https: HttpsConnector<HttpConnector>,
    speaks: Speaks,
}

impl Connector {
    pub(super) fn new(uri: Uri, dialer: &Dialer, speaks: Speaks) -> Self {
        let protocols: &[&[u8]] = match speaks {
            Speaks::Http1 => &[b"http/1.1"],
            Speaks::Either => &[b"h2", b"http/1.1"],
            Speaks::Http2 => &[b"h2"],
        };
        let mut tls = dialer.0.clone();
        tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        http.set_keepalive(Some(KEEP_ALIVE));
        Self { uri, https: HttpsConnector::from((http, tls)), speaks }
    }

    /// Which HTTP is spoken.
    pub(super) fn speaks(&self) -> Speaks {
        self.speaks
    }

    /// Opens a connection, which goes on by itself until nobody sends on it any more.
    pub(super) async fn connect(&self) -> Result<Sender, Failure> {
        let stream = self.https.clone().oneshot(self.uri.clone()).await.map_err(Failure::Unreachable)?;
        if self.speaks == Speaks::Http2 || stream.connected().is_negotiated_h2() {
            http2(stream).await.map(|(sender, streams)| Sender::Http2(sender, streams))
        } else {
            http1(stream).await.map(Sender::Http1)
        }
        .map_err(Failure::Broken)
    }
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

async fn http1(stream: Stream) -> hyper::Result<http1::SendRequest<Upload>> {
    let (sender, connection) = http1::Builder::new().max_buf_size(MAX_HEADER_BYTES).handshake(stream).await?;
    tokio::spawn(async move { over(connection.with_upgrades().await) });
    Ok(sender)
}

async fn http2(stream: Stream) -> hyper::Result<(http2::SendRequest<Upload>, Streams)> {
    let (sender, mut connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .handshake(stream)
        .await?;
    let streams = Streams::new();
    let allowed = streams.clone();
    tokio::spawn(async move {
        let run = poll_fn(|cx| {
            let polled = Pin::new(&mut connection).poll(cx);
            allowed.allow(connection.current_max_send_streams());
            polled
        });
        over(run.await);
    });
    Ok((sender, streams))
}

/// A connection ended. Whoever had a request on it was told.
fn over(how: hyper::Result<()>) {
    if let Err(error) = how {
        tracing::debug!(%error, "a connection to an app broke off");
    }
}
