//! A client of HTTP/2 that says whatever a test writes, right or wrong, one frame at a time (RFC 9113). It keeps no state of its
//! own, counts no windows and answers nothing by itself: what is on the wire is what the test put there.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs},
};

mod block;
mod frame;

pub use block::Block;
pub use frame::{Frame, code, flag, kind, setting};

/// What a client says first (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a frame may take on a busy machine.
const LONG: Duration = Duration::from_secs(20);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection.
pub struct Frames {
    /// What is heard.
    pub hears: Hears,
    /// What is said.
    pub says: Says,
}

/// The half of a connection on which frames come.
pub struct Hears(ReadHalf<Box<dyn Stream>>);

/// The half of a connection on which frames go.
pub struct Says(WriteHalf<Box<dyn Stream>>);

impl Frames {
    /// A connection without TLS, by prior knowledge. Nothing is said yet.
    ///
    /// # Panics
    /// Nobody listens there.
    pub async fn plain(address: SocketAddr) -> Self {
        Self::on(Box::new(connect(address).await))
    }

    /// As [`Self::plain`], with as little room in the kernel as it gives: who does not read is soon noticed.
    ///
    /// # Panics
    /// Nobody listens there.
    pub async fn narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        Self::on(Box::new(socket.connect(address).await.unwrap()))
    }

    /// A connection by TLS to a server that this certificate vouches for, on which HTTP/2 was agreed. Nothing is said yet.
    ///
    /// # Panics
    /// Nobody listens there, or not by TLS, or speaks no HTTP/2.
    pub async fn tls(address: SocketAddr, host: &str, root: &CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, connect(address).await).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "HTTP/2 is agreed");
        Self::on(Box::new(stream))
    }

    fn on(stream: Box<dyn Stream>) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { hears: Hears(reader), says: Says(writer) }
    }

    /// The preface of both sides with these settings, and their acknowledgement; the server's settings.
    ///
    /// # Panics
    /// The server says anything else.
    pub async fn greet(&mut self, settings: &[(u16, u32)]) -> Vec<(u16, u32)> {
        let said = [PREFACE, &Frame::settings(settings).bytes()].concat();
        assert!(self.says.write(&said).await, "the connection is open");
        let first = self.hears.frame().await.expect("the server's settings");
        assert_eq!((first.kind, first.flags), (kind::SETTINGS, 0), "{first:?}");
        assert!(self.says.write(&Frame::settings_ack().bytes()).await, "the connection is open");
        let acknowledged = self.hears.until(Frame::is_settings_ack).await;
        assert!(acknowledged.is_some(), "our settings are acknowledged");
        first.settings_inside()
    }

    /// Whether the server still answers a PING with these bytes. What comes before the answer is passed over.
    pub async fn answers(&mut self, payload: [u8; 8]) -> bool {
        self.says.write(&Frame::ping(payload).bytes()).await
            && self.hears.until(|frame| frame.is_pong(payload)).await.is_some()
    }
}

impl Hears {
    /// The next frame, or nothing when the connection is closed.
    ///
    /// # Panics
    /// Neither within a while.
    pub async fn frame(&mut self) -> Option<Frame> {
        timeout(LONG, self.read()).await.expect("a frame, or the end").ok()
    }

    /// The first frame that is so, or nothing when the connection is closed before.
    ///
    /// # Panics
    /// As [`Self::frame`].
    pub async fn until(&mut self, so: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.frame().await?;
            if so(&frame) {
                return Some(frame);
            }
        }
    }

    async fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; frame::HEAD];
        self.0.read_exact(&mut head).await?;
        let (length, mut frame) = Frame::headed(head);
        frame.payload = vec![0; length];
        self.0.read_exact(&mut frame.payload).await?;
        Ok(frame)
    }
}

impl Says {
    /// Sends these bytes; whether the connection took them all within a while.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        let all = async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        };
        matches!(timeout(LONG, all).await, Ok(Ok(())))
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
