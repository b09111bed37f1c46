//! Requests that another proxy asks about: what it says of the one that a browser sent, and whose that is.
//!
//! The proxy passes the request on itself, with the path as it came. So a path is judged here as it stands too, beside the
//! two readings of [`Path`]: whichever of them the app takes, the same rule has to hold.

pub mod envoy;
pub mod forwarded;
pub mod nginx;

use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::{
    hygiene::{Refusal, host, path::Path},
    place::{self, Nowhere, Place, is_alike, is_ours},
    route::{Route, Routes},
};

/// The longest path with its query, in bytes.
pub const MAX_TARGET: usize = 16 * 1024;
/// The longest of the other things that a proxy says, in bytes.
const MAX_WORD: usize = 512;

/// A request as a browser sent it to another proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The method.
    pub method: Method,
    /// Whether it came by TLS.
    pub https: bool,
    /// The host that it is for, in lower case, with the port if it came with one.
    pub host: String,
    /// Path and query as they came.
    pub target: String,
}

/// What a proxy says of a request is not what it has to say. The operator must correct the proxy's configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misconfigured {
    /// A header is not there.
    #[error("the proxy does not send `{0}`")]
    Absent(&'static str),
    /// A header is there twice.
    #[error("the proxy sends `{0}` twice")]
    Twice(&'static str),
    /// A header says something else than it should.
    #[error("what the proxy sends as `{0}` is not what belongs there")]
    Malformed(&'static str),
    /// Two headers name different hosts.
    #[error("the proxy names two hosts")]
    TwoHosts,
    /// No route has this host.
    #[error("no route has the host `{0}`")]
    NoRoute(String),
    /// The scheme is not that of the route: by `http` cookies and codes could be read on the way.
    #[error("the proxy says that a browser came to `{0}` by another scheme than the route's `from` has")]
    Scheme(String),
    /// The path is Acquit's, which the proxy has to hand to it.
    #[error("`{0}` has to go to Acquit itself, and not to the app")]
    Door(String),
}

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The operator must act.
    #[error(transparent)]
    Misconfigured(#[from] Misconfigured),
    /// The browser must send another request.
    #[error(transparent)]
    Browser(#[from] Refusal),
}

impl Original {
    /// Puts together what a proxy says, each part by itself, so that none reaches into another.
    fn new(method: &str, https: bool, authority: &str, target: &str) -> Result<Self, Refusal> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::Method)?;
        if method == Method::CONNECT || method == Method::TRACE {
            return Err(Refusal::Method);
        }
        let host = host::read(authority)?.into_owned();
        // Proxies differ about what follows a `#`, which no browser sends.
        let plain = target.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'#');
        if !target.starts_with('/') || !plain || target.len() > MAX_TARGET {
            return Err(Refusal::Path);
        }
        Ok(Self { method, https, host, target: target.to_owned() })
    }

    /// Path as it came.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Finds the route, and the path as the standard reads it. `own` is Acquit's own host.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn route<'a>(&'a self, routes: &'a Routes, own: &str) -> Result<(&'a Arc<Route>, Path<'a>), Refused> {
        let path = Path::read(self.path())?;
        let route = match place::find(&self.host, &path, routes, Some(own)) {
            Ok(Place::Route(route)) => route,
            Ok(Place::Door) if is_ours(self.path()) => return Err(Misconfigured::Door(self.path().to_owned()).into()),
            // Written so that the proxy could not know it: no browser does that.
            Ok(Place::Door) => return Err(Refusal::Path.into()),
            Ok(Place::House) | Err(Nowhere::Host | Nowhere::Path) => {
                return Err(Misconfigured::NoRoute(self.host.clone()).into());
            }
            Err(Nowhere::Refused(refusal)) => return Err(refusal.into()),
        };
        if route.from.is_https() != self.https {
            return Err(Misconfigured::Scheme(route.from.to_string()).into());
        }
        if !is_alike(route.from.authority(), routes, route, &path.plain, self.path()) {
            return Err(Refusal::Path.into());
        }
        Ok((route, path))
    }
}

/// The value of a header that a proxy has to send, once.
fn word<'a>(headers: &'a HeaderMap, name: &'static str, max: usize) -> Result<&'a str, Misconfigured> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Misconfigured::Absent(name))?;
    if values.next().is_some() {
        return Err(Misconfigured::Twice(name));
    }
    let text = value.to_str().map_err(|_| Misconfigured::Malformed(name))?;
    if text.is_empty() || text.len() > max { Err(Misconfigured::Malformed(name)) } else { Ok(text) }
}

/// Whether this scheme is one by TLS.
fn scheme(text: &str, name: &'static str) -> Result<bool, Misconfigured> {
    match text {
        // Traefik names that of WebSockets where one is opened.
        "https" | "wss" => Ok(true),
        "http" | "ws" => Ok(false),
        _ => Err(Misconfigured::Malformed(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;

    fn routes() -> Routes {
        let route = |from: &str, prefix: &str| Route {
            prefix: prefix.to_owned(),
            public_paths: vec!["/public".to_owned()],
            ..Route::new(Origin::parse(from).unwrap(), Vec::new())
        };
        Routes::new([
            route("https://a.example.com", "/"),
            route("https://a.example.com", "/admin"),
            route("http://b.localhost:81", "/only"),
        ])
    }

    fn find(https: bool, host: &str, target: &str) -> Result<(String, String), Refused> {
        let original = Original::new("GET", https, host, target)?;
        let routes = routes();
        let (route, path) = original.route(&routes, "id.example.com")?;
        Ok((route.prefix.clone(), path.plain.into_owned()))
    }

    #[test]
    fn a_request_is_its_routes_however_its_host_is_written() {
        for (https, host, target, prefix, path) in [
            (true, "a.example.com", "/", "/", "/"),
            (true, "A.Example.com:443", "/x?y=//../", "/", "/x"),
            (true, "a.example.com", "/admin/x", "/admin", "/admin/x"),
            (true, "a.example.com", "/group%2fproject", "/", "/group%2Fproject"),
            (false, "b.localhost:81", "/only/x", "/only", "/only/x"),
        ] {
            assert_eq!(find(https, host, target), Ok((prefix.to_owned(), path.to_owned())), "{host}{target}");
        }
    }

    #[test]
    fn what_belongs_to_no_route_is_the_operators_to_correct() {
        let door = |path: &str| Misconfigured::Door(path.to_owned());
        let none = |host: &str| Misconfigured::NoRoute(host.to_owned());
        for (https, host, target, why) in [
            (true, "c.example.com", "/", none("c.example.com")),
            (true, "id.example.com", "/", none("id.example.com")),
            (true, "a.example.com:80", "/", none("a.example.com:80")),
            (true, "a.example.com:8443", "/", none("a.example.com:8443")),
            (false, "b.localhost:81", "/other", none("b.localhost:81")),
            (false, "a.example.com", "/", Misconfigured::Scheme("https://a.example.com".to_owned())),
            (true, "a.example.com", "/.acquit/callback?code=x", door("/.acquit/callback")),
            (true, "a.example.com", "/.pomerium", door("/.pomerium")),
            (true, "a.example.com", "/.well-known/acquit", door("/.well-known/acquit")),
        ] {
            assert_eq!(find(https, host, target), Err(Refused::Misconfigured(why)), "{host}{target}");
        }
    }

    #[test]
    fn a_path_that_could_be_read_past_a_rule_is_refused() {
        for target in [
            "/a/../admin",
            "/a/%2e%2e/admin",
            "/a%2f..%2fadmin",
            "/a%252f..%252fadmin",
            "/./admin",
            "//admin",
            "/%61dmin",
            "/admin;x",
            "/adm%69n/x",
            "/public%2fx",
            "/%2eacquit/user",
            "//.pomerium/",
            "/.acquit;x/user",
            "/.acquit%2fuser",
            "/%70ublic/x",
            "/public/..;/x",
            "/public#/../x",
            "/public\\..\\admin",
            "/public/%00",
            "/public/\u{7f}",
            "/é",
            "/a b",
            "",
            "*",
            "?x=1",
            "admin",
            "http://a.example.com/",
            &format!("/{}", "x".repeat(MAX_TARGET)),
        ] {
            assert_eq!(find(true, "a.example.com", target), Err(Refused::Browser(Refusal::Path)), "{target}");
        }
    }

    #[test]
    fn no_part_reaches_into_another() {
        for host in ["", "a.example.com/", "u@a.example.com", "a.example.com, b", "a b", "a.example.com?", "é"] {
            assert_eq!(find(true, host, "/"), Err(Refused::Browser(Refusal::Host)), "{host}");
        }
        for method in ["", "GET /", "G\tT", "CONNECT", "TRACE"] {
            assert_eq!(Original::new(method, true, "a.example.com", "/"), Err(Refusal::Method), "{method}");
        }
    }
}
