//! Who is at the other end of a SAML exchange: an application, to which we are the identity provider, or a connection's
//! identity provider, to which we are a service provider. Single logout is the same with both.

use std::sync::Arc;

use acquit_core::{AppId, ConnectionId, Timestamp};
use acquit_saml::{Error, metadata::Role, security::Trust};

use super::{entity_id, registry::Sp};
use crate::{
    App,
    broker::saml::{self as upstream, idp::Idp},
};

/// The other end.
#[derive(Clone, Debug)]
pub enum Party {
    /// An application.
    Application(Arc<Sp>),
    /// An identity provider.
    Provider(Idp),
}

impl Party {
    /// The one with this id here, if its metadata is known.
    #[must_use]
    pub fn find(app: &App, id: &AppId) -> Option<Self> {
        if let Some(sp) = app.clients.service_providers().by_app(id) {
            return Some(Self::Application(sp));
        }
        let connection = ConnectionId::parse(id.as_str()).ok()?;
        app.clients.connections().identity_provider(&connection).map(Self::Provider)
    }

    /// Its id here: the party of receipts.
    #[must_use]
    pub fn id(&self) -> AppId {
        match self {
            Self::Application(sp) => sp.app().clone(),
            Self::Provider(idp) => idp.connection.id.party(),
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Application(sp) => &sp.settings.name,
            Self::Provider(idp) => &idp.connection.name,
        }
    }

    /// Its entity ID.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        match self {
            Self::Application(sp) => sp.entity_id(),
            Self::Provider(idp) => &idp.metadata.entity_id,
        }
    }

    /// Its keys and addresses.
    #[must_use]
    pub fn role(&self) -> &Role {
        match self {
            Self::Application(sp) => &sp.metadata.role,
            Self::Provider(idp) => &idp.metadata.role,
        }
    }

    /// Whether its metadata has passed its end.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        match self {
            Self::Application(sp) => sp.has_expired(now),
            Self::Provider(idp) => idp.has_expired(now),
        }
    }

    /// Its keys, while its metadata is good.
    ///
    /// # Errors
    /// [`Error::Time`] when that has expired, [`Error::NoKey`].
    pub fn trust(&self, now: Timestamp) -> Result<Trust, Error> {
        match self {
            Self::Application(sp) => sp.trust(now),
            Self::Provider(idp) => idp.trust(now),
        }
    }

    /// Our own name towards it.
    #[must_use]
    pub fn our_name(&self, issuer: &str) -> String {
        match self {
            Self::Application(_) => entity_id(issuer),
            Self::Provider(idp) => upstream::entity_id(issuer, &idp.connection.id),
        }
    }
}
