//! A route's origin: what browsers have in their address line before the path.

use std::{fmt, sync::Arc};

use acquit_core::AppId;
use http::{HeaderValue, uri::Authority};
use url::{Host, Url};

/// Why a text is no origin of a route. The operator must correct it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    /// It is no URL.
    #[error("it is no URL")]
    NoUrl,
    /// It has another scheme.
    #[error("it takes https, or http for a loopback host")]
    Scheme,
    /// By `http` anyone on the way could take over sessions.
    #[error("http is for loopback hosts only: localhost, *.localhost, 127.0.0.1 and [::1]")]
    NotLoopback,
    /// It has a path, a query, a fragment or user info.
    #[error("it has more than a scheme, a host and a port")]
    More,
}

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    https: bool,
    authority: Arc<str>,
    told: Arc<Told>,
}

/// An origin as apps are told of it with each request.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Told {
    /// Host, and port where it is not the scheme's own.
    pub(crate) host: HeaderValue,
    /// The same as a part of a URI.
    pub(crate) authority: Authority,
    /// The port, whether it is the scheme's own or not.
    pub(crate) port: HeaderValue,
}

impl Told {
    fn new(authority: &str, port: u16) -> Option<Self> {
        let host = HeaderValue::from_str(authority).ok()?;
        Some(Self { host, authority: authority.parse().ok()?, port: port.into() })
    }
}

impl Origin {
    /// Takes an origin such as `https://grafana.example.com`; `http` for loopback hosts only, of which `*.localhost` is one.
    ///
    /// # Errors
    /// [`InvalidOrigin`].
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text).map_err(|_| InvalidOrigin::NoUrl)?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidOrigin::Scheme),
        };
        let extra = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if extra || !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidOrigin::More);
        }
        let host = url.host().ok_or(InvalidOrigin::NoUrl)?;
        if !https && !is_loopback(&host) {
            return Err(InvalidOrigin::NotLoopback);
        }
        // The parser has put the host into lower case and dropped the scheme's own port.
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let port = url.port().unwrap_or(if https { 443 } else { 80 });
        let told = Told::new(&authority, port).ok_or(InvalidOrigin::NoUrl)?;
        Ok(Self { https, authority: authority.into(), told: Arc::new(told) })
    }

    /// Host, and port where it is not the scheme's own: what a `Host` header holds.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The same, to be kept.
    #[must_use]
    pub fn host(&self) -> &Arc<str> {
        &self.authority
    }

    /// As apps are told of it.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Whether browsers reach it by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// The application that all routes of this origin are: they share a cookie, and are one participant of a session.
    #[must_use]
    pub fn app(&self) -> AppId {
        AppId::new(&*self.authority)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (written, kept) in [
            ("https://Grafana.Example.com", "https://grafana.example.com"),
            ("https://a.example.com:443/", "https://a.example.com"),
            ("https://a.example.com:8443", "https://a.example.com:8443"),
            ("http://app.localhost:8080", "http://app.localhost:8080"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:81", "http://[::1]:81"),
        ] {
            assert_eq!(Origin::parse(written).unwrap().to_string(), kept);
        }
    }

    #[test]
    fn what_is_no_origin_or_not_safe_is_refused() {
        for (written, why) in [
            ("grafana", InvalidOrigin::NoUrl),
            ("tcp+https://a.example.com", InvalidOrigin::Scheme),
            ("http://a.example.com", InvalidOrigin::NotLoopback),
            ("http://localhost.example.com", InvalidOrigin::NotLoopback),
            ("http://10.0.0.1", InvalidOrigin::NotLoopback),
            ("https://a.example.com/x", InvalidOrigin::More),
            ("https://a.example.com/?", InvalidOrigin::More),
            ("https://u:p@a.example.com", InvalidOrigin::More),
        ] {
            assert_eq!(Origin::parse(written), Err(why), "{written}");
        }
    }
}
