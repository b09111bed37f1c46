//! Which numeric addresses belong to the public internet. Pure; the tables are the IANA special-purpose registries for
//! IPv4 and IPv6 (RFC 6890 and successors), read strictly: what is not plainly global unicast is special.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What an address is, after everything that can hide an IPv4 address in an IPv6 one was unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Global unicast: may be dialled.
    Public,
    /// Anything else: dialled only where the operator allowed it.
    Special(Special),
}

/// Why an address is not public, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// The kind of address, such as `loopback`.
    pub what: &'static str,
    /// The IPv4 address that it hides, if it does.
    pub hides: Option<Ipv4Addr>,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hides {
            Some(v4) => write!(f, "{} (holds {v4})", self.what),
            None => f.write_str(self.what),
        }
    }
}

const fn special(what: &'static str) -> Reach {
    Reach::Special(Special { what, hides: None })
}

const fn hiding(what: &'static str, v4: Ipv4Addr) -> Reach {
    Reach::Special(Special { what, hides: Some(v4) })
}

const SPECIAL_V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network (0.0.0.0/8)"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private (10.0.0.0/8)"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "carrier-grade NAT (100.64.0.0/10)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local, where clouds keep their metadata"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private (172.16.0.0/12)"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "IETF protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 31, 196, 0), 24, "AS112"),
    (Ipv4Addr::new(192, 52, 193, 0), 24, "AMT relays"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relays"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private (192.168.0.0/16)"),
    (Ipv4Addr::new(192, 175, 48, 0), 24, "AS112"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved or broadcast (240.0.0.0/4)"),
    // In no registry: a public number that answers only inside one cloud, with its machines' secrets.
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a cloud's own control address"),
];

const fn v6(a: u16, b: u16, c: u16, d: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

/// Special blocks inside 2000::/3. All of 2001::/23 is refused, though a few anycast services in it are global: no
/// application lives there, and Teredo does.
const SPECIAL_V6: &[(Ipv6Addr, u32, &str)] = &[
    (v6(0x2001, 0, 0, 0), 32, "Teredo"),
    (v6(0x2001, 0, 0, 0), 23, "IETF protocol assignments"),
    (v6(0x2001, 0xdb8, 0, 0), 32, "documentation"),
    (v6(0x2620, 0x4f, 0x8000, 0), 48, "AS112"),
    (v6(0x3fff, 0, 0, 0), 20, "documentation"),
];

/// Names for what lies outside 2000::/3; all of that is refused, named or not.
const OUTSIDE_GLOBAL_V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (v6(0x64, 0xff9b, 1, 0), 48, "local NAT64"),
    (v6(0x100, 0, 0, 0), 64, "discard-only"),
    (v6(0x5f00, 0, 0, 0), 16, "segment routing (SRv6)"),
    (v6(0xfc00, 0, 0, 0), 7, "unique local"),
    (v6(0xfe80, 0, 0, 0), 10, "link-local"),
    (v6(0xfec0, 0, 0, 0), 10, "site-local"),
    (v6(0xff00, 0, 0, 0), 8, "multicast"),
];

/// The address as it is dialled: an IPv4-mapped one (`::ffff:a.b.c.d`) reaches the IPv4 address, so it is that address.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Says whether an address is public.
#[must_use]
pub fn classify(address: IpAddr) -> Reach {
    match canonical(address) {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> Reach {
    let bits = u32::from(address);
    SPECIAL_V4
        .iter()
        .find(|(net, len, _)| (bits ^ u32::from(*net)) >> (32 - len) == 0)
        .map_or(Reach::Public, |(_, _, what)| special(what))
}

fn classify_v6(address: Ipv6Addr) -> Reach {
    let s = address.segments();
    let low = embedded(s[6], s[7]);
    match s {
        // NAT64's well-known prefix: how networks without IPv4 reach public IPv4 hosts, so it is worth what it holds.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => return through("NAT64", low),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => return hiding("IPv4-compatible", low),
        [0, 0, 0, 0, 0xffff, 0, _, _] => return hiding("IPv4-translated", low),
        // 6to4 and Teredo tunnel to an IPv4 address of the sender's choice and are out of use (RFC 7526).
        [0x2002, high, next, ..] => return hiding("6to4", embedded(high, next)),
        [0x2001, 0, ..] => return hiding("Teredo", embedded(!s[6], !s[7])),
        _ => {}
    }
    if s[0] & 0xe000 != 0x2000 {
        return special(lookup(OUTSIDE_GLOBAL_V6, address).unwrap_or("not global unicast"));
    }
    if let Some(what) = lookup(SPECIAL_V6, address) {
        return special(what);
    }
    // ISATAP: any prefix, then 0:5efe or 200:5efe and an IPv4 address to which the router tunnels.
    if s[4] & !0x0200 == 0 && s[5] == 0x5efe {
        return through("ISATAP", low);
    }
    Reach::Public
}

/// An address that leads on to `v4` is worth what `v4` is worth.
fn through(what: &'static str, v4: Ipv4Addr) -> Reach {
    match classify_v4(v4) {
        Reach::Public => Reach::Public,
        Reach::Special(_) => hiding(what, v4),
    }
}

fn lookup(table: &[(Ipv6Addr, u32, &'static str)], address: Ipv6Addr) -> Option<&'static str> {
    let bits = u128::from(address);
    table.iter().find(|(net, len, _)| (bits ^ u128::from(*net)) >> (128 - len) == 0).map(|(_, _, what)| *what)
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests;
