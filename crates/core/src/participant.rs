//! A participant: one application's share in one session, with all that is needed to tell it of the logout.
//!
//! Participants are a ledger of their own, written before the first token leaves and never rebuilt from tokens that
//! happen to be alive: an application is told even when everything that it was given has long expired.

use serde::{Deserialize, Serialize};

use crate::{AppId, EndpointId, SessionId, Timestamp};

mod saml;

pub use saml::{HopBinding, NameIdForm, SamlChannel, SamlHop};

/// The protocol through which an application takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// The broker API.
    Broker,
    /// Behind the gateway, with no login of its own.
    Gateway,
}

impl Protocol {
    /// Its name in receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Broker => "broker",
            Self::Gateway => "gateway",
        }
    }

    /// The protocol of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Oidc, Self::Saml, Self::Broker, Self::Gateway].into_iter().find(|protocol| protocol.as_str() == name)
    }
}

/// Back-channel logout as an application registered it (Back-Channel Logout 1.0 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackChannel {
    /// Where logout tokens are posted.
    pub uri: String,
    /// The JWS algorithm that the application expects, by its JOSE name.
    pub alg: String,
}

/// Front-channel logout as an application registered it (Front-Channel Logout 1.0 section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontChannel {
    /// What the browser loads in a frame.
    pub uri: String,
    /// Whether `iss` and `sid` are added. Without them the application may end more than was asked.
    pub session_required: bool,
}

/// An endpoint of a broker application to which events are posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookChannel {
    /// Its name; none for the one of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointId>,
    /// Where events are posted.
    pub uri: String,
    /// Whether it is told that a session ended (`sso.logout.started`).
    pub started: bool,
    /// Whether it is told once nothing of a logout is pending any more (`sso.logout.completed`).
    pub completed: bool,
}

/// Which channel an application with both wants to be told over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    /// The back channel: it needs no browser and can be proved.
    #[default]
    BackChannel,
    /// The front channel.
    FrontChannel,
    /// Each of them.
    Both,
}

/// How an application can be told of a logout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// Its back channel, if it registered one.
    pub back: Option<BackChannel>,
    /// Its front channel, if it registered one.
    pub front: Option<FrontChannel>,
    /// Which it wants when it has both.
    #[serde(default)]
    pub preference: Preference,
    /// Whether it is told of endings that nobody asked for (expiry, idleness).
    #[serde(default = "yes")]
    pub tell_on_expiry: bool,
    /// Its SAML endpoints for logout, if it is a SAML application and has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml: Option<SamlChannel>,
    /// Its endpoints for events, if it is a broker application.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<WebhookChannel>,
}

const fn yes() -> bool {
    true
}

/// One application's share in one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The session.
    pub session: SessionId,
    /// The application.
    pub app: AppId,
    /// Its protocol.
    pub protocol: Protocol,
    /// The client identifier, which is the audience of a logout token; in SAML the entity ID; behind the gateway the host.
    pub client_id: String,
    /// The subject that its ID tokens name; in SAML the value of the NameID.
    pub subject: String,
    /// The `sid` that only the issuer and this application hold: one per session and client, unguessable. In SAML the
    /// SessionIndex, behind the gateway what a front-channel call from the issuer would carry.
    pub sid: String,
    /// When it last got a code in this session.
    pub joined_at: Timestamp,
    /// How it can be told.
    pub channels: Channels,
    /// In SAML: what qualifies the NameID, as this application was given it. A logout must name it the same.
    pub name_id: Option<NameIdForm>,
    /// In SAML: until when its latest assertion may be taken (the latest of its NotOnOrAfter, which are minutes away; not
    /// SessionNotOnOrAfter). A LogoutRequest holds for at least that long (Core section 3.7.3.2).
    pub not_on_or_after: Option<Timestamp>,
}

impl Participant {
    /// Whom its steps are for, and in which protocol.
    #[must_use]
    pub(crate) fn party(&self) -> (&AppId, Protocol) {
        (&self.app, self.protocol)
    }
}
