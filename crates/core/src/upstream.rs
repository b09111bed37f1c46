//! Upstream: the identity provider that signed a person in, and what of a logout it can be told.
//!
//! It is no participant. It gave the session away instead of getting it, so it is told in its own protocol: its tokens are
//! given back, and the browser is taken to the end of its session there.

use serde::{Deserialize, Serialize};

use crate::{
    ConnectionId, OrganizationId, SessionId, UpstreamId,
    participant::{NameIdForm, Protocol, SamlHop},
};

/// How an identity provider can be told, as its discovery or its metadata had it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamChannels {
    /// Where its tokens are revoked (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<String>,
    /// Where the browser ends its session there (RP-Initiated Logout 1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_session: Option<String>,
    /// What there is to know of a SAML provider; none for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml: Option<SamlUpstream>,
    /// Whether a logout here goes on to it at all (`logout = "propagate"`).
    pub propagate: bool,
}

/// A SAML identity provider, as it was known at a sign-in, and its name for the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlUpstream {
    /// Its entity ID.
    pub entity_id: String,
    /// What stands beside the value of the NameID, which is the subject.
    pub name_id: NameIdForm,
    /// Where LogoutRequests are posted in an envelope, server to server.
    pub soap: Option<String>,
    /// Where the browser takes them.
    pub hop: Option<SamlHop>,
}

/// The tokens of a sign-in that we hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// An access token.
    pub access: bool,
    /// A refresh token.
    pub refresh: bool,
}

/// Which token is given back. The names are those of `token_type_hint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// The access token.
    #[serde(rename = "access_token")]
    Access,
    /// The refresh token.
    #[serde(rename = "refresh_token")]
    Refresh,
}

impl TokenKind {
    /// Its name as a `token_type_hint` (RFC 7009 section 2.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access_token",
            Self::Refresh => "refresh_token",
        }
    }
}

/// One sign-in of a session at an identity provider. A session has one for each time that its person was sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name, under which what is secret of it is kept.
    pub id: UpstreamId,
    /// The session.
    pub session: SessionId,
    /// Through which connection.
    pub connection: ConnectionId,
    /// Whose connection that was; none for a provider of the operator's own.
    pub organization: Option<OrganizationId>,
    /// Its protocol.
    pub protocol: Protocol,
    /// The provider's name for the person.
    pub subject: String,
    /// The provider's name for its session, if it gave one.
    pub sid: Option<String>,
    /// What we hold of it.
    pub held: Held,
    /// How it can be told.
    pub channels: UpstreamChannels,
}
