//! Connections: made, changed, deleted; and what their end owes to the sessions that came through them.

use acquit_core::{
    ConnectionId, OrganizationId, Timestamp,
    event::{Facts, Kind},
};

use super::{ConnectionRecord, Kept, Made, Refused, kept, organization};
use crate::{
    Store, StoreError,
    event::Event,
    tx::{Batch, Sql, Tx},
    value::{Columns, params},
};

impl Store {
    /// Makes a connection, once for each name of a call. `organization_is_here`: whether its organization must be one that is
    /// kept here.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when its id or external key is not new; otherwise as everywhere.
    pub async fn make_connection(
        &self,
        record: ConnectionRecord,
        organization_is_here: bool,
        answer: Option<Kept>,
    ) -> Result<Result<Made, Refused>, StoreError> {
        let args = (record, organization_is_here, answer);
        self.write(args, |tx, (record, here, answer)| Box::pin(make(tx, record, *here, answer.as_ref()))).await
    }

    /// Changes a connection, if it still is as it was at `was`. One that is not active any more owes its sessions a logout.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn change_connection(
        &self,
        record: ConnectionRecord,
        was: Timestamp,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.write((record, was), |tx, (record, was)| Box::pin(change(tx, record, *was))).await
    }

    /// Deletes a connection, whose sessions are to be ended then; false when there is none.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn delete_connection(&self, id: &ConnectionId, now: Timestamp) -> Result<bool, StoreError> {
        self.write((id.clone(), now), |tx, (id, now)| Box::pin(delete(tx, id, *now))).await
    }

    /// The connections whose sessions are to be ended, and when each last changed.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn connections_owing(&self) -> Result<Vec<(ConnectionId, Timestamp)>, StoreError> {
        self.read((), |tx, ()| Box::pin(owing(tx))).await
    }

    /// Notes that the sessions of a connection have ended, if it did not change since `was`. One that was deleted is forgotten,
    /// but not before `long_ago`: a sign-in that was under way on another node still finds it deleted.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn connection_settled(
        &self,
        id: &ConnectionId,
        was: Timestamp,
        long_ago: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (id.clone(), was, long_ago);
        self.write(args, |tx, (id, was, long_ago)| Box::pin(settled(tx, id, *was, *long_ago))).await
    }
}

impl Tx {
    /// Whether people may come through a connection, as far as this is known here: one of the configuration is not. It stays
    /// so until the transaction ends.
    pub(crate) async fn may_come_through(&mut self, id: &ConnectionId) -> Result<bool, StoreError> {
        const STATE: Sql = Sql {
            sqlite: "SELECT state FROM connections WHERE id = $1",
            // Sign-ins do not wait for each other, only for who changes the connection.
            postgres: "SELECT state FROM connections WHERE id = $1 FOR SHARE",
        };
        let row = self.query_opt(STATE, &params![id]).await?;
        Ok(match row {
            Some(row) => row.read().text()? == "active",
            None => true,
        })
    }
}

macro_rules! connection_columns {
    () => {
        "id, organization_id, name, connection_type, external_id, external_key, state, options, sealed, created_at, updated_at"
    };
}

fn read(row: &mut Columns) -> Result<ConnectionRecord, StoreError> {
    Ok(ConnectionRecord {
        id: row.connection_id()?,
        organization: row.organization_id()?,
        name: row.text()?,
        connection_type: row.text()?,
        external_id: row.opt_text()?,
        external_key: row.text()?,
        active: row.text()? == "active",
        options: row.text()?,
        sealed: row.opt_blob()?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

const fn state(record: &ConnectionRecord) -> &'static str {
    if record.active { "active" } else { "inactive" }
}

/// An entry of the log on what became of a connection.
fn event(kind: Kind, record: &ConnectionRecord, at: Timestamp) -> Event {
    Event {
        connection: Some(record.id.clone()),
        organization: Some(record.organization.clone()),
        party: Some(record.id.to_string()),
        facts: Facts {
            name: Some(record.name.clone()),
            connection_type: Some(record.connection_type.clone()),
            ..Facts::NONE
        },
        ..Event::new(kind, at)
    }
}

pub(super) async fn all(tx: &mut Tx) -> Result<Vec<ConnectionRecord>, StoreError> {
    let sql = concat!("SELECT ", connection_columns!(), " FROM connections WHERE state <> 'deleted' ORDER BY id");
    tx.query(sql, &params![]).await?.into_iter().map(|row| read(&mut row.read())).collect()
}

async fn make(
    tx: &mut Tx,
    record: &ConnectionRecord,
    organization_is_here: bool,
    answer: Option<&Kept>,
) -> Result<Result<Made, Refused>, StoreError> {
    tx.managing().await?;
    if let Some(before) = kept::before(tx, answer).await? {
        return Ok(Ok(Made::Before(before)));
    }
    if organization_is_here && !organization::exists(tx, &record.organization).await? {
        return Ok(Err(Refused::NoOrganization));
    }
    if is_taken(tx, record).await? {
        return Ok(Err(Refused::ExternalIdTaken));
    }
    let mut batch = Batch::default();
    batch.push(
        "INSERT INTO connections (id, organization_id, name, connection_type, external_id, external_key, state, \
         owes_logout, options, sealed, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11)",
        params![
            &record.id,
            &record.organization,
            &record.name,
            &record.connection_type,
            record.external_id.as_ref(),
            &record.external_key,
            state(record),
            &record.options,
            record.sealed.as_deref(),
            record.created_at,
            record.updated_at,
        ],
    );
    if record.active {
        batch.event(&event(Kind::ConnectionActivated, record, record.created_at));
    }
    batch.keep(answer);
    tx.execute_all(&batch).await?;
    Ok(Ok(Made::Now))
}

/// Whether another connection of the organization has this name of the application's.
async fn is_taken(tx: &mut Tx, record: &ConnectionRecord) -> Result<bool, StoreError> {
    let Some(external_id) = &record.external_id else { return Ok(false) };
    let sql = "SELECT id FROM connections WHERE organization_id = $1 AND external_id = $2 AND id <> $3 \
               AND state <> 'deleted'";
    Ok(tx.query_opt(sql, &params![&record.organization, external_id, &record.id]).await?.is_some())
}

async fn change(tx: &mut Tx, record: &ConnectionRecord, was: Timestamp) -> Result<Result<(), Refused>, StoreError> {
    tx.managing().await?;
    let before = match one(tx, &record.id).await? {
        None => return Ok(Err(Refused::Gone)),
        Some(before) if before.updated_at != was => return Ok(Err(Refused::Changed)),
        Some(before) => before,
    };
    if is_taken(tx, record).await? {
        return Ok(Err(Refused::ExternalIdTaken));
    }
    let sql = "UPDATE connections SET name = $1, external_id = $2, state = $3, options = $4, sealed = $5, updated_at = $6, \
               owes_logout = CASE WHEN $3 = 'active' THEN owes_logout ELSE 1 END WHERE id = $7";
    let mut batch = Batch::default();
    let args = params![
        &record.name,
        record.external_id.as_ref(),
        state(record),
        &record.options,
        record.sealed.as_deref(),
        record.updated_at,
        &record.id,
    ];
    batch.push(sql, args);
    if record.active != before.active {
        let kind = if record.active { Kind::ConnectionActivated } else { Kind::ConnectionDeactivated };
        batch.event(&event(kind, record, record.updated_at));
    }
    tx.execute_all(&batch).await?;
    Ok(Ok(()))
}

/// A connection that is not deleted.
async fn one(tx: &mut Tx, id: &ConnectionId) -> Result<Option<ConnectionRecord>, StoreError> {
    let sql = concat!("SELECT ", connection_columns!(), " FROM connections WHERE state <> 'deleted' AND id = $1");
    tx.query_opt(sql, &params![id]).await?.map(|row| read(&mut row.read())).transpose()
}

async fn delete(tx: &mut Tx, id: &ConnectionId, now: Timestamp) -> Result<bool, StoreError> {
    tx.managing().await?;
    let Some(record) = one(tx, id).await? else { return Ok(false) };
    delete_all(tx, &[record], now).await?;
    Ok(true)
}

/// Deletes all connections of an organization.
pub(super) async fn delete_of(tx: &mut Tx, organization: &OrganizationId, now: Timestamp) -> Result<(), StoreError> {
    let sql = concat!(
        "SELECT ",
        connection_columns!(),
        " FROM connections WHERE state <> 'deleted' AND organization_id = $1 ORDER BY id"
    );
    let rows = tx.query(sql, &params![organization]).await?;
    let records = rows.into_iter().map(|row| read(&mut row.read())).collect::<Result<Vec<_>, _>>()?;
    delete_all(tx, &records, now).await
}

/// Their secrets are gone with them; what was signed in through one has a copy of its own, to give tokens back.
async fn delete_all(tx: &mut Tx, records: &[ConnectionRecord], now: Timestamp) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for record in records {
        let sql = "UPDATE connections SET state = 'deleted', owes_logout = 1, sealed = NULL, external_id = NULL, \
                   updated_at = $1 WHERE id = $2";
        batch.push(sql, params![now, &record.id]);
        batch.event(&event(Kind::ConnectionDeleted, record, now));
    }
    tx.execute_all(&batch).await?;
    Ok(())
}

async fn owing(tx: &mut Tx) -> Result<Vec<(ConnectionId, Timestamp)>, StoreError> {
    let sql = "SELECT id, updated_at FROM connections WHERE owes_logout = 1 ORDER BY id";
    let read = |mut row: Columns| Ok((row.connection_id()?, row.time()?));
    tx.query(sql, &params![]).await?.into_iter().map(|row| read(row.read())).collect()
}

async fn settled(tx: &mut Tx, id: &ConnectionId, was: Timestamp, long_ago: Timestamp) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.push(
        "UPDATE connections SET owes_logout = 0 WHERE id = $1 AND state <> 'deleted' AND updated_at = $2",
        params![id, was],
    );
    batch
        .push("DELETE FROM connections WHERE id = $1 AND state = 'deleted' AND updated_at < $2", params![id, long_ago]);
    tx.execute_all(&batch).await?;
    Ok(())
}
