//! Clients that registered themselves (RFC 7591, RFC 7592). Those of the configuration are not here.

use acquit_core::{Timestamp, event::Kind};

use crate::{
    Hash, Store, StoreError,
    event::Event,
    page::{Page, rows_for},
    tx::{Batch, Tx},
    value::{Columns, params},
};

/// A client that registered itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRecord {
    /// Its identifier.
    pub client_id: String,
    /// Its metadata, as JSON.
    pub metadata: String,
    /// The hash of its secret, if it has one.
    pub secret_hash: Option<Hash>,
    /// The hash of the token that lets it change its registration.
    pub registration_token_hash: Option<Hash>,
    /// When it registered.
    pub created_at: Timestamp,
    /// When its registration last changed.
    pub updated_at: Timestamp,
}

impl ClientRecord {
    fn read(row: &mut Columns) -> Result<Self, StoreError> {
        Ok(Self {
            client_id: row.text()?,
            metadata: row.text()?,
            secret_hash: row.opt_hash()?,
            registration_token_hash: row.opt_hash()?,
            created_at: row.time()?,
            updated_at: row.time()?,
        })
    }
}

impl Store {
    /// Adds a client.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the identifier is not new; otherwise as everywhere.
    pub async fn put_client(&self, client: ClientRecord) -> Result<(), StoreError> {
        self.write(client, |tx, client| Box::pin(put(tx, client))).await
    }

    /// The client with this identifier.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn client(&self, client_id: &str) -> Result<Option<ClientRecord>, StoreError> {
        self.read(client_id.to_owned(), |tx, client_id| Box::pin(one(tx, client_id))).await
    }

    /// Changes a client's metadata, secret and registration token; false when there is none.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn update_client(&self, client: ClientRecord) -> Result<bool, StoreError> {
        self.write(client, |tx, client| Box::pin(update(tx, client))).await
    }

    /// Deletes a client and revokes all that was granted to it; false when there is none.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn delete_client(&self, client_id: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write((client_id.to_owned(), now), |tx, (client_id, now)| Box::pin(delete(tx, client_id, *now))).await
    }

    /// Clients by identifier, after an identifier.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn clients(&self, after: Option<&str>, limit: u32) -> Result<Page<ClientRecord>, StoreError> {
        let after = after.unwrap_or_default().to_owned();
        self.read((after, limit), |tx, (after, limit)| Box::pin(list(tx, after, *limit))).await
    }
}

fn changed(client_id: &str, what: &str, at: Timestamp) -> Event {
    Event { party: Some(client_id.to_owned()), detail: Some(what.to_owned()), ..Event::new(Kind::ClientChanged, at) }
}

async fn put(tx: &mut Tx, client: &ClientRecord) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.push(
        "INSERT INTO clients (client_id, metadata, secret_hash, registration_token_hash, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        params![
            &client.client_id,
            &client.metadata,
            client.secret_hash.as_ref(),
            client.registration_token_hash.as_ref(),
            client.created_at,
            client.updated_at,
        ],
    );
    batch.event(&changed(&client.client_id, "registered", client.created_at));
    tx.execute_all(&batch).await?;
    Ok(())
}

async fn one(tx: &mut Tx, client_id: &str) -> Result<Option<ClientRecord>, StoreError> {
    let sql = "SELECT client_id, metadata, secret_hash, registration_token_hash, created_at, updated_at FROM clients \
               WHERE client_id = $1";
    tx.query_opt(sql, &params![client_id]).await?.map(|row| ClientRecord::read(&mut row.read())).transpose()
}

async fn update(tx: &mut Tx, client: &ClientRecord) -> Result<bool, StoreError> {
    let updated = tx
        .execute(
            "UPDATE clients SET metadata = $1, secret_hash = $2, registration_token_hash = $3, updated_at = $4 \
             WHERE client_id = $5",
            &params![
                &client.metadata,
                client.secret_hash.as_ref(),
                client.registration_token_hash.as_ref(),
                client.updated_at,
                &client.client_id,
            ],
        )
        .await?
        > 0;
    if updated {
        let mut batch = Batch::default();
        batch.event(&changed(&client.client_id, "changed", client.updated_at));
        tx.execute_all(&batch).await?;
    }
    Ok(updated)
}

async fn delete(tx: &mut Tx, client_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let deleted = tx.execute("DELETE FROM clients WHERE client_id = $1", &params![client_id]).await? > 0;
    if deleted {
        let mut batch = Batch::default();
        batch.push(
            "UPDATE families SET revoked_at = $1 WHERE client_id = $2 AND revoked_at IS NULL",
            params![now, client_id],
        );
        batch.push("DELETE FROM codes WHERE client_id = $1 AND redeemed_at IS NULL", params![client_id]);
        batch.event(&changed(client_id, "deleted", now));
        tx.execute_all(&batch).await?;
    }
    Ok(deleted)
}

async fn list(tx: &mut Tx, after: &str, limit: u32) -> Result<Page<ClientRecord>, StoreError> {
    let sql = "SELECT client_id, metadata, secret_hash, registration_token_hash, created_at, updated_at FROM clients \
               WHERE client_id > $1 ORDER BY client_id LIMIT $2";
    let rows = tx.query(sql, &params![after, rows_for(limit)]).await?;
    let clients = rows.into_iter().map(|row| ClientRecord::read(&mut row.read())).collect::<Result<_, _>>()?;
    Ok(Page::cut(clients, limit, |client: &ClientRecord| client.client_id.clone()))
}
