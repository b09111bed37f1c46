//! Sites, origins and secure contexts, as browsers tell them apart.

use url::{Host, Url};

/// How the one who asks and what is asked for are related: the values of `Sec-Fetch-Site`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Nobody asked but the person: typed, a bookmark.
    None,
    /// Scheme, host and port are the same.
    SameOrigin,
    /// Scheme and registrable domain are the same.
    SameSite,
    /// Neither.
    CrossSite,
}

impl Relation {
    /// The header's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossSite => "cross-site",
        }
    }
}

/// The registrable domain of a host. Test hosts have top-level domains that no public suffix list knows, so it is the last
/// two labels, as the list's default rule has it: `app1.localhost` and `id.localhost` are different sites.
#[must_use]
pub fn registrable(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => {
            let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
            labels[labels.len().saturating_sub(2)..].join(".")
        }
        Some(host) => host.to_string(),
        None => String::new(),
    }
}

/// Whether two URLs are of one site; the scheme counts, the port does not.
#[must_use]
pub fn same_site(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme() && registrable(one) == registrable(other)
}

/// How a request of `initiator` for `url` is related.
#[must_use]
pub fn relation(initiator: &Url, url: &Url) -> Relation {
    if initiator.origin() == url.origin() {
        Relation::SameOrigin
    } else if same_site(initiator, url) {
        Relation::SameSite
    } else {
        Relation::CrossSite
    }
}

/// Whether browsers trust the connection: TLS, or a loopback host.
#[must_use]
pub fn trustworthy(url: &Url) -> bool {
    if url.scheme() == "https" {
        return true;
    }
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn ports_do_not_divide_sites_but_labels_do() {
        assert!(same_site(&url("http://127.0.0.1:1/"), &url("http://127.0.0.1:2/")));
        assert!(same_site(&url("https://a.example.com"), &url("https://b.example.com")));
        assert!(!same_site(&url("http://app1.localhost"), &url("http://id.localhost")));
        assert!(!same_site(&url("http://example.com"), &url("https://example.com")));
    }

    #[test]
    fn relations_are_told_apart() {
        let own = url("http://id.localhost:1/x");
        assert_eq!(relation(&own, &url("http://id.localhost:1/y")), Relation::SameOrigin);
        assert_eq!(relation(&own, &url("http://id.localhost:2/y")), Relation::SameSite);
        assert_eq!(relation(&own, &url("http://app.localhost:1/y")), Relation::CrossSite);
    }

    #[test]
    fn loopback_counts_as_secure() {
        for secure in ["http://127.0.0.1:5", "http://x.localhost", "http://[::1]", "https://example.com"] {
            assert!(trustworthy(&url(secure)), "{secure}");
        }
        assert!(!trustworthy(&url("http://example.com")));
    }
}
