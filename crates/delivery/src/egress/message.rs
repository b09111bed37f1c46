//! A request as it is asked for, an answer as it is given, and the bounded reading of its body.

use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming as Body};
use tokio::time::{Instant, timeout_at};

use super::retry_after;

/// How much of a delivery's response body is read, in bytes.
pub const BODY_LIMIT: usize = 4 * 1024;

/// A request to be made.
#[derive(Clone)]
pub struct Outgoing {
    /// Its method.
    pub method: Method,
    /// Its URL, parsed and checked when it is sent.
    pub url: String,
    /// Its headers; `Host`, `Content-Length` and `User-Agent` are set by the client.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// How much of the response's body is read, in bytes; the rest is cut off.
    pub max_body: usize,
    /// A shorter limit on the whole request than the client's own.
    pub total: Option<Duration>,
}

impl Outgoing {
    /// A POST whose response is read to [`BODY_LIMIT`].
    #[must_use]
    pub fn post(url: impl Into<String>, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, content_type);
        Self { method: Method::POST, url: url.into(), headers, body: body.into(), max_body: BODY_LIMIT, total: None }
    }

    /// A GET for JSON whose response is read to `max_body` bytes.
    #[must_use]
    pub fn get(url: impl Into<String>, max_body: usize) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Self { method: Method::GET, url: url.into(), headers, body: Bytes::new(), max_body, total: None }
    }
}

/// Without headers, query and body: those carry tokens.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("Outgoing").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, bounded by [`Limits::head`](super::Limits::head).
    pub headers: HeaderMap,
    /// The beginning of its body. Never rendered as HTML, never decompressed.
    pub body: Bytes,
    /// Whether there was more of the body than was read, or it broke off, or it came too slowly.
    pub cut: bool,
}

impl Incoming {
    /// How long the response asks to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after::retry_after(&self.headers)
    }
}

/// Reads at most `max` bytes, and no longer than to the deadline. Dropping the rest closes the connection.
pub(super) async fn read(mut body: Body, max: usize, deadline: Instant) -> (Bytes, bool) {
    let mut parts = Parts { first: Bytes::new(), all: Vec::new() };
    let complete = timeout_at(deadline, async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Ok(data) = frame.into_data() else { continue };
            let room = max - parts.len();
            if data.len() > room {
                parts.push(data.slice(..room));
                return false;
            }
            parts.push(data);
        }
        true
    })
    .await
    .unwrap_or(false);
    (parts.finish(), !complete)
}

/// A body in one piece is kept as it came; only one in several is copied together.
struct Parts {
    first: Bytes,
    all: Vec<u8>,
}

impl Parts {
    fn len(&self) -> usize {
        if self.all.is_empty() { self.first.len() } else { self.all.len() }
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&data);
        }
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.into() }
    }
}
