//! Networks and hosts, as several sections write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

use super::{context::Context, diagnostic::quoted, path::Path};

impl Context<'_> {
    /// The network that `text` names; an address alone is a network of one.
    pub fn network(&mut self, path: &Path, text: &str) -> Option<IpNet> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        match text.parse::<IpNet>().or(address) {
            Ok(network) if network.addr() != network.network() => {
                let meant = network.trunc();
                self.error(path, format!("{} has bits beyond its prefix", quoted(text)))
                    .help(format!("did you mean \"{meant}\", or the address \"{}\" alone?", network.addr()));
                None
            }
            Ok(network) => Some(network),
            Err(_) => {
                self.error(path, format!("{} is no network", quoted(text)))
                    .help("write an address and a prefix, such as \"10.0.0.0/8\" or \"fd00::/8\", or an address alone");
                None
            }
        }
    }
}

/// Whether the host of `url` is this machine by definition: `127.0.0.0/8`, `::1`, `localhost`, `*.localhost`.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// The address that the host of `url` has without asking a name server; loopback names count.
#[must_use]
pub fn known_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)),
        Host::Domain(_) if is_loopback(url) => Some(Ipv4Addr::LOCALHOST.into()),
        Host::Domain(_) => None,
    }
}

/// Whether an address is one that anybody on the Internet can have, as far as its number tells.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; documentation lies inside it.
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn loopback_hosts_are_known_by_name_and_by_number() {
        for text in
            ["http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]", "http://localhost", "http://a.localhost:80"]
        {
            assert!(is_loopback(&url(text)), "{text}");
        }
        for text in ["http://10.0.0.1", "http://localhost.example.com", "http://notlocalhost", "http://[::2]"] {
            assert!(!is_loopback(&url(text)), "{text}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "fd00::1",
            "fe80::1",
            "::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700::1111"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
