//! A node that is only a gateway, in this process with threads of its own, so that it can be killed.

use std::{path::Path, sync::Arc, time::Duration};

use acquit::config::{self, environment::Environment};
use acquit_server::{clock::Clock, gateway::alone, settings::gateway::Alone};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

/// A node, until it is stopped, killed or dropped.
pub struct AloneNode {
    runtime: Option<Runtime>,
    running: Option<alone::Running>,
    stop: CancellationToken,
    /// Its address for traffic.
    pub port: u16,
}

impl AloneNode {
    /// Reads its configuration.
    ///
    /// # Panics
    /// It has a mistake.
    #[must_use]
    pub fn settings(text: &str) -> Alone {
        let loaded = config::read(text, "acquit.toml", Path::new("."), &Environment::default());
        loaded.alone.unwrap_or_else(|| panic!("{:#?}\n{text}", loaded.diagnostics))
    }

    /// Starts it, reading the log as often as this where it gets no hints.
    ///
    /// # Errors
    /// When it does not start.
    ///
    /// # Panics
    /// Its port is taken.
    pub async fn start(
        mut settings: Alone,
        clock: Arc<dyn Clock>,
        read_every: Duration,
    ) -> Result<Self, alone::AloneError> {
        settings.gateway.read_every = read_every;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let address = settings.gateway.listen.unwrap();
        let started = runtime.spawn(async move {
            let running = alone::start(&settings, clock).await?;
            let front = running.front(&settings)?;
            let listener = TcpListener::bind(address).await.unwrap();
            tokio::spawn(front.serve(listener, token));
            Ok(running)
        });
        match started.await.unwrap() {
            Ok(running) => Ok(Self { runtime: Some(runtime), running: Some(running), stop, port: address.port() }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Stops it as a signal does.
    ///
    /// # Panics
    /// It was stopped before.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        let running = self.running.take().expect("it runs");
        let runtime = self.runtime.as_ref().expect("it runs");
        runtime.spawn(running.stop()).await.expect("it stops");
    }

    /// Takes over another configuration, as on SIGHUP.
    ///
    /// # Panics
    /// It was stopped before.
    pub fn reload(&self, settings: &Alone) {
        self.running.as_ref().expect("it runs").reload(settings);
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for AloneNode {
    fn drop(&mut self) {
        self.kill();
    }
}
