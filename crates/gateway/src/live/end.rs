//! The end of something that is open: who cuts it says why, and whoever waits for it hears that.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Why a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its session ended.
    SignedOut,
    /// The rules, or the person, have changed, and it would not be let in now.
    NotAllowed,
    /// The person has changed, and only a sign-in can tell whether it would be.
    SignIn,
    /// This node cannot learn whether its session lives, or whether it would be let in now.
    Unsure,
}

/// A place in a list, which is nowhere when the list has it no more.
#[derive(Debug, Default)]
pub(super) struct Place(AtomicUsize);

impl Place {
    const NOWHERE: usize = usize::MAX;

    /// Where it is.
    pub(super) fn get(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|place| *place != Self::NOWHERE)
    }

    /// It is elsewhere, or nowhere, now.
    pub(super) fn set(&self, place: Option<usize>) {
        self.0.store(place.unwrap_or(Self::NOWHERE), Ordering::Relaxed);
    }
}

/// The end of something that is open, which is to come.
#[derive(Debug, Default)]
pub(crate) struct End {
    token: CancellationToken,
    why: OnceLock<Cut>,
    /// Where it stands in its table, written under the lock of that.
    pub(super) place: Place,
}

impl End {
    /// Cuts all that waits for it.
    pub(crate) fn cut(&self, why: Cut) {
        // Said first: who was woken looks here.
        let _ = self.why.set(why);
        self.token.cancel();
    }

    /// Watches for it.
    pub(crate) fn watch(self: &Arc<Self>) -> Watch {
        Watch { end: self.clone(), waiting: Box::pin(self.token.clone().cancelled_owned()), asked: None }
    }

    /// Why it came, if it has.
    pub(crate) fn why(&self) -> Option<Cut> {
        self.why.get().copied()
    }

    /// Returns when it comes.
    pub(super) async fn come(&self) -> Cut {
        let (mut waiting, mut asked) = (pin!(self.token.cancelled()), None);
        poll_fn(|cx| self.poll(waiting.as_mut(), &mut asked, cx)).await
    }

    /// Looks whether it has come. `waiting` is asked once for each task, not whenever something else moves in the task: it
    /// takes locks, and wakes the task after `why` was said.
    fn poll(
        &self,
        waiting: Pin<&mut impl Future<Output = ()>>,
        asked: &mut Option<Waker>,
        cx: &mut Context<'_>,
    ) -> Poll<Cut> {
        if let Some(why) = self.why.get() {
            return Poll::Ready(*why);
        }
        if asked.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        *asked = Some(cx.waker().clone());
        waiting.poll(cx).map(|()| self.why.get().copied().unwrap_or(Cut::SignedOut))
    }
}

/// Waits for the end of something that is open, and outlives what waits there.
#[derive(Debug)]
pub(crate) struct Watch {
    end: Arc<End>,
    waiting: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whom the token wakes.
    asked: Option<Waker>,
}

impl Watch {
    /// Ready when it has come, and then always.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        self.end.poll(self.waiting.as_mut(), &mut self.asked, cx)
    }
}
