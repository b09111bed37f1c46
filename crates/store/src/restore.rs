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
    /// this database does not know. Whoever has a session here bears the mark of it, until a logout has told the applications.
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
    let open =
        "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.ended_at IS NULL AND s.epoch >= u.epoch";
    let sessions = tx.query(open, &params![]).await?.len() as u64;
    let users = tx
        .execute(
            "UPDATE users SET epoch = epoch + 1, overtaken = CASE WHEN EXISTS (SELECT 1 FROM sessions s WHERE \
             s.user_id = users.id AND s.ended_at IS NULL) THEN COALESCE(overtaken, $1) ELSE overtaken END",
            &params![RESTORED],
        )
        .await?;
    Ok(Outdated { users, sessions })
}
