//! What the app is told of who asked: `X-Forwarded-*` and `Forwarded` (RFC 7239). What came is kept only behind proxies that
//! the operator trusts.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

use super::headers::remove_where;
use crate::origin::Origin;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// What a peer may say of whom it asks for, beside `X-Forwarded-*`.
pub(super) const OF_A_PROXY: [&str; 5] =
    ["forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip"];

/// The other end of a connection, as apps are told of it with each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    address: IpAddr,
    /// As `X-Forwarded-For` has it.
    text: HeaderValue,
    /// As `Forwarded` has it.
    element: Box<str>,
    /// The last element of `Forwarded` at the origin that its first request was for; nearly always the others are for it too.
    last: OnceLock<(Arc<str>, HeaderValue)>,
}

impl Peer {
    /// At this address.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let text = address.to_string();
        let (open, close) = if address.is_ipv6() { ("\"[", "]\"") } else { ("", "") };
        let element = ["for=", open, &text, close].concat().into();
        // An address has no character that a header may not have.
        let text = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"));
        Self { address, text, element, last: OnceLock::new() }
    }

    /// What `Forwarded` says of it at an origin.
    fn last(&self, origin: &Origin) -> Option<HeaderValue> {
        let known = self.last.get().filter(|(known, _)| Arc::ptr_eq(known, origin.host()));
        known.map(|(_, value)| value.clone()).or_else(|| {
            let text = [&*self.element, ";host=\"", origin.authority(), "\";proto=", origin.scheme()].concat();
            let value = HeaderValue::try_from(text).ok()?;
            let _ = self.last.set((origin.host().clone(), value.clone()));
            Some(value)
        })
    }
}

/// Writes what the app is told of who asked at `origin`.
pub fn write(headers: &mut HeaderMap, peer: &Peer, origin: &Origin, trusted: &[IpNet]) {
    let believed = trusted.iter().any(|net| net.contains(&peer.address));
    let chain = |name: &HeaderName| {
        if !believed || !headers.contains_key(name) {
            return None;
        }
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        Some(values.collect::<Vec<_>>().join(", ")).filter(|said| !said.is_empty())
    };
    let (before, said) = (chain(&FOR), chain(&header::FORWARDED));
    remove_where(headers, |name| {
        name.starts_with("x-forwarded-") || (OF_A_PROXY.contains(&name) && (!believed || name == "forwarded"))
    });
    let after = |before: Option<String>, last: HeaderValue| match before.zip(last.to_str().ok()) {
        Some((before, last)) => HeaderValue::try_from(format!("{before}, {last}")).ok(),
        None => Some(last),
    };
    for (name, value) in [
        (FOR, after(before, peer.text.clone())),
        (header::FORWARDED, peer.last(origin).and_then(|last| after(said, last))),
        (PROTO, Some(HeaderValue::from_static(origin.scheme()))),
        (HOST, Some(origin.told().host.clone())),
        (PORT, Some(origin.told().port.clone())),
    ] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pairs: &[(&'static str, &'static str)], peer: &str, origin: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        write(&mut headers, &Peer::new(peer.parse().unwrap()), &Origin::parse(origin).unwrap(), &trusted);
        let mut all: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        all.sort_unstable();
        all
    }

    const FORGED: [(&str, &str); 6] = [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-prefix", "/evil"),
        ("x-real-ip", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
    ];

    #[test]
    fn what_anybody_says_of_themselves_is_not_passed_on() {
        assert_eq!(
            written(&FORGED, "203.0.113.9", "https://a.example.com"),
            [
                "forwarded: for=203.0.113.9;host=\"a.example.com\";proto=https",
                "x-forwarded-for: 203.0.113.9",
                "x-forwarded-host: a.example.com",
                "x-forwarded-port: 443",
                "x-forwarded-proto: https",
            ]
        );
    }

    #[test]
    fn what_a_trusted_proxy_says_is_carried_on() {
        let chained = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8"), ("x-real-ip", "1.2.3.4")];
        assert_eq!(
            written(&chained, "::ffff:10.0.0.1", "http://localhost:8080"),
            [
                "forwarded: for=10.0.0.1;host=\"localhost:8080\";proto=http",
                "x-forwarded-for: 1.2.3.4, 5.6.7.8, 10.0.0.1",
                "x-forwarded-host: localhost:8080",
                "x-forwarded-port: 8080",
                "x-forwarded-proto: http",
                "x-real-ip: 1.2.3.4",
            ]
        );
    }

    #[test]
    fn each_host_that_is_asked_on_one_connection_is_told_of_itself() {
        let peer = Peer::new("203.0.113.9".parse().unwrap());
        let origins = ["https://a.example.com", "https://b.example.com"].map(|origin| Origin::parse(origin).unwrap());
        for _ in 0..2 {
            for origin in &origins {
                let mut headers = HeaderMap::new();
                write(&mut headers, &peer, origin, &[]);
                let host = origin.authority();
                assert_eq!(headers[header::FORWARDED], format!("for=203.0.113.9;host=\"{host}\";proto=https"));
            }
        }
    }

    #[test]
    fn an_address_of_the_sixth_version_is_quoted() {
        let all = written(&[], "2001:db8::1", "http://[::1]");
        assert_eq!(all[0], "forwarded: for=\"[2001:db8::1]\";host=\"[::1]\";proto=http");
        assert_eq!((all[1].as_str(), all[3].as_str()), ("x-forwarded-for: 2001:db8::1", "x-forwarded-port: 80"));
    }
}
