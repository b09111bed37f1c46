//! What an identity provider says of a person, as we keep it and as the broker tells it on.

use acquit_core::UserId;
use acquit_oidc::rp::attributes::{self, AttributeMap};
use acquit_store::{
    upstream::{Person, Profile},
    user::User,
};
use serde_json::{Map, Value, json};

use super::ids;
use crate::{
    clients::Clients,
    settings::{Connection, Organization},
};

/// The person whom `claims` of the provider `issuer` describe. Nobody's provider can put them into a group of the operator's: its groups are
/// `conn_…/group` until the connection maps them. Nor can a customer's provider give them an address of anybody else's:
/// applications that know people by their address are told one only if it is in a domain of `organization`, which is the
/// connection's; a provider that belongs to no organization is the operator's own.
#[must_use]
pub fn person(
    fresh_id: UserId,
    (connection, organization): (&Connection, Option<&Organization>),
    (issuer, subject): (&str, &str),
    claims: &Map<String, Value>,
) -> Person {
    let read = map_of(connection).profile(subject, claims);
    let email = read.email.clone().filter(|email| connection.organization.is_none() || is_of(organization, email));
    let names = &connection.attributes.group_names;
    let here = |group: &String| {
        let mapped = names.iter().find(|(theirs, _)| theirs == group).map(|(_, ours)| ours.clone());
        mapped.unwrap_or_else(|| format!("{}/{group}", connection.id))
    };
    Person {
        fresh_id,
        connection: connection.id.clone(),
        issuer: issuer.to_owned(),
        idp_id: read.idp_id,
        email_verified: email.is_some() && read.email_verified,
        email,
        name: read.name.or_else(|| both(read.first_name.as_deref(), read.last_name.as_deref())),
        groups: read.groups.iter().map(here).collect(),
        profile: Profile {
            email: read.email,
            first_name: read.first_name,
            last_name: read.last_name,
            groups: read.groups,
            custom_attributes: read.custom.into_iter().collect(),
        },
    }
}

/// Whether somebody is none of an organization's people, by their address: a provider that serves everybody would otherwise make
/// anybody one of them. An organization without domains has nothing to compare with.
#[must_use]
pub fn is_outsider(organization: Option<&Organization>, person: &Person) -> bool {
    let strict = organization.filter(|organization| !organization.outsiders && !organization.domains.is_empty());
    strict.is_some_and(|_| !person.profile.email.as_ref().is_some_and(|email| is_of(organization, email)))
}

/// The address of a user that others are told. That of a customer's person is told only while its domain is their organization's:
/// one that was taken away may be somebody else's by now.
#[must_use]
pub fn address<'a>(clients: &Clients, user: &'a User) -> Option<&'a str> {
    let email = user.email.as_deref()?;
    let Some(origin) = &user.origin else { return Some(email) };
    let connections = clients.connections();
    let connection = connections.find(&origin.connection)?;
    let Some(organization) = &connection.organization else { return Some(email) };
    is_of(connections.organization(organization).as_deref(), email).then_some(email)
}

/// Whether an address is in a domain of this organization.
fn is_of(organization: Option<&Organization>, email: &str) -> bool {
    let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    domain.is_some_and(|domain| organization.is_some_and(|organization| organization.domains.contains(&domain)))
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
        "email": said.email.unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use acquit_core::{ConnectionId, OrganizationId};
    use acquit_oidc::jose::Algorithm;

    use super::*;
    use crate::settings::broker::{Authentication, IdpLogout, OidcProvider, UpstreamProvider};

    fn connection(organization: Option<&Organization>) -> Connection {
        Connection {
            id: ConnectionId::parse("conn_1").unwrap(),
            organization: organization.map(|organization| organization.id.clone()),
            name: "Example".to_owned(),
            external_key: "key".to_owned(),
            connection_type: "GenericOIDC".to_owned(),
            provider: UpstreamProvider::Oidc(OidcProvider {
                issuer: "https://idp.example".to_owned(),
                client_id: "acquit".to_owned(),
                authentication: Authentication::None,
                scopes: Vec::new(),
                algorithm: Algorithm::Rs256,
                userinfo: false,
                prompt: None,
                parameters: Vec::new(),
                shared_callback: false,
            }),
            propagate: true,
            idp_logout: IdpLogout::Act,
            frames: crate::settings::broker::Frames::Named,
            attributes: crate::settings::broker::AttributeMap {
                group_names: vec![("Everyone".to_owned(), "staff".to_owned())],
                ..Default::default()
            },
            revalidate: None,
        }
    }

    fn read(organization: Option<&Organization>, claims: Value) -> Person {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        person(
            UserId::from_random([1; 16]),
            (&connection(organization), organization),
            ("https://idp.example", "sub"),
            &claims,
        )
    }

    fn example() -> Organization {
        let id = OrganizationId::parse("org_1").unwrap();
        Organization { id, name: "Example".to_owned(), domains: vec!["example.com".to_owned()], outsiders: false }
    }

    #[test]
    fn a_customers_provider_gives_nobody_an_address_of_anybody_elses() {
        for theirs in ["boss@operator.example", "a@sub.example.com", "a@notexample.com"] {
            let read = read(Some(&example()), json!({ "email": theirs, "email_verified": true }));
            assert_eq!((read.email, read.email_verified), (None, false), "{theirs}");
            assert_eq!(read.profile.email.as_deref(), Some(theirs), "who knows the connection sees what it said");
        }
        for no_address in ["a@evil.example@example.com", "a@example.com@evil.example", "@example.com", "a"] {
            let read = read(Some(&example()), json!({ "email": no_address, "email_verified": true }));
            assert_eq!((read.email, read.profile.email), (None, None), "{no_address}");
        }
        let own = read(Some(&example()), json!({ "email": "Ann@Example.COM", "email_verified": true }));
        assert_eq!((own.email.as_deref(), own.email_verified), (Some("Ann@Example.COM"), true));
        let unverified = read(Some(&example()), json!({ "email": "ann@example.com" }));
        assert!(unverified.email.is_some() && !unverified.email_verified);
        let own_provider = read(None, json!({ "email": "ann@any.example", "email_verified": true }));
        assert_eq!((own_provider.email.as_deref(), own_provider.email_verified), (Some("ann@any.example"), true));
    }

    #[test]
    fn who_is_in_none_of_an_organizations_domains_is_an_outsider() {
        let named = |email: Value| read(Some(&example()), json!({ "email": email }));
        let (own, other, none) = (named("a@example.com".into()), named("a@gmail.example".into()), named(Value::Null));
        let strict = example();
        let open = Organization { outsiders: true, ..example() };
        let without = Organization { domains: Vec::new(), ..example() };
        let outsider =
            |organization: &Organization| [&own, &other, &none].map(|person| is_outsider(Some(organization), person));
        assert_eq!(outsider(&strict), [false, true, true]);
        assert_eq!(outsider(&open), [false; 3]);
        assert_eq!(outsider(&without), [false; 3]);
        assert!(!is_outsider(None, &other), "a provider of the operator's own");
    }

    #[test]
    fn a_provider_puts_nobody_into_a_group_of_the_operators() {
        let read = read(Some(&example()), json!({ "groups": ["ops", "Everyone"] }));
        assert_eq!(read.groups, ["conn_1/ops", "staff"]);
        assert_eq!(read.profile.groups, ["ops", "Everyone"]);
    }
}
