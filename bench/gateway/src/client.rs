//! Who has streams open at the gateway, and sees them end. Each line of standard input is an order, each is answered by one line:
//!
//! - `websockets N` opens N WebSockets, of all sessions in turn; `mixed N` the same, every other one an event stream; `open N`.
//! - `idle N` opens N connections, each of which has asked for something once; `open N`.
//! - `end N` has the operator end the next N sessions, one after the other; `closed` and, for each of their streams, how long
//!   after the order was sent its end was seen, in microseconds.
//! - `close` lets go of everything; `open 0`.
//!
//! A stream that ends without an order, or in another way than it should, ends the program.

mod stream;

use std::{
    collections::HashMap,
    fmt::Write,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, error::TryRecvError, unbounded_channel},
    task::JoinSet,
    time::timeout,
};

use self::stream::{Closed, Kind};
use crate::{ClientOptions, head};

/// How many are opened at a time.
const AT_ONCE: usize = 128;
/// How long an ended session's streams may stay open before the run is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A session and its browser's cookies at the route.
struct Session {
    id: String,
    cookie: String,
}

/// What is open.
struct Client {
    options: ClientOptions,
    /// Those that live; the next to be ended is the last.
    sessions: Vec<Session>,
    streams: JoinSet<anyhow::Result<()>>,
    idle: Vec<TcpStream>,
    /// How many streams each session has.
    count: HashMap<String, usize>,
    sender: UnboundedSender<Closed>,
    closed: UnboundedReceiver<Closed>,
}

/// Follows the orders until there are no more.
pub(crate) async fn run(options: ClientOptions) -> anyhow::Result<()> {
    let text = tokio::fs::read_to_string(&options.sessions).await?;
    let session = |line: &str| {
        let (id, cookie) = line.split_once(' ')?;
        Some(Session { id: id.to_owned(), cookie: cookie.to_owned() })
    };
    let sessions =
        text.lines().map(|line| session(line).context("a line without a cookie")).collect::<Result<_, _>>()?;
    let (sender, closed) = unbounded_channel();
    let (streams, idle, count) = (JoinSet::new(), Vec::new(), HashMap::new());
    let mut client = Client { options, sessions, streams, idle, count, sender, closed };
    let mut orders = orders();
    while let Some(order) = orders.recv().await {
        let (verb, number) = order.split_once(' ').unwrap_or((&order, "0"));
        let number = number.parse()?;
        let answer = match verb {
            "websockets" => client.open(number, |_| Kind::WebSocket).await?,
            "mixed" => client.open(number, |turn| if turn % 2 == 0 { Kind::WebSocket } else { Kind::Events }).await?,
            "idle" => client.rest(number).await?,
            "end" => client.end(number).await?,
            "close" => client.close().await,
            other => bail!("no order is called {other}"),
        };
        io::stdout().write_all(format!("{answer}\n").as_bytes())?;
    }
    Ok(())
}

/// The lines of standard input.
fn orders() -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}

impl Client {
    /// Opens streams. The turns of a session are counted, so that each has all kinds.
    async fn open(&mut self, number: usize, kind: impl Fn(usize) -> Kind) -> anyhow::Result<String> {
        ensure!(!self.sessions.is_empty(), "no session is left");
        let mut opening = JoinSet::new();
        for index in 0..number {
            let session = &self.sessions[index % self.sessions.len()];
            let kind = kind(index / self.sessions.len());
            *self.count.entry(session.id.clone()).or_default() += 1;
            let (id, request) = (session.id.clone(), kind.request(&self.options.host, &session.cookie));
            let gateway = self.options.gateway;
            opening.spawn(async move { stream::open(gateway, kind, &request).await.map(|opened| (id, opened)) });
            if opening.len() >= AT_ONCE {
                self.opened(opening.join_next().await)?;
            }
        }
        while !opening.is_empty() {
            self.opened(opening.join_next().await)?;
        }
        self.nothing_closed()?;
        Ok(format!("open {}", self.streams.len()))
    }

    fn opened(
        &mut self,
        done: Option<Result<anyhow::Result<(String, stream::Opened)>, tokio::task::JoinError>>,
    ) -> anyhow::Result<()> {
        let (session, opened) = done.context("nothing is being opened")???;
        let sender = self.sender.clone();
        self.streams.spawn(async move { Ok(sender.send(opened.closed(session).await?)?) });
        Ok(())
    }

    /// Opens connections that have asked once.
    async fn rest(&mut self, number: usize) -> anyhow::Result<String> {
        let host = &self.options.host;
        let request = format!("GET /.well-known/acquit/jwks.json HTTP/1.1\r\nhost: {host}\r\n\r\n");
        for _ in 0..number {
            let mut stream = TcpStream::connect(self.options.gateway).await?;
            stream.write_all(request.as_bytes()).await?;
            ensure!(answer(&mut stream).await? == 200, "no keys are there");
            self.idle.push(stream);
        }
        Ok(format!("open {}", self.idle.len()))
    }

    /// Ends sessions, one after the other.
    async fn end(&mut self, number: usize) -> anyhow::Result<String> {
        let mut api = TcpStream::connect(self.options.api).await?;
        api.set_nodelay(true)?;
        let mut line = "closed".to_owned();
        for _ in 0..number {
            self.nothing_closed()?;
            let session = self.sessions.pop().context("no session is left")?;
            let expected = self.count.remove(&session.id).unwrap_or_default();
            let request = format!(
                "DELETE /api/v1/sessions/{} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
                session.id, self.options.api, self.options.token
            );
            let sent = Instant::now();
            api.write_all(request.as_bytes()).await?;
            for _ in 0..expected {
                let next =
                    timeout(PATIENCE, self.closed.recv()).await.context("a stream of an ended session stays open")?;
                let closed = next.context("nobody tells of closed streams")?;
                ensure!(closed.session == session.id, "a stream of another session ended");
                closed.check()?;
                write!(line, " {}", closed.at.duration_since(sent).as_micros())?;
            }
            ensure!(answer(&mut api).await? == 202, "the session was not ended");
        }
        while let Some(done) = self.streams.try_join_next() {
            done??;
        }
        Ok(line)
    }

    async fn close(&mut self) -> String {
        self.streams.shutdown().await;
        while self.closed.try_recv().is_ok() {}
        self.idle.clear();
        self.count.clear();
        "open 0".to_owned()
    }

    fn nothing_closed(&mut self) -> anyhow::Result<()> {
        match self.closed.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            Ok(closed) => bail!("a stream of {} ended by itself", closed.session),
            Err(TryRecvError::Disconnected) => bail!("nobody tells of closed streams"),
        }
    }
}

/// Reads an answer that says how long it is; its status.
async fn answer(stream: &mut TcpStream) -> anyhow::Result<u16> {
    let (text, rest) = head::read(stream).await?;
    let length: usize = head::header(&text, "content-length").context("an answer without a length")?.parse()?;
    let mut body = vec![0; length.saturating_sub(rest.len())];
    stream.read_exact(&mut body).await?;
    head::status(&text)
}
