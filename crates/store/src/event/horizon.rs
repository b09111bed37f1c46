//! How far the log may be read in the order in which it was written, without ever skipping a row.
//!
//! The invariant: **once somebody has read up to a place, no row ever appears at or below it.** On SQLite that is so by
//! itself: there is one writer at a time, and rows get their numbers in it. On PostgreSQL a transaction draws its numbers
//! first and becomes visible later, so a lower number may appear after a higher one. There the horizon is the highest
//! visible number, but only once every transaction that was writing to the log when that number was read has ended: a
//! writer takes its lock on the table before it draws a number and gives it up after its rows are visible, so whoever
//! holds a number below the horizon either is among those that were waited for, or is visible already. No clock has a
//! part in it.
//!
//! A writer that does not end (a node that hangs in the middle) makes the log late, never wrong: after a while the last
//! horizon that this node proved is what counts.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{Store, StoreError, tx::Tx, value::params};

/// How long writers are waited for, in all about half a second.
const PAUSES_MS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Who is writing to the log right now: each transaction has a name of its own.
const WRITERS: &str = "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' \
                       AND relation = CAST(CAST('events' AS regclass) AS oid) AND mode = 'RowExclusiveLock' AND granted \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

impl Store {
    /// The last place that may be read up to.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn log_horizon(&self) -> Result<i64, StoreError> {
        // The number first, the writers after it: the other way round one could come between.
        let last = self.read((), |tx, ()| Box::pin(last(tx))).await?;
        if self.engine() == "postgres" {
            let mut waited_for = self.read((), |tx, ()| Box::pin(writers(tx))).await?;
            for pause in PAUSES_MS {
                if waited_for.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let still = self.read((), |tx, ()| Box::pin(writers(tx))).await?;
                waited_for.retain(|writer| still.contains(writer));
            }
            if !waited_for.is_empty() {
                tracing::warn!("a transaction that writes to the event log does not end; its readers wait");
                return Ok(self.horizon.load(Ordering::Acquire));
            }
        }
        Ok(self.horizon.fetch_max(last, Ordering::AcqRel).max(last))
    }
}

async fn last(tx: &mut Tx) -> Result<i64, StoreError> {
    let row = tx.query_opt("SELECT COALESCE(MAX(seq), 0) FROM events", &params![]).await?;
    row.map_or(Ok(0), |row| row.read().int())
}

async fn writers(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(WRITERS, &params![]).await?;
    rows.into_iter().map(|row| row.read().text()).collect()
}
