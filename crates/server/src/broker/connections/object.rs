//! WorkOS's Connection object. Every key is there: clients break where one is missing.

use serde_json::{Value, json};

use crate::{
    App,
    broker::registry::{ListedConnection, ListedOrganization},
};

/// A connection on the wire, with the mail domains of its organization.
#[must_use]
pub(super) fn connection(listed: &ListedConnection, organization: Option<&ListedOrganization>) -> Value {
    let domains = organization
        .into_iter()
        .flat_map(ListedOrganization::verified)
        .map(|domain| json!({ "id": domain.id.as_str(), "object": "connection_domain", "domain": domain.domain }));
    json!({
        "object": "connection",
        "id": listed.id.as_str(),
        "organization_id": listed.organization.as_ref().map(acquit_core::OrganizationId::as_str),
        "connection_type": listed.connection_type,
        "name": listed.name,
        "external_id": listed.record.as_ref().and_then(|record| record.external_id.as_deref()),
        "state": if listed.active { "active" } else { "inactive" },
        "status": if listed.active { "linked" } else { "unlinked" },
        "domains": domains.collect::<Vec<_>>(),
        "created_at": listed.created_at,
        "updated_at": listed.updated_at,
    })
}

/// The same, with the organization looked up.
#[must_use]
pub(super) fn shown(app: &App, listed: &ListedConnection) -> Value {
    let organizations = app.clients.connections().listed_organizations();
    let of = organizations.iter().find(|organization| Some(&organization.id) == listed.organization.as_ref());
    connection(listed, of.map(|organization| &**organization))
}
