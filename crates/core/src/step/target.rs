//! What a step says to whom.

use serde::{Deserialize, Serialize};

use crate::{
    ConnectionId, EndpointId, OrganizationId, Timestamp, UpstreamId,
    participant::{HopBinding, NameIdForm},
    plan::By,
    upstream::TokenKind,
};

/// What the receipt says of a party that was told of a session without its name.
pub const NO_INDEX: &str = "was asked to end all of the user's sessions there";

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
    /// A token to be given back to the identity provider that issued it. The token is kept sealed beside the session, not
    /// here.
    Revocation {
        /// Where to.
        uri: String,
        /// Through which connection it came.
        connection: ConnectionId,
        /// The sign-in that it is of.
        upstream: UpstreamId,
        /// Which token.
        token: TokenKind,
    },
    /// The end of the session at an identity provider, where the browser is to go.
    EndSession {
        /// Where to, without parameters of its own.
        uri: String,
        /// Which connection.
        connection: ConnectionId,
        /// The sign-in whose session ends.
        upstream: UpstreamId,
    },
    /// An event to be posted, signed anew for each attempt. The secret is not kept here.
    Webhook {
        /// Where to.
        uri: String,
        /// Which endpoint of the application; none for the one of the configuration.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<EndpointId>,
        /// What it says.
        #[serde(flatten)]
        notice: Notice,
    },
    /// Nothing to send: the gateway's nodes refuse the session of themselves and acknowledge it.
    Gateway {
        /// The host of its routes.
        host: String,
    },
    /// Nothing can be sent.
    Nothing,
}

/// Which moment of a logout a webhook tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// A session ended, and the application is to end its own.
    Started,
    /// Nothing of the logout is pending any more.
    Completed,
}

/// What a webhook says of a logout, beyond what its step says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Of which moment.
    pub moment: Moment,
    /// When the logout was asked for, which is when its sessions ended.
    #[serde(with = "micros_of")]
    pub at: Timestamp,
    /// Who asked. The operator's own words for why are nobody else's.
    pub by: By,
    /// What the logout ends, by its name in receipts.
    pub scope: String,
    /// Through which connection the person came, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// Whose connection that was at the sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
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
    /// The party's entity ID: its answer must come from it.
    pub entity_id: String,
    /// Through which connection, where the party is an identity provider, to which we are the service provider; absent for an
    /// application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
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

/// A time in a target that is always there.
mod micros_of {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        at.as_micros().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_micros)
    }
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
            | Self::SamlHop { uri, .. }
            | Self::Revocation { uri, .. }
            | Self::EndSession { uri, .. }
            | Self::Webhook { uri, .. } => Some(uri),
            Self::Gateway { .. } | Self::Nothing => None,
        }
    }

    /// What its LogoutRequest names, if it is one.
    #[must_use]
    pub fn saml(&self) -> Option<&SamlNamed> {
        match self {
            Self::SamlSoap { named, .. } | Self::SamlHop { named, .. } => Some(named),
            Self::Backchannel { .. }
            | Self::Frontchannel { .. }
            | Self::Revocation { .. }
            | Self::EndSession { .. }
            | Self::Webhook { .. }
            | Self::Gateway { .. }
            | Self::Nothing => None,
        }
    }

    /// What the receipt must add to an outcome: that one session ended and the party was asked for all of the user's.
    #[must_use]
    pub fn note(&self) -> Option<&'static str> {
        self.saml().filter(|named| named.session_index.is_none()).map(|_| NO_INDEX)
    }

    /// Whether it ends the browser's session at an identity provider: whichever the browser has there by then.
    #[must_use]
    pub fn ends_upstream(&self) -> bool {
        match self {
            Self::SamlHop { named, .. } => named.connection.is_some(),
            other => matches!(other, Self::EndSession { .. }),
        }
    }

    /// Whether the browser goes there itself, to come back, instead of loading a frame.
    #[must_use]
    pub fn is_hop(&self) -> bool {
        matches!(self, Self::SamlHop { frame: false, .. } | Self::EndSession { .. })
    }

    /// Whether it names the subject alone, which reaches all of the user's sessions at the party: before each attempt a
    /// newer session is looked for.
    #[must_use]
    pub fn names_subject_alone(&self) -> bool {
        match self {
            Self::Backchannel { sid, .. } => sid.is_none(),
            Self::SamlSoap { named, .. } | Self::SamlHop { named, .. } => named.session_index.is_none(),
            Self::Frontchannel { .. }
            | Self::Revocation { .. }
            | Self::EndSession { .. }
            | Self::Webhook { .. }
            | Self::Gateway { .. }
            | Self::Nothing => false,
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
