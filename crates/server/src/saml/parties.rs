//! Who we are in SAML and whom we trust, for the worker and the doors alike.

use std::sync::Arc;

use acquit_core::Timestamp;
use acquit_saml::security::Trust;

use super::{entity_id, keys::SamlKeys};
use crate::{
    clients::Clients,
    outbox::{Ours, Parties},
};

/// Our keys and the registry of applications, as they are at the moment.
pub struct OurParties {
    keys: SamlKeys,
    clients: Clients,
    entity_id: String,
    endpoints: Vec<String>,
}

impl OurParties {
    /// Those of an issuer.
    #[must_use]
    pub fn new(keys: SamlKeys, clients: Clients, issuer: &str) -> Self {
        let endpoints = vec![format!("{issuer}/saml/slo"), format!("{issuer}/saml/slo/soap")];
        Self { keys, clients, entity_id: entity_id(issuer), endpoints }
    }
}

impl Parties for OurParties {
    fn ours(&self, now: Timestamp) -> Option<Arc<Ours>> {
        let (signer, signs_from) = self.keys.signing(now)?;
        let endpoints = self.endpoints.clone();
        Some(Arc::new(Ours { entity_id: self.entity_id.clone(), signer, signs_from, endpoints }))
    }

    fn trust(&self, entity_id: &str, now: Timestamp) -> Option<Trust> {
        self.clients.service_providers().that_answers(entity_id)?.trust(now).ok()
    }

    fn has_expired(&self, entity_id: &str, now: Timestamp) -> bool {
        self.clients.service_providers().that_answers(entity_id).is_some_and(|sp| sp.has_expired(now))
    }
}
