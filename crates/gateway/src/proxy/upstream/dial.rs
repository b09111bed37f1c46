//! Who opens a connection that many share: one at a time, and who waited for that one shares its failure.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{Mutex, MutexGuard};

use super::Failure;

/// The turns to open a connection.
#[derive(Default)]
pub(super) struct Turns {
    /// Why the last one failed.
    taken: Mutex<Option<Arc<str>>>,
    /// How many failed.
    failed: AtomicU64,
}

/// The turn to open a connection, until it is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    why: MutexGuard<'a, Option<Arc<str>>>,
}

impl Turns {
    /// Waits until nobody opens a connection.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] if somebody failed meanwhile: an app that swallows connections would have those who wait
    /// try it one after the other, each for as long as the first.
    pub(super) async fn wait(&self) -> Result<Turn<'_>, Failure> {
        let before = self.failed.load(Ordering::Acquire);
        let why = self.taken.lock().await;
        match &*why {
            Some(why) if self.failed.load(Ordering::Acquire) != before => Err(Failure::Unreachable((&**why).into())),
            _ => Ok(Turn { turns: self, why }),
        }
    }
}

impl Turn<'_> {
    /// It could not be opened: those who wait need not try.
    pub(super) fn failed(mut self, failure: &Failure) {
        *self.why = Some(failure.error().to_string().into());
        self.turns.failed.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;

    const SWALLOWED: Duration = Duration::from_secs(5);

    /// Takes a turn in which nothing is reached.
    async fn in_vain(turns: &Turns) -> String {
        let failure = match turns.wait().await {
            Ok(turn) => {
                sleep(SWALLOWED).await;
                let failure = Failure::Unreachable("swallowed".into());
                turn.failed(&failure);
                failure
            }
            Err(failure) => failure,
        };
        failure.error().to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_for_a_connection_that_could_not_be_opened_does_not_try_it_again() {
        let (turns, began) = (Turns::default(), Instant::now());
        let failures = join_all((0..20).map(|_| in_vain(&turns))).await;
        assert!(failures.iter().all(|failure| failure == "swallowed"), "{failures:?}");
        assert_eq!(began.elapsed(), SWALLOWED, "they waited once");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_after_a_failure_tries_anew() {
        let (turns, began) = (Turns::default(), Instant::now());
        in_vain(&turns).await;
        in_vain(&turns).await;
        assert_eq!(began.elapsed(), 2 * SWALLOWED);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_opening_leaves_the_turn_to_the_next() {
        let turns = Turns::default();
        let given_up = tokio::time::timeout(SWALLOWED / 2, in_vain(&turns));
        let (given_up, turn) = tokio::join!(given_up, turns.wait());
        assert!(given_up.is_err() && turn.is_ok());
    }
}
