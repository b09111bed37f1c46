//! A scripted HTTP receiver on loopback for tests: it speaks raw bytes, so it can misbehave in every way.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What the receiver does with one request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Writes these bytes and waits for the next request.
    Say(Vec<u8>),
    /// Writes these bytes and closes.
    SayAndClose(Vec<u8>),
    /// Writes the first bytes, then one byte of the second every so often, for ever.
    Trickle(Vec<u8>, u8, Duration),
    /// Writes the first bytes, then the second again and again, for ever.
    Flood(Vec<u8>, Vec<u8>),
    /// Reads the request and says nothing.
    Hang,
    /// Closes without a word.
    Close,
}

/// A whole response with this status line, headers and body.
pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Act {
    Act::Say(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

pub(crate) fn ok() -> Act {
    reply("200 OK", "", "")
}

/// An address that refuses connections for as long as the socket is held: bound, so that nobody else gets the port, and not
/// listening.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

type Script = dyn Fn(usize, &str) -> Act + Send + Sync;

/// A running receiver. Dropping it closes its port and its connections.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<String>>,
    arrived: Notify,
    connections: AtomicUsize,
    tls: Option<TlsAcceptor>,
}

impl Receiver {
    /// Starts one whose `script` maps the number of the request (from 0) and its text to what is done.
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        Self::with_tls(None, script).await
    }

    pub(crate) async fn with_tls(
        tls: Option<TlsAcceptor>,
        script: impl Fn(usize, &str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            requests: Mutex::default(),
            arrived: Notify::new(),
            connections: AtomicUsize::new(0),
            tls,
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many requests have come.
    pub(crate) async fn seen(&self, count: usize) {
        let wait = async {
            loop {
                let arrived = self.shared.arrived.notified();
                if self.shared.requests.lock().unwrap().len() >= count {
                    return;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the requests never came");
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            match &shared.tls {
                None => serve(stream, &shared).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, &shared).await,
                    Err(_) => None,
                },
            }
        });
    }
}

/// Serves until somebody closes; `None` says that the peer went away.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, shared: &Shared) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let request = next_request(&mut stream, &mut buffer).await?;
        let number = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        shared.arrived.notify_waiters();
        match (shared.script)(number, &request) {
            Act::Say(bytes) => stream.write_all(&bytes).await.ok()?,
            Act::SayAndClose(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                return stream.shutdown().await.ok();
            }
            Act::Trickle(head, byte, every) => {
                stream.write_all(&head).await.ok()?;
                loop {
                    tokio::time::sleep(every).await;
                    stream.write_all(&[byte]).await.ok()?;
                    stream.flush().await.ok()?;
                }
            }
            Act::Flood(head, more) => {
                stream.write_all(&head).await.ok()?;
                loop {
                    stream.write_all(&more).await.ok()?;
                }
            }
            Act::Hang => {
                while stream.read_buf(&mut buffer).await.ok()? > 0 {}
                return None;
            }
            Act::Close => return None,
        }
        stream.flush().await.ok()?;
    }
}

async fn next_request<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            let total = end + 4 + length;
            if buffer.len() >= total {
                let request = String::from_utf8_lossy(&buffer[..total]).into_owned();
                buffer.drain(..total);
                return Some(request);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
