//! Where a request comes from: which site, what kind of load, which address.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use ipnet::IpNet;

use crate::door::DoorError;

/// What the browser says of a load, by its Fetch Metadata headers. Browsers that send none are taken at their word for
/// nothing: a form needs its token in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Somebody navigates here.
    TopLevel,
    /// Loaded into a frame or fetched by a script: signs nobody in or out.
    Embedded,
    /// Fetched ahead, perhaps never seen: changes nothing.
    Prefetch,
}

/// What kind of load this is.
#[must_use]
pub fn load(headers: &HeaderMap) -> Load {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let ahead = |value: &str| value.to_ascii_lowercase().contains("prefetch") || value.contains("prerender");
    if ahead(text("sec-purpose")) || ahead(text("purpose")) || ahead(text("x-moz")) || text("x-purpose") == "preview" {
        return Load::Prefetch;
    }
    let dest = text("sec-fetch-dest");
    let mode = text("sec-fetch-mode");
    if (dest.is_empty() || dest == "document") && (mode.is_empty() || mode == "navigate") {
        Load::TopLevel
    } else {
        Load::Embedded
    }
}

/// Lets only what somebody navigates to go on: the rule of every door that signs people out.
///
/// # Errors
/// [`DoorError::Forbidden`].
pub fn only_top_level(headers: &HeaderMap) -> Result<(), DoorError> {
    if load(headers) == Load::TopLevel {
        return Ok(());
    }
    Err(DoorError::Forbidden("signing out is not done in a frame, by a script or ahead of time"))
}

/// Whether a state-changing request may come from one of our own pages: a browser that names its origin or site must
/// name this one. One that names neither is left to the form's token.
#[must_use]
pub fn same_origin(headers: &HeaderMap, own_origin: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
    {
        return false;
    }
    headers.get(header::ORIGIN).is_none_or(|origin| origin == own_origin)
}

/// The address of whoever asks: the peer's, or, behind trusted proxies, the last one in `X-Forwarded-For` that is none of
/// theirs.
#[must_use]
pub fn address(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut address = peer.to_canonical();
    if !is_trusted(address) {
        return address;
    }
    let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let mut hops: Vec<&str> = hops.flat_map(|value| value.split(',')).map(str::trim).collect();
    while let Some(hop) = hops.pop() {
        let Ok(parsed) = hop.parse::<IpAddr>() else { break };
        address = parsed.to_canonical();
        if !is_trusted(address) {
            break;
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn prefetches_and_frames_are_told_from_navigations() {
        assert_eq!(load(&headers(&[])), Load::TopLevel);
        assert_eq!(load(&headers(&[("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")])), Load::TopLevel);
        for dest in ["iframe", "frame", "embed", "object", "image", "empty", "script"] {
            assert_eq!(load(&headers(&[("sec-fetch-dest", dest)])), Load::Embedded, "{dest}");
        }
        for (name, value) in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
        ] {
            let headers = headers(&[(name, value), ("sec-fetch-dest", "document")]);
            assert_eq!(load(&headers), Load::Prefetch, "{name}: {value}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_not_ours() {
        let own = "https://id.example.com";
        assert!(same_origin(&headers(&[("origin", own), ("sec-fetch-site", "same-origin")]), own));
        assert!(same_origin(&headers(&[]), own));
        for pairs in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", own)],
            &[("origin", "https://id.example.com.evil.example")],
        ] {
            assert!(!same_origin(&headers(pairs), own), "{pairs:?}");
        }
    }

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let (peer, proxy): (IpAddr, IpAddr) = ("203.0.113.9".parse().unwrap(), "10.0.0.1".parse().unwrap());
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let forwarded = |value| headers(&[("x-forwarded-for", value)]);
        assert_eq!(address(&forwarded("198.51.100.7"), peer, &trusted), peer);
        assert_eq!(address(&forwarded("198.51.100.7"), proxy, &trusted).to_string(), "198.51.100.7");
        assert_eq!(address(&forwarded("1.2.3.4, 198.51.100.7, 10.0.0.2"), proxy, &trusted).to_string(), "198.51.100.7");
        assert_eq!(address(&forwarded("nonsense"), proxy, &trusted), proxy);
    }
}
