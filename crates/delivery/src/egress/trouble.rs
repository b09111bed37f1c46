//! Why a request brought no answer: in full for the operator, in one sentence for everybody else.

use std::fmt;

use acquit_core::delivery;

use super::refusal::Refusal;

/// What an application's owner is told, whatever happened. One sentence for all cases: a difference between "blocked",
/// "refused" and "timed out" would let them map what lies behind this server.
pub const PUBLIC: &str = "could not be reached, or did not answer as it should";

/// The part of a request that took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the name.
    Dns,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From the request to the end of the response's head.
    FirstByte,
    /// The whole of it.
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the name look-up",
            Self::Connect => "the connection",
            Self::Tls => "the TLS handshake",
            Self::FirstByte => "the answer",
            Self::Total => "the whole request",
        })
    }
}

/// Why a request brought no answer. The `Display` text is the operator's: it names addresses. Others get
/// [`Trouble::public`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The policy refuses it. The operator must allow the address, or the URL must be corrected.
    #[error("refused by the egress policy: {0}")]
    Blocked(#[from] Refusal),
    /// The name has no address. The party must mend its DNS.
    #[error("the name cannot be resolved: {0}")]
    Dns(String),
    /// Nobody took the connection. The party must come back.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The handshake failed. The party must mend its certificate, or the operator give a root for it.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// It took too long. The party must become faster.
    #[error("{0} took too long")]
    Timeout(Phase),
    /// The connection broke before an answer. The party may come back.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// What came is no HTTP, or more of it than is read. The party must mend it.
    #[error("not a proper HTTP answer: {0}")]
    Protocol(String),
}

impl Trouble {
    /// The sentence for everybody but the operator.
    #[must_use]
    pub const fn public(&self) -> &'static str {
        PUBLIC
    }

    /// What it means for a delivery: only what the policy refuses is final.
    #[must_use]
    pub const fn class(&self) -> delivery::Trouble {
        match self {
            Self::Blocked(_) => delivery::Trouble::Blocked,
            Self::Dns(_) | Self::Connect(_) | Self::Tls(_) | Self::Lost(_) => delivery::Trouble::Unreachable,
            Self::Timeout(_) => delivery::Trouble::Timeout,
            Self::Protocol(_) => delivery::Trouble::Garbled,
        }
    }

    /// Finds the trouble in an error of the HTTP client, which wraps what the connector said.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        let mut words = String::new();
        let mut garbled = false;
        while let Some(cause) = next {
            if let Some(trouble) = cause.downcast_ref::<Self>() {
                return trouble.clone();
            }
            if let Some(http) = cause.downcast_ref::<hyper::Error>() {
                garbled |= http.is_parse() || http.is_parse_too_large();
            }
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(&cause.to_string());
            next = cause.source();
        }
        if garbled { Self::Protocol(words) } else { Self::Lost(words) }
    }
}
