//! The body of an answer. It knows whose it is: as long as it goes on, its request is open in its session.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::{
    House, Used,
    access::{Access, Over},
    upstream::Answer,
};
use crate::{
    hygiene::headers::clean_trailers,
    listener::{Caller, Hold},
    live::Stream,
};

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// How often a long stream says that it is used, where that counts.
const USED_EVERY: Duration = Duration::from_secs(60);

/// The body of an answer.
pub struct ProxyBody<H: House> {
    /// Before what is open: the line says why that was cut.
    access: Access,
    kind: Kind<H>,
}

impl<H: House> fmt::Debug for ProxyBody<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyBody").finish_non_exhaustive()
    }
}

enum Kind<H: House> {
    /// A page of the data path.
    Page(Option<Bytes>),
    /// The server's.
    House(H::Body),
    /// The app's.
    App(Download<H>),
}

impl<H: House> ProxyBody<H> {
    fn new(kind: Kind<H>) -> Self {
        Self { access: Access::default(), kind }
    }

    pub(super) fn page(text: Bytes) -> Self {
        Self::new(Kind::Page(Some(text).filter(|text| !text.is_empty())))
    }

    pub(super) fn house(body: H::Body) -> Self {
        Self::new(Kind::House(body))
    }

    pub(super) fn app(download: Download<H>) -> Self {
        Self::new(Kind::App(download))
    }

    /// With the line that is written when it is over.
    pub(super) fn logged(mut self, mut access: Access) -> Self {
        // Of a body that is empty from the start nobody asks for more.
        if self.is_end_stream() {
            access.over(Over::Done);
        }
        self.access = access;
        self
    }

    fn note(&mut self, polled: &Option<Result<Frame<Bytes>, BoxError>>) {
        match polled {
            Some(Ok(frame)) => self.access.sent(frame.data_ref().map_or(0, |data| data.len() as u64)),
            Some(Err(_)) => return self.access.over(Over::Broken),
            None => {}
        }
        if polled.is_none() || self.is_end_stream() {
            self.access.over(Over::Done);
        }
    }
}

/// The body of an app's answer, and what is open for as long as it goes on.
pub(super) struct Download<H: House> {
    body: Answer,
    use_again: Option<UseAgain<H>>,
    /// Ends the answer with the session. Let go before the stream is no longer counted.
    _hold: Hold,
    _stream: Arc<Stream>,
    /// The request is under way until here.
    _caller: Caller,
}

impl<H: House> Download<H> {
    pub(super) fn new(body: Answer, use_again: Option<UseAgain<H>>, stream: Arc<Stream>, caller: Caller) -> Self {
        let hold = caller.reins.hold(stream.watch());
        Self { body, use_again, _hold: hold, _stream: stream, _caller: caller }
    }
}

/// Says now and then that a session is used.
pub(super) struct UseAgain<H: House> {
    used: Used<H>,
    sleep: Pin<Box<Sleep>>,
}

impl<H: House> UseAgain<H> {
    pub(super) fn new(used: Used<H>) -> Self {
        Self { used, sleep: Box::pin(tokio::time::sleep(USED_EVERY)) }
    }

    /// Says so whenever it is time, and is never done.
    pub(super) async fn forever(mut self) {
        std::future::poll_fn(|cx| {
            self.poll(cx);
            Poll::<()>::Pending
        })
        .await;
    }

    /// Says so if it is time, and has the task woken when it is again.
    fn poll(&mut self, cx: &mut Context<'_>) {
        while self.sleep.as_mut().poll(cx).is_ready() {
            self.used.again();
            self.sleep.as_mut().reset(Instant::now() + USED_EVERY);
        }
    }
}

impl<H: House> Body for ProxyBody<H> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = ready!(self.kind.poll(cx));
        if self.access.is_on() {
            self.note(&polled);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Page(text) => text.is_none(),
            Kind::House(body) => body.is_end_stream(),
            Kind::App(download) => download.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Page(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Kind::House(body) => body.size_hint(),
            Kind::App(download) => download.body.size_hint(),
        }
    }
}

impl<H: House> Kind<H> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self {
            Self::Page(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::House(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::App(download) => {
                if let Some(again) = &mut download.use_again {
                    again.poll(cx);
                }
                let frame = ready!(Pin::new(&mut download.body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map(clean).map_err(Into::into)))
            }
        }
    }
}

/// Takes out of trailers what may not pass.
pub(super) fn clean(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            clean_trailers(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}
