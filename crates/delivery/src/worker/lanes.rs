//! Who may go next: a lane for each destination, so that a sick one holds up nobody else. No I/O here; time comes in.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use acquit_core::Timestamp;

use super::{
    Load, Settings,
    lane::{Health, Job, Lane, Next, Pass},
};

/// A lane that saw nothing for so long is forgotten, its breaker too.
const FORGET: Duration = Duration::from_secs(10 * 60);

/// What follows from the end of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct After {
    /// The destination's backlog should be made due now.
    pub(super) drain: bool,
    /// Steps that were left in the outbox for want of room have room now.
    pub(super) claim: bool,
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

    /// Whether a destination is being left alone.
    pub(super) fn leaves_alone(&self, destination: &str, now: Timestamp) -> bool {
        self.lanes.get(destination).is_some_and(|lane| lane.breaker.is_open(now))
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

    /// Ends the pauses of destinations that are being left alone.
    pub(super) fn end_pauses(&mut self, now: Timestamp) {
        for lane in self.lanes.values_mut() {
            lane.breaker.end_pause(now);
        }
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

#[cfg(test)]
mod tests;
