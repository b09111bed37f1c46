//! The access log: one line for each request to the host of a route, written when its answer is over, and of a WebSocket when that
//! is. Queries may hold secrets and are in no line, nor is any header.
//!
//! Whether it is wanted is one look at a number; everything else happens only then.

use std::{net::IpAddr, sync::Arc};

use acquit_core::{SessionId, UserId};
use http::{Method, Response, StatusCode, header, request::Parts, uri::Authority};
use hyper::body::Body;
use tokio::time::Instant;
use tracing::{Level, field::display};

use super::way::Way;
use crate::{
    hygiene::trace,
    identity::Identity,
    listener::Caller,
    live::{Cut, Stream},
    route::Route,
};

/// The target of its events, which the filter of the log names.
const TARGET: &str = "acquit::access";

/// The line in the making, where lines are wanted. It is written when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Access(Option<Box<Line>>);

#[derive(Debug)]
struct Line {
    begun: Instant,
    peer: IpAddr,
    method: Method,
    host: String,
    /// As the app is asked for it, without the query. Of what cannot be read in one way, and of a host that is no route's, none.
    path: Option<String>,
    route: Option<Arc<Route>>,
    who: Option<(UserId, SessionId)>,
    stream: Option<Arc<Stream>>,
    trace: Option<String>,
    /// None where the browser left before there was one.
    status: Option<StatusCode>,
    /// Of the answer's body, or of what a WebSocket brought to the browser.
    bytes: u64,
    over: Over,
}

/// How an answer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The browser had no more of it: it left, or the connection broke.
    Left,
    /// By itself.
    Done,
    /// The app broke off.
    Broken,
    /// This server stops.
    Stopped,
    /// It was cut: its session ended, say, or it would not be let in any more.
    Cut(Cut),
}

impl Over {
    fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Done => "done",
            Self::Broken => "broken off",
            Self::Stopped => "stopped",
            Self::Cut(Cut::SignedOut) => "signed out",
            Self::Cut(Cut::NotAllowed) => "no longer allowed",
            Self::Cut(Cut::SignIn) => "sign in again",
            Self::Cut(Cut::Unsure) => "unsure",
        }
    }
}

impl Access {
    /// A line for this request, where lines are wanted.
    pub(super) fn begin(parts: &Parts, caller: &Caller) -> Self {
        if !tracing::enabled!(target: TARGET, Level::INFO) {
            return Self(None);
        }
        let header = || parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = parts.uri.authority().map(Authority::as_str).or_else(header).unwrap_or_default();
        Self(Some(Box::new(Line {
            begun: Instant::now(),
            peer: caller.address.ip(),
            method: parts.method.clone(),
            host: host.to_ascii_lowercase(),
            path: None,
            route: None,
            who: None,
            stream: None,
            trace: trace::id(&parts.headers).map(str::to_owned),
            status: None,
            bytes: 0,
            over: Over::Left,
        })))
    }

    /// Whether a line is wanted.
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Where the request goes. What is for Acquit's own host is no line of this log: paths there may be secrets.
    pub(super) fn goes(&mut self, way: &Way) {
        match (way, &mut self.0) {
            (_, None) => {}
            (Way::Home(_), line) => *line = None,
            (Way::Door(uri), Some(line)) => line.path = Some(uri.path().to_owned()),
            (Way::Route(route, path), Some(line)) => {
                line.path = Some(path.path().to_owned());
                line.route = Some(route.clone());
            }
        }
    }

    /// Who asks, and what is open for them.
    pub(super) fn of(&mut self, identity: Option<&Identity>, stream: Option<&Arc<Stream>>) {
        if let Some(line) = &mut self.0 {
            line.who = identity.map(|identity| (identity.user.clone(), identity.session.clone()));
            line.stream = stream.cloned();
        }
    }

    /// What is answered.
    pub(super) fn answered<B: Body>(&mut self, response: &Response<B>) {
        if let Some(line) = &mut self.0 {
            line.status = Some(response.status());
        }
    }

    /// Some of the answer went out.
    pub(super) fn sent(&mut self, bytes: u64) {
        if let Some(line) = &mut self.0 {
            line.bytes += bytes;
        }
    }

    /// How it came to its end.
    pub(super) fn over(&mut self, over: Over) {
        if let Some(line) = &mut self.0 {
            line.over = over;
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.write();
        }
    }
}

impl Line {
    fn write(&self) {
        let cut = self.stream.as_ref().and_then(|stream| stream.why());
        let over = match (self.over, cut) {
            (Over::Left | Over::Broken, Some(cut)) => Over::Cut(cut),
            (over, _) => over,
        };
        let (user, session) = self.who.as_ref().map(|(user, session)| (display(user), display(session))).unzip();
        let route = self.route.as_ref().map(|route| format!("{}{}", route.from, route.prefix));
        tracing::info!(
            target: TARGET,
            host = self.host,
            method = self.method.as_str(),
            path = self.path,
            status = self.status.map(|status| status.as_u16()),
            bytes = self.bytes,
            milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            end = over.as_str(),
            user,
            session,
            route,
            trace = self.trace,
            peer = %self.peer,
            "request"
        );
    }
}
