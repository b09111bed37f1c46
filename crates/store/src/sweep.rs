//! Clearing away what is of no use any more, in bounded batches, so that no other write waits for long.

use std::time::Duration;

use acquit_core::{Timestamp, session::Lifetimes, step::Channel};

use crate::{
    Store, StoreError,
    frontchannel::give_up,
    gateway::set_terms,
    outbox::{read_step, step_columns},
    tx::Tx,
    value::params,
};

/// Rows of each kind in one sweep.
const BATCH: i64 = 1000;
/// Codes are remembered for this long after they expire, so that a replay is still noticed.
const CODES: Duration = Duration::from_secs(86_400);
/// Ended sessions are kept for this long: their browsers are recognised, and front-channel steps wait for them.
const SESSIONS: Duration = Duration::from_secs(30 * 86_400);
/// Receipts of which no step is pending are kept for this long.
const LOGOUTS: Duration = Duration::from_secs(90 * 86_400);
/// Nodes of the gateway are remembered for this long after they last said that they are there.
const NODES: Duration = Duration::from_secs(86_400);

/// The detail of a front-channel step whose browser never came back.
const NEVER_CAME: &str = "its browser did not come back before the deadline";

/// The detail of a gateway's step that nobody acknowledged.
const NO_GATEWAY: &str = "no node of the gateway acknowledged it before the deadline";

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many rows were deleted.
    pub deleted: u64,
    /// How many front-channel steps were given up because their deadline has passed.
    pub given_up: u64,
    /// Whether there may be more, so that another sweep should follow soon.
    pub more: bool,
}

impl Store {
    /// Deletes what has expired, and gives up front-channel steps whose deadline has passed. A logout with a pending step
    /// is never deleted, nor are events.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn sweep(&self, now: Timestamp, lifetimes: Lifetimes) -> Result<Swept, StoreError> {
        let mut swept =
            Swept { given_up: self.write(now, |tx, now| Box::pin(give_up_late(tx, *now))).await?, ..Swept::default() };
        self.write(lifetimes.longest(), |tx, longest| Box::pin(set_terms(tx, *longest))).await?;
        let full = u64::try_from(BATCH).unwrap_or(u64::MAX);
        swept.more = swept.given_up >= full;
        // Gateways refuse what is older than the longest session, so nothing needs an older revocation.
        let revocations = now.minus(lifetimes.longest()).minus(Duration::from_secs(86_400));
        let (codes, sessions, logouts) = (now.minus(CODES), now.minus(SESSIONS), now.minus(LOGOUTS));
        let nodes = now.minus(NODES);
        let bounds = [codes, now, now, now, now, now, now, now, now, now, revocations, nodes, sessions, logouts];
        for (index, bound) in bounds.into_iter().enumerate() {
            // Each kind in a transaction of its own: the writer is never held for all of them.
            let args = (index, bound, now);
            let deleted =
                self.write(args, |tx, (index, bound, now)| Box::pin(delete(tx, *index, *bound, *now))).await?;
            swept.deleted += deleted;
            swept.more |= deleted >= full;
        }
        Ok(swept)
    }
}

/// In the order of the bounds above.
const DELETIONS: [&str; 14] = [
    "DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM access_tokens WHERE hash IN (SELECT hash FROM access_tokens WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM families WHERE id IN (SELECT id FROM families WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM pushed_requests WHERE hash IN (SELECT hash FROM pushed_requests WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM used_once WHERE (kind, key_hash) IN (SELECT kind, key_hash FROM used_once WHERE until < $1 LIMIT $2)",
    "DELETE FROM saml_ways WHERE logout_id IN (SELECT logout_id FROM saml_ways WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM saml_artifacts WHERE hash IN (SELECT hash FROM saml_artifacts WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM kept_answers WHERE key_hash IN (SELECT key_hash FROM kept_answers WHERE until < $1 LIMIT $2)",
    "DELETE FROM upstream_tombstones WHERE name_hash IN \
     (SELECT name_hash FROM upstream_tombstones WHERE until < $1 LIMIT $2)",
    "DELETE FROM revocations WHERE seq IN (SELECT seq FROM revocations WHERE at < $1 ORDER BY at LIMIT $2)",
    "DELETE FROM gateway_nodes WHERE node IN (SELECT node FROM gateway_nodes WHERE seen_at < $1 LIMIT $2)",
    // A session stays while an offline grant given in it lives, and while a front-channel step waits for its browser.
    "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s WHERE s.ended_at < $1 \
     AND NOT EXISTS (SELECT 1 FROM families f WHERE f.session_id = s.id AND f.expires_at >= $3) \
     AND NOT EXISTS (SELECT 1 FROM steps t WHERE t.session_id = s.id AND t.outcome = 'pending') \
     ORDER BY s.ended_at LIMIT $2)",
    "DELETE FROM logouts WHERE id IN (SELECT l.id FROM logouts l WHERE l.at < $1 AND l.state <> 'in_progress' \
     AND NOT EXISTS (SELECT 1 FROM steps t WHERE t.logout_id = l.id AND (t.outcome = 'pending' OR t.due_at IS NOT NULL)) \
     AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.logout_id = l.id) ORDER BY l.at LIMIT $2)",
];

async fn delete(tx: &mut Tx, index: usize, bound: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    let Some(&sql) = DELETIONS.get(index) else { return Ok(0) };
    if sql.contains("$3") {
        tx.execute(sql, &params![bound, BATCH, now]).await
    } else {
        tx.execute(sql, &params![bound, BATCH]).await
    }
}

async fn give_up_late(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let sql = concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE outcome = 'pending' AND due_at IS NULL AND deadline < $1 \
         AND channel IN ('frontchannel', 'saml-redirect', 'saml-post', 'end-session', 'gateway') ORDER BY deadline LIMIT $2"
    );
    let rows = tx.query(sql, &params![now, BATCH]).await?;
    let steps = rows.into_iter().map(|row| read_step(&mut row.read())).collect::<Result<Vec<_>, StoreError>>()?;
    let (evictions, browsers): (Vec<_>, Vec<_>) =
        steps.into_iter().partition(|step| step.channel == Some(Channel::Gateway));
    Ok(give_up(tx, &browsers, NEVER_CAME, now).await? + give_up(tx, &evictions, NO_GATEWAY, now).await?)
}
