//! Logouts that overtook their sign-in: an identity provider said that a session is over which is not known here yet.

use acquit_core::Timestamp;

use crate::{
    Hash, Store, StoreError,
    tx::{Batch, Tx},
    upstream::NewUpstream,
    value::params,
};

/// A logout that is remembered, so that a sign-in which it overtook is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The hash of the provider's name for what ended.
    pub name: Hash,
    /// Only a sign-in at the provider until then is ended by it, by the provider's own clock; none when the name is never
    /// given again, so that every one is.
    pub ended_at: Option<Timestamp>,
    /// Until when it is remembered.
    pub until: Timestamp,
}

/// Where a sign-in looks for its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graves {
    /// The hashes of the provider's names for it, of which any may have ended.
    pub names: Vec<Hash>,
    /// When the provider authenticated the person, by its own clock.
    pub authenticated_at: Timestamp,
}

impl Tx {
    /// Whether the provider ended the session of a sign-in before it arrived here.
    pub(crate) async fn was_overtaken(&mut self, new: &NewUpstream, now: Timestamp) -> Result<bool, StoreError> {
        overtaken(self, &new.graves, now).await
    }
}

impl Store {
    /// Whether an identity provider ended a sign-in before it arrived.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be taken for alive.
    pub async fn was_overtaken(&self, graves: &Graves, now: Timestamp) -> Result<bool, StoreError> {
        self.read((graves.clone(), now), |tx, (graves, now)| Box::pin(overtaken(tx, graves, *now))).await
    }

    /// Remembers that an identity provider ended sessions that are not known here. Of two tombstones of the same name the later
    /// times count.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then the provider must not be told that it is done.
    pub async fn lay_tombstones(&self, tombstones: Vec<Tombstone>) -> Result<(), StoreError> {
        self.write(tombstones, |tx, tombstones| Box::pin(lay(tx, tombstones))).await
    }
}

async fn lay(tx: &mut Tx, tombstones: &[Tombstone]) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    let sql = "INSERT INTO upstream_tombstones (name_hash, ended_at, until) VALUES ($1, $2, $3) \
               ON CONFLICT (name_hash) DO UPDATE SET \
               ended_at = CASE WHEN EXCLUDED.ended_at > upstream_tombstones.ended_at THEN EXCLUDED.ended_at \
               ELSE upstream_tombstones.ended_at END, \
               until = CASE WHEN EXCLUDED.until > upstream_tombstones.until THEN EXCLUDED.until \
               ELSE upstream_tombstones.until END";
    // In one order, so that two that name the same do not wait for each other.
    let mut sorted = tombstones.to_vec();
    sorted.sort_by_key(|tombstone| tombstone.name);
    for Tombstone { name, ended_at, until } in sorted {
        batch.push(sql, params![&name, ended_at.unwrap_or(Timestamp::from_micros(i64::MAX)), until]);
    }
    tx.execute_all(&batch).await?;
    Ok(())
}

async fn overtaken(tx: &mut Tx, graves: &Graves, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT until FROM upstream_tombstones WHERE name_hash = $1 AND ended_at >= $2 AND until > $3";
    for name in &graves.names {
        if tx.query_opt(sql, &params![name, graves.authenticated_at, now]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
