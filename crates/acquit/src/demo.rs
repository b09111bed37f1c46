//! The demo: Acquit with a throw-away database, five sample applications, of which three are real OIDC clients, one is a
//! real SAML service provider and one speaks WorkOS's wire, a sixth with no login of its own behind the gateway, and a
//! customer's identity provider, all on loopback.

use std::sync::Arc;

use acquit_server::{
    clock::SystemClock,
    gateway::front::{Front, FrontError},
    listener, random,
    router::router,
    settings::Settings,
    start::{Running, StartError, start},
};
use axum::Router;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub mod app;
pub mod browser;
pub mod dashboard;
pub mod http;
pub mod kind;
pub mod once;
pub mod ports;
mod settings;
pub mod upstream;

pub use app::IdentityError;
use app::{Identity, ProviderError, Sample, Setup, Speaks, Switch};
use kind::{Kind, Told};
use upstream::{Link, Upstream};

/// Who may sign in.
pub const USERNAME: &str = "alice";
/// With what. No secret: the demo is reached from this machine only, and holds nothing.
pub const PASSWORD: &str = "wonderland";

/// Which ports the demo takes.
#[derive(Clone, Copy, Debug)]
pub enum Ports {
    /// 8080 for Acquit and the next ones for the applications, or others where these are taken.
    Usual,
    /// This one for Acquit and the next ones, where they are free, for the applications.
    From(u16),
    /// Whichever are free.
    Any,
}

/// Why the demo does not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The port that was asked for is taken, or no port is free.
    #[error("cannot listen on {0}: {1}")]
    Listen(String, #[source] std::io::Error),
    /// There is no place for the throw-away database.
    #[error("a folder for the throw-away database cannot be made: {0}")]
    Folder(#[source] std::io::Error),
    /// Acquit does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] random::NoRandomness),
    /// A sample application cannot use Acquit.
    #[error("a sample application does not start: {0}")]
    App(#[from] ProviderError),
    /// The gateway does not take traffic.
    #[error(transparent)]
    Gateway(#[from] FrontError),
    /// A sample application has no keys or no metadata.
    #[error("a sample application cannot be described: {0}")]
    Identity(#[from] IdentityError),
    /// An address of our own making is none.
    #[error("an address cannot be used: {0}")]
    Address(String),
}

/// The running demo. Its databases go when it is dropped.
pub struct Demo {
    issuer: String,
    running: Running,
    upstream: Upstream,
    apps: Vec<Sample>,
    dashboard: String,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    _folder: TempDir,
}

/// An application that has its port and waits for its provider.
struct Seat {
    kind: Kind,
    origin: String,
    speaks: Speaks,
    listener: TcpListener,
}

impl Demo {
    /// Starts Acquit and the sample applications.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn start(ports: Ports) -> Result<Self, DemoError> {
        let folder = folder()?;
        let listener = match ports {
            Ports::From(port) => {
                let listener = ports::listen_at(port).await;
                listener.map_err(|error| DemoError::Listen(format!("127.0.0.1:{port}"), error))?
            }
            Ports::Usual => ports::listen(Some(8080)).await.map_err(loopback)?,
            Ports::Any => ports::listen(None).await.map_err(loopback)?,
        };
        let address = listener.local_addr().map_err(loopback)?;
        let mut preferred = Some(address.port()).filter(|_| !matches!(ports, Ports::Any));
        let mut next = || {
            preferred = preferred?.checked_add(1);
            preferred
        };
        let mut seats = Vec::new();
        for kind in kind::ALL {
            seats.push(Seat::take(kind, next()).await?);
        }
        let link = Link::take(next()).await?;
        let place = dashboard::Place::take(next()).await?;
        let issuer = format!("http://localhost:{}", address.port());
        let user = settings::user(USERNAME, "Alice", "alice@example.com", PASSWORD);
        let mut settings = settings::settings(&folder, &issuer, address, user)?;
        settings.gateway = place.settings()?;
        link.register(&mut settings)?;
        for seat in &seats {
            seat.register(&mut settings)?;
        }
        let stop = CancellationToken::new();
        let upstream = link.start(&issuer, address, stop.clone()).await?;
        let running = start(settings, Arc::new(SystemClock)).await?;
        let doors = router(running.app.clone());
        let served = listener::serve(listener, doors.clone(), stop.clone());
        let tasks = vec![tokio::spawn(served)];
        let dashboard = place.origin.clone();
        let mut demo = Self { issuer, running, upstream, apps: Vec::new(), dashboard, stop, tasks, _folder: folder };
        let mut all: Vec<(String, String)> =
            seats.iter().map(|seat| (seat.kind.name.to_owned(), seat.origin.clone())).collect();
        demo.open(place, doors, all.clone())?;
        all.push((dashboard::NAME.to_owned(), demo.dashboard.clone()));
        for seat in seats {
            demo.seat(seat, &all).await?;
        }
        Ok(demo)
    }

    /// Opens the app with no login of its own, and the gateway before it.
    fn open(
        &mut self,
        place: dashboard::Place,
        doors: Router,
        neighbours: Vec<(String, String)>,
    ) -> Result<(), DemoError> {
        let front = Front::new(self.running.app.clone(), doors)?;
        let (app, behind, before) = place.open(self.issuer.clone(), neighbours, self.stop.clone());
        self.tasks.push(tokio::spawn(listener::serve(behind, app, self.stop.clone())));
        let stop = self.stop.clone();
        self.tasks.push(tokio::spawn(async move {
            if let Err(error) = front.serve(before, stop).await {
                tracing::error!(%error, "the gateway of the demo does not serve");
            }
        }));
        Ok(())
    }

    async fn seat(&mut self, seat: Seat, all: &[(String, String)]) -> Result<(), DemoError> {
        let Seat { kind, origin, speaks, listener } = seat;
        let neighbours = all.iter().filter(|(name, _)| name != kind.name).cloned().collect();
        let (upstream, stop) = (self.upstream.issuer.clone(), self.stop.clone());
        let setup = Setup { kind, origin, speaks, neighbours, upstream, stop };
        let app = Sample::start(setup, &self.issuer).await?;
        self.tasks.push(tokio::spawn(listener::serve(listener, app.router(), self.stop.clone())));
        self.apps.push(app);
        Ok(())
    }

    /// Acquit's public URL.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The sample applications, with where browsers reach each.
    pub fn apps(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.apps.iter().map(|app| (app.kind(), app.origin()))
    }

    /// Where browsers reach the app with no login of its own.
    #[must_use]
    pub fn dashboard(&self) -> &str {
        &self.dashboard
    }

    /// The URL of the customer's identity provider.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream.issuer
    }

    /// The customer's identity provider, for looking at what it recorded.
    #[must_use]
    pub fn at_upstream(&self) -> &acquit_server::App {
        self.upstream.app()
    }

    /// Acquit itself, for looking at what it recorded.
    #[must_use]
    pub fn acquit(&self) -> &acquit_server::App {
        &self.running.app
    }

    /// Stops everything and removes the databases.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        self.running.stop().await;
        self.upstream.stop().await;
    }
}

impl Seat {
    async fn take(kind: Kind, preferred: Option<u16>) -> Result<Self, DemoError> {
        let listener = ports::listen(preferred).await.map_err(loopback)?;
        let origin = kind.origin(listener.local_addr().map_err(loopback)?.port());
        let own = listener.local_addr().map_err(loopback)?;
        let oidc = |switch| Ok::<_, DemoError>(Speaks::Oidc { secret: random::secret()?, switch });
        let speaks = match kind.told {
            Told::SwitchedOff => oidc(Some(Switch::off().map_err(loopback)?))?,
            Told::BackChannel | Told::FrontChannel => oidc(None)?,
            Told::Soap => Speaks::Saml(Box::new(Identity::new(kind, &origin, own)?)),
            Told::Webhook => Speaks::Broker(upstream::account()?),
        };
        Ok(Self { kind, origin, speaks, listener })
    }

    /// Makes Acquit know it.
    fn register(&self, settings: &mut Settings) -> Result<(), DemoError> {
        match &self.speaks {
            Speaks::Oidc { secret, switch } => {
                let own = self.listener.local_addr().map_err(loopback)?;
                let back = switch.as_ref().map_or(own, Switch::address);
                settings.applications.push(self.kind.registration(&self.origin, back, secret));
            }
            Speaks::Saml(identity) => settings.saml_applications.push(identity.registration(self.kind)?),
            Speaks::Broker(account) => {
                let own = self.listener.local_addr().map_err(loopback)?;
                settings.broker_applications.push(upstream::application(self.kind, &self.origin, own, account));
            }
        }
        Ok(())
    }
}

fn folder() -> Result<TempDir, DemoError> {
    tempfile::Builder::new().prefix("acquit-demo-").tempdir().map_err(DemoError::Folder)
}

fn loopback(error: std::io::Error) -> DemoError {
    DemoError::Listen("a port of 127.0.0.1".to_owned(), error)
}
