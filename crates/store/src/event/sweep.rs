//! Deleting events past their retention.

use acquit_core::Timestamp;

use crate::{Store, StoreError, tx::Tx, value::params};

/// Rows in one sweep, so that no other write waits for long.
const BATCH: i64 = 1000;

impl Store {
    /// Deletes the oldest events from before a time, in one bounded batch; whether there may be more.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn sweep_events(&self, before: Timestamp) -> Result<bool, StoreError> {
        let deleted = self.write(before, |tx, before| Box::pin(delete(tx, *before))).await?;
        Ok(deleted >= u64::try_from(BATCH).unwrap_or(u64::MAX))
    }
}

async fn delete(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE at < $1 ORDER BY at, seq LIMIT $2)";
    tx.execute(sql, &params![before, BATCH]).await
}
