//! The gateway: its hosts join a session, its nodes say that they are there, and that they refuse what has ended.

use acquit_core::{
    AppId, LogoutId, SessionId, StepId, Timestamp,
    participant::Participant,
    receipt::Attempt,
    session::{Life, Lifetimes},
    step::{Outcome, Step},
};

use crate::{
    Store, StoreError,
    code::SessionEnded,
    outbox::{read_step, step_columns},
    participant::known,
    receipt::refresh_state,
    tx::{Batch, Tx},
    value::params,
};

/// How many sessions are touched in one transaction.
const TOUCHED_AT_ONCE: usize = 200;

/// A step that the nodes of the gateway have to acknowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Which.
    pub step: StepId,
    /// Of which logout.
    pub logout: LogoutId,
    /// The session that ended.
    pub session: SessionId,
    /// The host that it was open at, which is the party.
    pub host: AppId,
    /// Whether the node that asks has acknowledged it: it waits for another one.
    pub acknowledged: bool,
}

/// What a node says of a step: it refuses the session from now on, and what it cut for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Which.
    pub step: StepId,
    /// Of which logout.
    pub logout: LogoutId,
    /// How many open streams were cut.
    pub streams: u32,
}

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

    /// The endings that the gateway has to acknowledge, oldest logout first.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn evictions(&self, node: &str, limit: u32) -> Result<Vec<Eviction>, StoreError> {
        self.read((node.to_owned(), limit), |tx, (node, limit)| Box::pin(evictions(tx, node, *limit))).await
    }

    /// Writes down that a node refuses what has ended. A step is confirmed once every node that was there since
    /// `there_since` has said so: what a node that is gone had open is gone with it.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere; then the same may be said again.
    pub async fn acknowledge(
        &self,
        node: &str,
        acknowledgements: Vec<Acknowledgement>,
        now: Timestamp,
        there_since: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (node.to_owned(), acknowledgements, now, there_since);
        self.write(args, |tx, (node, said, now, since)| Box::pin(acknowledge(tx, node, said, *now, *since))).await
    }

    /// Notes that sessions were used; those that have ended are left alone.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn touch_sessions(&self, mut used: Vec<(SessionId, Timestamp)>) -> Result<(), StoreError> {
        // In the order of their names, as every logout takes them, and never so many that one has to wait for long.
        used.sort();
        for some in used.chunks(TOUCHED_AT_ONCE) {
            self.write(some.to_vec(), |tx, used| Box::pin(touch(tx, used))).await?;
        }
        Ok(())
    }
}

async fn join(
    tx: &mut Tx,
    participant: &Participant,
    lifetimes: Lifetimes,
) -> Result<Result<(), SessionEnded>, StoreError> {
    let Some((session, user)) = tx.lock_session_and_user(&participant.session).await? else {
        return Ok(Err(SessionEnded));
    };
    if session.life(participant.joined_at, lifetimes, user.epoch) != Life::Live {
        return Ok(Err(SessionEnded));
    }
    let known = known(tx, participant).await?;
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
    tx.execute("DELETE FROM gateway_nodes WHERE node = $1", &params![node]).await.map(drop)
}

async fn evictions(tx: &mut Tx, node: &str, limit: u32) -> Result<Vec<Eviction>, StoreError> {
    let rows = tx
        .query(
            "SELECT s.id, s.logout_id, s.session_id, s.party, CAST(CASE WHEN a.node IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM steps s \
             LEFT JOIN gateway_acks a ON a.step_id = s.id AND a.node = $1 \
             WHERE s.channel = 'gateway' AND s.outcome = 'pending' AND s.session_id IS NOT NULL \
             ORDER BY s.logout_id LIMIT $2",
            &params![node, limit],
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            let mut row = row.read();
            Ok(Eviction {
                step: row.step_id()?,
                logout: row.logout_id()?,
                session: row.session_id()?,
                host: row.app_id()?,
                acknowledged: row.int()? != 0,
            })
        })
        .collect()
}

async fn acknowledge(
    tx: &mut Tx,
    node: &str,
    said: &[Acknowledgement],
    now: Timestamp,
    there_since: Timestamp,
) -> Result<(), StoreError> {
    let mut logouts: Vec<&LogoutId> = said.iter().map(|one| &one.logout).collect();
    logouts.sort();
    logouts.dedup();
    for logout in logouts {
        // Under its lock: otherwise two nodes that say so at once each miss the other's word.
        if !tx.lock_logout(logout).await? {
            continue;
        }
        for one in said.iter().filter(|one| one.logout == *logout) {
            settle(tx, node, one, now, there_since).await?;
        }
        refresh_state(tx, logout, now).await?;
    }
    Ok(())
}

async fn settle(
    tx: &mut Tx,
    node: &str,
    said: &Acknowledgement,
    now: Timestamp,
    there_since: Timestamp,
) -> Result<(), StoreError> {
    let sql = concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE id = $1 AND channel = 'gateway' AND outcome = 'pending'"
    );
    let Some(row) = tx.query_opt(sql, &params![&said.step]).await? else { return Ok(()) };
    let step = read_step(&mut row.read())?;
    let new = tx
        .execute(
            "INSERT INTO gateway_acks (step_id, node, at, streams) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &params![&step.id, node, now, said.streams],
        )
        .await?;
    let missing = "SELECT n.node FROM gateway_nodes n WHERE n.seen_at >= $1 AND NOT EXISTS \
                   (SELECT 1 FROM gateway_acks a WHERE a.step_id = $2 AND a.node = n.node) LIMIT 1";
    let missing = tx.query_opt(missing, &params![there_since, &step.id]).await?.is_some();
    let mut batch = Batch::default();
    if new > 0 {
        let outcome = if missing { Outcome::Pending } else { Outcome::Confirmed };
        batch.attempt(&step, node, &attempt(tx, &step, said.streams, now).await?, outcome);
    }
    if !missing {
        let total = "SELECT COUNT(*), CAST(COALESCE(SUM(streams), 0) AS BIGINT) FROM gateway_acks WHERE step_id = $1";
        let (nodes, streams) = match tx.query_opt(total, &params![&step.id]).await? {
            Some(row) => {
                let mut row = row.read();
                (row.int()?, row.int()?)
            }
            None => (0, 0),
        };
        let detail = match nodes {
            1 => closed(streams),
            nodes => format!("{} on {nodes} nodes", closed(streams)),
        };
        batch.push("UPDATE steps SET outcome = 'confirmed', detail = $1 WHERE id = $2", params![&detail, &step.id]);
    }
    tx.execute_all(&batch).await?;
    Ok(())
}

/// The evidence: when a node said so, how long after the logout, and what it cut.
async fn attempt(tx: &mut Tx, step: &Step, streams: u32, now: Timestamp) -> Result<Attempt, StoreError> {
    let row = tx.query_opt("SELECT at FROM logouts WHERE id = $1", &params![&step.logout]).await?;
    let asked = row.map(|row| row.read().time()).transpose()?.unwrap_or(now);
    let ms = u32::try_from(now.since(asked).as_millis()).unwrap_or(u32::MAX);
    Ok(Attempt { at: now, status: None, ms, detail: Some(closed(i64::from(streams))) })
}

fn closed(streams: i64) -> String {
    match streams {
        0 => "nothing was open".to_owned(),
        1 => "1 open stream was closed".to_owned(),
        streams => format!("{streams} open streams were closed"),
    }
}

async fn touch(tx: &mut Tx, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
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
