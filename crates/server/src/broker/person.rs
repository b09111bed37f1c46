//! What an identity provider says of a person, as we keep it and as the broker tells it on.

use acquit_core::UserId;
use acquit_oidc::rp::attributes::{self, AttributeMap};
use acquit_store::{
    upstream::{Person, Profile},
    user::User,
};
use serde_json::{Map, Value, json};

use super::ids;
use crate::settings::Connection;

/// The person whom `claims` describe. Nobody's provider can put them into a group of the operator's: its groups are
/// `conn_…/group` until the connection maps them.
#[must_use]
pub fn person(fresh_id: UserId, connection: &Connection, subject: &str, claims: &Map<String, Value>) -> Person {
    let read = map_of(connection).profile(subject, claims);
    let names = &connection.attributes.group_names;
    let here = |group: &String| {
        let mapped = names.iter().find(|(theirs, _)| theirs == group).map(|(_, ours)| ours.clone());
        mapped.unwrap_or_else(|| format!("{}/{group}", connection.id))
    };
    Person {
        fresh_id,
        connection: connection.id.clone(),
        idp_id: read.idp_id,
        email: read.email,
        email_verified: read.email_verified,
        name: read.name.or_else(|| both(read.first_name.as_deref(), read.last_name.as_deref())),
        groups: read.groups.iter().map(here).collect(),
        profile: Profile {
            first_name: read.first_name,
            last_name: read.last_name,
            groups: read.groups,
            custom_attributes: read.custom.into_iter().collect(),
        },
    }
}

fn both(first: Option<&str>, last: Option<&str>) -> Option<String> {
    Some(format!("{} {}", first?, last?))
}

fn map_of(connection: &Connection) -> attributes::AttributeMap {
    let wanted = &connection.attributes;
    let standard = AttributeMap::default();
    AttributeMap {
        email: wanted.email.clone().unwrap_or(standard.email),
        first_name: wanted.first_name.clone().unwrap_or(standard.first_name),
        last_name: wanted.last_name.clone().unwrap_or(standard.last_name),
        groups: wanted.groups.clone().unwrap_or(standard.groups),
        custom: wanted.custom.iter().cloned().collect(),
        email_verified: standard.email_verified,
        name: standard.name,
    }
}

/// A user as WorkOS's Profile object. Every key is there: clients break where one is missing.
#[must_use]
pub fn profile(user: &User, connection: &Connection) -> Value {
    let origin = user.origin.as_ref();
    let said = origin.map(|origin| origin.profile.clone()).unwrap_or_default();
    json!({
        "object": "profile",
        "id": ids::profile(&user.id),
        "organization_id": connection.organization.as_ref().map(acquit_core::OrganizationId::as_str),
        "connection_id": connection.id.as_str(),
        "connection_type": connection.connection_type,
        "idp_id": origin.map(|origin| origin.idp_id.as_str()).unwrap_or_default(),
        "email": user.email.as_deref().unwrap_or_default(),
        "first_name": said.first_name,
        "last_name": said.last_name,
        "name": user.name,
        "role": null,
        "roles": null,
        "groups": said.groups,
        "custom_attributes": said.custom_attributes,
        "raw_attributes": {},
    })
}
