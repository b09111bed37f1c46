//! The ordered log of what must be denied: ended sessions, epochs that kill all older sessions of a user, and versions of
//! a person that make older cookies old. It is written in the transaction that ends or changes them and is the truth; every
//! push of it is a hint (design, section 7).

mod reader;

use acquit_core::{SessionId, Timestamp, UserId};

use crate::{
    Store, StoreError,
    tx::{Batch, Tx},
    value::params,
};

pub use reader::Reader;

/// What is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// One session.
    Session(SessionId),
    /// Everything of a user that began below this epoch.
    User {
        /// The user.
        user: UserId,
        /// The epoch from which on they live.
        epoch: i64,
    },
    /// Nothing of a user is dead, but they are described otherwise from this version on.
    Changed {
        /// The user.
        user: UserId,
        /// The version.
        version: i64,
    },
    /// All that began until this row was written, known here or not: the database was restored from a backup.
    Everything,
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its place. On PostgreSQL a lower number may become visible after a higher one: apply every row that is seen
    /// (it does no harm twice) and read again from a little below.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Revoked,
}

impl Batch {
    pub(crate) fn revoked_session(&mut self, session: &SessionId, at: Timestamp) {
        self.push("INSERT INTO revocations (at, session_id) VALUES ($1, $2)", params![at, session]);
    }

    /// Logs the user's present epoch, as this transaction has set it.
    pub(crate) fn revoked_user(&mut self, user: &UserId, at: Timestamp) {
        self.push(
            "INSERT INTO revocations (at, user_id, epoch) SELECT CAST($1 AS BIGINT), u.id, u.epoch FROM users u \
             WHERE u.id = $2",
            params![at, user],
        );
    }

    /// Logs the user's present version, as this transaction has set it.
    pub(crate) fn described_anew(&mut self, user: &UserId, at: Timestamp) {
        self.push(
            "INSERT INTO revocations (at, user_id, version) SELECT CAST($1 AS BIGINT), u.id, u.version FROM users u \
             WHERE u.id = $2",
            params![at, user],
        );
    }
}

impl Store {
    /// Ends a session of which the store has nothing else, as after a backup was restored: what was sealed for it must be refused all
    /// the same.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn revoke_unknown(&self, session: &SessionId, at: Timestamp) -> Result<(), StoreError> {
        self.write((session.clone(), at), |tx, (session, at)| Box::pin(revoke(tx, session, *at))).await
    }

    /// The log after a place, in order.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn revocations_since(&self, seq: i64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        self.read((seq, limit.clamp(1, 10_000)), |tx, (seq, limit)| Box::pin(since(tx, *seq, *limit))).await
    }

    /// When the oldest row of the log is of, if it has any: what came before is older than every cookie that may be about.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn revocations_begin(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read((), |tx, ()| Box::pin(begin(tx))).await
    }
}

async fn begin(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt("SELECT MIN(at) FROM revocations", &params![]).await?;
    Ok(row.map(|row| row.read().opt_time()).transpose()?.flatten())
}

async fn revoke(tx: &mut Tx, session: &SessionId, at: Timestamp) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.revoked_session(session, at);
    tx.execute_all(&batch).await.map(drop)
}

pub(crate) async fn since(tx: &mut Tx, seq: i64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
    let rows = tx
        .query(
            "SELECT seq, at, session_id, user_id, epoch, version FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2",
            &params![seq, limit],
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            let mut row = row.read();
            let (seq, at) = (row.int()?, row.time()?);
            let what = match row.opt_session_id()? {
                Some(session) => Revoked::Session(session),
                None => match (row.opt_user_id()?, row.opt_int()?) {
                    (Some(user), Some(epoch)) => Revoked::User { user, epoch },
                    (Some(user), None) => Revoked::Changed { user, version: row.int()? },
                    (None, _) => Revoked::Everything,
                },
            };
            Ok(Revocation { seq, at, what })
        })
        .collect()
}
