//! Claiming what is due, and making things due.

use acquit_core::{AppId, LogoutId, Timestamp, UserId, step::Step};

use super::{read_step, step_columns};
use crate::{
    Store, StoreError,
    column::to_json,
    logout::Lease,
    receipt::refresh_state,
    tx::{Sql, Tx, listed},
    value::params,
};

/// The most steps that one claim takes.
const MAX_CLAIM: u32 = 1000;

impl Store {
    /// Claims steps that are due, the longest waiting first, but none to the destinations named. Nobody else gets them
    /// until the lease runs out; recording an attempt gives them back.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn claim_due(
        &self,
        now: Timestamp,
        lease: Lease,
        limit: u32,
        exclude_destinations: &[String],
    ) -> Result<Vec<Step>, StoreError> {
        let args = (now, lease, limit.min(MAX_CLAIM), exclude_destinations.to_vec());
        self.write(args, |tx, (now, lease, limit, exclude)| Box::pin(claim(tx, *now, lease, *limit, exclude))).await
    }

    /// When the next step is due, or its lease runs out, leaving out the destinations named.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn next_due(&self, exclude_destinations: &[String]) -> Result<Option<Timestamp>, StoreError> {
        self.read(exclude_destinations.to_vec(), |tx, exclude| Box::pin(next_due(tx, exclude))).await
    }

    /// Makes all that waits for a destination due, because it has come back; how many steps that are.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn make_due(&self, destination: &str, now: Timestamp) -> Result<u64, StoreError> {
        let args = (destination.to_owned(), now);
        self.write(args, |tx, (destination, now)| Box::pin(make_due(tx, destination, *now))).await
    }

    /// Makes the pending and failed steps of a logout due that can be sent without a browser; how many that are. Those
    /// that a node is sending at this moment are left alone.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn retry_now(&self, logout: &LogoutId, now: Timestamp) -> Result<u64, StoreError> {
        self.write((logout.clone(), now), |tx, (logout, now)| Box::pin(retry_now(tx, logout, *now))).await
    }

    /// Whether a user has a live session with an application in it that joined after a time, or through a connection by which
    /// they signed in after it: then a step that names the
    /// user alone would end more than was asked (design 6.6, "superseded").
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn newer_participant(&self, user: &UserId, app: &AppId, after: Timestamp) -> Result<bool, StoreError> {
        let args = (user.clone(), app.clone(), after);
        self.read(args, |tx, (user, app, after)| Box::pin(newer_participant(tx, user, app, *after))).await
    }
}

macro_rules! claim_sql {
    ($engine:ident, $locking:literal) => {
        concat!(
            "UPDATE steps SET lease_node = $1, lease_until = $2, due_at = $2 WHERE id IN (SELECT d.id FROM steps d \
             WHERE d.due_at <= $3 AND d.destination NOT IN ",
            listed!($engine, "4"),
            " ORDER BY d.due_at LIMIT $5",
            $locking,
            ") RETURNING ",
            step_columns!()
        )
    };
}

macro_rules! next_due_sql {
    ($engine:ident) => {
        concat!(
            "SELECT due_at FROM steps WHERE due_at IS NOT NULL AND destination NOT IN ",
            listed!($engine, "1"),
            " ORDER BY due_at LIMIT 1"
        )
    };
}

async fn claim(
    tx: &mut Tx,
    now: Timestamp,
    lease: &Lease,
    limit: u32,
    exclude: &[String],
) -> Result<Vec<Step>, StoreError> {
    let sql = Sql { sqlite: claim_sql!(sqlite, ""), postgres: claim_sql!(postgres, " FOR UPDATE SKIP LOCKED") };
    let rows = tx.query(sql, &params![&lease.node, lease.until, now, &to_json(exclude)?, limit]).await?;
    let mut steps = rows.into_iter().map(|row| read_step(&mut row.read())).collect::<Result<Vec<_>, StoreError>>()?;
    steps.sort_by(|a, b| (a.next_attempt_at, !a.first, &a.id).cmp(&(b.next_attempt_at, !b.first, &b.id)));
    Ok(steps)
}

async fn next_due(tx: &mut Tx, exclude: &[String]) -> Result<Option<Timestamp>, StoreError> {
    let sql = Sql { sqlite: next_due_sql!(sqlite), postgres: next_due_sql!(postgres) };
    tx.query_opt(sql, &params![&to_json(exclude)?]).await?.map(|row| row.read().time()).transpose()
}

macro_rules! make_due_sql {
    ($locking:literal) => {
        concat!(
            "UPDATE steps SET due_at = $1, next_attempt_at = $1 WHERE id IN (SELECT d.id FROM steps d \
             WHERE d.destination = $2 AND d.due_at > $1 AND d.outcome = 'pending' AND d.lease_node IS NULL",
            $locking,
            ")"
        )
    };
}

async fn make_due(tx: &mut Tx, destination: &str, now: Timestamp) -> Result<u64, StoreError> {
    // A step that somebody is writing to is being looked at already; waiting for it could deadlock.
    let sql = Sql { sqlite: make_due_sql!(""), postgres: make_due_sql!(" FOR UPDATE SKIP LOCKED") };
    tx.execute(sql, &params![now, destination]).await
}

async fn retry_now(tx: &mut Tx, logout: &LogoutId, now: Timestamp) -> Result<u64, StoreError> {
    if !tx.lock_logout(logout).await? {
        return Ok(0);
    }
    let retried = tx
        .execute(
            "UPDATE steps SET outcome = 'pending', due_at = $1, next_attempt_at = $1, lease_node = NULL, \
             lease_until = NULL WHERE logout_id = $2 AND notice = 0 \
             AND channel IN ('backchannel', 'saml-soap', 'revocation', 'webhook') AND outcome IN ('pending', 'failed') AND (lease_until IS NULL OR lease_until <= $1)",
            &params![now, logout],
        )
        .await?;
    refresh_state(tx, logout, now).await?;
    Ok(retried)
}

async fn newer_participant(tx: &mut Tx, user: &UserId, app: &AppId, after: Timestamp) -> Result<bool, StoreError> {
    let row = tx
        .query_opt(
            "SELECT p.joined_at FROM participants p JOIN sessions s ON s.id = p.session_id \
             WHERE p.user_id = $1 AND p.app = $2 AND p.joined_at > $3 AND s.ended_at IS NULL \
             UNION ALL SELECT t.signed_in_at FROM upstreams t JOIN sessions s ON s.id = t.session_id \
             WHERE s.user_id = $1 AND t.connection = $2 AND t.signed_in_at > $3 AND s.ended_at IS NULL LIMIT 1",
            &params![user, app, after],
        )
        .await?;
    Ok(row.is_some())
}
