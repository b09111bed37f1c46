//! Which route a request is for: found by its host and by both readings of its path, which must lead to the same.

use std::sync::Arc;

use crate::{
    hygiene::{Refusal, path::Path},
    route::{Route, Routes, is_below},
};

/// Whose a request is.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Acquit's: its own host.
    House,
    /// Acquit's: a path that is its on the host of every route.
    Door,
    /// This route's.
    Route(&'a Arc<Route>),
}

/// Why a request is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Nowhere {
    /// No route has this host.
    #[error("no route has this host")]
    Host,
    /// No route of this host has this path.
    #[error("no route of this host has this path")]
    Path,
    /// An app could read its path past a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Finds whose a request is: to `host`, in lower case, for `path`. `own` is Acquit's own host, as a `Host` header names it.
///
/// # Errors
/// [`Nowhere`].
pub fn find<'a>(host: &str, path: &Path<'_>, routes: &'a Routes, own: Option<&str>) -> Result<Place<'a>, Nowhere> {
    let host = known(host, routes, own).ok_or(Nowhere::Host)?;
    if is_ours(&path.free) {
        return Ok(Place::Door);
    }
    if own == Some(host) {
        return Ok(Place::House);
    }
    let plain = routes.find(host, &path.plain).ok_or(Nowhere::Path)?;
    // An app that reads the path more freely must not give what another rule guards.
    if path.plain == path.free || is_alike(host, routes, plain, &path.plain, &path.free) {
        Ok(Place::Route(plain))
    } else {
        Err(Nowhere::Refused(Refusal::Path))
    }
}

/// Whether another reading of a path is judged as this one is, which leads to `route`.
pub(crate) fn is_alike(host: &str, routes: &Routes, route: &Arc<Route>, path: &str, other: &str) -> bool {
    let found = routes.find(host, other);
    found.is_some_and(|found| Arc::ptr_eq(route, found) && route.is_public(path) == route.is_public(other))
}

/// The host as the routes know it: clients may name the port that a scheme has anyway.
fn known<'a>(host: &'a str, routes: &Routes, own: Option<&str>) -> Option<&'a str> {
    let is_known = |host: &str| own == Some(host) || routes.of_host(host).is_some();
    if is_known(host) {
        return Some(host);
    }
    let (bare, https) = match host.strip_suffix(":443") {
        Some(bare) => (bare, true),
        None => (host.strip_suffix(":80")?, false),
    };
    let fits = routes.origin(bare).is_none_or(|origin| origin.is_https() == https);
    (is_known(bare) && fits).then_some(bare)
}

/// Whether a path of a route's host is Acquit's.
pub(crate) fn is_ours(path: &str) -> bool {
    ["/.acquit", "/.pomerium", "/.well-known/acquit", "/.well-known/pomerium"].iter().any(|ours| is_below(path, ours))
}
