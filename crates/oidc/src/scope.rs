//! Scopes (OpenID Connect Core sections 5.4 and 11).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{ErrorCode, OAuthError};

/// A scope that means something here; others are ignored (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// An ID token.
    OpenId,
    /// Name and username.
    Profile,
    /// E-mail address.
    Email,
    /// Groups.
    Groups,
    /// A refresh token that outlives the session (BC-31).
    OfflineAccess,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::OpenId, Self::Profile, Self::Email, Self::Groups, Self::OfflineAccess];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Groups => "groups",
            Self::OfflineAccess => "offline_access",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// Reads a list separated by spaces; what means nothing here is left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.split(' ').filter_map(Scope::parse).collect()
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// These without `scope`.
    #[must_use]
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !(1 << scope as u8))
    }

    /// The scopes.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |&scope| self.has(scope))
    }

    /// What a refresh is given of these when it asks for `asked` (RFC 6749 section 6): all when it does not ask.
    ///
    /// # Errors
    /// `invalid_scope` when it asks for one that was not granted.
    pub fn narrow(self, asked: Option<&str>) -> Result<Self, OAuthError> {
        let Some(asked) = asked else { return Ok(self) };
        let beyond = asked.split(' ').filter(|name| !name.is_empty()).find(|name| {
            // Of a scope that means nothing here it is not remembered whether it was asked for; it stays without effect.
            Scope::parse(name).is_some_and(|scope| !self.has(scope))
        });
        match beyond {
            Some(name) => {
                Err(OAuthError::with(ErrorCode::InvalidScope, &format!("the scope {name} was not granted before")))
            }
            None => Ok(Self::parse(asked)),
        }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u8))
    }
}

/// As on the wire.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scopes_are_ignored_and_repetitions_are_one() {
        let scopes = Scopes::parse("openid  email admin openid OPENID");
        assert_eq!(scopes.to_string(), "openid email");
        assert!(scopes.has(Scope::OpenId) && !scopes.has(Scope::OfflineAccess));
        assert_eq!(serde_json::from_str::<Scopes>(&serde_json::to_string(&scopes).unwrap()).unwrap(), scopes);
    }

    #[test]
    fn a_refresh_may_narrow_and_never_widen() {
        let granted = Scopes::parse("openid email offline_access");
        assert_eq!(granted.narrow(None), Ok(granted));
        assert_eq!(granted.narrow(Some("openid")), Ok(Scopes::parse("openid")));
        assert_eq!(granted.narrow(Some("openid profile")).unwrap_err().code, ErrorCode::InvalidScope);
    }
}
