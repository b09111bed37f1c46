//! Pushed authorization requests (RFC 9126): kept until they are used, once, or expire.

use acquit_core::Timestamp;

use crate::{Hash, Store, StoreError, tx::Tx, value::params};

impl Store {
    /// Keeps a pushed request. `hash` is that of its `request_uri`.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the hash is not new; otherwise as everywhere.
    pub async fn put_par(
        &self,
        hash: &Hash,
        client_id: &str,
        params: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (*hash, client_id.to_owned(), params.to_owned(), expires_at);
        self.write(args, |tx, (hash, client_id, params, expires_at)| {
            Box::pin(put(tx, hash, client_id, params, *expires_at))
        })
        .await
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

async fn put(
    tx: &mut Tx,
    hash: &Hash,
    client_id: &str,
    request: &str,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO pushed_requests (hash, client_id, params, expires_at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &params![hash, client_id, request, expires_at]).await?;
    Ok(())
}

async fn take(tx: &mut Tx, hash: &Hash, client_id: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    let sql = "DELETE FROM pushed_requests WHERE hash = $1 AND client_id = $2 AND expires_at > $3 RETURNING params";
    tx.query_opt(sql, &params![hash, client_id, now]).await?.map(|row| row.read().text()).transpose()
}
