//! Pushed authorization requests (RFC 9126): kept until they are used, once, or expire.

use acquit_core::Timestamp;

use crate::{Hash, Store, StoreError, tx::Tx, value::params};

/// A pushed request.
#[derive(Clone, Debug)]
pub struct NewPar {
    /// The hash of its `request_uri`.
    pub hash: Hash,
    /// Whose it is.
    pub client_id: String,
    /// The address from which it came, of a client that cannot prove itself.
    pub pushed_from: Option<String>,
    /// What was pushed.
    pub params: String,
    /// When.
    pub now: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// So many requests of this client, from this address, wait to be used: first some of them must be, or expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many pushed requests wait to be used")]
pub struct TooManyPushed;

/// The most requests that wait to be used, of one client that has proved itself.
const MOST: i64 = 1000;
/// The same of one that cannot, from one address: anybody may push in its name.
const MOST_FROM_ADDRESS: i64 = 100;

impl Store {
    /// Keeps a pushed request, unless too many of the same client and address wait already.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the hash is not new; otherwise as everywhere.
    pub async fn put_par(&self, new: NewPar) -> Result<Result<(), TooManyPushed>, StoreError> {
        self.write(new, |tx, new| Box::pin(put(tx, new))).await
    }

    /// Takes a client's pushed request: it works once. Another client's is not touched.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn take_par(&self, hash: &Hash, client_id: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        let args = (*hash, client_id.to_owned(), now);
        self.write(args, |tx, (hash, client_id, now)| Box::pin(take(tx, hash, client_id, *now))).await
    }
}

async fn put(tx: &mut Tx, new: &NewPar) -> Result<Result<(), TooManyPushed>, StoreError> {
    let most = if new.pushed_from.is_some() { MOST_FROM_ADDRESS } else { MOST };
    let from = new.pushed_from.as_deref().unwrap_or_default();
    // Requests that come at the same time may pass the limit by as many: it bounds, it does not count.
    let live = "SELECT CAST(1 AS BIGINT) FROM pushed_requests WHERE client_id = $1 AND pushed_from = $2 AND expires_at > $3 \
                ORDER BY expires_at LIMIT 1 OFFSET $4";
    let full = tx.query_opt(live, &params![&new.client_id, from, new.now, most - 1]).await?;
    if full.is_some() {
        return Ok(Err(TooManyPushed));
    }
    let sql = "INSERT INTO pushed_requests (hash, client_id, pushed_from, params, expires_at) \
               VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, &params![&new.hash, &new.client_id, from, &new.params, new.expires_at]).await?;
    Ok(Ok(()))
}

async fn take(tx: &mut Tx, hash: &Hash, client_id: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    let sql = "DELETE FROM pushed_requests WHERE hash = $1 AND client_id = $2 AND expires_at > $3 RETURNING params";
    tx.query_opt(sql, &params![hash, client_id, now]).await?.map(|row| row.read().text()).transpose()
}
