//! The body of an app's answer, and the connection that it comes on.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1,
};
use tokio::runtime::Handle;

use super::{pool::Shared, streams::Place};
use crate::proxy::upload::Upload;

/// A connection of HTTP/1.1 for as long as an answer comes on it.
pub(super) struct Lease {
    pool: Arc<Shared>,
    sender: Option<http1::SendRequest<Upload>>,
}

impl Lease {
    /// Of this connection, which goes back to its pool.
    pub(super) fn new(pool: Arc<Shared>, sender: http1::SendRequest<Upload>) -> Self {
        Self { pool, sender: Some(sender) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut sender) = self.sender.take() else { return };
        if sender.is_ready() {
            self.pool.keep(sender);
        } else if !sender.is_closed()
            && let Ok(runtime) = Handle::try_current()
        {
            // The request is still being sent, or the answer was not read to its end.
            let pool = self.pool.clone();
            runtime.spawn(async move {
                if sender.ready().await.is_ok() {
                    pool.keep(sender);
                }
            });
        }
    }
}

/// The body of an app's answer. When it is dropped, its connection is there for the next request.
pub struct Answer {
    body: Incoming,
    /// After the body: what is left unread ends the connection.
    _lease: Option<Lease>,
    /// Its stream's, of HTTP/2.
    _place: Option<Place>,
}

impl Answer {
    /// With the connection that is given back at its end.
    pub(super) fn http1(body: Incoming, lease: Option<Lease>) -> Self {
        Self { body, _lease: lease, _place: None }
    }

    /// With its place among the streams of its connection.
    pub(super) fn http2(body: Incoming, place: Place) -> Self {
        Self { body, _lease: None, _place: Some(place) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(f)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
