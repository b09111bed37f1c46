//! Answers of calls that may be tried again.

use super::Kept;
use crate::{
    Hash, Store, StoreError,
    tx::{Batch, Tx},
    value::params,
};

impl Store {
    /// What was kept of a call.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be taken for a new call.
    pub async fn kept_answer(&self, key: &Hash) -> Result<Option<Kept>, StoreError> {
        self.read(*key, |tx, key| Box::pin(find(tx, key))).await
    }
}

impl Batch {
    pub(crate) fn keep(&mut self, answer: Option<&Kept>) {
        let Some(answer) = answer else { return };
        self.push(
            "INSERT INTO kept_answers (key_hash, request_hash, sealed, until) VALUES ($1, $2, $3, $4)",
            params![&answer.key, &answer.request, answer.sealed.as_slice(), answer.until],
        );
    }
}

/// What was kept of the same call before, if it was.
pub(crate) async fn before(tx: &mut Tx, answer: Option<&Kept>) -> Result<Option<Kept>, StoreError> {
    match answer {
        Some(answer) => find(tx, &answer.key).await,
        None => Ok(None),
    }
}

async fn find(tx: &mut Tx, key: &Hash) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT request_hash, sealed, until FROM kept_answers WHERE key_hash = $1";
    let Some(row) = tx.query_opt(sql, &params![key]).await? else { return Ok(None) };
    let mut row = row.read();
    let request = row.opt_hash()?.ok_or_else(|| StoreError::Corrupt("a kept answer to nothing".to_owned()))?;
    Ok(Some(Kept { key: *key, request, sealed: row.blob()?, until: row.time()? }))
}
