//! The applications: those of the configuration, and those that registered themselves.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use acquit_core::{AppId, ConnectionId, Timestamp, participant::Channels};
use acquit_oidc::client::Client;
use acquit_store::{Store, StoreError, client::ClientRecord};

use crate::{broker::registry::Connections, saml::registry::ServiceProviders, settings::Settings};

/// Finds applications. Clones share everything.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    configured: RwLock<Arc<Configured>>,
    service_providers: ServiceProviders,
    connections: Connections,
    store: Store,
    /// The registered ones as last seen, for names and channels only: whether one exists is asked of the store each time,
    /// because another node may have deleted it.
    seen: RwLock<HashMap<AppId, Arc<Client>>>,
}

/// The applications of the configuration.
#[derive(Default)]
struct Configured {
    by_client_id: HashMap<String, Arc<Client>>,
    by_app: HashMap<AppId, Arc<Client>>,
    /// The names of the gateway's hosts.
    hosts: HashMap<AppId, String>,
}

impl Configured {
    fn of(settings: &Settings) -> Self {
        let clients: Vec<Arc<Client>> = settings.applications.iter().cloned().map(Arc::new).collect();
        let mut hosts = HashMap::new();
        for route in &settings.gateway.routes {
            // Of several routes of a host the first one's.
            hosts.entry(route.from.app()).or_insert_with(|| route.label().to_owned());
        }
        Self {
            by_app: clients.iter().map(|client| (client.app.clone(), client.clone())).collect(),
            by_client_id: clients.into_iter().map(|client| (client.client_id.clone(), client)).collect(),
            hosts,
        }
    }
}

impl Clients {
    /// The applications of the configuration, and access to the registered ones.
    ///
    /// # Errors
    /// [`StoreError`] when the registered ones cannot be read.
    pub async fn load(settings: &Settings, store: Store) -> Result<Self, StoreError> {
        let clients = Self(Arc::new(Inner {
            configured: RwLock::new(Arc::new(Configured::of(settings))),
            service_providers: ServiceProviders::new(settings.saml_applications.clone()),
            connections: Connections::new(settings),
            store,
            seen: RwLock::default(),
        }));
        let mut after = None;
        loop {
            let page = clients.0.store.clients(after.as_deref(), 500).await?;
            for record in page.data {
                clients.see(&record);
            }
            after = page.next;
            if after.is_none() {
                return Ok(clients);
            }
        }
    }

    /// The application with this `client_id`.
    ///
    /// # Errors
    /// [`StoreError`] when it may be a registered one and the store does not answer.
    pub async fn find(&self, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.configured().by_client_id.get(client_id) {
            return Ok(Some(client.clone()));
        }
        if client_id.len() > acquit_core::id::MAX_ID_LEN {
            return Ok(None);
        }
        Ok(self.0.store.client(client_id).await?.and_then(|record| self.see(&record)))
    }

    /// The application with this id.
    ///
    /// # Errors
    /// As [`Clients::find`].
    pub async fn by_app(&self, app: &AppId) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.configured().by_app.get(app) {
            return Ok(Some(client.clone()));
        }
        // A registered application's id is its `client_id`.
        self.find(app.as_str()).await
    }

    /// The SAML applications.
    #[must_use]
    pub fn service_providers(&self) -> &ServiceProviders {
        &self.0.service_providers
    }

    /// The connections to identity providers, and the applications that use the broker.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.0.connections
    }

    fn configured(&self) -> Arc<Configured> {
        self.0.configured.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the applications and connections of a changed configuration over; returns those that are gone from it.
    #[must_use]
    pub fn replace(&self, settings: &Settings) -> (Vec<AppId>, Vec<ConnectionId>) {
        let fresh = Arc::new(Configured::of(settings));
        let mut all_gone = self.0.service_providers.replace(settings.saml_applications.clone());
        let (applications, connections) = self.0.connections.replace(settings);
        all_gone.extend(applications);
        let mut current = self.0.configured.write().unwrap_or_else(PoisonError::into_inner);
        let gone = current.by_app.keys().filter(|app| !fresh.by_app.contains_key(*app)).cloned();
        all_gone.extend(gone);
        *current = fresh;
        (all_gone, connections)
    }

    /// What people call the application; its id when nobody gave it a name.
    #[must_use]
    pub fn name(&self, app: &AppId) -> String {
        let named = self.0.service_providers.name(app).or_else(|| self.0.connections.name(app));
        let named = named.or_else(|| self.known(app).map(|client| client.name.clone()));
        named.or_else(|| self.configured().hosts.get(app).cloned()).unwrap_or_else(|| app.to_string())
    }

    /// Whether this is a host of the gateway, which is told of every logout because it is Acquit's own.
    #[must_use]
    pub fn is_host(&self, app: &AppId) -> bool {
        self.configured().hosts.contains_key(app)
    }

    /// How the application can be told now; none when it is gone, and what it was told it by before counts.
    #[must_use]
    pub fn channels(&self, app: &AppId, now: Timestamp) -> Option<Channels> {
        let other = self.0.service_providers.channels(app, now).or_else(|| self.0.connections.channels(app));
        other.or_else(|| self.known(app).map(|client| client.channels()))
    }

    /// Takes note of a registered application, as it was just written or read.
    pub fn see(&self, record: &ClientRecord) -> Option<Arc<Client>> {
        let client: Client = match serde_json::from_str(&record.metadata) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(client_id = record.client_id, %error, "a registered application cannot be read");
                return None;
            }
        };
        let client = Arc::new(client);
        let mut seen = self.0.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.insert(client.app.clone(), client.clone());
        Some(client)
    }

    fn known(&self, app: &AppId) -> Option<Arc<Client>> {
        let configured = self.configured().by_app.get(app).cloned();
        configured.or_else(|| self.0.seen.read().unwrap_or_else(PoisonError::into_inner).get(app).cloned())
    }
}
