//! The operator's rules for outbound requests: public https addresses, and what the allow-list adds to them.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use super::{
    address::{self, Reach},
    refusal::Refusal,
    url::Target,
};

/// One entry of `egress.allow`: a network, reached by any name or by one host only. What it covers may be any kind of
/// address, on any port, by `http` too. In TOML a string (`"127.0.0.0/8"`) or a table (`{ host = …, net = … }`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The one host that may resolve into the network, in lower case and without a trailing dot.
    pub host: Option<String>,
    /// The network.
    pub net: IpNet,
}

/// Why an allow entry is not taken. The operator must correct the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAllow {
    /// Neither a network nor an address.
    #[error("{0:?} is no network such as \"10.0.0.0/8\"")]
    Net(String),
    /// No host name.
    #[error("{0:?} is no host name")]
    Host(String),
    /// Every address at once: that is no list but a switch.
    #[error("{0} covers every address; name a host beside it, or a smaller network")]
    Everything(IpNet),
}

impl Allow {
    /// An entry, checked.
    ///
    /// # Errors
    /// [`InvalidAllow`].
    pub fn new(host: Option<&str>, net: &str) -> Result<Self, InvalidAllow> {
        let parsed = net
            .parse::<IpNet>()
            .or_else(|_| net.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| InvalidAllow::Net(net.to_owned()))?;
        let host = host.map(normal_host).transpose()?;
        if host.is_none() && parsed.prefix_len() == 0 {
            return Err(InvalidAllow::Everything(parsed));
        }
        Ok(Self { host, net: parsed.trunc() })
    }

    fn names(&self, host: &str) -> bool {
        self.host.as_deref().is_none_or(|allowed| allowed == host)
    }

    fn covers(&self, host: &str, address: IpAddr) -> bool {
        self.net.contains(&address) && self.names(host)
    }
}

/// The host as URLs carry it after parsing, so that the comparison is one of strings.
fn normal_host(host: &str) -> Result<String, InvalidAllow> {
    let invalid = || InvalidAllow::Host(host.to_owned());
    let bare = host.strip_suffix('.').unwrap_or(host);
    match ::url::Host::parse(bare).map_err(|_| invalid())? {
        ::url::Host::Domain(name) if !name.is_empty() && !name.ends_with('.') => Ok(name),
        ::url::Host::Ipv4(v4) => Ok(v4.to_string()),
        ::url::Host::Ipv6(v6) => Ok(v6.to_string()),
        ::url::Host::Domain(_) => Err(invalid()),
    }
}

impl FromStr for Allow {
    type Err = InvalidAllow;

    fn from_str(net: &str) -> Result<Self, InvalidAllow> {
        Self::new(None, net)
    }
}

impl<'de> Deserialize<'de> for Allow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = Allow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a network such as \"10.0.0.0/8\", or { host = \"wiki.example.com\", net = \"10.0.0.0/8\" }",
                )
            }

            fn visit_str<E: de::Error>(self, net: &str) -> Result<Allow, E> {
                net.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Allow, A::Error> {
                let (mut host, mut net) = (None::<String>, None::<String>);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "host" if host.is_none() => host = Some(map.next_value()?),
                        "net" if net.is_none() => net = Some(map.next_value()?),
                        other => return Err(de::Error::unknown_field(other, &["host", "net"])),
                    }
                }
                let net = net.ok_or_else(|| de::Error::missing_field("net"))?;
                Allow::new(host.as_deref(), &net).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

/// Where outbound requests may go. The default is: `https` on port 443 of public addresses, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What the operator allowed beyond that.
    pub allow: Vec<Allow>,
    /// The addresses on which this program itself listens: never dialled, whatever is allowed.
    pub own: Vec<SocketAddr>,
}

impl Policy {
    /// A policy with this allow-list.
    #[must_use]
    pub fn allowing(allow: Vec<Allow>) -> Self {
        Self { allow, own: Vec::new() }
    }

    /// What can be said before any look-up: feedback at registration, never a permission (that is [`Policy::admit`]).
    ///
    /// # Errors
    /// [`Refusal`] when no address could make this target acceptable.
    pub fn check(&self, target: &Target) -> Result<(), Refusal> {
        match target.literal() {
            Some(address) => self.admit(target, address).map(drop),
            None if target.is_plain() || self.allow.iter().any(|entry| entry.names(target.host())) => Ok(()),
            None if !target.is_https() => Err(Refusal::PlainHttp),
            None => Err(Refusal::Port(target.port())),
        }
    }

    /// Decides on one numeric address of a target, and gives exactly what may be dialled for it.
    ///
    /// # Errors
    /// [`Refusal`], with what the operator may want to allow.
    pub fn admit(&self, target: &Target, address: IpAddr) -> Result<SocketAddr, Refusal> {
        let address = address::canonical(address);
        let dialled = SocketAddr::new(address, target.port());
        if self.own.iter().any(|own| is_own(*own, dialled)) {
            return Err(Refusal::Own(dialled));
        }
        if self.allow.iter().any(|entry| entry.covers(target.host(), address)) {
            return Ok(dialled);
        }
        if let Reach::Special(special) = address::classify(address) {
            return Err(Refusal::Address { address, special });
        }
        if target.literal().is_some() {
            Err(Refusal::Literal(address))
        } else if !target.is_https() {
            Err(Refusal::PlainHttp)
        } else if target.port() != 443 {
            Err(Refusal::Port(target.port()))
        } else {
            Ok(dialled)
        }
    }
}

/// A listener on the unspecified address is reached on loopback too.
fn is_own(own: SocketAddr, dialled: SocketAddr) -> bool {
    let ip = address::canonical(own.ip());
    own.port() == dialled.port() && (ip == dialled.ip() || (ip.is_unspecified() && dialled.ip().is_loopback()))
}

#[cfg(test)]
mod tests;
