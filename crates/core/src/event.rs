//! What happened, for the append-only log: one event for each thing that a person or an auditor may ask about.

use serde::{Deserialize, Serialize};

/// The kinds of events, by the names that the log keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Somebody signed in; a session began.
    SessionBegan,
    /// Somebody tried to sign in and was refused; the facts say why.
    SignInFailed,
    /// The user of a session proved again who they are.
    SessionReauthenticated,
    /// A session ended; the logout says why.
    SessionEnded,
    /// An application joined a session.
    ParticipantJoined,
    /// A logout was planned, with all its steps.
    LogoutPlanned,
    /// A step was tried, given up, or could not be made from the start; the outcome is in the facts.
    StepAttempted,
    /// An application used a code or a refresh token a second time, so its tokens were revoked.
    TokenReused,
    /// A user's password changed.
    PasswordChanged,
    /// A user was disabled or deleted.
    UserDisabled,
    /// A signing key was made or retired.
    KeyRotated,
    /// An application was registered, changed or deleted through dynamic registration.
    ClientChanged,
    /// An identity provider vouched for somebody, who signed in here; a session began or was renewed by it.
    SsoSucceeded,
    /// A sign-in at an identity provider came to nothing.
    SsoFailed,
    /// Nothing of a logout is pending any more; how it stands is in the facts. Again when it comes to stand otherwise.
    LogoutSettled,
    /// People may sign in through a connection from now on.
    ConnectionActivated,
    /// Nobody may sign in through a connection for now.
    ConnectionDeactivated,
    /// A connection is gone.
    ConnectionDeleted,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::SessionBegan,
        Self::SignInFailed,
        Self::SessionReauthenticated,
        Self::SessionEnded,
        Self::ParticipantJoined,
        Self::LogoutPlanned,
        Self::StepAttempted,
        Self::TokenReused,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::KeyRotated,
        Self::ClientChanged,
        Self::SsoSucceeded,
        Self::SsoFailed,
        Self::LogoutSettled,
        Self::ConnectionActivated,
        Self::ConnectionDeactivated,
        Self::ConnectionDeleted,
    ];

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionBegan => "session-began",
            Self::SignInFailed => "sign-in-failed",
            Self::SessionReauthenticated => "session-reauthenticated",
            Self::SessionEnded => "session-ended",
            Self::ParticipantJoined => "participant-joined",
            Self::LogoutPlanned => "logout-planned",
            Self::StepAttempted => "step-attempted",
            Self::TokenReused => "token-reused",
            Self::PasswordChanged => "password-changed",
            Self::UserDisabled => "user-disabled",
            Self::KeyRotated => "key-rotated",
            Self::ClientChanged => "client-changed",
            Self::SsoSucceeded => "sso-succeeded",
            Self::SsoFailed => "sso-failed",
            Self::LogoutSettled => "logout-settled",
            Self::ConnectionActivated => "connection-activated",
            Self::ConnectionDeactivated => "connection-deactivated",
            Self::ConnectionDeleted => "connection-deleted",
        }
    }
}

/// What else is known of an event, beyond what every event has: names as the receipt spells them, never a secret, a `sid`
/// or a party's own words. Text and not enums, so that a node can read what a newer one wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The browser that acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Who asked for the logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What the logout ends: a session or all of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The logout requests to OpenID Connect applications that were planned: of this session, or of the whole logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_requests: Option<u32>,
    /// Likewise to SAML applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saml_requests: Option<u32>,
    /// Whether it was the session's own browser that acted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub own_browser: bool,
    /// The protocol of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The channel of a step; none when the party has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// How a step stands after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The HTTP status that the party answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why, in our own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a sign-in at an identity provider: when the browser left for it, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_at: Option<i64>,
    /// The connection's name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The type of the connection, by WorkOS's names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<String>,
}

impl Facts {
    /// Nothing more is known.
    pub const NONE: Self = Self {
        user_agent: None,
        by: None,
        scope: None,
        oidc_requests: None,
        saml_requests: None,
        own_browser: false,
        protocol: None,
        channel: None,
        outcome: None,
        status: None,
        reason: None,
        left_at: None,
        name: None,
        connection_type: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("of-tomorrow"), None);
    }

    #[test]
    fn facts_of_a_newer_program_can_be_read() {
        let facts: Facts = serde_json::from_str(r#"{"channel":"carrier-pigeon","wingspan":3}"#).unwrap();
        assert_eq!(facts, Facts { channel: Some("carrier-pigeon".to_owned()), ..Facts::NONE });
        assert_eq!(serde_json::to_string(&Facts::NONE).unwrap(), "{}");
    }
}
