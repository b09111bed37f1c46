//! An OIDC application as everything else sees it, after the configuration or a registration was read.
//!
//! Fields carry the names of OpenID Connect Registration 1.0 where it has one. A [`Client`] whose [`Client::problems`]
//! are empty may be used; both the configuration and `POST /oauth2/v1/clients` go through that one check.

use acquit_core::{
    AppId,
    participant::{BackChannel, Channels, FrontChannel, Preference},
    plan::Tell,
};
use serde::{Deserialize, Serialize};

use crate::{jose::Algorithm, uri};

mod authentication;
mod problems;

pub use authentication::{Authentication, ClientKeys, SecretDigest, SecretMethod};
pub use problems::{InvalidClient, MAX_NAME, MAX_STATE_MIN_LENGTH, MAX_URIS};

/// Which sessions end when this application asks for a logout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SingleLogout {
    /// Only Acquit's own: other applications are not told (Login.gov's way).
    None,
    /// The session, with every application in it.
    #[default]
    Session,
    /// All of the user's sessions.
    User,
}

impl SingleLogout {
    /// Whom a logout tells that this application asks for.
    #[must_use]
    pub const fn tell(self) -> Tell {
        match self {
            Self::None => Tell::NobodyElse,
            Self::Session | Self::User => Tell::Everyone,
        }
    }
}

/// Whether a person is asked before a logout that this application requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Every time.
    Always,
    /// When RPI-16 wants it, and when the request is suspect (RPI-14, RPI-28).
    #[default]
    WhenNeeded,
    /// Only when the hint does not prove the request: `never` needs a valid hint of this very session.
    Never,
}

/// What an application may do at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantTypes {
    /// `authorization_code`.
    pub authorization_code: bool,
    /// `refresh_token`.
    pub refresh_token: bool,
}

impl Default for GrantTypes {
    fn default() -> Self {
        Self { authorization_code: true, refresh_token: true }
    }
}

/// An OIDC application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its id in the house: in receipts, in the API, in the configuration.
    pub app: AppId,
    /// Its `client_id`.
    pub client_id: String,
    /// Its name for people.
    pub name: String,
    /// How it proves itself at the token endpoint.
    pub authentication: Authentication,
    /// `application_type` is `native`: private schemes and free loopback ports are allowed to it when it is public.
    #[serde(default)]
    pub native: bool,
    /// Where authorization answers may go.
    pub redirect_uris: Vec<String>,
    /// Where the browser may go after a logout (RPI-9).
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens are posted (BC-3).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// It wants a `sid` in them (BC-5); ours always have one when a session is meant.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// What is loaded in a frame (FC-1, FC-2).
    #[serde(default)]
    pub frontchannel_logout_uri: Option<String>,
    /// It wants `iss` and `sid` there (FC-5, FC-10).
    #[serde(default)]
    pub frontchannel_logout_session_required: bool,
    /// Which channel it prefers when it has both.
    #[serde(default)]
    pub logout_preference: Preference,
    /// The algorithm of its ID tokens and logout tokens (BC-21).
    pub id_token_signed_response_alg: Algorithm,
    /// The grants it may use.
    #[serde(default)]
    pub grant_types: GrantTypes,
    /// Which sessions end when it asks.
    #[serde(default)]
    pub single_logout: SingleLogout,
    /// The shortest `state` that it may send, in characters; 0 for no rule.
    #[serde(default)]
    pub state_min_length: usize,
    /// Whether a person is asked before a logout that it requests.
    #[serde(default)]
    pub confirm: Confirm,
    /// Whether a person is asked before their first sign-in to it.
    #[serde(default)]
    pub consent: bool,
    /// Whether it is told of endings that nobody asked for.
    #[serde(default = "yes")]
    pub tell_on_expiry: bool,
    /// Resource servers that its access tokens are for, besides the provider itself; they may introspect them.
    #[serde(default)]
    pub token_audience: Vec<String>,
    /// It must push its authorization requests (RFC 9126 section 6).
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// It must use PKCE; public clients must in any case.
    #[serde(default)]
    pub require_pkce: bool,
    /// `default_max_age` in seconds: how old a sign-in may be when the request does not say.
    #[serde(default)]
    pub default_max_age: Option<u32>,
}

const fn yes() -> bool {
    true
}

impl Client {
    /// A client with every default, without any URI: the start for a configuration or a registration.
    #[must_use]
    pub fn new(app: AppId, client_id: impl Into<String>, authentication: Authentication) -> Self {
        Self {
            name: app.as_str().to_owned(),
            app,
            client_id: client_id.into(),
            authentication,
            native: false,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: false,
            logout_preference: Preference::default(),
            id_token_signed_response_alg: Algorithm::Rs256,
            grant_types: GrantTypes::default(),
            single_logout: SingleLogout::default(),
            state_min_length: 0,
            confirm: Confirm::default(),
            consent: false,
            tell_on_expiry: true,
            token_audience: Vec::new(),
            require_pushed_authorization_requests: false,
            require_pkce: false,
            default_max_age: None,
        }
    }

    /// Every mistake in it, each naming its field; empty when it may be used.
    #[must_use]
    pub fn problems(&self) -> Vec<InvalidClient> {
        problems::of(self)
    }

    /// Whether it cannot keep a secret.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::None)
    }

    /// Whether its authorization requests need a `code_challenge`.
    #[must_use]
    pub fn needs_pkce(&self) -> bool {
        self.require_pkce || self.is_public()
    }

    /// How it can be told of a logout: what a participant keeps of it.
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels {
            back: self.backchannel_logout_uri.as_ref().map(|uri| BackChannel {
                uri: uri.clone(),
                alg: self.id_token_signed_response_alg.as_str().to_owned(),
            }),
            front: self.frontchannel_logout_uri.as_ref().map(|uri| FrontChannel {
                uri: uri.clone(),
                session_required: self.frontchannel_logout_session_required,
            }),
            preference: self.logout_preference,
            tell_on_expiry: self.tell_on_expiry,
            saml: None,
            webhooks: Vec::new(),
        }
    }

    /// Whether an authorization answer may go to `asked`: string equality, but for the port of a public native
    /// application's loopback address.
    #[must_use]
    pub fn may_redirect_to(&self, asked: &str) -> bool {
        let native = self.native && self.is_public();
        self.redirect_uris
            .iter()
            .any(|registered| registered == asked || native && uri::equal_but_for_loopback_port(registered, asked))
    }

    /// Whether the browser may go to `asked` after a logout (RPI-23): string equality, nothing else.
    #[must_use]
    pub fn may_land_at(&self, asked: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| registered == asked)
    }
}

#[cfg(test)]
pub(crate) mod tests;
