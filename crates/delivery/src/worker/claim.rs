//! The loop that finds retries, and first attempts that another process planned.

use std::{sync::Arc, time::Duration};

use tracing::{debug, warn};

use super::{Compose, Inner, Outbox, lane::Job, outbox::is_deliverable};

/// Sooner than this the outbox is not asked again for what it has just not given: another node is about to take it.
const BREATH: Duration = Duration::from_millis(25);

impl<O: Outbox, C: Compose> Inner<O, C> {
    /// Claims what is due until told to stop: on every wake-up, when the next step becomes due, and at the latest after
    /// [`Settings::poll`](super::Settings::poll).
    pub(super) async fn claim_until_stopped(self: Arc<Self>) {
        loop {
            let pause = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                pause = self.claim_all() => pause,
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Claims in batches until nothing more is due or fits, and says how long to rest then.
    async fn claim_all(self: &Arc<Self>) -> Duration {
        let poll = self.settings.poll;
        loop {
            let now = (self.clock)();
            let claimable = {
                let mut lanes = self.lanes();
                lanes.sweep(now);
                lanes.claimable(now)
            };
            let Some((limit, exclude)) = claimable else { return poll };
            let steps = match self.outbox.claim(now, limit, &exclude).await {
                Ok(steps) => steps,
                Err(error) => {
                    warn!(%error, "nothing can be claimed");
                    return poll;
                }
            };
            let claimed = steps.len();
            if claimed > 0 {
                debug!(claimed, "claimed");
            }
            {
                let mut lanes = self.lanes();
                for step in steps {
                    if !is_deliverable(&step) {
                        warn!(step = %step.id, "claimed a step that is not the worker's");
                        continue;
                    }
                    let destination = lanes.name(self.outbox.destination(&step));
                    let due = step.next_attempt_at.unwrap_or(now);
                    // Given back only when stopping: the lease runs out.
                    let _ = lanes.push(Job { step, destination, due, leased_at: now, ticket: None }, now);
                }
            }
            self.pump();
            if claimed < limit {
                return match self.outbox.next_due(&exclude).await {
                    // Due, and yet not given: it is held by another node, or its destination is left out.
                    Ok(Some(due)) if due <= now && exclude.is_empty() => BREATH.min(poll),
                    Ok(Some(due)) if due <= now => poll,
                    Ok(Some(due)) => due.since((self.clock)()).min(poll),
                    Ok(None) | Err(_) => poll,
                };
            }
        }
    }
}
