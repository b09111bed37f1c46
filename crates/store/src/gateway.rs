//! The gateway: its hosts join a session, its nodes say that they are there and which sessions are used.

mod eviction;
mod role;

use std::time::Duration;

use acquit_core::{
    SessionId, Timestamp,
    participant::Participant,
    session::{Life, Lifetimes},
};

use crate::{
    Store, StoreError,
    code::SessionEnded,
    tx::{Batch, Sql, Tx},
    value::params,
};

pub use self::{
    eviction::{Acknowledgement, Eviction},
    role::{InvalidRole, role},
};

/// How many sessions are touched in one transaction.
const TOUCHED_AT_ONCE: usize = 200;

/// How many notes of other nodes are taken at a time.
const NOTES: i64 = 1000;

impl Store {
    /// Makes a host of the gateway a participant of a session, under the session's lock and only while it lives, before a
    /// browser is let in there. One that takes part already keeps its `sid`. The time is `participant.joined_at`.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the `sid` is not new; otherwise as everywhere.
    pub async fn join_gateway(
        &self,
        participant: Participant,
        lifetimes: Lifetimes,
    ) -> Result<Result<(), SessionEnded>, StoreError> {
        self.write((participant, lifetimes), |tx, (participant, lifetimes)| Box::pin(join(tx, participant, *lifetimes)))
            .await
    }

    /// A node of the gateway is there.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn gateway_node(&self, node: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write((node.to_owned(), now), |tx, (node, now)| Box::pin(seen(tx, node, *now))).await
    }

    /// A node of the gateway is gone, and with it all that it had open.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn gateway_node_gone(&self, node: &str) -> Result<(), StoreError> {
        self.write(node.to_owned(), |tx, node| Box::pin(gone(tx, node))).await
    }

    /// How old a session may be by the servers that last swept; none before the first sweep. What ended earlier is not kept.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn gateway_terms(&self) -> Result<Option<Duration>, StoreError> {
        self.read((), |tx, ()| Box::pin(terms(tx))).await
    }

    /// Notes that sessions were used; those that have ended are left alone.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn touch_sessions(&self, used: Vec<(SessionId, Timestamp)>) -> Result<(), StoreError> {
        // Never so many that a logout has to wait for long.
        for some in used.chunks(TOUCHED_AT_ONCE) {
            self.write(some.to_vec(), |tx, used| Box::pin(touch(tx, used))).await?;
        }
        Ok(())
    }

    /// Notes that sessions were used, for a server to take over: a node that is only a gateway cannot touch sessions.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn note_used(&self, used: Vec<(SessionId, Timestamp)>) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        self.write(used, |tx, used| Box::pin(note(tx, used))).await
    }

    /// Takes over what nodes that are only gateways have noted of the use of sessions. Returns whether there may be more. None was used
    /// later than `now`, whatever they say.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn take_noted(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.write(now, |tx, now| Box::pin(take(tx, *now))).await
    }
}

async fn join(
    tx: &mut Tx,
    participant: &Participant,
    lifetimes: Lifetimes,
) -> Result<Result<(), SessionEnded>, StoreError> {
    let Some((session, user, known)) = tx.lock_to_join(participant).await? else { return Ok(Err(SessionEnded)) };
    if session.life(participant.joined_at, lifetimes, user.epoch) != Life::Live {
        return Ok(Err(SessionEnded));
    }
    let mut batch = Batch::default();
    batch.join(known.as_ref(), &session.user, participant)?;
    tx.execute_all(&batch).await?;
    Ok(Ok(()))
}

async fn seen(tx: &mut Tx, node: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO gateway_nodes (node, seen_at) VALUES ($1, $2) \
               ON CONFLICT (node) DO UPDATE SET seen_at = excluded.seen_at";
    tx.execute(sql, &params![node, now]).await.map(drop)
}

async fn gone(tx: &mut Tx, node: &str) -> Result<(), StoreError> {
    // The sweep deletes it: who may delete rows may also lock the table.
    tx.execute("UPDATE gateway_nodes SET seen_at = 0 WHERE node = $1", &params![node]).await.map(drop)
}

async fn terms(tx: &mut Tx) -> Result<Option<Duration>, StoreError> {
    let row = tx.query_opt("SELECT longest FROM gateway_terms", &params![]).await?;
    let micros = row.map(|row| row.read().int()).transpose()?;
    Ok(micros.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or_default())))
}

/// Says how old a session may be from now on, before what ended earlier is deleted.
pub(crate) async fn set_terms(tx: &mut Tx, longest: Duration) -> Result<(), StoreError> {
    let micros = i64::try_from(longest.as_micros()).unwrap_or(i64::MAX);
    let sql = "INSERT INTO gateway_terms (one, longest) VALUES (1, $1) \
               ON CONFLICT (one) DO UPDATE SET longest = excluded.longest WHERE gateway_terms.longest <> excluded.longest";
    tx.execute(sql, &params![micros]).await.map(drop)
}

async fn touch(tx: &mut Tx, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
    let mut used: Vec<_> = used.iter().collect();
    // Locked in their order, as everywhere.
    used.sort();
    let mut batch = Batch::default();
    for (session, at) in used {
        batch.push(
            "UPDATE sessions SET last_seen_at = CASE WHEN last_seen_at < $1 THEN $1 ELSE last_seen_at END \
             WHERE id = $2 AND ended_at IS NULL",
            params![*at, session],
        );
    }
    tx.execute_all(&batch).await.map(drop)
}

async fn note(tx: &mut Tx, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for (session, at) in used {
        batch.push("INSERT INTO gateway_used (session_id, at) VALUES ($1, $2)", params![session, *at]);
    }
    tx.execute_all(&batch).await.map(drop)
}

macro_rules! take_sql {
    ($place:literal) => {
        concat!(
            "DELETE FROM gateway_used WHERE ",
            $place,
            " IN (SELECT ",
            $place,
            " FROM gateway_used LIMIT $1) RETURNING session_id, at"
        )
    };
}

async fn take(tx: &mut Tx, now: Timestamp) -> Result<bool, StoreError> {
    // By their places: who writes these may write the same a million times, and by its values all of them would come at once.
    let sql = Sql { sqlite: take_sql!("rowid"), postgres: take_sql!("ctid") };
    let rows = tx.query(sql, &params![NOTES]).await?;
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= NOTES;
    let mut used = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row = row.read();
        // What is no session's id is nothing that was used.
        if let (Ok(session), Ok(at)) = (row.session_id(), row.time()) {
            used.push((session, at.min(now)));
        }
    }
    touch(tx, &used).await?;
    Ok(more)
}
