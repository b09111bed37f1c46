//! A step: one thing that a logout must do at one party over one channel, and its honest outcome.

use serde::{Deserialize, Serialize};

use crate::{AppId, LogoutId, SessionId, StepId, Timestamp, UserId, participant::Protocol};

mod target;

pub use target::{Moment, NO_INDEX, Notice, SamlNamed, SamlReason, Target};

/// The way a party is told. The names are those of the receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// OpenID Connect Back-Channel Logout 1.0.
    Backchannel,
    /// OpenID Connect Front-Channel Logout 1.0: a frame in the user's browser.
    Frontchannel,
    /// SAML Single Logout by HTTP-Redirect: a hop of the user's browser, or a frame.
    SamlRedirect,
    /// SAML Single Logout by HTTP-POST: a hop of the user's browser, or a frame.
    SamlPost,
    /// SAML Single Logout by SOAP, server to server.
    SamlSoap,
    /// Token revocation at an identity provider (RFC 7009).
    Revocation,
    /// The end of the session at an identity provider (RP-Initiated Logout 1.0): a hop of the user's browser.
    EndSession,
    /// A signed event, posted to an application of the broker.
    Webhook,
    /// The gateway: each of its nodes refuses the session, cuts what it has open, and says so.
    Gateway,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 9] = [
        Self::Backchannel,
        Self::Frontchannel,
        Self::SamlRedirect,
        Self::SamlPost,
        Self::SamlSoap,
        Self::Revocation,
        Self::EndSession,
        Self::Webhook,
        Self::Gateway,
    ];

    /// Its name in receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backchannel => "backchannel",
            Self::Frontchannel => "frontchannel",
            Self::SamlRedirect => "saml-redirect",
            Self::SamlPost => "saml-post",
            Self::SamlSoap => "saml-soap",
            Self::Revocation => "revocation",
            Self::EndSession => "end-session",
            Self::Webhook => "webhook",
            Self::Gateway => "gateway",
        }
    }

    /// The channel of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }

    /// Whether only the user's browser can go there, so that nothing of ours does.
    #[must_use]
    pub const fn needs_browser(self) -> bool {
        match self {
            Self::Frontchannel | Self::SamlRedirect | Self::SamlPost | Self::EndSession => true,
            Self::Backchannel | Self::SamlSoap | Self::Revocation | Self::Webhook | Self::Gateway => false,
        }
    }
}

impl Channel {
    /// Whether the delivery worker makes requests over it.
    #[must_use]
    pub const fn is_sent(self) -> bool {
        !self.needs_browser() && !matches!(self, Self::Gateway)
    }
}

/// How a step stands. A guess is never called confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The party said so in its protocol.
    Confirmed,
    /// The browser was given the frame or the hop; nothing more is known.
    Sent,
    /// It will be tried, or tried again.
    Pending,
    /// Refused for good, or its deadline passed.
    Failed,
    /// The party cannot be told, or was not to be told.
    Unsupported,
}

impl Outcome {
    /// Its name in receipts and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Sent => "sent",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Unsupported => "unsupported",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Confirmed, Self::Sent, Self::Pending, Self::Failed, Self::Unsupported]
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
    }
}

/// One step of a logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// The logout that it belongs to.
    pub logout: LogoutId,
    /// Whom it tells.
    pub party: AppId,
    /// In which protocol.
    pub protocol: Protocol,
    /// Over which channel; none when the party has no channel.
    pub channel: Option<Channel>,
    /// Whose session ends.
    pub user: UserId,
    /// Which session ends; none when the party is told of the user as a whole.
    pub session: Option<SessionId>,
    /// What it says to whom.
    pub target: Target,
    /// How it stands.
    pub outcome: Outcome,
    /// Why, in words for people; the party's own where it gave some.
    pub detail: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; also set on a confirmed step that is told once more.
    pub next_attempt_at: Option<Timestamp>,
    /// When it is given up.
    pub deadline: Timestamp,
    /// Whether the party asked for this logout: it is told first and briefly waited for.
    pub first: bool,
    /// Whether the party may still have been signing this user in, so that it is told once more after confirming.
    pub again: bool,
    /// Whether a refusal was already retried because our key may have been too new for the party.
    pub key_retried: bool,
}
