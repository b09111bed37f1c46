//! Apps that die, lie or say nothing, as a browser of HTTP/2 sees it: one stream is lost, and the connection goes on.

use std::net::SocketAddr;

use acquit_testkit::frames::{Block, Frame, flag, kind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{Target, World};

/// What the app does by the path that it is asked for.
const PATHS: [(&str, &str); 4] = [
    ("/open/dies", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of"),
    ("/open/dies-in-chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhalf of\r\n"),
    ("/open/lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("/open/says-nothing", ""),
];

/// An app that answers by the path, and hangs up unless it has nothing to say.
async fn app() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let answer = PATHS.iter().find(|(path, _)| head.starts_with(&format!("GET {path} ")));
                let answer = answer.expect("a path of the app's").1;
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
            });
        }
    });
    address
}

/// What came on a stream: its status, its body, and whether it is whole, once that is known.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    status: Option<u16>,
    body: Vec<u8>,
    whole: Option<bool>,
}

impl Answer {
    fn take(&mut self, frame: &Frame) {
        match frame.kind {
            kind::HEADERS => self.status = frame.status(),
            kind::DATA => self.body.extend_from_slice(&frame.payload),
            kind::RST_STREAM => self.whole = Some(false),
            _ => return,
        }
        if frame.kind != kind::RST_STREAM && frame.has(flag::END_STREAM) {
            self.whole = Some(true);
        }
    }
}

#[tokio::test]
async fn an_app_that_dies_lies_or_says_nothing_costs_a_stream() {
    let world = World::before((), app().await, true, "timeout = \"1s\"\n").await;
    let target = world.gateway();
    let mut frames = target.connect().await;
    frames.greet(&[]).await;
    let ask = |path| Block::request("GET", target.scheme, &target.authority, path);
    for (index, (path, _)) in (0..).zip(PATHS) {
        let said = Target::asks(2 * index + 1, ask(path));
        assert!(frames.says.write(&Frame::bytes(&said)).await, "{path}");
    }
    let mut answers: [Answer; PATHS.len()] = Default::default();
    while answers.iter().any(|answer| answer.whole.is_none()) {
        let frame = frames.hears.until(|frame| frame.stream != 0).await.expect("the connection goes on");
        answers[frame.stream as usize / 2].take(&frame);
    }
    for answer in &answers[..2] {
        let half = Answer { status: Some(200), body: b"half of".to_vec(), whole: Some(false) };
        assert_eq!(answer, &half, "it is not made whole");
    }
    assert_eq!((answers[2].status, answers[2].whole), (Some(502), Some(true)), "two lengths are none");
    assert_eq!((answers[3].status, answers[3].whole), (Some(504), Some(true)), "it is given up in time");
    assert!(frames.answers(*b"goes on?").await);
}
