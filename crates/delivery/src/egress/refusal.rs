//! Why the policy refuses a request, for the operator. An application's owner never sees these words.

use std::net::{IpAddr, SocketAddr};

use super::address::Special;

/// Why a request is not made. The operator may allow more (`egress.allow`), or the URL must be corrected; trying again
/// does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No URL, or one that parsers read differently.
    #[error("not a URL that can be used: {0}")]
    Malformed(&'static str),
    /// Neither https nor http.
    #[error("the scheme must be https")]
    Scheme,
    /// `user:password@` in the URL.
    #[error("a user name or password in the URL is not allowed")]
    Userinfo,
    /// `#…` in the URL.
    #[error("a fragment in the URL is not allowed")]
    Fragment,
    /// An IP address that is not written in its normal form (octal, hexadecimal, full-width digits, …).
    #[error("the IP address in the URL is not in its normal form, {0}")]
    Spelling(IpAddr),
    /// A number instead of a name.
    #[error("the URL has an IP address for a host, {0}, which egress.allow does not cover")]
    Literal(IpAddr),
    /// `http` where the allow-list does not cover the address.
    #[error("http is allowed only to addresses in egress.allow")]
    PlainHttp,
    /// Another port where the allow-list does not cover the address.
    #[error("port {0} is allowed only at addresses in egress.allow")]
    Port(u16),
    /// An address that is not public.
    #[error("{address} is not a public address: {special}; egress.allow does not cover it for this host")]
    Address {
        /// The address.
        address: IpAddr,
        /// What it is.
        special: Special,
    },
    /// One of this program's own listeners.
    #[error("{0} is an address on which this server itself listens")]
    Own(SocketAddr),
}

impl Refusal {
    /// What may be told to whoever registers the URL: mistakes in its form in full, the policy only as a whole, since its
    /// details say what this server can reach.
    #[must_use]
    pub fn public(&self) -> String {
        match self {
            Self::Malformed(_) | Self::Scheme | Self::Userinfo | Self::Fragment | Self::Spelling(_) => self.to_string(),
            Self::Literal(_) | Self::PlainHttp | Self::Port(_) | Self::Address { .. } | Self::Own(_) => {
                "this server does not send requests to that address; its operator may allow it".to_owned()
            }
        }
    }
}
