//! Acquit in this process, behind a real socket, with a clock that stands until a test moves it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use acquit::config::{self, environment::Environment};
use acquit_core::Timestamp;
use acquit_server::{
    App,
    clock::ManualClock,
    gateway::{forward_auth::grpc, front::Front},
    listener,
    router::router,
    start,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Setup, TestApp, follow};
use crate::TestRp;

/// When the clock stands at first: seconds since 1970.
const BEGIN: i64 = 1_790_000_000;

/// How long a port is left alone that is not free yet.
const WAIT: Duration = Duration::from_millis(10);

/// A server in this process, until this is dropped.
pub struct InProcess {
    /// Its shared state.
    pub app: App,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    _running: start::Running,
    _folder: tempfile::TempDir,
}

impl InProcess {
    pub(super) async fn start(setup: Setup, applications: &[&TestRp]) -> TestApp<Self> {
        let listener = listen(setup.address(), setup.port).await;
        let port = listener.local_addr().unwrap().port();
        let folder = tempfile::Builder::new().prefix("acquit-in-process-").tempdir().unwrap();
        let text = setup.configuration(port, applications);
        let loaded = config::read(&text, "acquit.toml", folder.path(), &Environment::default());
        let settings = loaded.settings.unwrap_or_else(|| panic!("{:#?}\n{text}", loaded.diagnostics));
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(BEGIN * 1_000_000)));
        let running = start::start(settings, clock.clone()).await.unwrap();
        let app = running.app.clone();
        let stop = CancellationToken::new();
        let doors = router(app.clone());
        if let Some(address) = app.settings().gateway.listen {
            let listener = TcpListener::bind(address).await.unwrap();
            let front = Front::new(app.clone(), doors.clone()).unwrap();
            tokio::spawn(front.serve(listener, stop.clone()));
        }
        if let Some(address) = app.settings().gateway.envoy_listen {
            let listener = TcpListener::bind(address).await.unwrap();
            tokio::spawn(listener::serve(listener, grpc::routes(app.clone()), stop.clone()));
        }
        let server = tokio::spawn(listener::serve(listener, doors, stop.clone()));
        let runs = Self { app, clock: clock.clone(), stop, server, _running: running, _folder: folder };
        TestApp::new(format!("http://{}:{port}", setup.host), follow(clock), applications, runs)
    }

    /// What the clock will say after a while, as a time in ISO 8601.
    #[must_use]
    pub fn clock_text(&self, after: Duration) -> String {
        acquit_server::clock::Clock::now(&*self.clock).plus(after).to_string()
    }

    /// Whether no step of a logout is being tried or waits for its turn.
    pub fn is_idle(&self) -> bool {
        let load = self.app.worker.load();
        load.in_flight == 0 && load.queued == 0
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.app.worker.wake();
    }
}

/// Listens at a port, which an earlier server of the same test may be about to give up: one that is dropped is ended by another
/// thread.
async fn listen(address: IpAddr, port: u16) -> TcpListener {
    for _ in 0..1000 {
        match TcpListener::bind((address, port)).await {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => tokio::time::sleep(WAIT).await,
            bound => return bound.unwrap(),
        }
    }
    panic!("port {port} is not given up");
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}
