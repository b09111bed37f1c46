//! What happened, for the append-only log: one event for each thing that a person or an auditor may ask about.

use serde::{Deserialize, Serialize};

/// The kinds of events, by the names that the log keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Somebody signed in; a session began.
    SessionBegan,
    /// The user of a session proved again who they are.
    SessionReauthenticated,
    /// A session ended; the logout says why.
    SessionEnded,
    /// An application joined a session.
    ParticipantJoined,
    /// A logout was planned, with all its steps.
    LogoutPlanned,
    /// A step was tried; the outcome is in the detail.
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
}

impl Kind {
    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionBegan => "session-began",
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
        }
    }
}
