//! One destination's lane: its queue, its breaker, and who in it may go.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use acquit_core::{Timestamp, delivery::Breaker, step::Step};

use super::dispatched::Ticket;

/// A step leased to this node.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) step: Step,
    pub(super) destination: Arc<str>,
    pub(super) due: Timestamp,
    pub(super) leased_at: Timestamp,
    /// Set for a first attempt: somebody may be waiting.
    pub(super) ticket: Option<Ticket>,
}

/// A job's admission, to be handed back when its attempt is over.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) destination: Arc<str>,
    before: Breaker,
    admitted: Breaker,
    probe: bool,
    /// Claimed from the outbox, not dispatched.
    pub(super) claimed: bool,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Send it.
    Start(Job, Pass),
    /// A first attempt whose destination is being left alone: record that it was put off.
    PutOff(Job, Timestamp),
}

/// What an attempt said about its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered and meant it, be it with a refusal.
    Alive,
    /// It did not answer, or asked to try again.
    Failing,
    /// Nothing was learnt: the request never left.
    Unknown,
}

/// Jobs that left the queue unsent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    pub(super) all: usize,
    pub(super) claimed: usize,
}

/// One destination.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// By due time, then by arrival.
    pub(super) queue: BTreeMap<(Timestamp, u64), Job>,
    pub(super) in_flight: usize,
    pub(super) breaker: Breaker,
    pub(super) probing: bool,
    /// Whether it is in the list of lanes with something to start.
    pub(super) listed: bool,
    pub(super) touched: Timestamp,
    /// Whether its backlog was made due since it was last away, or since this node came to know it. Single failures in
    /// between do not count: a step that always fails must not be hurried for ever by others that succeed.
    pub(super) caught_up: bool,
    /// Left out of a claim for want of room in it.
    pub(super) starved: bool,
}

impl Lane {
    pub(super) fn next_is_claimed(&self) -> bool {
        self.queue.first_key_value().is_some_and(|(_, job)| job.ticket.is_none())
    }

    /// Takes the oldest job, if it may go, and says how many were left to their lease instead.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        usable_lease: Duration,
        claimed_may_go: bool,
    ) -> (Option<Next>, Dropped) {
        let mut dropped = Dropped::default();
        while let Some(oldest) = self.queue.first_entry() {
            let claimed = oldest.get().ticket.is_none();
            if now.since(oldest.get().leased_at) > usable_lease {
                // Too late to be sure to finish within the lease: another claim will bring it back.
                oldest.remove();
                dropped.all += 1;
                dropped.claimed += usize::from(claimed);
                continue;
            }
            if claimed && (self.probing || !claimed_may_go) {
                break;
            }
            let before = self.breaker;
            match self.breaker.admit(now) {
                Ok(()) => {
                    let job = oldest.remove();
                    let probe = self.breaker != before;
                    self.probing |= probe;
                    self.in_flight += 1;
                    self.touched = now;
                    let pass = Pass {
                        destination: Arc::clone(&job.destination),
                        before,
                        admitted: self.breaker,
                        probe,
                        claimed,
                    };
                    return (Some(Next::Start(job, pass)), dropped);
                }
                Err(until) if !claimed => return (Some(Next::PutOff(oldest.remove(), until)), dropped),
                Err(_) => {
                    // A retry of a destination that has just failed again: its lease puts it off.
                    oldest.remove();
                    dropped.all += 1;
                    dropped.claimed += 1;
                }
            }
        }
        (None, dropped)
    }

    pub(super) fn finish(&mut self, pass: &Pass, health: Health, now: Timestamp) -> bool {
        self.in_flight -= 1;
        self.touched = now;
        if pass.probe {
            self.probing = false;
        }
        match health {
            Health::Unknown => {
                if self.breaker == pass.admitted {
                    self.breaker = pass.before;
                }
                false
            }
            Health::Failing => {
                // Requests that were under way when it opened tell nothing new.
                if pass.probe || !self.breaker.is_open(now) {
                    self.breaker.failed(now);
                    self.caught_up &= !self.breaker.is_open(now);
                }
                false
            }
            Health::Alive => {
                self.breaker.succeeded();
                !std::mem::replace(&mut self.caught_up, true)
            }
        }
    }
}
