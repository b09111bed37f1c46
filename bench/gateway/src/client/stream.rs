//! One stream, from its opening to its end.

use std::{net::SocketAddr, time::Instant};

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::head;

/// The example of RFC 6455: the answer to it is checked, and nobody has to guess it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The close frame of a session that ended: policy violation (RFC 6455 section 7.4.1), and the reason.
const SIGNED_OUT: &[u8] = b"\x88\x0c\x03\xf0signed out";

/// What kind of stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WebSocket,
    /// Server-sent events.
    Events,
}

impl Kind {
    /// The request that opens one.
    pub(crate) fn request(self, host: &str, cookie: &str) -> String {
        let more = match self {
            Self::WebSocket => format!(
                "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n"
            ),
            Self::Events => "accept: text/event-stream\r\n".to_owned(),
        };
        format!("GET /live HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n{more}\r\n")
    }
}

/// A stream that is open.
pub(crate) struct Opened {
    kind: Kind,
    stream: TcpStream,
}

/// A stream that has ended.
pub(crate) struct Closed {
    pub(crate) session: String,
    /// When its last byte, or that there is no more, was seen.
    pub(crate) at: Instant,
    kind: Kind,
    /// What came last.
    last: Vec<u8>,
}

/// Opens a stream, and waits until it is known to be open at the app.
pub(crate) async fn open(gateway: SocketAddr, kind: Kind, request: &str) -> anyhow::Result<Opened> {
    let mut stream = TcpStream::connect(gateway).await?;
    stream.write_all(request.as_bytes()).await?;
    let (text, mut rest) = head::read(&mut stream).await?;
    let status = head::status(&text)?;
    match kind {
        Kind::WebSocket => {
            ensure!(status == 101, "no WebSocket is opened: {text}");
            let accepted = head::header(&text, "sec-websocket-accept");
            ensure!(accepted == Some(&head::accept(KEY)), "the app did not accept the WebSocket");
        }
        Kind::Events => {
            ensure!(status == 200, "no stream of events is opened: {text}");
            while !rest.ends_with(b"data: hello\n\n\r\n") {
                ensure!(stream.read_buf(&mut rest).await? > 0, "a stream of events ended before the first");
            }
        }
    }
    Ok(Opened { kind, stream })
}

impl Opened {
    /// Waits for its end.
    pub(crate) async fn closed(mut self, session: String) -> anyhow::Result<Closed> {
        let mut last = Vec::new();
        while self.stream.read_buf(&mut last).await? > 0 {}
        Ok(Closed { session, at: Instant::now(), kind: self.kind, last })
    }
}

impl Closed {
    /// Whether it ended as it should: a WebSocket by the close frame, a stream of events in its middle, not as if it were complete.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let expected: &[u8] = if self.kind == Kind::WebSocket { SIGNED_OUT } else { b"" };
        ensure!(self.last == expected, "a {:?} ended by {:?}", self.kind, self.last);
        Ok(())
    }
}
