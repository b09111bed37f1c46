//! What a logout must know of a SAML application: how it names the user, and where it takes LogoutRequests.

use serde::{Deserialize, Serialize};

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// What stands beside the value of a NameID (Core section 2.2.2); none is an attribute that is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameIdForm {
    /// `Format`.
    pub format: Option<String>,
    /// `NameQualifier`.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`.
    pub sp_name_qualifier: Option<String>,
}

impl NameIdForm {
    /// Whether two forms say the same between an identity provider and a service provider, given by their entity IDs: the
    /// strong match of Core section 3.3.4. An absent qualifier stands for the party at hand (Core sections 8.3.7 and 8.3.8).
    #[must_use]
    pub fn matches(&self, other: &Self, identity_provider: &str, service_provider: &str) -> bool {
        let same = |own: &Option<String>, other: &Option<String>, absent: &str| {
            own.as_deref().unwrap_or(absent) == other.as_deref().unwrap_or(absent)
        };
        same(&self.format, &other.format, UNSPECIFIED)
            && same(&self.name_qualifier, &other.name_qualifier, identity_provider)
            && same(&self.sp_name_qualifier, &other.sp_name_qualifier, service_provider)
    }
}

/// The bindings by which a browser carries a LogoutRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HopBinding {
    /// HTTP-Redirect.
    Redirect,
    /// HTTP-POST.
    Post,
}

/// An endpoint that is reached through the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlHop {
    /// How.
    pub binding: HopBinding,
    /// Its `Location`: where LogoutRequests go.
    pub uri: String,
    /// Its `ResponseLocation`, where that is another: where LogoutResponses go.
    pub response_uri: Option<String>,
}

/// Single logout as a SAML application registered it (`SingleLogoutService`). What is there is used: SOAP, which is
/// durable, before a hop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlChannel {
    /// Where LogoutRequests are posted in an envelope, server to server.
    pub soap: Option<String>,
    /// Where the browser takes them.
    pub hop: Option<SamlHop>,
    /// Whether that is done in a frame instead of a top-level hop.
    #[serde(default)]
    pub frame: bool,
    /// Whether the SessionIndex is named. Without it the application may end more than was asked.
    #[serde(default)]
    pub session_index_required: bool,
    /// Whether its metadata has passed its end (`validUntil`): nobody vouches for these addresses any more.
    #[serde(default)]
    pub expired: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

    fn form(format: Option<&str>, name: Option<&str>, sp: Option<&str>) -> NameIdForm {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        NameIdForm { format: owned(format), name_qualifier: owned(name), sp_name_qualifier: owned(sp) }
    }

    #[test]
    fn an_absent_attribute_matches_what_it_stands_for_and_nothing_else() {
        let full = form(Some(PERSISTENT), Some("idp"), Some("sp"));
        for (other, expected) in [
            (form(Some(PERSISTENT), None, None), true),
            (form(Some(PERSISTENT), Some("idp"), None), true),
            (form(Some(PERSISTENT), Some("other"), None), false),
            (form(Some(PERSISTENT), None, Some("other")), false),
            (form(Some(EMAIL), Some("idp"), Some("sp")), false),
            (form(None, Some("idp"), Some("sp")), false),
        ] {
            assert_eq!(full.matches(&other, "idp", "sp"), expected, "{other:?}");
            assert_eq!(other.matches(&full, "idp", "sp"), expected, "{other:?}");
        }
        assert!(form(None, None, None).matches(&form(Some(UNSPECIFIED), None, None), "idp", "sp"));
    }
}
