//! The gateway: its routes, and where it listens.

use std::{net::SocketAddr, time::Duration};

use acquit_gateway::{
    route::{Route, Routes},
    tls::Pair,
};
use ipnet::IpNet;
use url::Url;

use super::{Lifetimes, Secret};
use crate::seal::GatewayKeys;

/// How often the revocation log is read, where nobody gives a hint. A node that has not read it for two seconds knows nothing.
const READ_EVERY: Duration = Duration::from_millis(500);

/// The gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The address of its own listening socket; none where other proxies take the traffic and only ask.
    pub listen: Option<SocketAddr>,
    /// Where Envoy asks by gRPC, if it does.
    pub envoy_listen: Option<SocketAddr>,
    /// How browsers reach it.
    pub tls: Tls,
    /// Where a route's sign-out may lead to, to the letter, beyond the route itself.
    pub trusted_redirects: Vec<Url>,
    /// The routes; it is off without any.
    pub routes: Vec<Route>,
    /// How often the revocation log is read: no key of the file.
    pub read_every: Duration,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: None,
            envoy_listen: None,
            tls: Tls::default(),
            trusted_redirects: Vec::new(),
            routes: Vec::new(),
            read_every: READ_EVERY,
        }
    }
}

/// What a node is told that is only a gateway.
#[derive(Clone, Debug)]
pub struct Alone {
    /// The issuer, which is the origin of the servers.
    pub issuer: String,
    /// Where an Acquit server answers for what this node does not do itself.
    pub house: Url,
    /// Where it says whether it is ready.
    pub listen: SocketAddr,
    /// Whose `X-Forwarded-*` and `Forwarded` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The URL of the PostgreSQL database that the servers share.
    pub store: Secret,
    /// How long things live there.
    pub lifetimes: Lifetimes,
    /// Its keys.
    pub keys: GatewayKeys,
    /// Its socket and its routes.
    pub gateway: Gateway,
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
