//! `acquit serve`: the server.

use std::{net::SocketAddr, sync::Arc};

use acquit_server::{
    App,
    clock::SystemClock,
    gateway::{
        forward_auth::grpc,
        front::{Front, FrontError},
    },
    listener, random,
    reload::reload,
    router::router,
    settings::Settings,
    start::start,
};
use clap::Args;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

mod alone;

use super::{CommandError, Global, check, open_files};
use crate::{config::environment::Environment, output::note};

/// Run the server
///
/// Serves the OpenID Connect provider, the pages for people and the API, and delivers every logout that is due, also those
/// that an earlier run left behind. Stops on SIGTERM or Ctrl-C: requests and deliveries under way are finished first. Reads the configuration again on
/// SIGHUP: one with a mistake changes nothing; a user or application that is gone from it is signed out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  acquit serve
  acquit serve --config /etc/acquit/acquit.toml
  ACQUIT__SERVER__LISTEN=127.0.0.1:9000 ACQUIT_LOG=debug acquit serve

It is ready when GET /readyz answers 200.")]
pub struct Serve {
    /// Carry the traffic of routes only, and leave signing in and out to the servers
    ///
    /// Such a node shares the servers' PostgreSQL database by a role of its own (`acquit gateway role`) and has keys of its own (`acquit
    /// gateway keys`) in place of the master key. GET /readyz is at `server.listen`.
    #[arg(long)]
    gateway_only: bool,
}

impl Serve {
    /// Serves until it is told to stop.
    ///
    /// # Errors
    /// [`CommandError`] when the configuration is wrong or the server cannot start.
    pub fn run(&self, global: &Global, environment: &Environment) -> Result<u8, CommandError> {
        open_files::raise();
        random::warm_up();
        if self.gateway_only {
            let settings = check::alone(global, environment)?;
            let serving = alone::serve(settings, global, environment);
            return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serving);
        }
        let settings = check::settings(global, environment)?;
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(settings, global, environment))
    }
}

async fn serve(settings: Settings, global: &Global, environment: &Environment) -> Result<u8, CommandError> {
    let address = settings.server.listen;
    let issuer = settings.server.issuer.clone();
    // First the address: whoever starts it twice hears of that before anything else happens.
    let listener = bind(address).await?;
    let stop = stop_by_signal()?;
    // A start may wait for its database; who ends it then does not wait too.
    let Some(started) = stop.run_until_cancelled(start(settings, Arc::new(SystemClock))).await else {
        note("stopped before it served anything");
        return Ok(0);
    };
    let running = started.map_err(|error| CommandError::Failed(error.to_string()))?;
    note(&format!("acquit serves {issuer} on {address}"));
    let doors = router(running.app.clone());
    let front = front(&running.app, &doors, stop.clone()).await?;
    let envoy = envoy(&running.app, stop.clone()).await?;
    let reloading = reload_on_hangup(&running.app, global, environment)?;
    tokio::select! {
        () = listener::serve(listener, doors, stop) => {}
        () = reloading => {}
    }
    // They stop by the same word.
    if let Some(front) = front {
        let _ = front.await;
    }
    if let Some(envoy) = envoy {
        let _ = envoy.await;
    }
    note("stopping: finishing the deliveries under way");
    running.stop().await;
    Ok(0)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    let failed = |error| CommandError::Failed(format!("cannot listen on {address}: {error}"));
    TcpListener::bind(address).await.map_err(failed)
}

/// What SIGTERM and Ctrl-C cancel.
fn stop_by_signal() -> Result<CancellationToken, CommandError> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

/// Has the gateway take the traffic of its routes, if it has a socket of its own.
async fn front(
    app: &App,
    doors: &axum::Router,
    stop: CancellationToken,
) -> Result<Option<JoinHandle<Result<(), FrontError>>>, CommandError> {
    let Some(address) = app.settings().gateway.listen else { return Ok(None) };
    let failed = |error: FrontError| CommandError::Failed(error.to_string());
    let listener = TcpListener::bind(address).await.map_err(|error| failed(FrontError::Listen(address, error)))?;
    let front = Front::new(app.clone(), doors.clone()).map_err(failed)?;
    note(&format!("the gateway takes traffic on {address}"));
    Ok(Some(tokio::spawn(front.serve(listener, stop))))
}

/// Answers Envoy by gRPC, if there is a socket for that.
async fn envoy(app: &App, stop: CancellationToken) -> Result<Option<JoinHandle<()>>, CommandError> {
    let Some(address) = app.settings().gateway.envoy_listen else { return Ok(None) };
    let listener = bind(address).await?;
    note(&format!("Envoy is answered by gRPC on {address}"));
    Ok(Some(tokio::spawn(listener::serve(listener, grpc::routes(app.clone()), stop))))
}

/// On SIGHUP the configuration is read again. One with a mistake changes nothing.
fn reload_on_hangup<'a>(
    app: &'a App,
    global: &'a Global,
    environment: &'a Environment,
) -> Result<impl Future<Output = ()> + 'a, CommandError> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            match check::settings(global, environment) {
                Ok(settings) => {
                    if let Err(error) = reload(app, settings).await {
                        note(&format!("the changed configuration is only partly in force: {error}"));
                    }
                }
                Err(error) => note(&format!("the configuration stays as it was: {error}")),
            }
        }
        // No more signals can come; the server goes on.
        std::future::pending::<()>().await;
    })
}
