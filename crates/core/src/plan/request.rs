//! What is asked of a logout: what ends, who asks, whom to tell.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AppId, ConnectionId, LogoutId, SessionId, Timestamp, UserId,
    participant::{Participant, Protocol},
};

/// What a logout ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", content = "id", rename_all = "kebab-case")]
pub enum Scope {
    /// One session.
    Session(SessionId),
    /// Several sessions of one user, named by a SAML application that takes part in each.
    Sessions(Vec<SessionId>),
    /// All sessions of a user, and the grants with `offline_access`.
    User(UserId),
}

impl Scope {
    /// Its name in receipts. Sessions that were named one by one are no more than that.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Session(_) | Self::Sessions(_) => "session",
            Self::User(_) => "user",
        }
    }
}

/// Who asked for a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// An application in the user's browser.
    Application,
    /// The user at Acquit itself.
    User,
    /// An upstream identity provider.
    Upstream,
    /// An administrator, by API or command.
    Administrator,
    /// A rule: expiry, idleness, a changed password, a disabled user.
    Policy,
}

impl By {
    /// Its name in receipts and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::User => "user",
            Self::Upstream => "upstream",
            Self::Administrator => "administrator",
            Self::Policy => "policy",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Application, Self::User, Self::Upstream, Self::Administrator, Self::Policy]
            .into_iter()
            .find(|by| by.as_str() == name)
    }
}

/// Whom a logout tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Every participant.
    Everyone,
    /// Nobody beyond Acquit's own (`single_logout = "none"`): the participants stay open, so that a later logout of the
    /// user still tells them.
    NobodyElse,
    /// Every participant that wants to know of endings that nobody asked for.
    Expiry,
}

/// What was asked, by whom and by what right; the door has checked the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The logout's identifier, drawn by the door.
    pub id: LogoutId,
    /// What ends.
    pub scope: Scope,
    /// Who asked.
    pub by: By,
    /// The application or the operator's token that asked, by id.
    pub party: Option<String>,
    /// Why, in a few words, where it is not plain from `by`.
    pub reason: Option<String>,
    /// Whom to tell.
    pub tell: Tell,
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub ip: Option<String>,
    /// The session of the browser that is here and can load frames, if one is.
    pub browser: Option<SessionId>,
    /// How long a step is tried.
    pub deadline: Duration,
    /// Of a scope that is wider than what the application itself named: the sessions that it named. A SAML application
    /// has ended those itself and is not asked again; its other sessions it is told of.
    pub named: Vec<SessionId>,
}

impl Request {
    /// Whether it is `app` that asks.
    #[must_use]
    pub fn is_from(&self, app: &AppId) -> bool {
        self.by == By::Application && self.party.as_deref() == Some(app.as_str())
    }

    /// Whether it is the identity provider of `connection` that asks, which is never asked again.
    #[must_use]
    pub fn is_from_upstream(&self, connection: &ConnectionId) -> bool {
        self.by == By::Upstream && self.party.as_deref() == Some(connection.as_str())
    }

    /// Whether `participant` needs no telling because it is a SAML application that asked for the end of this very session
    /// (Core section 3.7.3.2: every *other* participant is told; OpenID Connect clients are told all the same).
    #[must_use]
    pub(super) fn was_named_by(&self, participant: &Participant) -> bool {
        let named = match &self.scope {
            Scope::Session(_) | Scope::Sessions(_) => true,
            Scope::User(_) => self.named.contains(&participant.session),
        };
        named && participant.protocol == Protocol::Saml && self.is_from(&participant.app)
    }
}
