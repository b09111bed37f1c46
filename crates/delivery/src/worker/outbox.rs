//! What the worker needs of the store: durable steps, claimed by lease.

use std::{future::Future, sync::Arc};

use acquit_core::{
    Timestamp,
    delivery::StepUpdate,
    receipt::Attempt,
    step::{Channel, Outcome, Step},
};

use crate::egress::Target;

/// Why the outbox did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// It cannot be reached or is too busy: the worker keeps what it has and tries again.
    #[error("the outbox is unavailable: {0}")]
    Unavailable(String),
    /// It will never take this: a fault in the program. The worker reports it and lets the lease run out.
    #[error("the outbox refuses this record: {0}")]
    Rejected(String),
}

/// What became of one step in the hands of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// The step as it was claimed.
    pub step: Step,
    /// The try, if one was made; none for a step that was put off or given up unsent. Only this counts as an attempt. Its
    /// detail is fit for the application's owner.
    pub attempt: Option<Attempt>,
    /// What went wrong in full, with addresses: for operators only.
    pub operator_detail: Option<String>,
    /// How the step stands now. Writing it ends the lease.
    pub update: StepUpdate,
}

/// The durable steps. The server implements this over its store; the worker never sees SQL.
pub trait Outbox: Send + Sync + 'static {
    /// Leases up to `limit` steps that are due at `now`, oldest due first, to this node for
    /// [`acquit_core::delivery::LEASE`]: pending ones, those whose lease ran out, and confirmed ones to be told once more.
    /// None whose destination is in `exclude`.
    ///
    /// # Errors
    /// [`OutboxError::Unavailable`]; nothing is claimed then, or the lease runs out by itself.
    fn claim(
        &self,
        now: Timestamp,
        limit: usize,
        exclude: &[String],
    ) -> impl Future<Output = Result<Vec<Step>, OutboxError>> + Send;

    /// Writes what became of steps, all in one transaction. Writing the same thing twice must do no harm: after an error
    /// the worker cannot know, and tries again.
    ///
    /// # Errors
    /// [`OutboxError`]; see there what the worker does.
    fn record(&self, batch: &[Attempted]) -> impl Future<Output = Result<(), OutboxError>> + Send;

    /// A destination answers again: makes all of its pending steps due at `now`, except leased ones.
    ///
    /// # Errors
    /// [`OutboxError`]; the next success asks again.
    fn drain(&self, destination: &str, now: Timestamp) -> impl Future<Output = Result<(), OutboxError>> + Send;

    /// When the next step becomes due, the end of a lease included, leaving out destinations in `exclude`. Where it cannot
    /// leave them out, retries of others may be up to [`Settings::poll`](super::Settings::poll) late.
    ///
    /// # Errors
    /// [`OutboxError`]; the worker then looks again at its regular time.
    fn next_due(&self, exclude: &[String]) -> impl Future<Output = Result<Option<Timestamp>, OutboxError>> + Send;

    /// The destination of a step, in the words of `exclude` and [`Outbox::drain`]: scheme, host and port.
    fn destination(&self, step: &Step) -> String {
        destination(step)
    }
}

impl<O: Outbox> Outbox for Arc<O> {
    fn claim(
        &self,
        now: Timestamp,
        limit: usize,
        exclude: &[String],
    ) -> impl Future<Output = Result<Vec<Step>, OutboxError>> + Send {
        O::claim(self, now, limit, exclude)
    }

    fn record(&self, batch: &[Attempted]) -> impl Future<Output = Result<(), OutboxError>> + Send {
        O::record(self, batch)
    }

    fn drain(&self, destination: &str, now: Timestamp) -> impl Future<Output = Result<(), OutboxError>> + Send {
        O::drain(self, destination, now)
    }

    fn next_due(&self, exclude: &[String]) -> impl Future<Output = Result<Option<Timestamp>, OutboxError>> + Send {
        O::next_due(self, exclude)
    }

    fn destination(&self, step: &Step) -> String {
        O::destination(self, step)
    }
}

/// The default [`Outbox::destination`]. A URL that cannot be parsed is a destination of its own: its steps fail there.
#[must_use]
pub fn destination(step: &Step) -> String {
    let uri = step.target.uri().unwrap_or_default();
    Target::parse(uri).map_or_else(|_| uri.to_owned(), |target| target.destination())
}

/// Whether the worker delivers this step: one with a channel that needs no browser, and not yet settled.
pub(super) fn is_deliverable(step: &Step) -> bool {
    matches!(step.outcome, Outcome::Pending | Outcome::Confirmed)
        && step.target.uri().is_some()
        && step.channel.is_some_and(Channel::is_sent)
}
