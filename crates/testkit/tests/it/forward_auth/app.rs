//! An app that answers with what it got, byte for byte, and remembers it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The app, until it is dropped.
pub(super) struct Mirror {
    pub(super) port: u16,
    got: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Mirror {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = got.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone()));
            }
        });
        Self { port, got, task }
    }

    /// The requests that it got since it was asked last: head and body.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.got.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The value of a header in the text of a request or an answer.
pub(super) fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

async fn serve(mut stream: TcpStream, got: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    while !is_whole(&bytes) {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let upgrade = header(&text, "upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    got.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
    let answer = if upgrade {
        // The key of RFC 6455 section 1.3 and its answer.
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello"
            .to_owned()
    } else {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    if upgrade {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let body = &bytes[end + 4..];
    match header(&head, "content-length") {
        Some(length) => body.len() >= length.parse::<usize>().unwrap_or(0),
        None if header(&head, "transfer-encoding").is_some() => body.ends_with(b"0\r\n\r\n"),
        None => true,
    }
}

/// Sends bytes to an address and gives the head of the answer, with what of the body came along.
pub(super) async fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = async {
        while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), read).await.expect("an answer");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status of an answer.
pub(super) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.get(..3)).and_then(|status| status.parse().ok()).unwrap_or(0)
}
