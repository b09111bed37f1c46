//! What ends a request from outside. An answer is written by hyper, which asks our body for more only when its peer takes
//! what there is: a peer that does not read keeps a body alive that nobody asks. So the end of a session does not wait for
//! the body to be asked. It is watched by the task that writes: of the connection with HTTP/1, where nothing else goes on
//! in it, and of the one stream with HTTP/2.

use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use hyper::rt::Executor;

use crate::live::Watch;

/// Ends whatever writes an answer. Clones share everything.
#[derive(Clone, Default)]
pub struct Reins(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    cut: Option<Watch>,
    generation: u64,
}

impl Reins {
    /// Ends the answer with the session that is watched, until the result is dropped. To be called while the request is
    /// answered, by the task that does so.
    #[must_use]
    pub(crate) fn hold(&self, session: Watch) -> Hold {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.cut = Some(session);
        held.generation += 1;
        Hold { reins: self.clone(), generation: held.generation }
    }

    fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).cut {
            Some(cut) => cut.poll(cx).map(drop),
            None => Poll::Pending,
        }
    }

    /// Runs what writes until it is done, or cut; whether it is done.
    pub(super) async fn run(&self, writing: impl Future) -> bool {
        let mut writing = pin!(writing);
        // What is held may change while it runs: first so that nothing is written after the cut, then to be woken by it.
        poll_fn(|cx| {
            if self.poll_cut(cx).is_ready() {
                return Poll::Ready(false);
            }
            match writing.as_mut().poll(cx) {
                Poll::Ready(_) => Poll::Ready(true),
                Poll::Pending => self.poll_cut(cx).map(|()| false),
            }
        })
        .await
    }
}

impl fmt::Debug for Reins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reins")
    }
}

/// For as long as this is there, the end of a session ends the answer.
#[derive(Debug)]
pub struct Hold {
    reins: Reins,
    generation: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.reins.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The next request on the connection may have taken the reins by now.
        let let_go = if held.generation == self.generation { held.cut.take() } else { None };
        drop(held);
        drop(let_go);
    }
}

thread_local! {
    static NEXT: Cell<Option<Reins>> = const { Cell::new(None) };
}

/// Spawns what hyper runs beside an HTTP/2 connection. hyper gives a stream's task to its executor in the same breath in
/// which it called the service for it, and never says which is whose; so the service leaves the reins here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams;

impl Streams {
    /// The next task on this thread is the one that writes the answer to the request at hand.
    pub(super) fn expect(reins: &Reins) {
        NEXT.set(Some(reins.clone()));
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        if let Some(reins) = NEXT.take() {
            tokio::spawn(async move { reins.run(task).await });
        } else {
            tokio::spawn(task);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::live::{Cut, End};

    #[tokio::test]
    async fn what_is_held_ends_and_what_was_let_go_does_not() {
        let (reins, session) = (Reins::default(), Arc::new(End::default()));
        let hold = reins.hold(session.watch());
        drop(hold);
        session.cut(Cut::SignedOut);
        assert!(reins.run(async {}).await);
        let _hold = reins.hold(session.watch());
        assert!(!reins.run(pending::<()>()).await);
    }

    #[tokio::test]
    async fn what_is_held_while_it_runs_is_cut_later() {
        let (reins, session) = (Reins::default(), Arc::new(End::default()));
        let (taking, watch) = (reins.clone(), session.watch());
        let task = tokio::spawn(async move {
            reins
                .run(async {
                    let _hold = taking.hold(watch);
                    pending::<()>().await;
                })
                .await
        });
        tokio::task::yield_now().await;
        session.cut(Cut::SignedOut);
        assert!(!task.await.unwrap());
    }

    #[test]
    fn a_request_that_is_over_does_not_let_go_of_the_next() {
        let (reins, session) = (Reins::default(), Arc::new(End::default()));
        let first = reins.hold(session.watch());
        let _second = reins.hold(session.watch());
        drop(first);
        assert!(reins.0.lock().unwrap().cut.is_some());
    }
}
