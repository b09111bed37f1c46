//! The demo: Acquit with a throw-away database and four sample applications, three real OIDC clients
//! and a real SAML service provider, all on loopback.

use std::{net::SocketAddr, sync::Arc};

use acquit_server::{
    clock::SystemClock,
    listener, random,
    router::router,
    settings::{self, MasterKey, MasterKeySource, Password, Secret, Settings},
    start::{Running, StartError, start},
};
use ipnet::IpNet;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

pub mod app;
pub mod browser;
pub mod http;
pub mod kind;
pub mod once;
pub mod ports;

pub use app::IdentityError;
use app::{Identity, ProviderError, Sample, Setup, Speaks, Switch};
use kind::{Kind, Told};

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
    /// A sample application has no keys or no metadata.
    #[error("a sample application cannot be described: {0}")]
    Identity(#[from] IdentityError),
    /// An address of our own making is none.
    #[error("an address cannot be used: {0}")]
    Address(String),
}

/// The running demo. Its database goes when it is dropped.
pub struct Demo {
    issuer: String,
    running: Running,
    apps: Vec<Sample>,
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
        let folder = tempfile::Builder::new().prefix("acquit-demo-").tempdir().map_err(DemoError::Folder)?;
        let listener = match ports {
            Ports::From(port) => {
                let listener = ports::listen_at(port).await;
                listener.map_err(|error| DemoError::Listen(format!("127.0.0.1:{port}"), error))?
            }
            Ports::Usual => ports::listen(Some(8080)).await.map_err(loopback)?,
            Ports::Any => ports::listen(None).await.map_err(loopback)?,
        };
        let address = listener.local_addr().map_err(loopback)?;
        let mut seats = Vec::new();
        for (offset, kind) in (1..).zip(kind::ALL) {
            let preferred = address.port().checked_add(offset).filter(|_| !matches!(ports, Ports::Any));
            seats.push(Seat::take(kind, preferred).await?);
        }
        let issuer = format!("http://localhost:{}", address.port());
        let mut settings = settings(&folder, &issuer, address)?;
        for seat in &seats {
            seat.register(&mut settings)?;
        }
        let running = start(settings, Arc::new(SystemClock)).await?;
        let stop = CancellationToken::new();
        let served = listener::serve(listener, router(running.app.clone()), stop.clone());
        let mut demo =
            Self { issuer, running, apps: Vec::new(), stop, tasks: vec![tokio::spawn(served)], _folder: folder };
        let all: Vec<(String, String)> =
            seats.iter().map(|seat| (seat.kind.name.to_owned(), seat.origin.clone())).collect();
        for seat in seats {
            demo.seat(seat, &all).await?;
        }
        Ok(demo)
    }

    async fn seat(&mut self, seat: Seat, all: &[(String, String)]) -> Result<(), DemoError> {
        let Seat { kind, origin, speaks, listener } = seat;
        let neighbours = all.iter().filter(|(name, _)| name != kind.name).cloned().collect();
        let setup = Setup { kind, origin, speaks, neighbours, stop: self.stop.clone() };
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

    /// Acquit itself, for looking at what it recorded.
    #[must_use]
    pub fn acquit(&self) -> &acquit_server::App {
        &self.running.app
    }

    /// Stops everything and removes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        self.running.stop().await;
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
        }
        Ok(())
    }
}

fn loopback(error: std::io::Error) -> DemoError {
    DemoError::Listen("a port of 127.0.0.1".to_owned(), error)
}

fn settings(folder: &TempDir, issuer: &str, listen: SocketAddr) -> Result<Settings, DemoError> {
    let public_url = Url::parse(issuer).map_err(|error| DemoError::Address(error.to_string()))?;
    let loopback: IpNet =
        IpNet::new([127, 0, 0, 0].into(), 8).map_err(|error| DemoError::Address(error.to_string()))?;
    Ok(Settings {
        saml_applications: Vec::new(),
        broker_applications: Vec::new(),
        organizations: Vec::new(),
        connections: Vec::new(),
        server: settings::Server {
            public_url,
            issuer: issuer.to_owned(),
            listen,
            trusted_proxies: Vec::new(),
            master_key: MasterKeySource::Given(MasterKey::from_bytes(random::bytes()?)),
        },
        store: settings::Store::Sqlite(folder.path().join("acquit.db")),
        lifetimes: settings::Lifetimes::default(),
        limits: settings::Limits::default(),
        egress: vec![settings::EgressAllowance { host: None, net: loopback }],
        api_tokens: Vec::new(),
        registration: settings::Registration::default(),
        metrics: settings::Metrics::default(),
        log: settings::Log::default(),
        users: vec![settings::User {
            username: USERNAME.to_owned(),
            email: Some("alice@example.com".to_owned()),
            name: Some("Alice".to_owned()),
            password: Password::Plain(Secret::new(PASSWORD)),
            groups: Vec::new(),
            disabled: false,
        }],
        applications: Vec::new(),
    })
}
