//! A step: one thing that a logout must do at one party over one channel, and its honest outcome.

use serde::{Deserialize, Serialize};

use crate::{AppId, LogoutId, SessionId, StepId, Timestamp, UserId, participant::Protocol};

/// The way a party is told. The names are those of the receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// OpenID Connect Back-Channel Logout 1.0.
    Backchannel,
    /// OpenID Connect Front-Channel Logout 1.0: a frame in the user's browser.
    Frontchannel,
}

impl Channel {
    /// Its name in receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backchannel => "backchannel",
            Self::Frontchannel => "frontchannel",
        }
    }
}

/// How a step stands. A guess is never called confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The party said so in its protocol.
    Confirmed,
    /// The browser was given the frame; nothing more can be known.
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

/// What a step says to whom, fixed when it is planned: a later change of the registration does not redirect it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Target {
    /// A logout token to be posted.
    Backchannel {
        /// Where to.
        uri: String,
        /// The audience.
        client_id: String,
        /// The JWS algorithm, by its JOSE name.
        alg: String,
        /// The user, as the application knows them.
        subject: String,
        /// The session there; absent only when all of the user's sessions end.
        sid: Option<String>,
        /// Where `sid` is absent: the session that ended there, to be named instead of the subject once a newer session
        /// of this user at this party must not be ended with it.
        #[serde(default)]
        ended_sid: Option<String>,
    },
    /// A frame to be loaded.
    Frontchannel {
        /// What the frame loads, before `iss` and `sid` are added.
        uri: String,
        /// The session there, when the application asked for `iss` and `sid`.
        sid: Option<String>,
    },
    /// Nothing can be sent.
    Nothing,
}

impl Target {
    /// The URL that the step reaches, without parameters of its own.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        match self {
            Self::Backchannel { uri, .. } | Self::Frontchannel { uri, .. } => Some(uri),
            Self::Nothing => None,
        }
    }

    /// Whether it names the subject alone, which reaches all of the user's sessions at the party: before each attempt a
    /// newer session is looked for.
    #[must_use]
    pub fn names_subject_alone(&self) -> bool {
        matches!(self, Self::Backchannel { sid: None, .. })
    }

    /// The same message with the ended session named, so that a newer one is spared; none where it cannot be named, and
    /// then the step is given up as superseded.
    #[must_use]
    pub fn naming_the_ended(&self) -> Option<Self> {
        let mut named = self.clone();
        match &mut named {
            Self::Backchannel { sid, ended_sid, .. } if sid.is_none() => *sid = Some(ended_sid.take()?),
            _ => {}
        }
        Some(named)
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
