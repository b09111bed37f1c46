//! `[[connections]]`: identity providers upstream, by which people sign in.

use std::collections::BTreeMap;

use acquit_server::settings::connection_type;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    applications::{AlgorithmText, CertificateText, MetadataText, NameIdText, SloBindingText},
    duration::DurationText,
    secret::SecretText,
};

mod attributes;
mod provider;
mod resolve;
mod saml;

pub use attributes::AttributesSection;

/// An identity provider upstream, by which people sign in.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSection {
    /// Its id, "conn_…"; unique and never changed.
    #[schemars(required)]
    pub id: Option<String>,
    /// The id of the organization whose people come through it; none for a provider of your own.
    pub organization: Option<String>,
    /// Its name for people; the organization's, or the id, when absent.
    pub name: Option<String>,
    /// How the provider is spoken to.
    #[serde(rename = "type")]
    #[schemars(required)]
    pub protocol: Option<ConnectionProtocolText>,
    /// What it is called in the broker API, by WorkOS's names; "GenericOIDC" or "GenericSAML" when absent. Those that end in
    /// "SAML" go with `type = "saml"`.
    #[schemars(extend("enum" = connection_type::ALL))]
    pub connection_type: Option<String>,
    /// The provider's issuer, to the letter; `/.well-known/openid-configuration` stands under it.
    #[schemars(required)]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub issuer: Option<String>,
    /// Acquit's client_id at the provider.
    #[schemars(required)]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub client_id: Option<String>,
    /// Acquit's secret at the provider.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub client_secret: Option<SecretText>,
    /// How Acquit proves itself at the provider. With "private_key_jwt" the provider is given Acquit's `jwks_uri`;
    /// "client_secret_jwt" is used only where the provider's metadata lists it.
    #[schemars(extend("default" = "client_secret_basic"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub token_endpoint_auth_method: Option<UpstreamAuthMethodText>,
    /// With "private_key_jwt": what Acquit's assertions are signed with.
    #[schemars(extend("default" = "RS256"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub token_endpoint_auth_signing_alg: Option<AlgorithmText>,
    /// What stands for it in its callback and logout URLs; unique and hard to guess: at least 20 letters, digits, `-` and `_`.
    #[schemars(required)]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub external_key: Option<String>,
    /// Whether browsers come back to `/sso/oidc/callback`, which several connections may share, instead of to a callback of this
    /// one's own. Only for a provider whose metadata says `authorization_response_iss_parameter_supported`: each of its answers
    /// must carry its issuer as `iss`, or it is refused.
    #[schemars(extend("default" = false))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub shared_callback: Option<bool>,
    /// What is asked for; `openid` always is. Many providers give a refresh token for
    /// `offline_access` only.
    #[schemars(extend("default" = ["openid", "profile", "email"]))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub scopes: Option<Vec<String>>,
    /// The `prompt` of every request there. Some providers give a refresh token with "consent" only.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub prompt: Option<ConnectionPromptText>,
    /// Parameters of the provider's own for every request there: Google gives a refresh token with `access_type = "offline"` only.
    #[schemars(extend("x-protocol" = "oidc"))]
    pub authorization_parameters: Option<BTreeMap<String, String>>,
    /// How often the provider is asked, with the refresh token, whether a person is still welcome there; one who is not is signed
    /// out of everything. It holds for whoever signs in from then on, and where the provider gives a refresh token. Never when
    /// absent; "1m" to "1d".
    #[schemars(extend("x-protocol" = "oidc"))]
    pub revalidate: Option<DurationText>,
    /// What the provider's ID tokens and logout tokens are signed with.
    #[schemars(extend("default" = "RS256"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub id_token_signed_response_alg: Option<AlgorithmText>,
    /// Whether claims are also asked from the provider's userinfo endpoint.
    #[schemars(extend("default" = true))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub userinfo: Option<bool>,
    /// What its idp-logout URL does when the browser comes without a session's name: sign the person out, or ask.
    #[schemars(extend("default" = "act"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub idp_logout: Option<IdpLogoutText>,
    /// What the provider's front-channel logout has to bring that it frames on the hosts of the gateway's routes: "sid", `iss`
    /// and `sid`; or "bare", nothing but the route's cookie, for a provider that sends neither. Any page that may frame a route
    /// can then sign people out there who came through this connection.
    #[schemars(extend("default" = "sid"))]
    #[schemars(extend("x-protocol" = "oidc"))]
    pub frontchannel_logout: Option<FrontchannelLogoutText>,
    /// Whether the provider is told when a person signs out here.
    #[schemars(extend("default" = "propagate"))]
    pub logout: Option<LogoutText>,
    /// Its metadata: a file, or a URL from which it is fetched and refreshed. Without it there are `entity_id`, `sso_url` and
    /// `certificates`.
    #[schemars(extend("x-protocol" = "saml"))]
    pub metadata: Option<MetadataText>,
    /// The provider's entity ID: by hand, or which one of a metadata document with several.
    #[schemars(extend("x-protocol" = "saml"))]
    pub entity_id: Option<String>,
    /// By hand: where people sign in, by a redirect.
    #[schemars(extend("x-protocol" = "saml"))]
    pub sso_url: Option<String>,
    /// By hand: where logout messages go, by `slo_binding`.
    #[schemars(extend("x-protocol" = "saml"))]
    pub slo_url: Option<String>,
    /// By hand: the certificates of the keys that it signs with, as PEM text or `{ file = "…" }`.
    #[schemars(extend("x-protocol" = "saml"))]
    pub certificates: Option<Vec<CertificateText>>,
    /// How it is told of a logout. With metadata the default is what that has, SOAP first; by hand it is "redirect".
    #[schemars(extend("x-protocol" = "saml"))]
    pub slo_binding: Option<SloBindingText>,
    /// How it should name people; as it likes when absent. A transient name says who nobody is the next time, so it goes with `id`
    /// in `attributes`.
    #[schemars(extend("x-protocol" = "saml"))]
    pub name_id: Option<NameIdText>,
    /// Which of the provider's claims become what of a person.
    pub attributes: Option<AttributesSection>,
}

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionProtocolText {
    /// OpenID Connect.
    Oidc,
    /// SAML.
    Saml,
}

/// How Acquit proves itself at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamAuthMethodText {
    /// The secret in the Authorization header.
    ClientSecretBasic,
    /// The secret in the body.
    ClientSecretPost,
    /// A JWT made with the secret, by HS256.
    ClientSecretJwt,
    /// A JWT signed with Acquit's key.
    PrivateKeyJwt,
    /// Not at all: a public client.
    None,
}

/// What a provider is always asked to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionPromptText {
    /// Its sign-in page, also to whoever is signed in there.
    Login,
    /// Its question whether the person agrees.
    Consent,
    /// Its choice of accounts.
    SelectAccount,
}

/// What a top-level idp-logout does that names no session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdpLogoutText {
    /// It signs the person out.
    #[default]
    Act,
    /// It asks the person first.
    Confirm,
}

/// What a frame of the provider's has to bring on the host of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FrontchannelLogoutText {
    /// `iss` and `sid`.
    Sid,
    /// Nothing but the route's cookie.
    Bare,
}

/// How far a sign-out reaches that begins here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogoutText {
    /// The provider is told, and the person is signed out there too.
    #[default]
    Propagate,
    /// The person stays signed in at the provider.
    Local,
}
