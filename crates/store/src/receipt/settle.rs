//! A logout comes to stand as it does: its state follows its steps, and what waits for that is made due.

use acquit_core::{
    ConnectionId, LogoutId, OrganizationId, Timestamp, UserId,
    event::{Facts, Kind},
    receipt::{Receipt, State},
    step::Outcome,
};

use crate::{
    Store, StoreError,
    event::Event,
    tx::{Batch, Tx},
    value::{Row, params},
};

/// Through which connection the person of a logout came; nobody else's logouts are told of in this way.
#[derive(Clone, Debug)]
pub(crate) struct Through {
    pub(crate) connection: ConnectionId,
    pub(crate) organization: Option<OrganizationId>,
}

/// A logout that is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its receipt as it is now.
    pub receipt: Receipt,
    /// When it came to stand so.
    pub at: Timestamp,
}

/// Brings a logout's state in line with its steps, as [`refresh_states`] does.
pub(crate) async fn refresh_state(tx: &mut Tx, logout: &LogoutId, now: Timestamp) -> Result<(), StoreError> {
    refresh_states(tx, &[logout], now).await
}

/// Brings the states of logouts in line with their steps. Under their locks: otherwise two that finish at once each see the
/// other one's step as pending.
pub(crate) async fn refresh_states(tx: &mut Tx, logouts: &[&LogoutId], now: Timestamp) -> Result<(), StoreError> {
    let keys: Vec<_> = logouts.iter().map(|logout| params![*logout].to_vec()).collect();
    let outcomes =
        tx.query_each("SELECT DISTINCT outcome FROM steps WHERE logout_id = $1 AND notice = 0", &keys).await?;
    let mut batch = Batch::default();
    let (mut over, mut settling) = (Vec::new(), Vec::new());
    for (logout, rows) in logouts.iter().zip(outcomes) {
        let outcomes =
            rows.into_iter().map(|row| row.read().named(Outcome::parse)).collect::<Result<Vec<_>, StoreError>>()?;
        let state = State::of(outcomes);
        if state == State::InProgress {
            batch.push(
                "UPDATE logouts SET state = $1, settled_at = NULL WHERE id = $2 AND state <> $1",
                params![state.as_str(), *logout],
            );
        } else {
            settling.push(params![state.as_str(), now, *logout].to_vec());
            over.push((*logout, state));
        }
    }
    let sql = "UPDATE logouts SET state = $1, settled_at = $2 WHERE id = $3 AND state <> $1 \
               RETURNING user_id, requested_by, scope, connection, organization";
    for ((logout, state), rows) in over.into_iter().zip(tx.query_each(sql, &settling).await?) {
        // None where it stood so before.
        if let Some(row) = rows.into_iter().next() {
            batch.came_to_stand(logout, state, row, now)?;
        }
    }
    tx.execute_all(&batch).await.map(drop)
}

impl Batch {
    /// Makes due what waits for a logout to be settled; only those through a connection have something that does.
    fn came_to_stand(&mut self, logout: &LogoutId, state: State, row: Row, now: Timestamp) -> Result<(), StoreError> {
        let mut row = row.read();
        let user = row.user_id()?;
        let facts = Facts { by: Some(row.text()?), scope: Some(row.text()?), ..Facts::NONE };
        let (connection, organization) = (row.opt_connection_id()?, row.opt_organization_id()?);
        let Some(connection) = connection else { return Ok(()) };
        self.push(
            "UPDATE steps SET outcome = 'pending', detail = NULL, due_at = $1, next_attempt_at = $1, lease_node = NULL, \
             lease_until = NULL, deadline = $1 + (SELECT COALESCE(MIN(s.deadline), $1) FROM steps s \
             WHERE s.logout_id = $2 AND s.notice = 0) - (SELECT l.at FROM logouts l WHERE l.id = $2) \
             WHERE logout_id = $2 AND notice = 1",
            params![now, logout],
        );
        settled(self, (logout, &user), &Through { connection, organization }, state, facts, now);
        Ok(())
    }
}

/// Logs that a logout is settled.
pub(crate) fn settled(
    batch: &mut Batch,
    (logout, user): (&LogoutId, &UserId),
    through: &Through,
    state: State,
    facts: Facts,
    now: Timestamp,
) {
    batch.event(&Event {
        user: Some(user.clone()),
        logout: Some(logout.clone()),
        connection: Some(through.connection.clone()),
        organization: through.organization.clone(),
        facts: Facts { outcome: Some(state.as_str().to_owned()), ..facts },
        ..Event::new(Kind::LogoutSettled, now)
    });
}

impl Store {
    /// A logout of which nothing is pending any more; none while something is, or when it is not known.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn settled(&self, logout: &LogoutId) -> Result<Option<Settled>, StoreError> {
        self.snapshot(logout.clone(), |tx, logout| Box::pin(find(tx, logout))).await
    }
}

async fn find(tx: &mut Tx, logout: &LogoutId) -> Result<Option<Settled>, StoreError> {
    let row = tx.query_opt("SELECT settled_at FROM logouts WHERE id = $1", &params![logout]).await?;
    let Some(at) = row.map(|row| row.read().opt_time()).transpose()?.flatten() else { return Ok(None) };
    Ok(super::one(tx, logout).await?.map(|receipt| Settled { receipt, at }))
}
