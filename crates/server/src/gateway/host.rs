//! Which host a request is for: Acquit's own, or that of a route.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use acquit_gateway::origin::Origin;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};

use crate::{App, door::DoorError};

/// The origin of the route whose host a request is for.
#[derive(Clone, Debug)]
pub struct RouteHost(pub Origin);

impl FromRequestParts<App> for RouteHost {
    type Rejection = DoorError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, DoorError> {
        parts.extensions.get::<Self>().cloned().ok_or(DoorError::NotFound)
    }
}

/// A proxy says that the browser came by another scheme than the host's routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherScheme;

/// The route's origin that a request is for; none when it is for Acquit's own host. What a trusted proxy says of the host that the browser asked for counts more
/// than the host that the proxy asked for.
///
/// # Errors
/// [`OtherScheme`]: by plain http a route of https would lose its cookies and hand its codes to whoever listens.
pub fn of(app: &App, parts: &Parts) -> Result<Option<Origin>, OtherScheme> {
    let routes = app.gate.routes();
    if routes.is_empty() {
        return Ok(None);
    }
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    // In-process callers have no connection; they are this machine.
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical();
    let trusted = app.server.trusted_proxies.iter().any(|net| net.contains(&peer));
    let forwarded = |name: &str| if trusted { last(&parts.headers, name) } else { None };
    let named = match forwarded("x-forwarded-host") {
        Some(host) => host,
        None => match parts.uri.authority() {
            Some(authority) => authority.to_string(),
            None => only(&parts.headers, header::HOST.as_str()).unwrap_or_default(),
        },
    };
    let Some(origin) = by_authority(&routes, &named) else { return Ok(None) };
    let by = forwarded("x-forwarded-proto");
    let fits = by.is_none_or(|by| by.eq_ignore_ascii_case(origin.scheme()));
    fits.then(|| Some(origin.clone())).ok_or(OtherScheme)
}

pub(super) fn by_authority<'a>(routes: &'a acquit_gateway::route::Routes, named: &str) -> Option<&'a Origin> {
    let named = named.to_ascii_lowercase();
    // A port that is the scheme's own may be written out.
    let bare = |port: &str, https: bool| {
        let host = named.strip_suffix(port)?;
        routes.origin(host).filter(|origin| origin.is_https() == https)
    };
    routes.origin(&named).or_else(|| bare(":443", true)).or_else(|| bare(":80", false))
}

/// The value of a header that comes once.
fn only(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.to_owned();
    values.next().is_none().then_some(value)
}

/// The last item of a header that is a list: what the nearest proxy saw itself.
fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use acquit_gateway::route::{Route, Routes};

    use super::*;

    #[test]
    fn a_host_is_found_however_its_own_port_is_written() {
        let route = |from| Route::new(Origin::parse(from).unwrap(), Vec::new());
        let routes = Routes::new([
            route("https://a.example.com"),
            route("https://b.example.com:8443"),
            route("http://localhost"),
        ]);
        for (named, found) in [
            ("a.example.com", Some("https://a.example.com")),
            ("A.Example.Com:443", Some("https://a.example.com")),
            ("a.example.com:80", None),
            ("a.example.com:8443", None),
            ("b.example.com", None),
            ("b.example.com:8443", Some("https://b.example.com:8443")),
            ("localhost:80", Some("http://localhost")),
            ("localhost:443", None),
            ("c.example.com", None),
            ("", None),
        ] {
            assert_eq!(by_authority(&routes, named).map(ToString::to_string).as_deref(), found, "{named}");
        }
    }
}
