//! What commands that work on the store need: its settings, the time, users by name, and the one way to log out.

use acquit_core::{
    LogoutId, Timestamp, UserId,
    plan::{By, Request, Scope, Tell},
    receipt::Receipt,
};
use acquit_server::{
    clients::Clients,
    clock::{Clock, SystemClock},
    random,
    settings::Settings,
};
use acquit_store::{
    Store,
    logout::{LoggedOut, LogoutOrder},
    user::User,
};

use super::{CommandError, Global, check};
use crate::config::{diagnostic::quoted, environment::Environment};

/// The store and what belongs to it.
pub(super) struct Workshop {
    pub(super) settings: Settings,
    pub(super) store: Store,
    clients: Clients,
}

impl Workshop {
    /// Reads the configuration and opens the store that it names.
    pub(super) async fn open(global: &Global, environment: &Environment) -> Result<Self, CommandError> {
        let settings = check::settings(global, environment)?;
        settings.store.prepare()?;
        let store = Store::open(settings.store.url().expose()).await?;
        let clients = Clients::load(&settings, store.clone()).await?;
        Ok(Self { settings, store, clients })
    }

    /// The applications and connections of the configuration.
    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// The user of this username or id.
    pub(super) async fn user(&self, name: &str) -> Result<User, CommandError> {
        if let Some(user) = self.store.user_by_username(name).await? {
            return Ok(user);
        }
        if let Ok(id) = UserId::parse(name)
            && let Some(user) = self.store.user(&id).await?
        {
            return Ok(user);
        }
        Err(CommandError::Failed(format!("there is no user {}", quoted(name))))
    }

    /// Ends what `scope` names. The steps are durable and due at once; a running server delivers them.
    pub(super) async fn log_out(&self, scope: Scope, by: By, reason: Option<&str>) -> Result<LoggedOut, CommandError> {
        let request = Request {
            id: LogoutId::from_random(random_bytes()?),
            scope,
            by,
            party: (by == By::Administrator).then(|| "command".to_owned()),
            reason: reason.map(str::to_owned),
            tell: Tell::Everyone,
            at: self.now(),
            ip: None,
            browser: None,
            named: Vec::new(),
            deadline: self.settings.lifetimes.logout_deadline,
        };
        let (clients, now) = (self.clients.clone(), self.now());
        let order = LogoutOrder { request, lease: None, receipt_key_hash: None, once: None };
        let done = self.store.log_out(order, move |app| clients.channels(app, now)).await?;
        done.map_err(|unknown| CommandError::Failed(unknown.to_string()))
    }

    /// The receipt of a logout.
    pub(super) async fn receipt(&self, logout: &LogoutId) -> Result<Receipt, CommandError> {
        let receipt = self.store.receipt(logout).await?;
        receipt.ok_or_else(|| CommandError::Failed(format!("there is no logout {logout}")))
    }
}

/// Random bytes for an identifier.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], CommandError> {
    random::bytes().map_err(|error| CommandError::Failed(error.to_string()))
}
