//! What was made through the API, on this node: read from the store, read again as soon as it changed, and ended with its
//! sessions when it is gone.

use std::{sync::Arc, time::Duration};

use acquit_core::{
    ConnectionId,
    plan::{By, Scope, Tell},
};
use acquit_store::{
    StoreError,
    management::{ConnectionRecord, OrganizationRecord},
};
use tokio_util::sync::CancellationToken;

use super::stored::Stored;
use crate::{
    App,
    logout::{LogoutError, Order, log_out},
    settings::Connection,
};

/// How often a node looks whether another one changed something.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long it is remembered that a connection was deleted: longer than a person may be on the way to its provider.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
/// How many sessions are read at a time.
const BATCH: u32 = 200;

/// What was made through the API.
#[derive(Debug, Default)]
pub struct Made {
    /// The number of the last change in it.
    pub version: i64,
    /// The organizations.
    pub organizations: Vec<OrganizationRecord>,
    /// The connections; one that cannot be read here is none that people come through.
    pub connections: Vec<(ConnectionRecord, Option<Arc<Connection>>)>,
}

/// Reads everything again.
///
/// # Errors
/// [`StoreError`]; what was known stays.
pub async fn refresh(app: &App) -> Result<(), StoreError> {
    let managed = app.store.managed().await?;
    let read = |record: ConnectionRecord| {
        let connection = Stored::connection(&app.sealer, &record);
        if connection.is_none() {
            tracing::error!(connection = %record.id, "a connection of the store cannot be read, and is not used");
        }
        (record, connection)
    };
    app.clients.connections().take(Made {
        version: managed.version,
        organizations: managed.organizations,
        connections: managed.connections.into_iter().map(read).collect(),
    });
    Ok(())
}

/// Takes over what changed here or elsewhere, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut silent = false;
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        let looked = match app.store.management_version().await {
            Ok(version) if version == app.clients.connections().version() => Ok(()),
            Ok(_) => refresh(&app).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(()) => silent = false,
            // Nobody signs in without the store either; once is said often enough.
            Err(error) if !silent => {
                silent = true;
                tracing::warn!(%error, "changes of connections cannot be read; trying on");
            }
            Err(_) => {}
        }
    }
}

/// Ends the sessions of connections that were disabled or deleted, by logouts that tell their applications and providers. The
/// debt is in the store, so that no crash forgives it. Returns how many sessions.
///
/// # Errors
/// [`LogoutError`]; what is left follows in the next round.
pub async fn end_owed(app: &App) -> Result<usize, LogoutError> {
    let mut ended = 0;
    for (connection, was) in app.store.connections_owing().await? {
        ended += end_through(app, &connection).await?;
        app.store.connection_settled(&connection, was, app.clock.now().minus(REMEMBERED)).await?;
    }
    Ok(ended)
}

async fn end_through(app: &App, connection: &ConnectionId) -> Result<usize, LogoutError> {
    let mut ended = 0;
    loop {
        let sessions = app.store.sessions_through(connection, BATCH).await?;
        if sessions.is_empty() {
            return Ok(ended);
        }
        for session in sessions {
            let order = Order {
                scope: Scope::Session(session),
                by: By::Policy,
                party: None,
                reason: Some(format!("the connection {connection} was disabled or deleted")),
                tell: Tell::Everyone,
                ip: None,
                browser: None,
                named: Vec::new(),
            };
            match log_out(app, order).await {
                // Another node was faster.
                Ok(_) | Err(LogoutError::UnknownTarget) => ended += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// After a change through this node: it counts here at once, and the sessions that it ends end behind the answer.
///
/// # Errors
/// [`StoreError`]; the change is durable, and counts here when the store can be read again.
pub async fn changed(app: &App) -> Result<(), StoreError> {
    refresh(app).await?;
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = end_owed(&app).await {
            tracing::warn!(%error, "sessions of a connection that is gone could not be ended; trying again soon");
        }
    });
    Ok(())
}
