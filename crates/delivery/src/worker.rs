//! The durable delivery worker: it makes the attempts of steps that the outbox holds, until each is settled.
//!
//! Nothing durable is kept here. A step is leased to this node before it is touched, and the lease ends with the record of
//! what became of it; whatever happens in between, the lease runs out and the step is claimed again. So delivery is at
//! least once, and a crash at any point only repeats an attempt.

mod attempt;
mod claim;
mod compose;
mod dispatched;
mod lane;
mod lanes;
mod outbox;
mod record;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use acquit_core::{
    Timestamp,
    delivery::{LEASE, postponed},
    step::Step,
};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

pub use self::{
    compose::{Compose, ComposeError, Composed, Heard, Reader, printable},
    dispatched::Dispatched,
    outbox::{Attempted, Outbox, OutboxError, destination},
};
use self::{
    lane::{Job, Next},
    lanes::Lanes,
    outbox::is_deliverable,
};
use crate::egress::Egress;

/// The detail of a first attempt that was put off.
const LEFT_ALONE: &str = "not tried yet: earlier requests to this address failed, so it is left alone for a while";
/// Records that wait to be written.
const RECORDS: usize = 1024;

/// Bounds of the worker. The defaults suit one node.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Requests under way to one destination.
    pub lane_in_flight: usize,
    /// Requests under way in all. Claimed steps take at most half, the rest is for first attempts.
    pub in_flight: usize,
    /// Steps in memory that wait for a place. More are left to their lease.
    pub queue: usize,
    /// Claimed steps in memory. A slow destination holds at most a batch of them.
    pub claimed: usize,
    /// Steps claimed at a time.
    pub batch: usize,
    /// The longest time without asking the outbox: another process may have planned a logout.
    pub poll: Duration,
    /// How long a step is leased.
    pub lease: Duration,
    /// How long an attempt can take at most; a step with less left of its lease is not begun.
    pub attempt: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lane_in_flight: 8,
            in_flight: 256,
            queue: 20_000,
            claimed: 1024,
            batch: 64,
            poll: Duration::from_millis(500),
            lease: LEASE,
            attempt: Duration::from_secs(15),
        }
    }
}

impl Settings {
    fn claimed_in_flight(&self) -> usize {
        (self.in_flight / 2).max(1)
    }

    fn usable_lease(&self) -> Duration {
        self.lease.saturating_sub(self.attempt)
    }
}

/// How the worker tells time: the wall clock, injected.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;
/// Where it draws numbers to spread retries: any random number.
pub type Jitter = Box<dyn Fn() -> u64 + Send + Sync>;

/// The worker of one node. Dropping it stops claiming; [`Worker::stop`] also waits for what is under way.
pub struct Worker<O: Outbox, C: Compose> {
    inner: Arc<Inner<O, C>>,
    recorder: Mutex<Option<JoinHandle<()>>>,
}

struct Inner<O, C> {
    outbox: O,
    compose: C,
    egress: Arc<Egress>,
    clock: Clock,
    jitter: Jitter,
    settings: Settings,
    lanes: Mutex<Lanes>,
    records: mpsc::Sender<Attempted>,
    /// Look at the outbox now.
    wake: Notify,
    /// Records taken from the channel and not yet written.
    unrecorded: AtomicUsize,
    attempts: TaskTracker,
    /// Begin nothing more.
    stop: CancellationToken,
    /// All attempts are over: write what is left and end.
    finish: CancellationToken,
}

/// How busy the worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Attempts under way.
    pub in_flight: usize,
    /// Steps in memory that wait for a place.
    pub queued: usize,
    /// Destinations that are remembered.
    pub destinations: usize,
    /// Of these, the ones that are being left alone after failures.
    pub left_alone: usize,
}

/// What a stop left undone; it will be done after the next start, or by another node, when the leases run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Attempts that were still under way.
    pub unfinished: usize,
    /// Attempts that were made but could not be recorded; they will be made again.
    pub unrecorded: usize,
}

impl<O: Outbox, C: Compose> Worker<O, C> {
    /// Starts the worker's tasks on the current Tokio runtime.
    #[must_use]
    pub fn start(outbox: O, compose: C, egress: Arc<Egress>, clock: Clock, jitter: Jitter, settings: Settings) -> Self {
        let (records, to_record) = mpsc::channel(RECORDS);
        let inner = Arc::new(Inner {
            outbox,
            compose,
            egress,
            clock,
            jitter,
            settings,
            lanes: Mutex::new(Lanes::new(settings)),
            records,
            wake: Notify::new(),
            unrecorded: AtomicUsize::new(0),
            attempts: TaskTracker::new(),
            stop: CancellationToken::new(),
            finish: CancellationToken::new(),
        });
        tokio::spawn(Arc::clone(&inner).claim_until_stopped());
        let recorder = tokio::spawn(Arc::clone(&inner).record_until_finished(to_record));
        Self { inner, recorder: Mutex::new(Some(recorder)) }
    }

    /// Makes the first attempts of steps that the logout's own transaction has just leased to this node: at once, each in
    /// its destination's lane, the app that asked first. A destination that is being left alone is not tried; its step is
    /// recorded as put off. Frames are the browser's business and passed over.
    pub fn dispatch(&self, steps: Vec<Step>) -> Dispatched {
        let dispatched = Dispatched::new();
        let now = (self.inner.clock)();
        let (first, rest): (Vec<_>, Vec<_>) = steps.into_iter().filter(is_deliverable).partition(|step| step.first);
        {
            let mut lanes = self.inner.lanes();
            for step in first.into_iter().chain(rest) {
                let destination = lanes.name(self.inner.outbox.destination(&step));
                let ticket = Some(dispatched.ticket(step.first));
                let job = Job { step, destination, due: now, leased_at: now, ticket };
                if let Err(job) = lanes.push(job, now) {
                    debug!(step = %job.step.id, "no room for a first attempt; it is left to its lease");
                }
            }
        }
        self.inner.pump();
        dispatched
    }

    /// A person asked for a retry: destinations that are being left alone after failures are tried at once too, each with
    /// one step as the probe.
    pub fn retry(&self) {
        self.inner.lanes().end_pauses((self.inner.clock)());
        self.wake();
    }

    /// Says that steps may have become due: a logout planned by another process.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// Whether a destination, by the name that the outbox has for it, is being left alone after failures.
    #[must_use]
    pub fn leaves_alone(&self, destination: &str) -> bool {
        self.inner.lanes().leaves_alone(destination, (self.inner.clock)())
    }

    /// How busy the worker is, for metrics.
    #[must_use]
    pub fn load(&self) -> Load {
        self.inner.lanes().load((self.inner.clock)())
    }

    /// Stops claiming, lets the attempts under way finish and be recorded, for at most `bound`.
    pub async fn stop(&self, bound: Duration) -> Stopped {
        let until = Instant::now() + bound;
        self.inner.begin_nothing_more();
        let _ = timeout_at(until, self.inner.attempts.wait()).await;
        let unfinished = self.inner.attempts.len();
        self.inner.finish.cancel();
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut recorder) = recorder
            && timeout_at(until, &mut recorder).await.is_err()
        {
            recorder.abort();
        }
        let waiting = self.inner.records.max_capacity() - self.inner.records.capacity();
        let unrecorded = self.inner.unrecorded.load(Ordering::Relaxed) + waiting;
        if unfinished + unrecorded > 0 {
            warn!(unfinished, unrecorded, "stopped with attempts left, which will be made again");
        }
        Stopped { unfinished, unrecorded }
    }
}

impl<O: Outbox, C: Compose> Inner<O, C> {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_nothing_more(&self) {
        self.stop.cancel();
        self.lanes().close();
        self.attempts.close();
    }

    /// Starts what may start now.
    fn pump(self: &Arc<Self>) {
        loop {
            let now = (self.clock)();
            let Some(next) = self.lanes().next(now) else { return };
            match next {
                Next::Start(job, pass) => drop(self.attempts.spawn(Arc::clone(self).attempt(job, pass))),
                Next::PutOff(job, until) => self.put_off(job, until),
            }
        }
    }

    fn put_off(self: &Arc<Self>, job: Job, until: Timestamp) {
        debug!(step = %job.step.id, destination = &*job.destination, %until, "put off");
        let update = postponed(&job.step, until, LEFT_ALONE);
        let record = Attempted { step: job.step, attempt: None, operator_detail: None, update };
        if let Err(mpsc::error::TrySendError::Full(record)) = self.records.try_send(record) {
            let this = Arc::clone(self);
            self.attempts.spawn(async move {
                let _ = this.records.send(record).await;
            });
        }
    }
}

impl<O: Outbox, C: Compose> Drop for Worker<O, C> {
    fn drop(&mut self) {
        self.inner.begin_nothing_more();
    }
}

impl<O: Outbox, C: Compose> fmt::Debug for Worker<O, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
