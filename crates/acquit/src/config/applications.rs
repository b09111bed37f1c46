//! `[[applications]]`: what people sign in to.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{jwks::JwksText, secret::SecretText};

mod broker;
mod check;
mod resolve;
pub(super) mod saml;
mod webhook;

pub use webhook::WebhookText;

pub use saml::{
    AttributeText, CertificateText, MetadataRole, MetadataText, NameIdText, SloBindingText, Unusable, read_metadata,
    remarks,
};

/// An application that people sign in to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationSection {
    /// Its name in receipts, the API and the command line; unique and never changed.
    #[schemars(required)]
    pub id: Option<String>,
    /// Its name for people; the id when absent.
    pub name: Option<String>,
    /// How it is spoken to.
    #[schemars(required)]
    pub protocol: Option<ProtocolText>,
    /// Its client_id; unique. That of a broker application begins with `client_`.
    #[schemars(required)]
    #[schemars(extend("x-protocol" = ["oidc", "broker"]))]
    pub client_id: Option<String>,
    /// Its secret, of at least 32 bytes, when it has one; otherwise it has `jwks`, `jwks_uri` or `public = true`.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub client_secret: Option<SecretText>,
    /// Its public keys for private_key_jwt: a JSON Web Key Set as a string or in a file.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub jwks: Option<JwksText>,
    /// Where its public keys for private_key_jwt are.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub jwks_uri: Option<String>,
    /// Whether it can keep no secret, as programs in a browser or on a phone cannot; it must then use PKCE.
    #[schemars(extend("default" = false))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub public: Option<bool>,
    /// How it proves who it is at the token endpoint. With a secret both client_secret_basic and client_secret_post are
    /// taken unless this names one.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub token_endpoint_auth_method: Option<AuthMethodText>,
    /// Where the browser may be sent after a sign-in; compared as strings.
    #[schemars(required)]
    #[schemars(extend("x-protocol" = ["oidc", "broker"]))]
    pub redirect_uris: Option<Vec<String>>,
    /// Where the browser may be sent after a sign-out; compared as strings. A broker application's people land at the first
    /// when it asks for none.
    #[schemars(extend("x-protocol" = ["oidc", "broker"]))]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where logout tokens are posted (OpenID Connect Back-Channel Logout 1.0). The dependable way.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub backchannel_logout_uri: Option<String>,
    /// Whether its logout tokens must name the session. Acquit always names it when a session ends.
    #[schemars(extend("default" = false))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub backchannel_logout_session_required: Option<bool>,
    /// What is loaded in a frame at sign-out (OpenID Connect Front-Channel Logout 1.0). It has the scheme, host and port of a
    /// redirect URI.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether `iss` and `sid` are added to that frame's address.
    #[schemars(extend("default" = false))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub frontchannel_logout_session_required: Option<bool>,
    /// Which channel is used when it has both.
    #[schemars(extend("default" = "backchannel"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub logout_channel: Option<LogoutChannelText>,
    /// What its ID tokens and logout tokens are signed with.
    #[schemars(extend("default" = "RS256"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub id_token_signed_response_alg: Option<AlgorithmText>,
    /// How far a logout reaches that this application asks for.
    #[schemars(extend("x-protocol" = ["oidc", "saml"], "default" = "session"))]
    pub single_logout: Option<SingleLogoutText>,
    /// The fewest characters of `state` in its requests; Login.gov has 22.
    #[schemars(range(min = 0, max = 512), extend("default" = 0))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub state_min_length: Option<i64>,
    /// Whether a person is asked before a sign-out that this application begins.
    #[schemars(extend("default" = "when-needed"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub confirm: Option<ConfirmText>,
    /// Whether a person is asked before the first sign-in to it.
    #[schemars(extend("default" = false))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub consent: Option<bool>,
    /// Whether it is told when a session ends by age or idleness.
    #[schemars(extend("default" = true))]
    pub tell_on_expiry: Option<bool>,
    /// What stands for it in Okta's URLs, beside the id: `/app/{id}/{key}/sso/saml`.
    #[schemars(extend("x-protocol" = "saml"))]
    pub key: Option<String>,
    /// Its metadata: a file, or a URL from which it is fetched and refreshed. Without it there are `entity_id` and `acs_url`.
    #[schemars(extend("x-protocol" = "saml"))]
    pub metadata: Option<MetadataText>,
    /// Its entity ID: by hand, or which one of a metadata document with several.
    #[schemars(extend("x-protocol" = "saml"))]
    pub entity_id: Option<String>,
    /// By hand: where assertions are posted.
    #[schemars(extend("x-protocol" = "saml"))]
    pub acs_url: Option<String>,
    /// By hand: where logout messages go, by `slo_binding`.
    #[schemars(extend("x-protocol" = "saml"))]
    pub slo_url: Option<String>,
    /// By hand: the certificates of the keys that it signs with, as PEM text or `{ file = "…" }`. With one its AuthnRequests
    /// may be unsigned, its logout messages never. With `encrypt_assertions` the first of RSA is encrypted to.
    #[schemars(extend("x-protocol" = "saml"))]
    pub certificates: Option<Vec<CertificateText>>,
    /// How it is told of a logout. With metadata the default is what that has, SOAP first; by hand it is "redirect".
    #[schemars(extend("x-protocol" = "saml"))]
    pub slo_binding: Option<SloBindingText>,
    /// Whether a LogoutRequest names the session; without it the application may end all sessions of that person there.
    #[schemars(extend("x-protocol" = "saml", "default" = false))]
    pub session_index_required: Option<bool>,
    /// Whether assertions are encrypted to its key, besides being signed: its metadata must have one of RSA, for encryption
    /// or for any use; by hand, `certificates` are for both. It must know AES-256 in GCM and RSA-OAEP.
    #[schemars(extend("x-protocol" = "saml", "default" = false))]
    pub encrypt_assertions: Option<bool>,
    /// Whether it is told in a frame instead of by a hop of the whole page. Browsers may keep its cookies from it there.
    #[schemars(extend("x-protocol" = "saml", "default" = false))]
    pub slo_frame: Option<bool>,
    /// How people are named to it. By default as it asks for, else by what its metadata lists first, else "persistent".
    #[schemars(extend("x-protocol" = "saml"))]
    pub name_id: Option<NameIdText>,
    /// What its assertions say about a person: the attribute's name, and what of the person it shows. None by default.
    #[schemars(extend("x-protocol" = "saml"))]
    pub attributes: Option<std::collections::BTreeMap<String, AttributeText>>,
    /// Its API key for the broker, which is its client secret as well: "sk_…", of at least 32 bytes in all.
    #[schemars(required)]
    #[schemars(extend("x-protocol" = "broker"))]
    pub api_key: Option<SecretText>,
    /// Where the browser goes after a logout that began at the identity provider; it clears the application's cookies.
    #[schemars(extend("x-protocol" = "broker"))]
    pub logout_uri: Option<String>,
    /// The ids of the organizations whose people it gets; those of all when absent.
    #[schemars(extend("x-protocol" = "broker"))]
    pub organizations: Option<Vec<String>>,
    /// Where it is told by signed events that a session ended, and how the logout came out. The dependable way.
    #[schemars(extend("x-protocol" = "broker"))]
    pub webhook: Option<WebhookText>,
    /// Whether its API key may make, change and delete organizations, their mail domains, connections and webhook endpoints in
    /// the broker API. Whoever has such a key decides whose identity provider vouches for which addresses. Without it the key
    /// reads only.
    #[schemars(extend("x-protocol" = "broker", "default" = false))]
    pub manage: Option<bool>,
}

/// How an application is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProtocolText {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// The broker API: people of the customers' identity providers, on WorkOS's wire.
    Broker,
}

/// How a client proves who it is at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethodText {
    /// Its secret in the Authorization header.
    ClientSecretBasic,
    /// Its secret in the body.
    ClientSecretPost,
    /// A JWT signed with its key.
    PrivateKeyJwt,
    /// Not at all: a public client.
    None,
}

/// Which channel tells an application that has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogoutChannelText {
    /// A logout token from server to server.
    #[default]
    Backchannel,
    /// A frame in the browser.
    Frontchannel,
    /// Both.
    Both,
}

/// What tokens are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum AlgorithmText {
    /// RSA with PKCS #1 v1.5 and SHA-256, which every library knows.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256, the cheapest.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA with PSS and SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// How far a logout reaches that an application asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SingleLogoutText {
    /// Only the session at Acquit ends; no other application is told.
    None,
    /// The session ends and every application in it is told.
    #[default]
    Session,
    /// All sessions of the user end and every application in them is told.
    User,
}

/// Whether a person is asked before a sign-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmText {
    /// Always.
    Always,
    /// Not when the request carries a valid hint of this session.
    #[default]
    WhenNeeded,
    /// Never; a request without a valid hint of this session is then refused instead.
    Never,
}
