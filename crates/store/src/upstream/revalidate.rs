//! Asking providers again whether somebody is still welcome there. A refresh token is often good once, so that two nodes must
//! never use one at the same time: whoever claims a sign-in has it for a while, and says by the lease's name that it still is
//! theirs when they write down what came of it.

use acquit_core::{
    ConnectionId, SessionId, Timestamp, UpstreamId,
    session::{Life, Lifetimes},
};

use crate::{
    Store, StoreError,
    tx::{Sql, Tx},
    value::params,
};

/// The most sign-ins that one claim takes.
const MAX_CLAIM: u32 = 100;

/// A sign-in whose provider is to be asked now.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its name.
    pub id: UpstreamId,
    /// Its session.
    pub session: SessionId,
    /// Through which connection.
    pub connection: ConnectionId,
    /// Its tokens, sealed.
    pub sealed: Vec<u8>,
    /// How often it failed since it last worked.
    pub failures: u32,
    /// The name of the claim.
    pub lease: String,
}

/// What came of asking.
#[derive(Clone, Debug)]
pub enum Asked {
    /// There are new tokens.
    Renewed {
        /// Sealed by the caller: the refresh token that is good from now on, the new access token.
        sealed: Vec<u8>,
        /// When to ask again.
        again_at: Timestamp,
    },
    /// It did not work, which says nothing about the person.
    Failed {
        /// When to ask again.
        again_at: Timestamp,
    },
    /// It is not to be asked any more.
    Never,
}

impl Store {
    /// Claims sign-ins of sessions that have not ended whose providers are to be asked, the longest waiting first. Nobody else
    /// gets them before `until`. `lease` names the claim and is never used again.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn claim_revalidations(
        &self,
        now: Timestamp,
        (lease, until): (&str, Timestamp),
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let args = (now, lease.to_owned(), until, limit.min(MAX_CLAIM));
        self.write(args, |tx, (now, lease, until, limit)| Box::pin(claim(tx, *now, lease, *until, *limit))).await
    }

    /// Whether a claim still holds: the session has not ended, and the person has not signed in anew at that provider.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn holds_revalidation(&self, due: &Due) -> Result<bool, StoreError> {
        self.read(due.clone(), |tx, due| Box::pin(still_ours(tx, due))).await
    }

    /// Writes down what came of a claim, under the lock of the session. Whether it was: not if the session has ended, or the
    /// claim ran out and somebody else has it. Tokens that are not written down are the caller's to give back.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn record_revalidation(
        &self,
        due: &Due,
        asked: Asked,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Result<bool, StoreError> {
        let args = (due.clone(), asked, now, lifetimes);
        self.write(args, |tx, (due, asked, now, lifetimes)| Box::pin(record(tx, due, asked, *now, *lifetimes))).await
    }
}

async fn still_ours(tx: &mut Tx, due: &Due) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM upstreams WHERE id = $1 AND revalidate_lease = $2 AND over_since IS NULL";
    Ok(tx.query_opt(sql, &params![&due.id, &due.lease]).await?.is_some())
}

macro_rules! claim_sql {
    ($locking:literal) => {
        concat!(
            "UPDATE upstreams SET revalidate_lease = $1, revalidate_at = $2 WHERE id IN (SELECT t.id FROM upstreams t \
             WHERE t.revalidate_at <= $3 AND t.over_since IS NULL ORDER BY t.revalidate_at LIMIT $4",
            $locking,
            ") RETURNING id, session_id, connection, sealed, revalidate_failures"
        )
    };
}

async fn claim(tx: &mut Tx, now: Timestamp, lease: &str, until: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
    let sql = Sql { sqlite: claim_sql!(""), postgres: claim_sql!(" FOR UPDATE SKIP LOCKED") };
    let rows = tx.query(sql, &params![lease, until, now, i64::from(limit)]).await?;
    let due = rows.into_iter().map(|row| {
        let mut row = row.read();
        Ok(Due {
            id: row.upstream_id()?,
            session: row.session_id()?,
            connection: row.connection_id()?,
            sealed: row.blob()?,
            failures: row.small()?,
            lease: lease.to_owned(),
        })
    });
    due.collect()
}

async fn record(
    tx: &mut Tx,
    due: &Due,
    asked: &Asked,
    now: Timestamp,
    lifetimes: Lifetimes,
) -> Result<bool, StoreError> {
    let Some((session, user)) = tx.lock_session_and_user(&due.session).await? else { return Ok(false) };
    if session.life(now, lifetimes, user.epoch) != Life::Live {
        return Ok(false);
    }
    let changed = match asked {
        Asked::Renewed { sealed, again_at } => {
            let sql = "UPDATE upstreams SET sealed = $1, has_access = 1, has_refresh = 1, revalidate_at = $2, \
                       revalidate_failures = 0, revalidate_lease = NULL WHERE id = $3 AND revalidate_lease = $4";
            tx.execute(sql, &params![sealed.as_slice(), *again_at, &due.id, &due.lease]).await?
        }
        Asked::Failed { again_at } => {
            let sql = "UPDATE upstreams SET revalidate_at = $1, revalidate_failures = revalidate_failures + 1, \
                       revalidate_lease = NULL WHERE id = $2 AND revalidate_lease = $3";
            tx.execute(sql, &params![*again_at, &due.id, &due.lease]).await?
        }
        Asked::Never => {
            let sql = "UPDATE upstreams SET revalidate_at = NULL, revalidate_lease = NULL WHERE id = $1 \
                       AND revalidate_lease = $2";
            tx.execute(sql, &params![&due.id, &due.lease]).await?
        }
    };
    Ok(changed == 1)
}
