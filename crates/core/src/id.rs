//! Identifiers. Each kind has a type of its own, so that one is never taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Lower-case Crockford base 32: no letter that is read as another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The longest identifier that is looked at; anything longer is refused before it reaches the store.
pub const MAX_ID_LEN: usize = 128;

/// Why a text is no identifier of the kind asked for. The caller must correct it; trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {expected}")]
pub struct InvalidId {
    /// The form that was expected, such as `ses_…`.
    pub expected: &'static str,
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        /// What comes from outside is checked, whichever way it comes.
        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl $name {
            /// Makes the identifier of 128 random bits, which the caller draws.
            #[must_use]
            pub fn from_random(bits: [u8; 16]) -> Self {
                Self(encode($prefix, bits))
            }

            /// Takes a text from outside.
            ///
            /// # Errors
            /// [`InvalidId`] when the prefix, the length or a character is wrong.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let expected = concat!($prefix, "…");
                let rest = text.strip_prefix($prefix).ok_or(InvalidId { expected })?;
                let fits = !rest.is_empty()
                    && text.len() <= MAX_ID_LEN
                    && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
                if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId { expected }) }
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

prefixed_id!(
    /// One signed-in browser of one user. It names the session in receipts and APIs; it is no credential.
    SessionId, "ses_"
);
prefixed_id!(
    /// One logout and its receipt.
    LogoutId, "lgo_"
);
prefixed_id!(
    /// A user.
    UserId, "usr_"
);
prefixed_id!(
    /// One step of a logout: the logout's identifier and the step's number in it.
    StepId, "stp_"
);

prefixed_id!(
    /// A connection: an organization's link to an identity provider.
    ConnectionId, "conn_"
);
prefixed_id!(
    /// An organization: a customer, whose people come through its connections.
    OrganizationId, "org_"
);
prefixed_id!(
    /// One sign-in of a session at an identity provider.
    UpstreamId, "ups_"
);
prefixed_id!(
    /// A mail domain of an organization.
    DomainId, "org_domain_"
);

prefixed_id!(
    /// An endpoint of a broker application to which webhooks are posted.
    EndpointId, "we_"
);

impl ConnectionId {
    /// As the party of a step.
    #[must_use]
    pub fn party(&self) -> AppId {
        AppId::new(self.as_str())
    }
}

impl StepId {
    /// The `index`-th step of `logout`: derived, so that planning twice names the same steps.
    #[must_use]
    pub fn of(logout: &LogoutId, index: usize) -> Self {
        let body = logout.as_str().strip_prefix("lgo_").unwrap_or(logout.as_str());
        Self(format!("stp_{body}.{index}"))
    }
}

/// An application, by the id that the operator or a registration gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppId(String);

impl AppId {
    /// An application's id as configured; the configuration has checked it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When the thing of an identifier was made, where the identifier begins with that time as a ULID does: milliseconds since
/// 1970 in its first 48 bits. None for one that somebody thought up.
#[must_use]
pub fn made_at(id: &str) -> Option<Timestamp> {
    /// 2010 to 2100: any other time is no time.
    const PLAUSIBLE: std::ops::Range<i64> = 1_262_304_000_000..4_102_444_800_000;
    let body = id.rsplit('_').next().filter(|body| body.len() == 26)?;
    let mut number: u128 = 0;
    for letter in body.bytes() {
        let letter = letter.to_ascii_lowercase();
        let digit = ALPHABET.iter().position(|&known| known == letter)?;
        // The first of 26 digits has room for two bits too many.
        number = number.checked_mul(32)?.checked_add(digit as u128)?;
    }
    let millis = i64::try_from(number >> 80).ok().filter(|millis| PLAUSIBLE.contains(millis))?;
    Some(Timestamp::from_micros(millis * 1000))
}

fn encode(prefix: &str, bits: [u8; 16]) -> String {
    let mut number = u128::from_be_bytes(bits);
    let mut digits = [0u8; 26];
    for digit in digits.iter_mut().rev() {
        // The remainder is below 32, so it always indexes the alphabet.
        *digit = ALPHABET[(number % 32) as usize];
        number /= 32;
    }
    let mut text = String::with_capacity(prefix.len() + digits.len());
    text.push_str(prefix);
    text.extend(digits.iter().map(|&b| char::from(b)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_survives_its_text() {
        let id = SessionId::from_random([7; 16]);
        assert_eq!(SessionId::parse(id.as_str()), Ok(id.clone()));
        assert_eq!(id.as_str().len(), 30);
    }

    #[test]
    fn an_identifier_of_another_kind_is_refused() {
        let logout = LogoutId::from_random([1; 16]);
        assert!(SessionId::parse(logout.as_str()).is_err());
    }

    #[test]
    fn text_that_could_reach_further_than_a_name_is_refused() {
        for bad in ["ses_", "ses_a b", "ses_a/b", "ses_a'b", "ses_é", "", &format!("ses_{}", "a".repeat(200))] {
            assert!(SessionId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn text_inside_json_is_checked_as_any_other() {
        assert!(serde_json::from_str::<SessionId>("\"ses_a/b\"").is_err());
        let id = SessionId::from_random([7; 16]);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<SessionId>(&format!("\"{id}\"")).unwrap(), id);
    }

    #[test]
    fn an_identifier_tells_when_it_was_made_if_it_begins_with_the_time() {
        let mut bits = [0xab; 16];
        bits[..6].copy_from_slice(&1_795_241_256_123_u64.to_be_bytes()[2..]);
        let id = ConnectionId::from_random(bits);
        let at = Timestamp::from_micros(1_795_241_256_123_000);
        assert_eq!(made_at(id.as_str()), Some(at));
        assert_eq!(made_at(&id.as_str().to_ascii_uppercase()), Some(at));
        assert_eq!(made_at("conn_01E4ZCR3C56J083X43JQXF3JK5").map(Timestamp::as_seconds), Some(1_585_896_492));
        let far = format!("conn_{}", "z".repeat(26));
        for thought_up in
            ["conn_01EXAMPLE", "conn_", "", "conn_00000000000000000000000000", &far, "conn_01E4ZCR3C56J083X43JQXF3JKU"]
        {
            assert_eq!(made_at(thought_up), None, "{thought_up}");
        }
    }

    #[test]
    fn the_steps_of_a_logout_are_named_after_it() {
        let logout = LogoutId::from_random([0; 16]);
        assert_eq!(StepId::of(&logout, 3).as_str(), format!("stp_{}.3", "0".repeat(26)));
    }
}
