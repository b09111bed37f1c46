//! The gateway: its routes, and where it listens.

use std::net::SocketAddr;

use acquit_gateway::{
    route::{Route, Routes},
    tls::Pair,
};
use url::Url;

/// The gateway.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// The address of its own listening socket; none where other proxies take the traffic and only ask.
    pub listen: Option<SocketAddr>,
    /// How browsers reach it.
    pub tls: Tls,
    /// Where a route's sign-out may lead to, to the letter, beyond the route itself.
    pub trusted_redirects: Vec<Url>,
    /// The routes; it is off without any.
    pub routes: Vec<Route>,
}

/// How browsers reach the gateway's socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// By plain HTTP: a proxy in front does TLS, or all routes are of loopback hosts.
    #[default]
    InFront,
    /// By TLS with these certificates, chosen by the name that the browser asks for.
    Certificates(Vec<Pair>),
    /// By TLS with a certificate made at the start, which no browser trusts: for development.
    Development,
}

impl Gateway {
    /// The routes, by host.
    #[must_use]
    pub fn table(&self) -> Routes {
        Routes::new(self.routes.iter().cloned())
    }
}
