//! A database that was restored from a backup has forgotten what came after it: logouts, above all. Whatever was issued before is
//! made worthless, known here or not.

use acquit_core::Timestamp;

use crate::{
    Store, StoreError,
    tx::{Sql, Tx},
    value::params,
};

/// Why an epoch was raised, as [`Overtaken::why`](crate::user::Overtaken) says it.
const RESTORED: &str = "the database was restored from a backup";

/// How far the numbers of the revocation log leap: farther than any log goes between a backup and what was lost after it, so that a node
/// that knows the lost rows reads the new ones.
const LEAP: i64 = 1 << 32;

/// What was made worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// Users, of whom everything is.
    pub users: u64,
    /// Sessions of theirs that this database took for live.
    pub sessions: u64,
}

impl Store {
    /// Everything that was issued until `now` is worthless from here on: sessions, grants, and what was sealed for routes, also what
    /// this database does not know. Whoever has a session here, or a grant beyond one, bears the
    /// mark of it until a logout has told the applications.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn outdate_everything(&self, now: Timestamp) -> Result<Outdated, StoreError> {
        self.write(now, |tx, now| Box::pin(outdate(tx, *now))).await
    }
}

async fn outdate(tx: &mut Tx, now: Timestamp) -> Result<Outdated, StoreError> {
    let everything = Sql {
        sqlite: "INSERT INTO revocations (seq, at) SELECT COALESCE(MAX(seq), 0) + $1, $2 FROM sqlite_sequence \
                 WHERE name = 'revocations'",
        postgres: "INSERT INTO revocations (seq, at) OVERRIDING SYSTEM VALUE SELECT setval(name, nextval(name) + CAST($1 AS BIGINT)), \
                   CAST($2 AS BIGINT) FROM (SELECT CAST(pg_get_serial_sequence('revocations', 'seq') AS regclass) AS name) s",
    };
    tx.execute(everything, &params![LEAP, now]).await?;
    // First, and by itself: whoever begins a session holds its user, and what comes after this sees all that they began.
    let users = tx.execute("UPDATE users SET epoch = epoch + 1", &params![]).await?;
    let open = "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.ended_at IS NULL AND s.epoch >= u.epoch - 1";
    let sessions = tx.query(open, &params![]).await?.len() as u64;
    tx.execute(
        "UPDATE users SET overtaken = COALESCE(overtaken, $1) WHERE EXISTS (SELECT 1 FROM sessions s WHERE \
         s.user_id = users.id AND s.ended_at IS NULL) OR EXISTS (SELECT 1 FROM families f WHERE f.user_id = users.id \
         AND f.offline = 1 AND f.revoked_at IS NULL AND f.expires_at > $2)",
        &params![RESTORED, now],
    )
    .await?;
    // A session may have begun after `now`, by a clock that is ahead: of those that are known nodes hear without a clock.
    tx.execute(
        "INSERT INTO revocations (at, user_id, epoch) SELECT CAST($1 AS BIGINT), u.id, u.epoch FROM users u \
         WHERE EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL) ORDER BY u.id",
        &params![now],
    )
    .await?;
    Ok(Outdated { users, sessions })
}
