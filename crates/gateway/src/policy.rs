//! Who may pass a route.

use acquit_core::UserId;

use crate::identity::Identity;

/// Whom a route lets pass; whoever one of its lists has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Everybody who is signed in.
    pub everyone: bool,
    /// Usernames, or ids of users.
    pub users: Vec<String>,
    /// Addresses, in lower case as far as they are ASCII.
    pub emails: Vec<String>,
    /// Domains of addresses, likewise.
    pub domains: Vec<String>,
    /// Groups; those of an identity provider with its connection before them, until the operator maps them.
    pub groups: Vec<String>,
}

impl Allow {
    /// Whether this person may pass.
    #[must_use]
    pub fn admits(&self, identity: &Identity) -> bool {
        let listed = |list: &[String], name: &str| list.iter().any(|known| known == name);
        if self.admits_always(&identity.user)
            || listed(&self.users, &identity.username)
            || identity.groups.iter().any(|group| listed(&self.groups, group))
        {
            return true;
        }
        // Letters of ASCII only: others have lower cases that are somebody else's, as that of the kelvin sign is a `k`.
        let Some(email) = identity.email.as_deref().map(str::to_ascii_lowercase) else { return false };
        let domain = email.rsplit_once('@').map(|(_, domain)| domain);
        listed(&self.emails, &email) || domain.is_some_and(|domain| listed(&self.domains, domain))
    }

    /// Whether this user may pass, however they are described.
    #[must_use]
    pub fn admits_always(&self, user: &UserId) -> bool {
        self.everyone || self.users.iter().any(|known| known == user.as_str())
    }

    /// Whether nobody may pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::{SessionId, Timestamp};

    use super::*;
    use crate::identity::Person;

    fn alice() -> Identity {
        let person = Person {
            username: "alice".to_owned(),
            name: None,
            email: Some("Alice@Example.com".to_owned()),
            groups: vec!["ops".to_owned(), "conn_1/admins".to_owned()],
            version: 0,
        };
        let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 0);
        Identity::new(of, person, Timestamp::default()..Timestamp::from_seconds(1))
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn whoever_is_on_one_of_the_lists_may_pass() {
        for allow in [
            Allow { everyone: true, ..Allow::default() },
            Allow { users: list(&["alice"]), ..Allow::default() },
            Allow { users: list(&[alice().user.as_str()]), ..Allow::default() },
            Allow { emails: list(&["alice@example.com"]), ..Allow::default() },
            Allow { domains: list(&["example.com"]), ..Allow::default() },
            Allow { groups: list(&["dev", "ops"]), ..Allow::default() },
        ] {
            assert!(allow.admits(&alice()) && !allow.is_empty(), "{allow:?}");
        }
    }

    #[test]
    fn nobody_else_may() {
        for allow in [
            Allow::default(),
            Allow { users: list(&["Alice", "ali"]), ..Allow::default() },
            Allow { users: list(&["alice@example.com"]), ..Allow::default() },
            Allow { emails: list(&["alice@example.com.evil"]), ..Allow::default() },
            Allow { domains: list(&["com", "xample.com", "sub.example.com"]), ..Allow::default() },
            Allow { groups: list(&["op", "admins", "conn_2/admins"]), ..Allow::default() },
        ] {
            assert!(!allow.admits(&alice()), "{allow:?}");
        }
    }

    #[test]
    fn an_address_with_a_letter_that_is_another_ones_capital_is_not_that_ones() {
        let allow = Allow { domains: list(&["kate.example"]), emails: list(&["kate@example.com"]), ..Allow::default() };
        let of = |email: &str| {
            let mut other = alice();
            other.email = Some(email.to_owned());
            other
        };
        assert!(allow.admits(&of("KATE@example.com")) && allow.admits(&of("x@KATE.example")));
        assert!(!allow.admits(&of("\u{212a}ate@example.com")) && !allow.admits(&of("x@\u{212a}ate.example")));
    }

    #[test]
    fn an_address_that_nobody_vouches_for_is_no_address() {
        let allow =
            Allow { domains: list(&["example.com"]), emails: list(&["", "alice@example.com"]), ..Allow::default() };
        let mut nameless = alice();
        nameless.email = None;
        assert!(!allow.admits(&nameless));
    }
}
