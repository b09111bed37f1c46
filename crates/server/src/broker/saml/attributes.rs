//! What an assertion says of a person, as claims: from there on a person is read as from every provider.

use std::collections::HashSet;

use acquit_core::participant::NameIdForm;
use acquit_saml::{
    attributes::{Standard, values},
    message::{Attribute, NameId},
    names::FORMAT_TRANSIENT,
};
use serde_json::{Map, Value};

use crate::settings::broker::AttributeMap;

/// The longest name of a person that is kept, in bytes.
const MAX_ID: usize = 1024;

/// What stands beside the value of a name.
#[must_use]
pub fn form(name: &NameId) -> NameIdForm {
    NameIdForm {
        format: name.format.clone(),
        name_qualifier: name.name_qualifier.clone(),
        sp_name_qualifier: name.sp_name_qualifier.clone(),
    }
}

/// Who the person is, for good: the attribute that the connection names, else the NameID. A name that another authority or another
/// service provider qualifies is another name, even of the same letters; it is written as LDAP does for eduPerson's.
///
/// # Errors
/// Why nobody can be told from it.
pub fn idp_id(
    wanted: &AttributeMap,
    name: &NameId,
    attributes: &[Attribute],
    (provider, us): (&str, &str),
) -> Result<String, String> {
    let id = match &wanted.id {
        Some(wanted) => match values(attributes, wanted).as_slice() {
            [one] => (*one).to_owned(),
            [] => return Err(format!("the provider did not say {wanted:?}, by which people are known here")),
            _ => return Err(format!("the provider said {wanted:?} several times, by which people are known here")),
        },
        None if name.format.as_deref() == Some(FORMAT_TRANSIENT) => {
            let why = "the provider names people by a transient name, which is another one each time; have it send a \
                       persistent one, or set `id` in the connection's `attributes`";
            return Err(why.to_owned());
        }
        None => {
            let by = name.name_qualifier.as_deref().filter(|by| *by != provider);
            let to = name.sp_name_qualifier.as_deref().filter(|to| *to != us);
            match (by, to) {
                (None, None) => name.value.clone(),
                (by, to) => format!("{}!{}!{}", by.unwrap_or(provider), to.unwrap_or(us), name.value),
            }
        }
    };
    let fits = !id.trim().is_empty() && id.len() <= MAX_ID && !id.contains(char::is_control);
    if fits { Ok(id) } else { Err("the provider's name for the person is empty, too long or no text".to_owned()) }
}

/// The attributes as claims. Where the connection does not say what an attribute is called, its usual names are looked for.
#[must_use]
pub fn claims(wanted: &AttributeMap, attributes: &[Attribute]) -> Map<String, Value> {
    let mut claims = Map::new();
    for attribute in attributes {
        for name in std::iter::once(&attribute.name).chain(&attribute.friendly_name) {
            let said = values(attributes, name);
            let value = match said.as_slice() {
                [] => continue,
                [one] => (*one).into(),
                several => several.iter().map(|value| Value::from(*value)).collect(),
            };
            claims.insert(name.clone(), value);
        }
    }
    let standard = acquit_oidc::rp::attributes::AttributeMap::default();
    for (what, claim, own) in [
        (Standard::Email, &standard.email, &wanted.email),
        (Standard::FirstName, &standard.first_name, &wanted.first_name),
        (Standard::LastName, &standard.last_name, &wanted.last_name),
        (Standard::Name, &standard.name, &None),
        (Standard::Groups, &standard.groups, &wanted.groups),
    ] {
        let said = own.as_ref().map_or_else(|| what.values(attributes), |own| values(attributes, own));
        let value = match (what, said.first()) {
            (_, None) => continue,
            (Standard::Groups, Some(_)) => said.into_iter().map(Value::from).collect(),
            // Who has several addresses is told by the first.
            (_, Some(first)) => (*first).into(),
        };
        claims.insert(own.as_ref().unwrap_or(claim).clone(), value);
    }
    // Nothing else is looked at, and assertions may be long.
    let fixed = [&standard.email, &standard.email_verified, &standard.name];
    let fixed = fixed.into_iter().chain([&standard.first_name, &standard.last_name, &standard.groups]);
    let own = [&wanted.email, &wanted.first_name, &wanted.last_name, &wanted.groups].into_iter().flatten();
    let custom = wanted.custom.iter().map(|(_, from)| from);
    let used: HashSet<&String> = fixed.chain(own).chain(custom).collect();
    claims.retain(|name, _| used.contains(name));
    claims
}

#[cfg(test)]
mod tests {
    use acquit_saml::names::{FORMAT_EMAIL, FORMAT_PERSISTENT};
    use serde_json::json;

    use super::*;

    const PARTIES: (&str, &str) = ("https://idp.example", "https://us.example");

    fn said(pairs: &[(&str, &[&str])]) -> Vec<Attribute> {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        pairs.iter().map(|(name, values)| Attribute::new(name, owned(values))).collect()
    }

    #[test]
    fn names_of_other_authorities_are_other_people() {
        let id = |name: &NameId| idp_id(&AttributeMap::default(), name, &[], PARTIES).unwrap();
        let plain = NameId::new("ann", FORMAT_PERSISTENT);
        let spelt = NameId {
            name_qualifier: Some(PARTIES.0.to_owned()),
            sp_name_qualifier: Some(PARTIES.1.to_owned()),
            ..plain.clone()
        };
        let other = NameId { name_qualifier: Some("https://other.example".to_owned()), ..plain.clone() };
        assert_eq!(id(&plain), "ann");
        assert_eq!(id(&spelt), "ann", "an absent qualifier is the party at hand");
        assert_eq!(id(&other), "https://other.example!https://us.example!ann");
        let group = NameId { sp_name_qualifier: Some("https://group.example".to_owned()), ..plain };
        assert_eq!(id(&group), "https://idp.example!https://group.example!ann");
    }

    #[test]
    fn a_transient_name_says_who_somebody_is_only_beside_an_attribute_that_does() {
        let name = NameId::new("_a8f", FORMAT_TRANSIENT);
        assert!(idp_id(&AttributeMap::default(), &name, &[], PARTIES).unwrap_err().contains("transient"));
        let by_uid = AttributeMap { id: Some("uid".to_owned()), ..AttributeMap::default() };
        assert_eq!(idp_id(&by_uid, &name, &said(&[("uid", &["ann"])]), PARTIES).unwrap(), "ann");
        for bad in [said(&[]), said(&[("uid", &["ann", "bob"])]), said(&[("uid", &["ann"]), ("uid", &["bob"])])] {
            assert!(idp_id(&by_uid, &name, &bad, PARTIES).is_err(), "{bad:?}");
        }
        let nothing = NameId::new(" ", FORMAT_EMAIL);
        assert!(idp_id(&AttributeMap::default(), &nothing, &[], PARTIES).is_err());
    }

    #[test]
    fn attributes_become_the_claims_of_every_provider() {
        let assertion = said(&[
            ("urn:oid:0.9.2342.19200300.100.1.3", &["ann@example.com", "a@example.com"]),
            ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", &["Ann"]),
            ("memberOf", &["ops"]),
            ("department", &["R&D"]),
        ]);
        let read = claims(&AttributeMap::default(), &assertion);
        assert_eq!(read["email"], "ann@example.com");
        assert_eq!(read["given_name"], "Ann");
        assert_eq!(read["groups"], json!(["ops"]));
        assert!(!read.contains_key("department"), "nobody asked for it");
        let with =
            AttributeMap { custom: vec![("team".to_owned(), "department".to_owned())], ..AttributeMap::default() };
        assert_eq!(claims(&with, &assertion)["department"], "R&D");
        let own = AttributeMap { groups: Some("roles".to_owned()), ..AttributeMap::default() };
        assert!(!claims(&own, &assertion).contains_key("groups"), "the name that was chosen and no other");
    }
}
