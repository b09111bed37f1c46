//! `acquit serve --gateway-only`.

use std::sync::Arc;

use acquit_server::{
    clock::SystemClock,
    gateway::{alone, front::FrontError},
    listener,
    settings::gateway::Alone,
};
use tokio::signal::unix::{SignalKind, signal};

use super::{bind, stop_by_signal};
use crate::{
    command::{CommandError, Global, check},
    config::environment::Environment,
    output::note,
};

/// Carries the traffic of routes until it is told to stop.
pub(super) async fn serve(settings: Alone, global: &Global, environment: &Environment) -> Result<u8, CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let Some(address) = settings.gateway.listen else {
        return Err(CommandError::Usage("[gateway] has no `listen`".to_owned()));
    };
    let (health, traffic) = (bind(settings.listen).await?, bind(address).await?);
    let stop = stop_by_signal()?;
    let Some(started) = stop.run_until_cancelled(alone::start(&settings, Arc::new(SystemClock))).await else {
        note("stopped before it served anything");
        return Ok(0);
    };
    let running = started.map_err(|error| failed(&error))?;
    let front = running.front(&settings).map_err(|error| failed(&error))?;
    note(&format!(
        "the gateway takes traffic on {address}, for {}; GET /readyz is on {}",
        settings.issuer, settings.listen
    ));
    let mut hangup = signal(SignalKind::hangup())?;
    let reloading = async {
        while hangup.recv().await.is_some() {
            match check::alone(global, environment) {
                Ok(settings) => {
                    running.reload(&settings);
                    note("the changed routes are in force; what else changed is when this node starts again");
                }
                Err(error) => note(&format!("the configuration stays as it was: {error}")),
            }
        }
        // No more signals can come; the node goes on.
        std::future::pending::<()>().await;
    };
    let health = listener::serve(health, running.health(), stop.clone());
    let both = async { tokio::join!(health, front.serve(traffic, stop.clone())).1 };
    let ended: Result<(), FrontError> = tokio::select! {
        ended = both => ended,
        () = reloading => Ok(()),
    };
    running.stop().await;
    ended.map_err(|error| failed(&error)).map(|()| 0)
}
