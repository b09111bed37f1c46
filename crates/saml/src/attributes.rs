//! What identity providers call what they say of a person. SAML has no standard names: there are the object identifiers of
//! LDAP, the URIs of Microsoft, and plain words, and each means the same.

use crate::message::Attribute;

/// Something that most providers say of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// The e-mail address.
    Email,
    /// The given name.
    FirstName,
    /// The family name.
    LastName,
    /// The whole name, as people write it.
    Name,
    /// The groups.
    Groups,
}

impl Standard {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Email, Self::FirstName, Self::LastName, Self::Name, Self::Groups];

    /// Its names, in the order in which they are looked for.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Email => &[
                "email",
                "mail",
                "urn:oid:0.9.2342.19200300.100.1.3",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
                "emailAddress",
                "User.email",
            ],
            Self::FirstName => &[
                "given_name",
                "givenName",
                "urn:oid:2.5.4.42",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
                "firstName",
                "first_name",
                "User.FirstName",
            ],
            Self::LastName => &[
                "family_name",
                "sn",
                "urn:oid:2.5.4.4",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
                "surname",
                "lastName",
                "last_name",
                "User.LastName",
            ],
            // Entra's claim `name` is none of these: it is what people sign in with.
            Self::Name => &[
                "name",
                "displayName",
                "urn:oid:2.16.840.1.113730.3.1.241",
                "http://schemas.microsoft.com/identity/claims/displayname",
                "cn",
                "urn:oid:2.5.4.3",
            ],
            Self::Groups => &[
                "groups",
                "memberOf",
                "isMemberOf",
                "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
                "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
                "http://schemas.xmlsoap.org/claims/Group",
            ],
        }
    }

    /// Its values in an assertion, by the first of its names that is there with a value.
    #[must_use]
    pub fn values(self, attributes: &[Attribute]) -> Vec<&str> {
        let found = self.names().iter().map(|name| values(attributes, name));
        found.into_iter().find(|values| !values.is_empty()).unwrap_or_default()
    }
}

/// The values of an attribute, by its name or else by its name for people; of all elements that have it, since some providers
/// write one for each value.
#[must_use]
pub fn values<'a>(attributes: &'a [Attribute], name: &str) -> Vec<&'a str> {
    let of = |is: &dyn Fn(&Attribute) -> bool| -> Vec<&'a str> {
        attributes.iter().filter(|one| is(one)).flat_map(|one| one.values.iter().map(String::as_str)).collect()
    };
    let by_name = of(&|one| one.name == name);
    if by_name.is_empty() { of(&|one| one.friendly_name.as_deref() == Some(name)) } else { by_name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, friendly: Option<&str>, values: &[&str]) -> Attribute {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Attribute { friendly_name: friendly.map(str::to_owned), ..Attribute::new(name, values) }
    }

    #[test]
    fn an_address_is_found_under_each_of_its_names_and_under_no_other() {
        for name in Standard::Email.names() {
            let said = [attribute("uid", None, &["ann"]), attribute(name, None, &["ann@example.com"])];
            assert_eq!(Standard::Email.values(&said), ["ann@example.com"], "{name}");
        }
        let upn = attribute("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", None, &["ann@example.com"]);
        for standard in Standard::ALL {
            assert!(standard.values(std::slice::from_ref(&upn)).is_empty(), "{standard:?}");
        }
    }

    #[test]
    fn the_name_decides_before_the_name_for_people() {
        let said =
            [attribute("urn:x", Some("mail"), &["other@example.com"]), attribute("mail", None, &["ann@example.com"])];
        assert_eq!(values(&said, "mail"), ["ann@example.com"]);
        assert_eq!(values(&said[..1], "mail"), ["other@example.com"]);
    }

    #[test]
    fn values_may_stand_in_one_element_or_in_several() {
        let one = [attribute("groups", None, &["ops", "dev"])];
        let several = [attribute("groups", None, &["ops"]), attribute("groups", None, &["dev"])];
        assert_eq!(Standard::Groups.values(&one), Standard::Groups.values(&several));
    }
}
