//! The body of a request on its way to the app.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::{
    body::{BoxError, clean},
    upstream::Place,
};
use crate::{
    listener::Caller,
    live::{Stream, Watch},
};

/// The end came while a body was under way: of the session, or of the right to be here.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request was cut")]
struct CutOff;

/// How far a request's body has come.
#[derive(Debug)]
pub(super) struct Progress {
    base: Instant,
    last: AtomicU64,
    done: AtomicBool,
}

impl Progress {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self { base: Instant::now(), last: AtomicU64::default(), done: AtomicBool::default() })
    }

    fn moved(&self) {
        let millis = u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    /// When something last came.
    pub(super) fn last(&self) -> Instant {
        self.base + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Whether all of it came.
    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }
}

/// The body of a request on its way to the app.
#[derive(Debug)]
pub(super) enum Upload {
    /// There is none.
    Nothing,
    /// What the browser sends.
    Body(Box<Uploading>),
}

#[derive(Debug)]
pub(super) struct Uploading {
    body: Incoming,
    progress: Arc<Progress>,
    /// The app's end is not in the task that writes the answer, so it is cut here.
    cut: Option<Watch>,
    _stream: Option<Arc<Stream>>,
    /// Among the streams of a connection of HTTP/2.
    place: Option<Place>,
    _caller: Caller,
}

impl Upload {
    pub(super) fn new(body: Incoming, progress: Arc<Progress>, stream: Option<Arc<Stream>>, caller: Caller) -> Self {
        let cut = stream.as_ref().map(|stream| stream.watch());
        Self::Body(Box::new(Uploading { body, progress, cut, _stream: stream, place: None, _caller: caller }))
    }

    /// Whether there is a body that does not say how long it is.
    pub(super) fn has_no_length(&self) -> bool {
        self.size_hint().exact().is_none()
    }

    /// How far it comes; none where there is nothing to come.
    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Nothing => None,
            Self::Body(uploading) => Some(uploading.progress.clone()),
        }
    }

    /// Has it keep the place of its stream for as long as it goes on, which may be longer than the answer does.
    pub(super) fn keep(&mut self, place: Place) {
        if let Self::Body(uploading) = self {
            uploading.place = Some(place);
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self::Body(uploading) = self.get_mut() else { return Poll::Ready(None) };
        if let Some(cut) = &mut uploading.cut
            && cut.poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(CutOff.into())));
        }
        let frame = ready!(Pin::new(&mut uploading.body).poll_frame(cx));
        uploading.progress.moved();
        // HTTP/2 may say that it ends after its length has come, which nobody asks for then.
        if frame.is_none() || uploading.body.is_end_stream() || uploading.body.size_hint().exact() == Some(0) {
            uploading.progress.done.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame.map(|frame| frame.map(clean).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Body(uploading) => uploading.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Body(uploading) => uploading.body.size_hint(),
        }
    }
}
