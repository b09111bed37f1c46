//! A circuit breaker for one destination: after repeated failures it is left alone, then probed with the oldest real
//! logout that waits for it.

use std::time::Duration;

use super::schedule::LEASE;
use crate::Timestamp;

/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
/// The first pause; each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// One destination's breaker. A fresh one is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    open_until: Option<Timestamp>,
    /// Until when a probe is waited for: one whose sender died does not shut the destination off for ever.
    probe_until: Option<Timestamp>,
}

impl Breaker {
    /// Whether a request may go now. When the pause is over, one may go as a probe, and the answer decides.
    ///
    /// # Errors
    /// When to ask again.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        match self.open_until {
            None => Ok(()),
            Some(until) if now < until => Err(until),
            Some(_) if self.probes(now) => Err(now.plus(FIRST_PAUSE)),
            Some(_) => {
                self.probe_until = Some(now.plus(LEASE));
                Ok(())
            }
        }
    }

    fn probes(&self, now: Timestamp) -> bool {
        self.probe_until.is_some_and(|until| now < until)
    }

    /// Whether requests are being held back at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| now < until || self.probes(now))
    }

    /// Ends a pause: somebody asked for a try now. It goes as the probe, so one more failure opens the breaker again.
    pub fn end_pause(&mut self, now: Timestamp) {
        self.open_until = self.open_until.map(|until| until.min(now));
    }

    /// The destination answered. Whether that closed an open breaker, so that its backlog may be drained.
    pub fn succeeded(&mut self) -> bool {
        let was_failing = self.failures > 0;
        *self = Self::default();
        was_failing
    }

    /// The destination did not answer, or not usefully.
    pub fn failed(&mut self, now: Timestamp) {
        if self.probe_until.is_none() && self.open_until.is_some() {
            // Sent before it opened: the same outage seen by another request makes no pause longer.
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.probe_until = None;
        if self.failures >= THRESHOLD {
            let doublings = (self.failures - THRESHOLD).min(10);
            let pause = (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE);
            self.open_until = Some(now.plus(pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..THRESHOLD {
            assert_eq!(breaker.admit(at(0)), Ok(()));
            breaker.failed(at(0));
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_closes_it() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(4)), Err(at(5)));
        assert_eq!(breaker.admit(at(5)), Ok(()));
        assert!(breaker.succeeded());
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            for _ in 0..THRESHOLD - 1 {
                breaker.failed(at(0));
            }
            breaker.succeeded();
        }
        assert!(!breaker.is_open(at(0)));
    }

    #[test]
    fn after_the_pause_exactly_one_probe_goes_and_its_failure_doubles_the_pause() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(5)), Ok(()));
        assert!(breaker.admit(at(5)).is_err());
        breaker.failed(at(6));
        assert_eq!(breaker.admit(at(7)), Err(at(16)));
    }

    #[test]
    fn the_pause_never_exceeds_five_minutes() {
        let (mut breaker, mut now) = (opened(), at(0));
        for _ in 0..50 {
            now = breaker.admit(now).unwrap_err();
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.failed(now);
        }
        assert_eq!(breaker.admit(now), Err(now.plus(LONGEST_PAUSE)));
    }

    #[test]
    fn requests_that_were_under_way_when_it_opened_do_not_lengthen_the_pause() {
        let mut breaker = opened();
        for _ in 0..8 {
            breaker.failed(at(1));
        }
        assert_eq!(breaker.admit(at(1)), Err(at(5)));
    }

    #[test]
    fn a_probe_that_never_reports_is_replaced_after_the_time_of_a_lease() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(5)), Ok(()));
        assert!(breaker.admit(at(34)).is_err());
        assert_eq!(breaker.admit(at(35)), Ok(()));
    }
}
