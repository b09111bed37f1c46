//! The parsed URL of an outbound request. Parsed once, by the WHATWG rules that browsers follow; everything after works
//! on the result.

use std::net::{IpAddr, Ipv6Addr};

use ::url::{Host, Url};
use http::Uri;

use super::refusal::Refusal;

/// The longest URL that is looked at, in bytes.
pub const MAX_URL: usize = 2048;

/// Where a request goes, checked in form. Whether it may go there is the [`Policy`](super::Policy)'s to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    host: String,
    port: u16,
    https: bool,
    literal: Option<IpAddr>,
}

impl Target {
    /// Takes a URL from outside.
    ///
    /// # Errors
    /// [`Refusal`] for anything but an `http` or `https` URL with a plain host: no userinfo, no fragment, no IP address
    /// in disguise, no characters that parsers disagree about.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_URL {
            return Err(Refusal::Malformed("too long"));
        }
        // The WHATWG parser drops tabs and turns backslashes round; others do not, so neither gets that far.
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return Err(Refusal::Malformed("it has a space, a control character or a backslash"));
        }
        let mut url = Url::parse(text).map_err(|_| Refusal::Malformed("it cannot be parsed"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(Refusal::Scheme),
        };
        // `https:host` and `https:/host` are read as `https://host` by some parsers only.
        let (_, after) = text.split_once("://").ok_or(Refusal::Malformed("it has no host"))?;
        let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(Refusal::Malformed("it has no host"));
        }
        if authority.contains('@') {
            return Err(Refusal::Userinfo);
        }
        if url.fragment().is_some() {
            return Err(Refusal::Fragment);
        }
        let (host, literal) = match url.host() {
            None => return Err(Refusal::Malformed("it has no host")),
            Some(Host::Ipv4(v4)) => (v4.to_string(), Some(IpAddr::V4(v4))),
            Some(Host::Ipv6(v6)) => (v6.to_string(), Some(IpAddr::V6(v6))),
            Some(Host::Domain(name)) => (name.strip_suffix('.').unwrap_or(name).to_owned(), None),
        };
        if let Some(address) = literal {
            let normal = url.host_str().unwrap_or_default();
            let spelled = without_port(authority);
            if !spelled.eq_ignore_ascii_case(normal) {
                return Err(Refusal::Spelling(address));
            }
        } else if host.is_empty() || host.split('.').any(str::is_empty) || host.len() > 253 {
            return Err(Refusal::Malformed("its host is no name"));
        } else if url.host_str().is_some_and(|name| name.ends_with('.')) {
            // One name, one pool, one certificate name, with the dot or without.
            url.set_host(Some(&host)).map_err(|_| Refusal::Malformed("its host is no name"))?;
        }
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(Refusal::Malformed("port 0"))?;
        let uri = Uri::try_from(url.as_str()).map_err(|_| Refusal::Malformed("it cannot be sent"))?;
        Ok(Self { uri, host, port, https, literal })
    }

    /// What the connector is asked to dial. It repeats the reading of the host, so that nothing reaches the network
    /// that did not pass through here or would not.
    pub(super) fn of_uri(uri: &Uri) -> Result<Self, Refusal> {
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Refusal::Scheme),
        };
        let host = uri.host().ok_or(Refusal::Malformed("it has no host"))?;
        let literal = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => {
                Some(IpAddr::V6(v6.parse::<Ipv6Addr>().map_err(|_| Refusal::Malformed("its host is no address"))?))
            }
            None => host.parse().ok(),
        };
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let host = literal.map_or_else(|| host.to_owned(), |address| address.to_string());
        Ok(Self { uri: uri.clone(), host, port, https, literal })
    }

    /// The URL as it is requested.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host: a name in lower case without a trailing dot, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own when the URL has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Scheme and port of the default policy.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.https && self.port == 443
    }

    /// The address, if the host is one.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        self.literal
    }

    /// Scheme, host and port: what the delivery worker keeps lanes and breakers by.
    #[must_use]
    pub fn destination(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        match self.literal {
            Some(IpAddr::V6(v6)) => format!("{scheme}://[{v6}]:{}", self.port),
            _ => format!("{scheme}://{}:{}", self.host, self.port),
        }
    }
}

/// The authority less its port. Brackets hold colons that are no port's.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests;
