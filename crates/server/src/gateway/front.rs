//! The gateway's own socket: where it takes the traffic of the routes.

use std::{io, sync::Arc};

use acquit_delivery::egress::EgressError;
use acquit_gateway::{
    listener::{self, Options},
    proxy::{self, House, Proxy, Rules},
    route::Routes,
    tls::{CertificateError, Certificates},
};
use axum::Router;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Gate, house::Server};
use crate::{App, settings::gateway::Tls};

/// The most connections at a time: open WebSockets are among them.
const MAX_CONNECTIONS: usize = 65_536;

/// Why the gateway does not take traffic. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// Its address is taken, or none of this machine's.
    #[error("the gateway cannot listen on {0}: {1}")]
    Listen(std::net::SocketAddr, io::Error),
    /// Its certificates cannot be used.
    #[error("the gateway has no certificates: {0}")]
    Certificates(#[from] CertificateError),
    /// Connections to apps cannot be made.
    #[error("the gateway cannot connect to apps: {0}")]
    Connect(#[from] EgressError),
}

/// The gateway, ready to take traffic.
pub struct Front<H = Server> {
    around: Around,
    proxy: Proxy<H>,
    certificates: Option<Arc<Certificates>>,
}

/// What a gateway is a part of.
pub struct Around {
    /// What it knows.
    pub gate: Arc<Gate>,
    /// The host that all of the house's doors are at, as a `Host` header names it, if they are.
    pub own: Option<String>,
    /// Who may say whom they ask for.
    pub trusted_proxies: Vec<IpNet>,
}

impl Around {
    fn rules(&self, routes: &Routes) -> Rules {
        Rules { routes: routes.clone(), own: self.own.clone(), trusted_proxies: self.trusted_proxies.clone() }
    }
}

impl Front {
    /// In front of the routes of `app`, with all doors of this server.
    ///
    /// # Errors
    /// [`FrontError`].
    pub fn new(app: App, doors: Router) -> Result<Self, FrontError> {
        let around = Around {
            gate: app.gate.clone(),
            own: app.server.issuer.split_once("://").map(|(_, authority)| authority.to_owned()),
            trusted_proxies: app.server.trusted_proxies.clone(),
        };
        let tls = app.settings().gateway.tls.clone();
        Self::in_house(around, &tls, Server::new(app, doors))
    }
}

impl<H: House> Front<H> {
    /// In front of the routes that the gate knows, in this house.
    ///
    /// # Errors
    /// [`FrontError`].
    pub(super) fn in_house(around: Around, tls: &Tls, house: H) -> Result<Self, FrontError> {
        let config = proxy::Config {
            rules: around.rules(&around.gate.routes()),
            cookies: around.gate.cookies().clone(),
            standing: around.gate.standing().clone(),
            extra_roots: Vec::new(),
        };
        let certificates = match tls {
            Tls::InFront => None,
            Tls::Certificates(files) => Some(Arc::new(Certificates::load(files.clone())?)),
            Tls::Development => Some(Arc::new(Certificates::development()?)),
        };
        Ok(Self { proxy: Proxy::new(config, Arc::new(house))?, around, certificates })
    }

    /// Takes traffic until `stop`, by the routes that the configuration has at each moment.
    ///
    /// # Errors
    /// [`FrontError::Certificates`] when TLS cannot be set up.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> Result<(), FrontError> {
        let tls = self.certificates.clone().map(Certificates::config).transpose()?;
        let options = Options { tls, connections: MAX_CONNECTIONS };
        let proxy = self.proxy.clone();
        let service = move |request, caller| proxy.serve(request, caller);
        let mut routes = self.around.gate.watch_routes();
        let changes = async {
            while routes.changed().await.is_ok() {
                let now = routes.borrow_and_update().clone();
                self.proxy.set_rules(self.around.rules(&now));
            }
        };
        let renewals = async {
            match &self.certificates {
                Some(certificates) => certificates.clone().watch(stop.clone()).await,
                None => std::future::pending().await,
            }
        };
        let beside = async {
            tokio::join!(changes, renewals, self.proxy.watch_people());
        };
        tokio::select! {
            () = listener::serve(listener, options, service, stop.clone()) => {}
            () = beside => {}
        }
        Ok(())
    }
}
