//! What stands before a peer: it can be closed while the peer runs, and it can alter what goes in.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::free_port;

/// A port that everybody knows, before one that only the peer itself listens at.
pub(super) struct Gate {
    port: u16,
    inner: u16,
    task: Option<JoinHandle<()>>,
}

impl Gate {
    /// Closed.
    pub(super) fn new() -> Self {
        Self { port: free_port(), inner: free_port(), task: None }
    }

    /// The port that everybody knows.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Where the peer is to listen.
    pub(super) fn inner(&self) -> u16 {
        self.inner
    }

    /// Lets everything through.
    pub(super) async fn open(&mut self) {
        self.open_and(false).await;
    }

    /// Lets everything through, but one letter of the signature of every XML message that is posted changes on the way.
    pub(super) async fn open_altering(&mut self) {
        self.open_and(true).await;
    }

    async fn open_and(&mut self, alter: bool) {
        self.close().await;
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let inner = self.inner;
        self.task = Some(tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut there) = TcpStream::connect(("127.0.0.1", inner)).await {
                        if alter {
                            let _ = pass_altered(&mut here, &mut there).await;
                        }
                        let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                    }
                });
            }
        }));
    }

    /// Lets nobody in.
    pub(super) async fn close(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // Its port is free once the task is gone.
            let _ = task.await;
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Takes a request up to its signature, changes that, and hands it on; what is no POST is handed on as it begins.
async fn pass_altered(here: &mut TcpStream, there: &mut TcpStream) -> std::io::Result<()> {
    const BEFORE: &[u8] = b"SignatureValue>";
    let mut held = Vec::new();
    while here.read_buf(&mut held).await? > 0 {
        let letter = held.windows(BEFORE.len()).position(|window| window == BEFORE).map(|at| at + BEFORE.len() + 40);
        if let Some(letter) = letter.and_then(|at| held.get_mut(at)) {
            *letter = if *letter == b'A' { b'B' } else { b'A' };
            break;
        }
        if !held.starts_with(b"POST") {
            break;
        }
    }
    there.write_all(&held).await
}
