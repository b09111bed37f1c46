//! The connections, the organizations, and the applications that use the broker: as the configuration has them, together with
//! what was made through the management API.

use std::sync::{Arc, PoisonError, RwLock};

use acquit_core::{AppId, ConnectionId, OrganizationId, participant::Channels};

use super::{
    made::Made,
    saml::idp::{IdentityProviders, Idp},
};
use crate::settings::{BrokerApplication, Connection, Organization, Settings};

mod listed;
mod merge;

pub use listed::{ListedConnection, ListedDomain, ListedOrganization};

/// Finds connections and who uses them. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    state: Arc<RwLock<State>>,
    identity_providers: IdentityProviders,
}

#[derive(Debug, Default)]
struct State {
    /// What the configuration says.
    file: Arc<Configured>,
    /// What was made through the API.
    made: Arc<Made>,
    /// Both.
    all: Arc<Configured>,
}

#[derive(Debug, Default)]
struct Configured {
    connections: Vec<Arc<Connection>>,
    /// Those that are gone while this server runs: their providers are still told, and answer.
    gone: Vec<Arc<Connection>>,
    organizations: Vec<Arc<Organization>>,
    applications: Vec<Arc<BrokerApplication>>,
    /// The same as the management API shows it, with what is not in use now.
    listed_connections: Vec<Arc<ListedConnection>>,
    listed_organizations: Vec<Arc<ListedOrganization>>,
}

impl Configured {
    fn of(settings: &Settings) -> Self {
        Self {
            connections: settings.connections.iter().cloned().map(Arc::new).collect(),
            organizations: settings.organizations.iter().cloned().map(Arc::new).collect(),
            applications: settings.broker_applications.iter().cloned().map(Arc::new).collect(),
            ..Self::default()
        }
    }
}

impl Connections {
    /// Those of the configuration.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let connections = Self::default();
        let _ = connections.replace(settings);
        connections
    }

    fn configured(&self) -> Arc<Configured> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// Takes those of a changed configuration over; returns the applications and the connections that are gone from it.
    #[must_use]
    pub fn replace(&self, settings: &Settings) -> (Vec<AppId>, Vec<ConnectionId>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.file = Arc::new(Configured::of(settings));
        state.merge()
    }

    /// Takes over what was made through the API, unless a later state of it is known.
    pub fn take(&self, made: Made) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if made.version >= state.made.version {
            state.made = Arc::new(made);
            // Who is gone owes its sessions a logout in the store; nothing is left to be done here.
            let _ = state.merge();
        }
    }

    /// The number of the last change of what was made through the API.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).made.version
    }

    /// All connections as the management API shows them, those of the configuration first.
    #[must_use]
    pub fn listed(&self) -> Vec<Arc<ListedConnection>> {
        self.configured().listed_connections.clone()
    }

    /// All organizations as the management API shows them, those of the configuration first.
    #[must_use]
    pub fn listed_organizations(&self) -> Vec<Arc<ListedOrganization>> {
        self.configured().listed_organizations.clone()
    }

    /// The connection with this id.
    #[must_use]
    pub fn find(&self, id: &ConnectionId) -> Option<Arc<Connection>> {
        self.configured().connections.iter().find(|connection| connection.id == *id).cloned()
    }

    /// The OpenID connection with this key in its URLs.
    #[must_use]
    pub fn by_key(&self, external_key: &str) -> Option<Arc<Connection>> {
        let configured = self.configured();
        let mut oidc = configured.connections.iter().filter(|connection| connection.oidc().is_some());
        oidc.find(|connection| connection.external_key == external_key).cloned()
    }

    /// The metadata of SAML providers that was fetched.
    #[must_use]
    pub fn identity_providers(&self) -> &IdentityProviders {
        &self.identity_providers
    }

    /// The SAML identity provider of a connection, if its metadata is known.
    #[must_use]
    pub fn identity_provider(&self, id: &ConnectionId) -> Option<Idp> {
        self.identity_providers.of(&self.find(id)?)
    }

    /// The SAML identity provider of a connection whose answers are believed: also one that is gone from the configuration, which
    /// is told of that and answers.
    #[must_use]
    pub fn that_answers(&self, id: &ConnectionId) -> Option<Idp> {
        let gone = || self.configured().gone.iter().rev().find(|connection| connection.id == *id).cloned();
        self.identity_providers.of(&self.find(id).or_else(gone)?)
    }

    /// All connections, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.configured().connections.clone()
    }

    /// The organization with this id.
    #[must_use]
    pub fn organization(&self, id: &OrganizationId) -> Option<Arc<Organization>> {
        self.configured().organizations.iter().find(|organization| organization.id == *id).cloned()
    }

    /// The organization that has this mail domain.
    #[must_use]
    pub fn by_domain(&self, domain: &str) -> Option<Arc<Organization>> {
        let domain = domain.to_ascii_lowercase();
        let configured = self.configured();
        configured.organizations.iter().find(|organization| organization.domains.contains(&domain)).cloned()
    }

    /// All organizations, in the order of the configuration.
    #[must_use]
    pub fn organizations(&self) -> Vec<Arc<Organization>> {
        self.configured().organizations.clone()
    }

    /// The broker application with this id.
    #[must_use]
    pub fn application(&self, app: &AppId) -> Option<Arc<BrokerApplication>> {
        self.configured().applications.iter().find(|application| application.app == *app).cloned()
    }

    /// The broker application with this `client_id`.
    #[must_use]
    pub fn by_client_id(&self, client_id: &str) -> Option<Arc<BrokerApplication>> {
        self.configured().applications.iter().find(|application| application.client_id == client_id).cloned()
    }

    /// The broker application whose API key this is. Every key is compared, whichever fits.
    #[must_use]
    pub fn by_api_key(&self, key: &str) -> Option<Arc<BrokerApplication>> {
        let configured = self.configured();
        configured.applications.iter().fold(None, |found, application| {
            if application.api_key.matches(key) { Some(application.clone()) } else { found }
        })
    }

    /// What people call a party that is a connection or a broker application.
    #[must_use]
    pub fn name(&self, party: &AppId) -> Option<String> {
        let connection = ConnectionId::parse(party.as_str()).ok().and_then(|id| self.find(&id));
        let named = connection.map(|connection| connection.name.clone());
        named.or_else(|| self.application(party).map(|application| application.name.clone()))
    }

    /// How a broker application can be told now.
    #[must_use]
    pub fn channels(&self, app: &AppId) -> Option<Channels> {
        self.application(app).map(|application| application.channels())
    }
}
