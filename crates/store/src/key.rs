//! Signing keys, sealed by the caller: the store never sees one in the clear.

use acquit_core::{Timestamp, event::Kind};

use crate::{
    Store, StoreError,
    event::Event,
    tx::{Batch, Tx},
    value::{Row, params},
};

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its identifier in JWKS.
    pub kid: String,
    /// Its JWS algorithm.
    pub alg: String,
    /// The key, sealed under the master key.
    pub sealed: Vec<u8>,
    /// When it was made, and since when it is published.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// When it stopped signing, if it did.
    pub retired_at: Option<Timestamp>,
    /// Until when it stays published after that.
    pub published_until: Option<Timestamp>,
}

impl Store {
    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the `kid` is not new; otherwise as everywhere.
    pub async fn put_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.write(key, |tx, key| Box::pin(put(tx, key))).await
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.read((), |tx, ()| Box::pin(all(tx))).await
    }

    /// The keys that sign who a person is to a route, the oldest first: all that a node which is only a gateway can see.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn route_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.read((), |tx, ()| Box::pin(of_routes(tx))).await
    }

    /// Retires a key: it no longer signs, but stays published for a while. False when there is none, or it was retired.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn retire_key(&self, kid: &str, at: Timestamp, published_until: Timestamp) -> Result<bool, StoreError> {
        let args = (kid.to_owned(), at, published_until);
        self.write(args, |tx, (kid, at, until)| Box::pin(retire(tx, kid, *at, *until))).await
    }
}

fn rotated(kid: &str, what: &str, at: Timestamp) -> Event {
    Event { detail: Some(format!("{what} {kid}")), ..Event::new(Kind::KeyRotated, at) }
}

async fn put(tx: &mut Tx, key: &KeyRecord) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.push(
        "INSERT INTO signing_keys (kid, alg, sealed, created_at, signs_from, retired_at, published_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            &key.kid,
            &key.alg,
            key.sealed.as_slice(),
            key.created_at,
            key.signs_from,
            key.retired_at,
            key.published_until,
        ],
    );
    batch.event(&rotated(&key.kid, "made", key.created_at));
    tx.execute_all(&batch).await?;
    Ok(())
}

async fn all(tx: &mut Tx) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT kid, alg, sealed, created_at, signs_from, retired_at, published_until FROM signing_keys \
               ORDER BY created_at, kid";
    records(tx.query(sql, &params![]).await?)
}

async fn of_routes(tx: &mut Tx) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT kid, alg, sealed, created_at, signs_from, retired_at, published_until FROM gateway_keys \
               ORDER BY created_at, kid";
    records(tx.query(sql, &params![]).await?)
}

fn records(rows: Vec<Row>) -> Result<Vec<KeyRecord>, StoreError> {
    rows.into_iter()
        .map(|row| {
            let mut row = row.read();
            Ok(KeyRecord {
                kid: row.text()?,
                alg: row.text()?,
                sealed: row.blob()?,
                created_at: row.time()?,
                signs_from: row.time()?,
                retired_at: row.opt_time()?,
                published_until: row.opt_time()?,
            })
        })
        .collect()
}

async fn retire(tx: &mut Tx, kid: &str, at: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE signing_keys SET retired_at = $1, published_until = $2 WHERE kid = $3 AND retired_at IS NULL";
    let retired = tx.execute(sql, &params![at, until, kid]).await? > 0;
    if retired {
        let mut batch = Batch::default();
        batch.event(&rotated(kid, "retired", at));
        tx.execute_all(&batch).await?;
    }
    Ok(retired)
}
