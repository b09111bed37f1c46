//! What ended at a host of the gateway: each node says that it refuses it, and when all have, the step is confirmed.

use acquit_core::{
    AppId, LogoutId, SessionId, StepId, Timestamp,
    receipt::Attempt,
    step::{Outcome, Step},
};

use crate::{
    Store, StoreError,
    outbox::{read_step, step_columns},
    receipt::refresh_state,
    revocation::{Revocation, since},
    tx::{Batch, Tx},
    value::params,
};

/// How many nodes' words are written down as evidence in one transaction: who has the role of one can speak for as many as it likes.
const SAID_AT_ONCE: i64 = 200;

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
    /// The endings that the gateway has to acknowledge: those first that this node has not, and of these the oldest logout.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn evictions(&self, node: &str, limit: u32) -> Result<Vec<Eviction>, StoreError> {
        self.read((node.to_owned(), limit), |tx, (node, limit)| Box::pin(evictions(tx, node, *limit))).await
    }

    /// The same, and after it, on the same connection, the log after a place: whatever is to be acknowledged is in it, or before it.
    pub(crate) async fn evictions_and_log(
        &self,
        (node, limit): (&str, u32),
        (seq, page): (i64, u32),
    ) -> Result<(Vec<Eviction>, Vec<Revocation>), StoreError> {
        let args = (node.to_owned(), limit, seq, page);
        self.read(args, |tx, (node, limit, seq, page)| Box::pin(both(tx, node, *limit, *seq, *page))).await
    }

    /// Writes down that a node refuses what has ended, and takes over what others have said of it. A step is confirmed once every node
    /// that was there since `there_since` has said so: what a node that is gone had open is gone with it.
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

    /// Says that a node refuses what has ended, for a server to take over: a node that is only a gateway cannot touch steps.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere; then the same may be said again.
    pub async fn say_refused(&self, node: &str, said: Vec<Acknowledgement>, now: Timestamp) -> Result<(), StoreError> {
        self.write((node.to_owned(), said, now), |tx, (node, said, now)| Box::pin(say(tx, node, said, *now))).await
    }
}

async fn evictions(tx: &mut Tx, node: &str, limit: u32) -> Result<Vec<Eviction>, StoreError> {
    let rows = tx
        .query(
            "SELECT e.id, e.logout_id, e.session_id, e.party, CAST(CASE WHEN a.node IS NULL THEN 0 ELSE 1 END AS BIGINT) \
             FROM gateway_evictions e LEFT JOIN gateway_acks a ON a.step_id = e.id AND a.node = $1 \
             ORDER BY 5, e.logout_id LIMIT $2",
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

async fn both(
    tx: &mut Tx,
    node: &str,
    limit: u32,
    seq: i64,
    page: u32,
) -> Result<(Vec<Eviction>, Vec<Revocation>), StoreError> {
    // In this order: a step and its row of the log are of one transaction.
    let evictions = evictions(tx, node, limit).await?;
    Ok((evictions, since(tx, seq, page).await?))
}

async fn say(tx: &mut Tx, node: &str, said: &[Acknowledgement], now: Timestamp) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for one in said {
        batch.push(
            "INSERT INTO gateway_acks (step_id, node, at, streams) \
             SELECT e.id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM gateway_evictions e WHERE e.id = $1 \
             ON CONFLICT DO NOTHING",
            params![&one.step, node, now, one.streams],
        );
    }
    tx.execute_all(&batch).await.map(drop)
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
    tx.execute(
        "INSERT INTO gateway_acks (step_id, node, at, streams) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        &params![&step.id, node, now, said.streams],
    )
    .await?;
    let missing = "SELECT n.node FROM gateway_nodes n WHERE n.seen_at >= $1 AND NOT EXISTS \
                   (SELECT 1 FROM gateway_acks a WHERE a.step_id = $2 AND a.node = n.node) LIMIT 1";
    let missing = tx.query_opt(missing, &params![there_since, &step.id]).await?.is_some();
    let mut batch = Batch::default();
    let said = said_by(tx, &step, now).await?;
    let last = said.len().saturating_sub(1);
    for (index, (by, attempt)) in said.iter().enumerate() {
        let outcome = if missing || index < last { Outcome::Pending } else { Outcome::Confirmed };
        batch.attempt(&step, by, attempt, outcome);
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

/// The evidence that is not written down yet: which node said so and when, how long after the logout, and what it cut.
async fn said_by(tx: &mut Tx, step: &Step, now: Timestamp) -> Result<Vec<(String, Attempt)>, StoreError> {
    let row = tx.query_opt("SELECT at FROM logouts WHERE id = $1", &params![&step.logout]).await?;
    let asked = row.map(|row| row.read().time()).transpose()?.unwrap_or(now);
    let sql = "SELECT a.node, a.at, a.streams FROM gateway_acks a WHERE a.step_id = $1 AND NOT EXISTS \
               (SELECT 1 FROM attempts t WHERE t.step_id = a.step_id AND t.node = a.node) ORDER BY a.at, a.node LIMIT $2";
    let rows = tx.query(sql, &params![&step.id, SAID_AT_ONCE]).await?;
    rows.into_iter()
        .map(|row| {
            let mut row = row.read();
            let (node, at, streams) = (row.text()?, row.time()?.min(now), row.int()?);
            let ms = u32::try_from(at.since(asked).as_millis()).unwrap_or(u32::MAX);
            Ok((node, Attempt { at, status: None, ms, detail: Some(closed(streams)) }))
        })
        .collect()
}

fn closed(streams: i64) -> String {
    match streams {
        0 => "nothing was open".to_owned(),
        1 => "1 open stream was closed".to_owned(),
        streams => format!("{streams} open streams were closed"),
    }
}
