//! Webhook endpoints that broker applications made for themselves.

use acquit_core::{
    AppId, EndpointId, Timestamp,
    participant::{Participant, Protocol, WebhookChannel},
};

use crate::{
    Store, StoreError,
    column::to_json,
    management::{Kept, Made, kept},
    tx::{Batch, Tx, locking},
    value::{Columns, params},
};

/// The most endpoints of one application.
pub const MOST: usize = 16;
/// The event that tells that a session ended.
pub const STARTED: &str = "sso.logout.started";
/// The event that tells how a logout came out.
pub const COMPLETED: &str = "sso.logout.completed";

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name.
    pub id: EndpointId,
    /// Whose it is.
    pub app: AppId,
    /// Where events are posted; no other endpoint of the application has it.
    pub url: String,
    /// The names of the events that it wants.
    pub events: Vec<String>,
    /// Whether it is told at all.
    pub enabled: bool,
    /// Its secret, sealed by the caller.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What changes of an endpoint; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Where events are posted.
    pub url: Option<String>,
    /// The names of the events that it wants.
    pub events: Option<Vec<String>>,
    /// Whether it is told at all.
    pub enabled: Option<bool>,
}

/// Why an endpoint is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The application has one with this URL.
    #[error("there is an endpoint with this URL")]
    Duplicate,
    /// The application has [`MOST`] of them.
    #[error("there are {MOST} endpoints already")]
    TooMany,
    /// The application has none of that name.
    #[error("there is no such endpoint")]
    Unknown,
}

macro_rules! endpoint_columns {
    () => {
        "id, app, url, events, enabled, sealed, created_at, updated_at"
    };
}

impl Endpoint {
    fn read(row: &mut Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.endpoint_id()?,
            app: row.app_id()?,
            url: row.text()?,
            events: row.json()?,
            enabled: row.bool()?,
            sealed: row.blob()?,
            created_at: row.time()?,
            updated_at: row.time()?,
        })
    }

    fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|wanted| wanted == event)
    }
}

impl Store {
    /// Adds an endpoint, once for each name of a call.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn add_endpoint(
        &self,
        endpoint: Endpoint,
        answer: Option<Kept>,
    ) -> Result<Result<Made, Refused>, StoreError> {
        let key = answer.as_ref().map(|answer| answer.key);
        let args = (endpoint, answer);
        match (self.write(args, |tx, (endpoint, answer)| Box::pin(add(tx, endpoint, answer.as_ref()))).await, key) {
            // Two calls of one name at once, for different endpoints.
            (Err(error @ StoreError::Duplicate(_)), Some(key)) => match self.kept_answer(&key).await? {
                Some(before) => Ok(Ok(Made::Before(before))),
                None => Err(error),
            },
            (added, _) => added,
        }
    }

    /// Changes an endpoint of an application; as it is then.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn change_endpoint(
        &self,
        app: &AppId,
        id: &EndpointId,
        change: Change,
        now: Timestamp,
    ) -> Result<Result<Endpoint, Refused>, StoreError> {
        let args = (app.clone(), id.clone(), change, now);
        match self.write(args, |tx, (app, id, change, now)| Box::pin(alter(tx, app, id, change, *now))).await {
            // Two that change to the same URL at once.
            Err(StoreError::Duplicate(_)) => Ok(Err(Refused::Duplicate)),
            changed => changed,
        }
    }

    /// Deletes an endpoint of an application; false when it has none of that name. Steps that are planned for it fail.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn delete_endpoint(&self, app: &AppId, id: &EndpointId) -> Result<bool, StoreError> {
        self.write((app.clone(), id.clone()), |tx, (app, id)| Box::pin(delete(tx, app, id))).await
    }

    /// The endpoints of an application, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn endpoints(&self, app: &AppId) -> Result<Vec<Endpoint>, StoreError> {
        self.read(app.clone(), |tx, app| Box::pin(of(tx, app))).await
    }

    /// An endpoint, if it is this application's.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn endpoint(&self, app: &AppId, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.read((app.clone(), id.clone()), |tx, (app, id)| Box::pin(one(tx, app, id))).await
    }
}

async fn of(tx: &mut Tx, app: &AppId) -> Result<Vec<Endpoint>, StoreError> {
    let sql = concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE app = $1 ORDER BY created_at, id");
    tx.query(sql, &params![app]).await?.into_iter().map(|row| Endpoint::read(&mut row.read())).collect()
}

async fn one(tx: &mut Tx, app: &AppId, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
    let sql = concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE app = $1 AND id = $2");
    tx.query_opt(sql, &params![app, id]).await?.map(|row| Endpoint::read(&mut row.read())).transpose()
}

async fn add(tx: &mut Tx, new: &Endpoint, answer: Option<&Kept>) -> Result<Result<Made, Refused>, StoreError> {
    if let Some(before) = kept::before(tx, answer).await? {
        return Ok(Ok(Made::Before(before)));
    }
    let known = of(tx, &new.app).await?;
    if known.len() >= MOST {
        return Ok(Err(Refused::TooMany));
    }
    // Whoever loses a race for the same URL adds nothing.
    let sql = "INSERT INTO webhook_endpoints (id, app, url, events, enabled, sealed, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (app, url) DO NOTHING";
    let args = params![
        &new.id,
        &new.app,
        &new.url,
        &to_json(&new.events)?,
        new.enabled,
        new.sealed.as_slice(),
        new.created_at,
        new.updated_at,
    ];
    if tx.execute(sql, &args).await? == 0 {
        // The race may have been with the same call.
        let before = kept::before(tx, answer).await?;
        return Ok(before.map(Made::Before).ok_or(Refused::Duplicate));
    }
    let mut batch = Batch::default();
    batch.keep(answer);
    tx.execute_all(&batch).await?;
    Ok(Ok(Made::Now))
}

async fn alter(
    tx: &mut Tx,
    app: &AppId,
    id: &EndpointId,
    change: &Change,
    now: Timestamp,
) -> Result<Result<Endpoint, Refused>, StoreError> {
    let sql = locking!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE app = $1 AND id = $2");
    let Some(row) = tx.query_opt(sql, &params![app, id]).await? else { return Ok(Err(Refused::Unknown)) };
    let before = Endpoint::read(&mut row.read())?;
    let after = Endpoint {
        url: change.url.clone().unwrap_or_else(|| before.url.clone()),
        events: change.events.clone().unwrap_or_else(|| before.events.clone()),
        enabled: change.enabled.unwrap_or(before.enabled),
        updated_at: now,
        ..before
    };
    let sql = "UPDATE webhook_endpoints SET url = $1, events = $2, enabled = $3, updated_at = $4 WHERE id = $5 \
               AND NOT EXISTS (SELECT 1 FROM webhook_endpoints o WHERE o.app = $6 AND o.url = $1 AND o.id <> $5)";
    let args = params![&after.url, &to_json(&after.events)?, after.enabled, now, id, app];
    let changed = tx.execute(sql, &args).await? > 0;
    Ok(if changed { Ok(after) } else { Err(Refused::Duplicate) })
}

async fn delete(tx: &mut Tx, app: &AppId, id: &EndpointId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM webhook_endpoints WHERE app = $1 AND id = $2", &params![app, id]).await? > 0)
}

impl Tx {
    /// Adds what broker applications made for themselves to the channels that the configuration gives them.
    pub(crate) async fn add_endpoints(&mut self, participants: &mut [Participant]) -> Result<(), StoreError> {
        for participant in participants.iter_mut().filter(|participant| participant.protocol == Protocol::Broker) {
            for endpoint in of(self, &participant.app).await?.into_iter().filter(|endpoint| endpoint.enabled) {
                let (started, completed) = (endpoint.wants(STARTED), endpoint.wants(COMPLETED));
                let channel = WebhookChannel { endpoint: Some(endpoint.id), uri: endpoint.url, started, completed };
                participant.channels.webhooks.push(channel);
            }
        }
        Ok(())
    }
}
