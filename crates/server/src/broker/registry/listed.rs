//! Organizations and connections as the management API shows them: whoever they belong to, and also while nobody may come
//! through them.

use acquit_core::{ConnectionId, DomainId, OrganizationId, Timestamp, id::made_at};
use acquit_store::management::{ConnectionRecord, DomainRecord, OrganizationRecord};
use serde_json::{Map, Value};

use crate::{
    random,
    settings::{Connection, Organization},
};

/// A connection.
#[derive(Clone, Debug)]
pub struct ListedConnection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose people come through it.
    pub organization: Option<OrganizationId>,
    /// Its name for people.
    pub name: String,
    /// What WorkOS calls its type.
    pub connection_type: String,
    /// What stands for it in its URLs.
    pub external_key: String,
    /// Whether people may come through it.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// As the store has it, if it was made through the API; otherwise it is the configuration's.
    pub record: Option<ConnectionRecord>,
}

/// An organization.
#[derive(Clone, Debug)]
pub struct ListedOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name for people.
    pub name: String,
    /// Its mail domains.
    pub domains: Vec<ListedDomain>,
    /// Whether its providers may also sign in people whose address is in none of them.
    pub outsiders: bool,
    /// What the application keeps with it.
    pub metadata: Map<String, Value>,
    /// The application's own name for it.
    pub external_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// As the store has it, if it was made through the API; otherwise it is the configuration's.
    pub record: Option<OrganizationRecord>,
}

/// A mail domain of an organization.
#[derive(Clone, Debug)]
pub struct ListedDomain {
    /// Its id.
    pub id: DomainId,
    /// The domain, in lower case.
    pub domain: String,
    /// Whether it routes people and admits addresses.
    pub verified: bool,
    /// What its owner would publish; none where the operator vouches for it.
    pub token: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// When something of the configuration was made: what its id says, if it is one that begins with a time, as all of WorkOS's do.
/// Otherwise nobody knows, and it is the beginning of time on every node and after every start.
fn since(id: &str) -> Timestamp {
    made_at(id).unwrap_or_default()
}

impl ListedConnection {
    /// One of the configuration.
    #[must_use]
    pub fn of_file(connection: &Connection) -> Self {
        Self {
            id: connection.id.clone(),
            organization: connection.organization.clone(),
            name: connection.name.clone(),
            connection_type: connection.connection_type.clone(),
            external_key: connection.external_key.clone(),
            active: true,
            created_at: since(connection.id.as_str()),
            updated_at: since(connection.id.as_str()),
            record: None,
        }
    }

    /// One that was made through the API.
    #[must_use]
    pub fn of_store(record: &ConnectionRecord, active: bool) -> Self {
        Self {
            id: record.id.clone(),
            organization: Some(record.organization.clone()),
            name: record.name.clone(),
            connection_type: record.connection_type.clone(),
            external_key: record.external_key.clone(),
            active,
            created_at: record.created_at,
            updated_at: record.updated_at,
            record: Some(record.clone()),
        }
    }
}

impl ListedOrganization {
    /// One of the configuration. The operator vouches for its domains.
    #[must_use]
    pub fn of_file(organization: &Organization) -> Self {
        let at = since(organization.id.as_str());
        let domains = organization.domains.iter().map(|domain| {
            let [bits @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
                random::hash(&format!("{}\0{domain}", organization.id));
            ListedDomain {
                id: DomainId::from_random(bits),
                domain: domain.clone(),
                verified: true,
                token: None,
                created_at: at,
                updated_at: at,
            }
        });
        Self {
            id: organization.id.clone(),
            name: organization.name.clone(),
            domains: domains.collect(),
            outsiders: organization.outsiders,
            metadata: Map::new(),
            external_id: None,
            created_at: at,
            updated_at: at,
            record: None,
        }
    }

    /// One that was made through the API; `counts` says which of its verified domains are nobody else's.
    #[must_use]
    pub fn of_store(record: &OrganizationRecord, counts: impl Fn(&str) -> bool) -> Self {
        let domain = |domain: &DomainRecord| ListedDomain {
            id: domain.id.clone(),
            domain: domain.domain.clone(),
            verified: domain.verified && counts(&domain.domain),
            token: Some(domain.token.clone()),
            created_at: domain.created_at,
            updated_at: domain.updated_at,
        };
        Self {
            id: record.id.clone(),
            name: record.name.clone(),
            domains: record.domains.iter().map(domain).collect(),
            outsiders: false,
            metadata: record.metadata.clone(),
            external_id: record.external_id.clone(),
            created_at: record.created_at,
            updated_at: record.updated_at,
            record: Some(record.clone()),
        }
    }

    /// The domains that route people and admit addresses.
    pub fn verified(&self) -> impl Iterator<Item = &ListedDomain> {
        self.domains.iter().filter(|domain| domain.verified)
    }
}
