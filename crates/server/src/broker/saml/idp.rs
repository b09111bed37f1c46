//! A connection's SAML identity provider, with the metadata that counts now.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use acquit_core::{
    ConnectionId, Timestamp,
    participant::NameIdForm,
    upstream::{SamlUpstream, UpstreamChannels},
};
use acquit_saml::{Error, metadata::IdentityProvider, security::Trust};

use crate::settings::{
    Connection,
    broker::SamlProvider,
    saml::{Source, told_at},
};

/// A connection and the metadata of its provider.
#[derive(Clone, Debug)]
pub struct Idp {
    /// What is configured.
    pub connection: Arc<Connection>,
    /// What its metadata says.
    pub metadata: Arc<IdentityProvider>,
}

impl Idp {
    /// Its keys, while its metadata is good.
    ///
    /// # Errors
    /// [`Error::Time`] when that has expired, [`Error::NoKey`].
    pub fn trust(&self, now: Timestamp) -> Result<Trust, Error> {
        if self.has_expired(now) { Err(Error::Time) } else { self.metadata.trust() }
    }

    /// Whether its metadata has passed its end: nobody vouches for its keys and addresses any more. Says so in the log.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        let expired = self.metadata.role.expired(now);
        if expired {
            let connection = &self.connection.id;
            tracing::warn!(%connection, "the metadata of an identity provider has expired (validUntil): nobody signs in there");
        }
        expired
    }

    /// How it can be told of the end of a session whose person it calls so.
    #[must_use]
    pub fn channels(&self, saml: &SamlProvider, name_id: NameIdForm) -> UpstreamChannels {
        let (soap, hop) = told_at(saml.slo_binding, &self.metadata.role);
        let saml = SamlUpstream { entity_id: self.metadata.entity_id.clone(), name_id, soap, hop };
        UpstreamChannels { saml: Some(saml), propagate: self.connection.propagate, ..UpstreamChannels::default() }
    }
}

/// The metadata that was fetched for connections. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct IdentityProviders(Arc<RwLock<HashMap<ConnectionId, Fetched>>>);

#[derive(Debug)]
struct Fetched {
    source: Source<IdentityProvider>,
    metadata: Arc<IdentityProvider>,
}

impl IdentityProviders {
    /// Takes over the metadata that was fetched for a connection as it was configured then.
    pub fn learn(&self, fetched: &Connection, metadata: IdentityProvider) {
        let Some(saml) = fetched.saml() else { return };
        let known = Fetched { source: saml.source.clone(), metadata: Arc::new(metadata) };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(fetched.id.clone(), known);
    }

    /// The provider of a connection; none when it is not a SAML one, or its metadata was never fetched from where it is said to
    /// be now.
    #[must_use]
    pub fn of(&self, connection: &Arc<Connection>) -> Option<Idp> {
        let metadata = match &connection.saml()?.source {
            Source::Given(metadata) => Arc::new(metadata.as_ref().clone()),
            source => {
                let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
                let fetched = known.get(&connection.id).filter(|fetched| fetched.source.is_same_document(source));
                fetched?.metadata.clone()
            }
        };
        Some(Idp { connection: connection.clone(), metadata })
    }
}
