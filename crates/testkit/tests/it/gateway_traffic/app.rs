//! An app with no login of its own: it says what it was asked, and has a WebSocket that stays open.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The app.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    last: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl App {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let last = Arc::new(Mutex::new(String::new()));
        let seen = last.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone()));
            }
        });
        Self { address, last, task }
    }

    /// The head of the last request.
    pub(crate) fn last(&self) -> String {
        self.last.lock().unwrap().clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, last: Arc<Mutex<String>>) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        last.lock().unwrap().clone_from(&head);
        if head.to_ascii_lowercase().contains("upgrade: websocket") {
            let accept = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            let _ = stream.write_all(accept.as_bytes()).await;
            let _ = stream.write_all(b"\x81\x05hello").await;
            // Until the gateway closes it.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
        let body = format!("<main data-page=\"app\"><pre>{head}</pre></main>");
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
