//! The one task that writes what became of steps, in batches of whatever is there.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::mpsc::Receiver;
use tracing::{error, warn};

use super::{Attempted, Compose, Inner, Outbox, OutboxError};

/// The most records in one batch.
const BATCH: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl<O: Outbox, C: Compose> Inner<O, C> {
    /// Writes until the last attempt is over and written. It never waits for a batch to fill: while one is written, the
    /// next one gathers. While the outbox is unavailable the records stay here, the channel fills, and attempts wait for
    /// room in it, so memory is bounded and no confirmation is lost.
    pub(super) async fn record_until_finished(self: Arc<Self>, mut records: Receiver<Attempted>) {
        let mut finished = pin!(self.finished());
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let count = tokio::select! {
                biased;
                count = records.recv_many(&mut batch, BATCH) => count,
                () = &mut finished, if !records.is_closed() => {
                    records.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
            self.unrecorded.fetch_add(count, Ordering::Relaxed);
            self.write(&batch).await;
            // The regular look at the outbox comes too late for what is due before it.
            let soon = (self.clock)().plus(self.settings.poll);
            if batch.iter().any(|record| record.update.next_attempt_at.is_some_and(|at| at < soon)) {
                self.wake.notify_one();
            }
            self.unrecorded.fetch_sub(count, Ordering::Relaxed);
            batch.clear();
        }
    }

    /// Every attempt is over, or the time to wait for them is.
    async fn finished(&self) {
        let over = async {
            self.stop.cancelled().await;
            self.attempts.wait().await;
        };
        tokio::select! {
            () = self.finish.cancelled() => {}
            () = over => {}
        }
    }

    async fn write(&self, batch: &[Attempted]) {
        match self.persist(batch).await {
            Ok(()) => {}
            Err(why) if batch.len() > 1 => {
                warn!(why, records = batch.len(), "a batch was refused; writing its records one by one");
                for record in batch {
                    if let Err(why) = self.persist(std::slice::from_ref(record)).await {
                        error!(step = %record.step.id, why, "a record is refused; the step will be tried again");
                    }
                }
            }
            Err(why) => error!(step = %batch[0].step.id, why, "a record is refused; the step will be tried again"),
        }
    }

    /// Tries until the outbox takes the batch or refuses it for good.
    async fn persist(&self, batch: &[Attempted]) -> Result<(), String> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.outbox.record(batch).await {
                Ok(()) => return Ok(()),
                Err(OutboxError::Rejected(why)) => return Err(why),
                Err(error @ OutboxError::Unavailable(_)) => {
                    warn!(%error, records = batch.len(), "attempts cannot be recorded yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}
