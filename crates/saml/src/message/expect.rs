//! Which messages there are, and what a receiver expects of one.

use std::time::Duration;

use acquit_core::time::Timestamp;

use crate::xml::{Node, names::SAMLP};

/// The messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A service provider asks for an assertion.
    AuthnRequest,
    /// The identity provider's answer.
    Response,
    /// A wish to end sessions.
    LogoutRequest,
    /// Its answer.
    LogoutResponse,
    /// The holder of an artifact wants its message.
    ArtifactResolve,
    /// Its answer.
    ArtifactResponse,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::AuthnRequest, "AuthnRequest"),
    (Kind::Response, "Response"),
    (Kind::LogoutRequest, "LogoutRequest"),
    (Kind::LogoutResponse, "LogoutResponse"),
    (Kind::ArtifactResolve, "ArtifactResolve"),
    (Kind::ArtifactResponse, "ArtifactResponse"),
];

impl Kind {
    pub(super) fn of(node: Node<'_>) -> Option<Self> {
        KINDS.iter().find(|(_, name)| node.is(SAMLP, name)).map(|(kind, _)| *kind)
    }

    pub(super) fn is_request(self) -> bool {
        matches!(self, Self::AuthnRequest | Self::LogoutRequest | Self::ArtifactResolve)
    }
}

/// What the receiver knows of itself and of the time.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The addresses of the endpoint that the message came to; `Destination` must be one of them.
    pub here: &'a [&'a str],
    /// The time.
    pub now: Timestamp,
    /// How far clocks may differ.
    pub skew: Duration,
    /// How old a message may be; replay caches keep identifiers that long and twice the skew.
    pub max_age: Duration,
}

impl<'a> Expect<'a> {
    /// With three minutes between clocks, and ten for the way through a browser.
    #[must_use]
    pub const fn new(here: &'a [&'a str], now: Timestamp) -> Self {
        Self { here, now, skew: Duration::from_secs(180), max_age: Duration::from_secs(600) }
    }

    /// Until when the identifier of a message that was taken must be remembered.
    #[must_use]
    pub fn remember_until(&self) -> Timestamp {
        self.now.plus(self.max_age).plus(self.skew).plus(self.skew)
    }

    /// Whether a moment at which something ends has passed.
    pub(crate) fn over(&self, end: Timestamp) -> bool {
        self.now >= end.plus(self.skew)
    }
}
