//! WorkOS's names for the types of connections. Its SDKs know these and no others: the configuration takes them, and the
//! management API.

/// All of them.
pub const ALL: &[&str] = &[
    "ADFSSAML",
    "AdpOidc",
    "AppleOAuth",
    "Auth0Migration",
    "Auth0SAML",
    "AzureSAML",
    "BitbucketOAuth",
    "CasSAML",
    "ClassLinkSAML",
    "CleverOIDC",
    "CloudflareSAML",
    "CyberArkSAML",
    "DiscordOAuth",
    "DuoSAML",
    "EntraIdOIDC",
    "GenericOIDC",
    "GenericSAML",
    "GitHubOAuth",
    "GitLabOAuth",
    "GoogleOAuth",
    "GoogleOIDC",
    "GoogleSAML",
    "GrokOAuth",
    "IntuitOAuth",
    "JumpCloudSAML",
    "KeycloakSAML",
    "LastPassSAML",
    "LinkedInOAuth",
    "LoginGovOidc",
    "MagicLink",
    "MicrosoftOAuth",
    "MiniOrangeSAML",
    "NetIqSAML",
    "OktaOIDC",
    "OktaSAML",
    "OneLoginSAML",
    "OracleSAML",
    "Pending",
    "PingFederateSAML",
    "PingOneSAML",
    "RipplingSAML",
    "SalesforceOAuth",
    "SalesforceSAML",
    "ShibbolethGenericSAML",
    "ShibbolethSAML",
    "SimpleSamlPhpSAML",
    "SlackOAuth",
    "TestIdp",
    "VMwareSAML",
    "VercelMarketplaceOAuth",
    "VercelOAuth",
    "XOAuth",
    "XeroOAuth",
];

/// What a connection by OpenID Connect is called when nobody says.
pub const GENERIC: &str = "GenericOIDC";

/// What a connection by SAML is called when nobody says.
pub const GENERIC_SAML: &str = "GenericSAML";

/// Those that are plain OpenID Connect: what an application may make. The `…OAuth` types are providers of the operator's own,
/// each with rules of its own.
const OIDC: &[&str] = &["AdpOidc", "CleverOIDC", "EntraIdOIDC", GENERIC, "GoogleOIDC", "LoginGovOidc", "OktaOIDC"];

/// The type that the filter of a list names: it spells one of them in its own way.
#[must_use]
pub fn of_filter(name: &str) -> Option<&'static str> {
    let name = if name == "GithubOAuth" { "GitHubOAuth" } else { name };
    ALL.iter().copied().find(|known| *known == name)
}

/// Whether an application may make a connection of this type, from what it says of an OpenID provider.
#[must_use]
pub fn is_oidc(name: &str) -> bool {
    OIDC.contains(&name)
}

/// Whether it is one of SAML's, and not of OpenID Connect's.
#[must_use]
pub fn is_saml(name: &str) -> bool {
    name.ends_with("SAML") && ALL.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_spelling_is_the_objects_type() {
        assert_eq!(of_filter("GithubOAuth"), Some("GitHubOAuth"));
        assert_eq!(of_filter("GitHubOAuth"), Some("GitHubOAuth"));
        assert_eq!(of_filter("genericoidc"), None);
        assert!(OIDC.iter().all(|name| ALL.contains(name)) && ALL.is_sorted());
        assert!(is_saml("OktaSAML") && !is_saml("XSAML") && !is_oidc("OktaSAML") && !is_oidc("AppleOAuth"));
    }
}
