//! Who may go next: a lane for each destination, so that a sick one holds up nobody else. No I/O here; time comes in.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use acquit_core::{Timestamp, delivery::Breaker, step::Step};

use super::{Load, Settings, dispatched::Ticket};

/// A lane that saw nothing for so long is forgotten, its breaker too.
const FORGET: Duration = Duration::from_secs(10 * 60);
/// A destination's backlog is made due at most this often: a step that always fails must not be hurried for ever by others
/// that succeed.
const DRAIN_PAUSE: Duration = Duration::from_secs(10);

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
    claimed: bool,
    /// Tried before, so that there may be others like it.
    tried: bool,
}

/// What follows from the end of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct After {
    /// The destination's backlog should be made due now.
    pub(super) drain: bool,
    /// Steps that were left in the outbox for want of room have room now.
    pub(super) claim: bool,
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
struct Dropped {
    all: usize,
    claimed: usize,
}

#[derive(Debug, Default)]
struct Lane {
    /// By due time, then by arrival.
    queue: BTreeMap<(Timestamp, u64), Job>,
    in_flight: usize,
    breaker: Breaker,
    probing: bool,
    /// Whether it is in the list of lanes with something to start.
    listed: bool,
    touched: Timestamp,
    drained_at: Option<Timestamp>,
    /// Whether a success has drained it since this node came to know it.
    caught_up: bool,
    /// Left out of a claim for want of room in it.
    starved: bool,
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    settings: Settings,
    lanes: HashMap<Arc<str>, Lane>,
    /// Lanes with something to start, taken in turn.
    ready: VecDeque<Arc<str>>,
    in_flight: usize,
    /// Of these, claimed ones.
    claimed_in_flight: usize,
    queued: usize,
    /// Claimed jobs, queued or under way.
    claimed: usize,
    /// A claim may have left steps behind for want of room in all.
    starved: bool,
    arrivals: u64,
    closed: bool,
}

impl Lanes {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            in_flight: 0,
            claimed_in_flight: 0,
            queued: 0,
            claimed: 0,
            starved: false,
            arrivals: 0,
            closed: false,
        }
    }

    /// The name of a destination, shared with its lane if there is one.
    pub(super) fn name(&self, destination: String) -> Arc<str> {
        match self.lanes.get_key_value(destination.as_str()) {
            Some((name, _)) => Arc::clone(name),
            None => destination.into(),
        }
    }

    /// Queues a job; gives it back when there are too many, or the worker stops: its lease then runs out.
    pub(super) fn push(&mut self, job: Job, now: Timestamp) -> Result<(), Box<Job>> {
        if self.closed || self.queued >= self.settings.queue {
            return Err(Box::new(job));
        }
        let name = Arc::clone(&job.destination);
        let lane = self.lanes.entry(Arc::clone(&name)).or_default();
        lane.touched = now;
        self.claimed += usize::from(job.ticket.is_none());
        lane.queue.insert((job.due, self.arrivals), job);
        self.arrivals += 1;
        self.queued += 1;
        self.list(&name);
        Ok(())
    }

    /// The next thing to do, if anything may be done now.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Next> {
        // Each listed lane is looked at once: one that may not go yet goes to the end of the list.
        for _ in 0..self.ready.len() {
            if self.closed || self.in_flight >= self.settings.in_flight {
                return None;
            }
            let name = self.ready.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            lane.listed = false;
            let claimed_may_go = self.claimed_in_flight < self.settings.claimed_in_flight();
            let (next, dropped) = lane.take(now, self.settings.usable_lease(), claimed_may_go);
            self.claimed -= dropped.claimed;
            self.queued -= dropped.all + usize::from(next.is_some());
            if let Some(Next::Start(_, pass)) = &next {
                self.in_flight += 1;
                self.claimed_in_flight += usize::from(pass.claimed);
            }
            self.list(&name);
            if next.is_some() {
                return next;
            }
        }
        None
    }

    /// An attempt is over.
    pub(super) fn finish(&mut self, pass: &Pass, health: Health, now: Timestamp) -> After {
        self.in_flight -= 1;
        self.claimed_in_flight -= usize::from(pass.claimed);
        self.claimed -= usize::from(pass.claimed && !self.closed);
        let Some(lane) = self.lanes.get_mut(&pass.destination) else { return After::default() };
        let drain = lane.finish(pass, health, now);
        let mut claim = false;
        if lane.starved && lane.queue.is_empty() && !lane.breaker.is_open(now) {
            lane.starved = false;
            claim = true;
        }
        self.list(&pass.destination);
        if self.starved && self.room() >= self.batch() {
            self.starved = false;
            claim = true;
        }
        After { drain, claim }
    }

    /// A backlog could not be made due: the next success tries again.
    pub(super) fn not_drained(&mut self, destination: &str) {
        if let Some(lane) = self.lanes.get_mut(destination) {
            lane.caught_up = false;
            lane.drained_at = None;
        }
    }

    /// How many steps may be claimed now, and of which destinations none; `None` while there is no room for a batch.
    pub(super) fn claimable(&mut self, now: Timestamp) -> Option<(usize, Vec<String>)> {
        if self.closed || self.room() < self.batch() {
            self.starved = true;
            return None;
        }
        let mut exclude = Vec::new();
        for (name, lane) in &mut self.lanes {
            let full = !lane.queue.is_empty() || lane.in_flight >= self.settings.lane_in_flight;
            lane.starved = full || lane.probing;
            if lane.starved || lane.breaker.is_open(now) {
                exclude.push(name.to_string());
            }
        }
        Some((self.batch(), exclude))
    }

    fn room(&self) -> usize {
        self.settings.claimed.saturating_sub(self.claimed)
    }

    fn batch(&self) -> usize {
        self.settings.batch.min(self.settings.claimed).max(1)
    }

    /// How much there is of everything.
    pub(super) fn load(&self, now: Timestamp) -> Load {
        let left_alone = self.lanes.values().filter(|lane| lane.breaker.is_open(now)).count();
        Load { in_flight: self.in_flight, queued: self.queued, destinations: self.lanes.len(), left_alone }
    }

    /// Forgets lanes that saw nothing for a while.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.lanes.retain(|_, lane| {
            lane.in_flight > 0
                || !lane.queue.is_empty()
                || lane.breaker.is_open(now)
                || now.since(lane.touched) < FORGET
        });
    }

    /// Starts nothing more. What was queued is left to its lease.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.ready.clear();
        self.queued = 0;
        self.claimed = 0;
        for lane in self.lanes.values_mut() {
            lane.queue.clear();
        }
    }

    fn list(&mut self, name: &Arc<str>) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        let blocked = lane.queue.is_empty() || (lane.probing && lane.next_is_claimed());
        if !lane.listed && !blocked && lane.in_flight < self.settings.lane_in_flight {
            lane.listed = true;
            self.ready.push_back(Arc::clone(name));
        }
    }
}

impl Lane {
    fn next_is_claimed(&self) -> bool {
        self.queue.first_key_value().is_some_and(|(_, job)| job.ticket.is_none())
    }

    /// Takes the oldest job, if it may go, and says how many were left to their lease instead.
    fn take(&mut self, now: Timestamp, usable_lease: Duration, claimed_may_go: bool) -> (Option<Next>, Dropped) {
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
                        tried: job.step.attempts > 0,
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

    fn finish(&mut self, pass: &Pass, health: Health, now: Timestamp) -> bool {
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
                }
                false
            }
            Health::Alive => {
                let was_failing = self.breaker.succeeded();
                let wanted = was_failing || !self.caught_up || pass.tried;
                let drain = wanted && self.drained_at.is_none_or(|at| now.since(at) >= DRAIN_PAUSE);
                if drain {
                    self.caught_up = true;
                    self.drained_at = Some(now);
                }
                drain
            }
        }
    }
}

#[cfg(test)]
mod tests;
