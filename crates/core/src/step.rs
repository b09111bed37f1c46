//! A step: one thing that a logout must do at one party over one channel, and its honest outcome.

use serde::{Deserialize, Serialize};

use crate::{
    AppId, LogoutId, SessionId, StepId, Timestamp, UserId,
    participant::{HopBinding, NameIdForm, Protocol},
};

/// What the receipt says of a party that was told of a session without its name.
pub const NO_INDEX: &str = "was asked to end all of the user's sessions there";

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
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 5] =
        [Self::Backchannel, Self::Frontchannel, Self::SamlRedirect, Self::SamlPost, Self::SamlSoap];

    /// Its name in receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backchannel => "backchannel",
            Self::Frontchannel => "frontchannel",
            Self::SamlRedirect => "saml-redirect",
            Self::SamlPost => "saml-post",
            Self::SamlSoap => "saml-soap",
        }
    }

    /// The channel of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }

    /// Whether only the user's browser can go there, so that no worker sends it.
    #[must_use]
    pub const fn needs_browser(self) -> bool {
        match self {
            Self::Frontchannel | Self::SamlRedirect | Self::SamlPost => true,
            Self::Backchannel | Self::SamlSoap => false,
        }
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
    /// A LogoutRequest to be posted in an envelope.
    SamlSoap {
        /// Where to: its Destination.
        uri: String,
        /// Whom and what it names.
        #[serde(flatten)]
        named: SamlNamed,
    },
    /// A LogoutRequest that the browser is to carry.
    SamlHop {
        /// How.
        binding: HopBinding,
        /// Where to: its Destination.
        uri: String,
        /// Whether in a frame; otherwise by a top-level hop.
        frame: bool,
        /// Whom and what it names.
        #[serde(flatten)]
        named: SamlNamed,
    },
    /// Nothing can be sent.
    Nothing,
}

/// Why a session ends, as a LogoutRequest says it (SAML Core section 3.7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamlReason {
    /// The person wants to leave.
    User,
    /// An operator, or a rule of theirs, wants the person to leave.
    Admin,
    /// The session was unused for too long, or is too old.
    GlobalTimeout,
}

/// What a LogoutRequest says, whichever way it goes: all that is needed to build it anew for each attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlNamed {
    /// The application's entity ID: its answer must come from it.
    pub entity_id: String,
    /// The value of the NameID.
    pub subject: String,
    /// What qualifies it.
    pub form: NameIdForm,
    /// The SessionIndex; absent where the application did not ask for it, and then all of the user's sessions there end.
    pub session_index: Option<String>,
    /// Where `session_index` is absent: that of the session that ended, to be named once a newer session of this user at
    /// this party must not be ended with it.
    pub ended_index: Option<String>,
    /// Until when the assertion may be taken that the request is to overtake; it holds for at least that long.
    #[serde(with = "micros", default)]
    pub not_on_or_after: Option<Timestamp>,
    /// Why; absent in steps that were planned before it was kept.
    #[serde(default)]
    pub reason: Option<SamlReason>,
}

/// Times in targets are microseconds, as everywhere in the store.
mod micros {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Timestamp;

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_micros).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp::from_micros))
    }
}

impl Target {
    /// The URL that the step reaches, without parameters of its own.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        match self {
            Self::Backchannel { uri, .. }
            | Self::Frontchannel { uri, .. }
            | Self::SamlSoap { uri, .. }
            | Self::SamlHop { uri, .. } => Some(uri),
            Self::Nothing => None,
        }
    }

    /// What its LogoutRequest names, if it is one.
    #[must_use]
    pub fn saml(&self) -> Option<&SamlNamed> {
        match self {
            Self::SamlSoap { named, .. } | Self::SamlHop { named, .. } => Some(named),
            Self::Backchannel { .. } | Self::Frontchannel { .. } | Self::Nothing => None,
        }
    }

    /// What the receipt must add to an outcome: that one session ended and the party was asked for all of the user's.
    #[must_use]
    pub fn note(&self) -> Option<&'static str> {
        self.saml().filter(|named| named.session_index.is_none()).map(|_| NO_INDEX)
    }

    /// Whether it names the subject alone, which reaches all of the user's sessions at the party: before each attempt a
    /// newer session is looked for.
    #[must_use]
    pub fn names_subject_alone(&self) -> bool {
        match self {
            Self::Backchannel { sid, .. } => sid.is_none(),
            Self::SamlSoap { named, .. } | Self::SamlHop { named, .. } => named.session_index.is_none(),
            Self::Frontchannel { .. } | Self::Nothing => false,
        }
    }

    /// The same message with the ended session named, so that a newer one is spared; none where it cannot be named, and
    /// then the step is given up as superseded.
    #[must_use]
    pub fn naming_the_ended(&self) -> Option<Self> {
        let mut named = self.clone();
        match &mut named {
            Self::Backchannel { sid, ended_sid, .. } if sid.is_none() => *sid = Some(ended_sid.take()?),
            Self::SamlSoap { named, .. } | Self::SamlHop { named, .. } if named.session_index.is_none() => {
                named.session_index = Some(named.ended_index.take()?);
            }
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
