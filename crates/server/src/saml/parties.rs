//! Who we are in SAML and whom we trust, for the worker and the doors alike.

use std::sync::Arc;

use acquit_core::{Timestamp, step::SamlNamed};
use acquit_saml::security::Trust;

use super::{keys::SamlKeys, party::Party};
use crate::{
    broker::saml as upstream,
    clients::Clients,
    outbox::{Ours, Parties},
};

/// Our keys and the registries, as they are at the moment.
pub struct OurParties {
    keys: SamlKeys,
    clients: Clients,
    issuer: String,
}

impl OurParties {
    /// Those of an issuer.
    #[must_use]
    pub fn new(keys: SamlKeys, clients: Clients, issuer: &str) -> Self {
        Self { keys, clients, issuer: issuer.to_owned() }
    }

    /// The party that a LogoutRequest is for, if it is still the entity that was planned for.
    fn party(&self, named: &SamlNamed) -> Option<Party> {
        let party = match &named.connection {
            None => Party::Application(self.clients.service_providers().that_answers(&named.entity_id)?),
            Some(connection) => Party::Provider(self.clients.connections().that_answers(connection)?),
        };
        Some(party).filter(|party| party.entity_id() == named.entity_id)
    }
}

impl Parties for OurParties {
    fn ours(&self, named: &SamlNamed, now: Timestamp) -> Option<Arc<Ours>> {
        let (signer, signs_from) = self.keys.signing(now)?;
        let issuer = &self.issuer;
        let (entity_id, endpoints) = match &named.connection {
            None => (super::entity_id(issuer), vec![format!("{issuer}/saml/slo"), format!("{issuer}/saml/slo/soap")]),
            Some(connection) => {
                let slo = format!("{issuer}{}", upstream::slo_path(connection));
                (upstream::entity_id(issuer, connection), vec![slo])
            }
        };
        Some(Arc::new(Ours { entity_id, signer, signs_from, endpoints }))
    }

    fn trust(&self, named: &SamlNamed, now: Timestamp) -> Option<Trust> {
        self.party(named)?.trust(now).ok()
    }

    fn has_expired(&self, named: &SamlNamed, now: Timestamp) -> bool {
        self.party(named).is_some_and(|party| party.has_expired(now))
    }
}
