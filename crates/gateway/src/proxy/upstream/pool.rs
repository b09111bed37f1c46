//! The connections to one app that are open: those of HTTP/1.1 wait for their next request, and one of HTTP/2 is shared by as many as
//! it has room for.
//!
//! A connection is given back by whoever drops the answer that came on it, without a task of its own, since by then it nearly
//! always waits for the next request already.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, Response, Uri, header};
use hyper::client::conn::{http1, http2};
use tokio::{runtime::Handle, time::Instant};

use super::{
    Failure, Target,
    again::{AGAIN, copy, was_not_begun},
    answer::{Answer, Lease},
    connect::{Connector, Sender, Speaks},
    dial::Turns,
    streams::{Place, Streams},
};
use crate::proxy::upload::Upload;

/// How long an idle connection is kept; shorter than what apps usually do, so that they seldom hang up first.
const IDLE: Duration = Duration::from_secs(30);
/// How many idle connections are kept.
const IDLE_CONNECTIONS: usize = 256;

/// Sends requests to one place, on connections that are open where there are any. Clones share them.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

pub(super) struct Shared {
    connector: Connector,
    /// Whether connections are given back.
    keeps: bool,
    open: Mutex<Open>,
    /// Who opens a connection of HTTP/2, for which the others wait.
    turns: Turns,
    /// Whether HTTP/2 was spoken last.
    is_http2: AtomicBool,
}

#[derive(Default)]
struct Open {
    /// The one used last at the end.
    http1: Vec<(Instant, http1::SendRequest<Upload>)>,
    http2: Vec<Http2>,
    /// Which connection of HTTP/2 the next one is.
    next: u64,
    /// Whether somebody looks for what is idle too long.
    swept: bool,
}

struct Http2 {
    number: u64,
    used: Instant,
    sender: http2::SendRequest<Upload>,
    streams: Streams,
}

impl Open {
    /// A connection of HTTP/1.1 that waits for a request.
    fn http1(&mut self) -> Option<http1::SendRequest<Upload>> {
        let (since, sender) = self.http1.pop()?;
        if since.elapsed() >= IDLE {
            // The others were used before it.
            self.http1.clear();
            return None;
        }
        if sender.is_ready() { Some(sender) } else { self.http1() }
    }

    /// A connection of HTTP/2 that has room, and which one it is.
    fn http2(&mut self) -> Option<Connection> {
        self.http2.retain(|http2| http2.sender.is_ready());
        let http2 = self.http2.iter_mut().find(|http2| http2.streams.has_room())?;
        http2.used = Instant::now();
        Some(Connection::Http2(Some(http2.number), http2.sender.clone(), http2.streams.begin()))
    }

    /// Takes out what is idle too long; whether anything is left.
    fn sweep(&mut self) -> bool {
        self.http1.retain(|(since, sender)| since.elapsed() < IDLE && !sender.is_closed());
        self.http2.retain(|http2| http2.used.elapsed() < IDLE && !http2.sender.is_closed());
        !self.http1.is_empty() || !self.http2.is_empty()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("connector", &self.0.connector).finish_non_exhaustive()
    }
}

/// A connection for one request.
enum Connection {
    /// Nobody else uses it.
    Http1(http1::SendRequest<Upload>),
    /// It is shared; with its number where it is one that others share.
    Http2(Option<u64>, http2::SendRequest<Upload>, Place),
}

impl Pool {
    pub(super) fn new(connector: Connector) -> Self {
        Self::with(connector, true)
    }

    /// With a connection of its own for each request.
    pub(super) fn of_single_use(connector: Connector) -> Self {
        Self::with(connector, false)
    }

    fn with(connector: Connector, keeps: bool) -> Self {
        let is_http2 = AtomicBool::new(connector.speaks() == Speaks::Http2);
        let (open, turns) = (Mutex::default(), Turns::default());
        Self(Arc::new(Shared { connector, keeps, open, turns, is_http2 }))
    }

    /// Sends a request, which is taken out, and returns the head of the answer. What an app did not begin to read, since it hung up
    /// just then, is sent once more on another connection; so is what it says that it did not begin, where there was no body to lose.
    pub(super) async fn send(
        &self,
        request: &mut Option<Request<Upload>>,
        target: &Target<'_>,
    ) -> Result<Response<Answer>, Failure> {
        let mut again = 0;
        loop {
            let (connection, reused) = match self.0.reuse() {
                Some(connection) => (connection, true),
                None => Box::pin(self.0.open()).await?,
            };
            let Some(mut sending) = request.take() else { return Err(Failure::Unreachable("it was sent".into())) };
            let (unsent, error) = match connection {
                Connection::Http1(mut sender) => {
                    *sending.uri_mut() = target.in_origin_form();
                    if sending.body().has_no_length() {
                        // hyper takes GET to have no body unless this says so.
                        sending.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                    }
                    let progress = sending.body().progress();
                    match sender.try_send_request(sending).await {
                        Ok(response) => {
                            // An app that answers before it has read a body may never read it, and take it for the next request:
                            // then the answer to that would be somebody else's.
                            let has_read = progress.is_none_or(|progress| progress.is_done());
                            let lease = (self.0.keeps && has_read).then(|| Lease::new(self.0.clone(), sender));
                            return Ok(response.map(|body| Answer::http1(body, lease)));
                        }
                        Err(mut failed) => (failed.take_message(), failed.into_error()),
                    }
                }
                Connection::Http2(number, mut sender, place) => {
                    sending.body_mut().keep(place.clone());
                    sending.headers_mut().remove(header::TRANSFER_ENCODING);
                    *sending.uri_mut() = target.in_absolute_form();
                    let copy = copy(&sending);
                    match sender.try_send_request(sending).await {
                        Ok(response) => return Ok(response.map(|body| Answer::http2(body, place))),
                        Err(mut failed) => {
                            let (unsent, error) = (failed.take_message(), failed.into_error());
                            // That an app breaks off one answer says nothing of the others on its connection.
                            if unsent.is_some() || sender.is_closed() {
                                self.0.open_ones().http2.retain(|http2| Some(http2.number) != number);
                            }
                            if unsent.is_none() && copy.is_some() && again < AGAIN && was_not_begun(&error) {
                                again += 1;
                                *request = copy;
                                continue;
                            }
                            (unsent, error)
                        }
                    }
                }
            };
            *request = unsent.filter(|_| reused);
            if request.is_none() {
                return Err(Failure::Broken(error));
            }
        }
    }
}

impl Shared {
    fn open_ones(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is open already.
    fn reuse(&self) -> Option<Connection> {
        let mut open = self.open_ones();
        match open.http1() {
            Some(sender) => Some(Connection::Http1(sender)),
            None => open.http2(),
        }
    }

    /// A new connection, or the shared one that somebody else opened meanwhile; whether it was there before.
    async fn open(self: &Arc<Self>) -> Result<(Connection, bool), Failure> {
        let turn = match self.is_http2.load(Ordering::Relaxed) && self.keeps {
            true => Some(self.turns.wait().await?),
            false => None,
        };
        if let Some(connection) = self.open_ones().http2() {
            return Ok((connection, true));
        }
        let sender = match self.connector.connect().await {
            Ok(sender) => sender,
            Err(failure) => {
                if let Some(turn) = turn {
                    turn.failed(&failure);
                }
                return Err(failure);
            }
        };
        self.is_http2.store(matches!(sender, Sender::Http2(..)), Ordering::Relaxed);
        Ok(match sender {
            Sender::Http1(sender) => (Connection::Http1(sender), false),
            Sender::Http2(sender, streams) => {
                let place = streams.begin();
                (Connection::Http2(self.share(&sender, streams), sender, place), false)
            }
        })
    }

    /// Has others use a connection of HTTP/2 too, unless there is one for them.
    fn share(self: &Arc<Self>, sender: &http2::SendRequest<Upload>, streams: Streams) -> Option<u64> {
        let mut open = self.open_ones();
        if !self.keeps || open.http2().is_some() {
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.http2.push(Http2 { number, used: Instant::now(), sender: sender.clone(), streams });
        self.watch(&mut open);
        Some(number)
    }

    /// Keeps a connection of HTTP/1.1 for the next request.
    pub(super) fn keep(self: &Arc<Self>, sender: http1::SendRequest<Upload>) {
        let mut open = self.open_ones();
        if open.http1.len() < IDLE_CONNECTIONS {
            open.http1.push((Instant::now(), sender));
            self.watch(&mut open);
        }
    }

    /// Has what is idle too long taken out, also when nobody asks for a connection.
    fn watch(self: &Arc<Self>, open: &mut Open) {
        if !open.swept
            && let Ok(runtime) = Handle::try_current()
        {
            open.swept = true;
            runtime.spawn(sweep(Arc::downgrade(self)));
        }
    }
}

/// Takes out what is idle too long, for as long as there is anything.
async fn sweep(pool: Weak<Shared>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut open = pool.open_ones();
        if !open.sweep() {
            open.swept = false;
            return;
        }
    }
}

impl Target<'_> {
    /// As HTTP/1.1 asks for it.
    fn in_origin_form(&self) -> Uri {
        self.path.clone().into()
    }

    /// As HTTP/2 does, which makes `:scheme`, `:authority` and `:path` of it.
    fn in_absolute_form(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(self.path.clone());
        Uri::from_parts(parts).unwrap_or_default()
    }
}
