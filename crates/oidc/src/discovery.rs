//! Provider metadata (OpenID Connect Discovery 1.0, RFC 8414, and what the logout specifications, RFC 9126, RFC 9207 and
//! RFC 7591 add).

use serde::Serialize;

use crate::{claims::USER_CLAIMS, jose::Algorithm, response::ResponseMode, scope::Scope};

/// Where the endpoints are, below the issuer's origin. A dialect is another such table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The authorization endpoint.
    pub authorize: &'static str,
    /// The token endpoint.
    pub token: &'static str,
    /// The userinfo endpoint.
    pub userinfo: &'static str,
    /// The JWK set.
    pub keys: &'static str,
    /// The end-session endpoint.
    pub logout: &'static str,
    /// Introspection, where the dialect has it.
    pub introspect: Option<&'static str>,
    /// Revocation, where the dialect has it.
    pub revoke: Option<&'static str>,
    /// Pushed authorization requests, where the dialect has them.
    pub par: Option<&'static str>,
    /// Dynamic registration, where the dialect has it.
    pub clients: Option<&'static str>,
}

impl Paths {
    /// Acquit's own, which are those of Okta's organization server too.
    pub const NATIVE: Self = Self {
        authorize: "/oauth2/v1/authorize",
        token: "/oauth2/v1/token",
        userinfo: "/oauth2/v1/userinfo",
        keys: "/oauth2/v1/keys",
        logout: "/oauth2/v1/logout",
        introspect: Some("/oauth2/v1/introspect"),
        revoke: Some("/oauth2/v1/revoke"),
        par: Some("/oauth2/v1/par"),
        clients: Some("/oauth2/v1/clients"),
    };

    /// Those of Okta's default custom server.
    pub const OKTA: Self = Self {
        authorize: "/oauth2/default/v1/authorize",
        token: "/oauth2/default/v1/token",
        userinfo: "/oauth2/default/v1/userinfo",
        keys: "/oauth2/default/v1/keys",
        logout: "/oauth2/default/v1/logout",
        introspect: Some("/oauth2/default/v1/introspect"),
        revoke: Some("/oauth2/default/v1/revoke"),
        par: Some("/oauth2/default/v1/par"),
        clients: Some("/oauth2/default/v1/clients"),
    };

    /// Login.gov's.
    pub const LOGIN_GOV: Self = Self {
        authorize: "/openid_connect/authorize",
        token: "/api/openid_connect/token",
        userinfo: "/api/openid_connect/userinfo",
        keys: "/api/openid_connect/certs",
        logout: "/openid_connect/logout",
        introspect: None,
        revoke: None,
        par: None,
        clients: None,
    };
}

/// What this provider can do that depends on its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Whether clients may register.
    pub registration: bool,
    /// The `acr` values that a sign-in can reach.
    pub acr_values: Vec<String>,
    /// The languages of its pages.
    pub ui_locales: Vec<String>,
}

/// The document at `/.well-known/openid-configuration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the metadata parameter of that name")]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: String,
    pub jwks_uri: String,
    pub end_session_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    pub scopes_supported: Vec<&'static str>,
    pub response_types_supported: Vec<&'static str>,
    pub response_modes_supported: Vec<&'static str>,
    pub grant_types_supported: Vec<&'static str>,
    pub subject_types_supported: Vec<&'static str>,
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint_auth_methods_supported: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint_auth_methods_supported: Option<Vec<&'static str>>,
    pub code_challenge_methods_supported: Vec<&'static str>,
    pub claims_supported: Vec<&'static str>,
    pub claim_types_supported: Vec<&'static str>,
    pub prompt_values_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values_supported: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ui_locales_supported: Vec<String>,
    pub claims_parameter_supported: bool,
    pub request_parameter_supported: bool,
    pub request_uri_parameter_supported: bool,
    pub require_pushed_authorization_requests: bool,
    pub authorization_response_iss_parameter_supported: bool,
    pub backchannel_logout_supported: bool,
    pub backchannel_logout_session_supported: bool,
    pub frontchannel_logout_supported: bool,
    pub frontchannel_logout_session_supported: bool,
}

const AUTH_METHODS: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
/// Claims of an ID token that are not about the user.
const TOKEN_CLAIMS: [&str; 10] = ["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];

impl Metadata {
    /// The document of `issuer`, whose endpoints are at `paths`.
    #[must_use]
    pub fn new(issuer: &str, paths: &Paths, can: &Capabilities) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let proving = || AUTH_METHODS.into_iter().filter(|&method| method != "none").collect::<Vec<_>>();
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at(paths.authorize),
            token_endpoint: at(paths.token),
            userinfo_endpoint: at(paths.userinfo),
            jwks_uri: at(paths.keys),
            end_session_endpoint: at(paths.logout), // RPI-19
            introspection_endpoint: paths.introspect.map(at),
            revocation_endpoint: paths.revoke.map(at), // RV-14
            pushed_authorization_request_endpoint: paths.par.map(at),
            registration_endpoint: paths.clients.filter(|_| can.registration).map(at),
            scopes_supported: Scope::ALL.map(Scope::as_str).to_vec(),
            response_types_supported: vec!["code"],
            response_modes_supported: ResponseMode::ALL.map(ResponseMode::as_str).to_vec(),
            grant_types_supported: vec!["authorization_code", "refresh_token"],
            subject_types_supported: vec!["public"],
            id_token_signing_alg_values_supported: can.algorithms.iter().map(|alg| alg.as_str()).collect(),
            token_endpoint_auth_methods_supported: AUTH_METHODS.to_vec(),
            token_endpoint_auth_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str).to_vec(),
            introspection_endpoint_auth_methods_supported: paths.introspect.map(|_| proving()),
            revocation_endpoint_auth_methods_supported: paths.revoke.map(|_| AUTH_METHODS.to_vec()),
            code_challenge_methods_supported: vec![crate::pkce::METHOD],
            claims_supported: USER_CLAIMS.into_iter().chain(TOKEN_CLAIMS).collect(),
            claim_types_supported: vec!["normal"],
            prompt_values_supported: vec!["none", "login", "consent", "select_account"],
            acr_values_supported: can.acr_values.clone(),
            ui_locales_supported: can.ui_locales.clone(),
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            require_pushed_authorization_requests: false,
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: true,          // BC-1
            backchannel_logout_session_supported: true,  // BC-2
            frontchannel_logout_supported: true,         // FC-12
            frontchannel_logout_session_supported: true, // FC-13
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example.com";

    fn document(paths: &Paths, can: &Capabilities) -> serde_json::Value {
        serde_json::to_value(Metadata::new(ISSUER, paths, can)).unwrap()
    }

    #[test]
    fn the_document_says_that_all_kinds_of_logout_are_spoken() {
        let document = document(&Paths::NATIVE, &Capabilities::default());
        assert_eq!(document["end_session_endpoint"], "https://id.example.com/oauth2/v1/logout");
        for name in [
            "backchannel_logout_supported",
            "backchannel_logout_session_supported",
            "frontchannel_logout_supported",
            "frontchannel_logout_session_supported",
            "authorization_response_iss_parameter_supported",
        ] {
            assert_eq!(document[name], true, "{name}");
        }
        // Their default is true where they are left out.
        assert_eq!(document["request_uri_parameter_supported"], false);
    }

    #[test]
    fn registration_is_named_only_when_it_is_open() {
        assert!(document(&Paths::NATIVE, &Capabilities::default()).get("registration_endpoint").is_none());
        let open = Capabilities { registration: true, ..Capabilities::default() };
        assert_eq!(
            document(&Paths::NATIVE, &open)["registration_endpoint"],
            "https://id.example.com/oauth2/v1/clients"
        );
    }

    #[test]
    fn a_dialect_names_its_own_paths_and_the_same_issuer() {
        let document = document(&Paths::LOGIN_GOV, &Capabilities::default());
        assert_eq!(document["issuer"], ISSUER);
        assert_eq!(document["jwks_uri"], "https://id.example.com/api/openid_connect/certs");
        assert!(document.get("revocation_endpoint").is_none());
        assert!(document.get("revocation_endpoint_auth_methods_supported").is_none());
    }

    #[test]
    fn the_algorithms_are_those_that_there_are_keys_for() {
        let can = Capabilities { algorithms: vec![Algorithm::Rs256, Algorithm::EdDsa], ..Capabilities::default() };
        let document = document(&Paths::NATIVE, &can);
        assert_eq!(document["id_token_signing_alg_values_supported"], serde_json::json!(["RS256", "EdDSA"]));
    }
}
