//! Taking a changed configuration over while running. It was checked before; what is gone from it is signed out.

use std::sync::Arc;

use acquit_core::{
    AppId, ConnectionId,
    event::{Facts, Kind},
    plan::{By, Scope, Tell},
};
use acquit_store::{
    StoreError,
    event::Event,
    session::{SessionFilter, SessionState},
};

use crate::{
    App,
    logout::{LogoutError, Order, log_out},
    settings::{Connection, Settings},
    start::{StartError, configured_users, policy},
};

/// How many sessions are read at a time.
const BATCH: u32 = 200;

/// Takes `settings` over. What is fixed until the next start (where it listens, its issuer, its store, how long a step is
/// tried) stays as it is, with a warning if it differs.
///
/// # Errors
/// [`StartError`]; what was taken over until then stays.
pub async fn reload(app: &App, mut settings: Settings) -> Result<(), StartError> {
    let before = app.settings();
    let fixed = [
        ("server.public_url", before.server.issuer != settings.server.issuer),
        ("server.listen", before.server.listen != settings.server.listen),
        ("server.trusted_proxies", before.server.trusted_proxies != settings.server.trusted_proxies),
        ("store.url", before.store.url().expose() != settings.store.url().expose()),
        ("lifetimes.logout_deadline", before.lifetimes.logout_deadline != settings.lifetimes.logout_deadline),
    ];
    for (key, _) in fixed.iter().filter(|(_, changed)| *changed) {
        tracing::warn!(key, "this change takes effect when the server starts again");
    }
    settings.server = before.server.clone();
    settings.store = before.store.clone();
    settings.lifetimes.logout_deadline = before.lifetimes.logout_deadline;
    app.egress.set_policy(policy(&settings)?);
    let connections_before = app.clients.connections().all();
    let (gone, connections) = app.clients.replace(&settings);
    app.replace_settings(settings);
    configured_users(app).await?;
    // Whoever is in other groups now may have something open.
    app.gate.wake();
    for client in gone {
        end_sessions_with(app, &client).await?;
    }
    for connection in connections {
        end_sessions_through(app, &connection).await?;
    }
    end_sessions_of_former_providers(app).await?;
    log_connections(app, &connections_before).await?;
    tracing::info!("the changed configuration is in force");
    Ok(())
}

/// Logs which connections came and went.
async fn log_connections(app: &App, before: &[Arc<Connection>]) -> Result<(), StoreError> {
    let after = app.clients.connections().all();
    let lacks = |all: &[Arc<Connection>], one: &Connection| all.iter().all(|other| other.id != one.id);
    let came = after.iter().filter(|one| lacks(before, one)).map(|one| (Kind::ConnectionActivated, one));
    let went = before.iter().filter(|one| lacks(&after, one)).map(|one| (Kind::ConnectionDeleted, one));
    for (kind, connection) in went.chain(came) {
        let event = Event {
            connection: Some(connection.id.clone()),
            organization: connection.organization.clone(),
            party: Some(connection.id.to_string()),
            facts: Facts {
                name: Some(connection.name.clone()),
                connection_type: Some(connection.connection_type.clone()),
                ..Facts::NONE
            },
            ..Event::new(kind, app.clock.now())
        };
        app.store.append_event(event).await?;
    }
    Ok(())
}

/// Ends the live sessions that an application takes part in, because it is gone; it is told as it was registered.
async fn end_sessions_with(app: &App, client: &AppId) -> Result<(), LogoutError> {
    let filter = SessionFilter { user: None, state: SessionState::Live, app: Some(client.clone()) };
    let mut after = None;
    loop {
        let page = app.store.sessions(&filter, after.as_deref(), BATCH).await?;
        for view in page.data {
            let order = Order {
                scope: Scope::Session(view.session.id),
                by: By::Policy,
                party: None,
                reason: Some(format!("the application {client} is gone from the configuration")),
                tell: Tell::Everyone,
                ip: None,
                browser: None,
                named: Vec::new(),
            };
            log_out(app, order).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Ends the live sessions of people whom other providers brought than those that the configuration's connections have now. Those
/// whom the new ones bring are other people, whatever they are called there.
pub(crate) async fn end_sessions_of_former_providers(app: &App) -> Result<(), LogoutError> {
    for connection in &app.settings().connections {
        let Some(issuer) = connection.issuer() else { continue };
        let mut warned = false;
        loop {
            let sessions = app.store.sessions_of_other_issuers(&connection.id, issuer, BATCH).await?;
            if sessions.is_empty() {
                break;
            }
            if !std::mem::replace(&mut warned, true) {
                let id = &connection.id;
                tracing::warn!(connection = %id, issuer, "a connection has another provider now, whose people are new here");
            }
            for session in sessions {
                let order = Order {
                    scope: Scope::Session(session),
                    by: By::Policy,
                    party: None,
                    reason: Some(format!("the connection {} has another identity provider now", connection.id)),
                    tell: Tell::Everyone,
                    ip: None,
                    browser: None,
                    named: Vec::new(),
                };
                match log_out(app, order).await {
                    // Another node was faster.
                    Ok(_) | Err(LogoutError::UnknownTarget) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(())
}

/// Ends the live sessions of a connection that is gone. Its provider is told as it was known at the sign-in.
async fn end_sessions_through(app: &App, connection: &ConnectionId) -> Result<(), LogoutError> {
    loop {
        let sessions = app.store.sessions_through(connection, BATCH).await?;
        if sessions.is_empty() {
            return Ok(());
        }
        for session in sessions {
            let order = Order {
                scope: Scope::Session(session),
                by: By::Policy,
                party: None,
                reason: Some(format!("the connection {connection} is gone from the configuration")),
                tell: Tell::Everyone,
                ip: None,
                browser: None,
                named: Vec::new(),
            };
            log_out(app, order).await?;
        }
    }
}
