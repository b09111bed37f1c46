//! The handle on a logout's first attempts, on which its door may wait a little.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// First attempts under way. They go on whether or not anybody waits.
#[derive(Debug)]
pub struct Dispatched {
    left: Arc<Left>,
}

/// How many attempts are not over yet.
#[derive(Debug, Default)]
struct Left {
    first: AtomicUsize,
    rest: AtomicUsize,
    changed: Notify,
}

/// One attempt's share in the handle. Dropping it says that the attempt is over, however it ended.
#[derive(Debug)]
pub(super) struct Ticket {
    left: Arc<Left>,
    first: bool,
}

impl Dispatched {
    pub(super) fn new() -> Self {
        Self { left: Arc::default() }
    }

    pub(super) fn ticket(&self, first: bool) -> Ticket {
        let ticket = Ticket { left: Arc::clone(&self.left), first };
        ticket.count().fetch_add(1, Ordering::Relaxed);
        ticket
    }

    /// Waits for the app that asked for the logout up to `first_cap`, for all others up to `rest_cap`, both counted from
    /// now; returns as soon as all are over. Says whether they are. Over means tried once: the receipt says how it went.
    pub async fn wait(&self, first_cap: Duration, rest_cap: Duration) -> bool {
        let began = Instant::now();
        loop {
            let changed = self.left.changed.notified();
            let cap = match (self.left.first.load(Ordering::Acquire), self.left.rest.load(Ordering::Acquire)) {
                (0, 0) => return true,
                (0, _) => rest_cap,
                (_, 0) => first_cap,
                (_, _) => first_cap.max(rest_cap),
            };
            if timeout_at(began + cap, changed).await.is_err() {
                return false;
            }
        }
    }
}

impl Ticket {
    fn count(&self) -> &AtomicUsize {
        if self.first { &self.left.first } else { &self.left.rest }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.count().fetch_sub(1, Ordering::AcqRel) == 1 {
            self.left.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(300);
    const REST: Duration = Duration::from_millis(30);

    #[tokio::test(start_paused = true)]
    async fn the_app_that_asked_is_waited_for_longer_than_the_others() {
        let dispatched = Dispatched::new();
        let (first, rest) = (dispatched.ticket(true), dispatched.ticket(false));
        let began = Instant::now();
        assert!(!dispatched.wait(FIRST, REST).await);
        assert_eq!(began.elapsed(), FIRST);
        drop(first);
        let began = Instant::now();
        assert!(!dispatched.wait(FIRST, REST).await);
        assert_eq!(began.elapsed(), REST);
        drop(rest);
        assert!(dispatched.wait(FIRST, REST).await);
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_app_that_asked_is_told_the_others_cap_counts() {
        let dispatched = Dispatched::new();
        let (first, _rest) = (dispatched.ticket(true), dispatched.ticket(false));
        let began = Instant::now();
        let teller = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(first);
        };
        let (told, ()) = tokio::join!(dispatched.wait(FIRST, REST), teller);
        assert!(!told);
        assert_eq!(began.elapsed(), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_when_there_is_nothing_to_do() {
        assert!(Dispatched::new().wait(FIRST, REST).await);
    }
}
