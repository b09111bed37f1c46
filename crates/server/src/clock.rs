//! The one place where the server reads the time; tests hand it another.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use acquit_core::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, as people and other machines count it. It may be set, also back.
    fn now(&self) -> Timestamp;
    /// How long this clock has been running. Nobody can set it, and it never goes back: for how often things may happen.
    fn running(&self) -> Duration;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    fn running(&self) -> Duration {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        BEGAN.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that stands until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    /// Microseconds by which it was moved on; what it was moved back does not count.
    run: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { now: AtomicI64::new(at.as_micros()), run: AtomicU64::new(0) }
    }

    /// Moves it to `at`, also back.
    pub fn set(&self, at: Timestamp) {
        let before = self.now.swap(at.as_micros(), Ordering::SeqCst);
        let on = u64::try_from(at.as_micros().saturating_sub(before)).unwrap_or(0);
        self.run.fetch_add(on, Ordering::SeqCst);
    }

    /// Moves it on by `by`.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn running(&self) -> Duration {
        Duration::from_micros(self.run.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clock_has_run_never_goes_back() {
        let clock = ManualClock::at(Timestamp::from_seconds(1_000));
        clock.advance(Duration::from_secs(5));
        clock.set(Timestamp::from_seconds(0));
        assert_eq!(clock.running(), Duration::from_secs(5));
        clock.advance(Duration::from_secs(2));
        assert_eq!((clock.running(), clock.now()), (Duration::from_secs(7), Timestamp::from_seconds(2)));
        let begun = SystemClock.running();
        assert!(SystemClock.running() >= begun);
    }
}
