//! What runs beside the gateway's requests: reading what has ended, cutting what is open of it, and saying so for the
//! receipt; and cutting everything once this node cannot know any more.

use std::{collections::BTreeSet, time::Duration};

use acquit_core::LogoutId;
use acquit_gateway::{live::Cut, standing::Standing};
use acquit_store::{
    Store, StoreError,
    gateway::Acknowledgement,
    revocation::{Reader, Revoked},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::App;

/// How often the log is read.
const EVERY: Duration = Duration::from_millis(500);
/// How often where there are no routes: only endings of routes that are gone from the configuration are left to acknowledge.
const IDLE: Duration = Duration::from_secs(15);
/// How often it is looked whether this node still knows.
const LEASE: Duration = Duration::from_millis(250);
/// How often a node says that it is there.
const THERE_EVERY: Duration = Duration::from_secs(5);
/// How often the use of sessions is written down, at the most.
const NOTE_EVERY: Duration = Duration::from_secs(30);
/// A node that has not said so for this long is gone. It serves nothing that it cannot check for a much shorter time.
const GONE_AFTER: Duration = Duration::from_secs(15);
/// How often endings that no cookie can be older than are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// The most endings that are acknowledged in one transaction.
const BATCH: u32 = 200;

/// Watches until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let (mut there, mut forgotten, mut noted) = (None, Instant::now(), Instant::now());
    let mut troubled = false;
    loop {
        match round(&app, &mut there).await {
            Ok(()) => troubled = false,
            Err(error) => {
                if !troubled {
                    tracing::warn!(%error, "the gateway cannot learn what has ended; it lets nobody pass until it can");
                }
                troubled = true;
            }
        }
        if forgotten.elapsed() >= FORGET_EVERY {
            forgotten = Instant::now();
            // A day more than the longest session, for clocks of other nodes, as the store keeps them.
            let longest = app.settings().lifetimes.session().longest() + Duration::from_secs(86_400);
            app.gate.standing.forget(app.clock.now().minus(longest));
        }
        if noted.elapsed() >= note_every(&app) {
            noted = Instant::now();
            note_use(&app).await;
        }
        let every = if app.gate.routes().is_empty() { IDLE } else { EVERY };
        let rest = async {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = app.gate.woken.notified() => {}
            }
        };
        if stop.run_until_cancelled(rest).await.is_none() {
            break;
        }
    }
    note_use(&app).await;
    if there.is_some()
        && let Err(error) = app.store.gateway_node_gone(&app.node).await
    {
        tracing::debug!(%error, "the store could not be told that this node of the gateway stops");
    }
}

/// How often the use of sessions is written down: soon enough that none counts as idle for being written down late.
fn note_every(app: &App) -> Duration {
    NOTE_EVERY.min(app.settings().lifetimes.session_idle / 16)
}

/// Writes down which sessions were used.
async fn note_use(app: &App) {
    let used = app.gate.take_used();
    if let Err(error) = app.store.touch_sessions(used.clone()).await {
        tracing::warn!(%error, "the use of sessions through the gateway could not be written down; trying again soon");
        used.into_iter().for_each(|(session, at)| app.gate.used(&session, at));
    }
}

/// Cuts what is open as soon as this node does not know any more whether it may be, until `stop`.
pub async fn lease(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LEASE)).await.is_some() {
        if !app.gate.standing.is_fresh() && app.gate.standing.live().count() > 0 {
            let cut = app.gate.standing.live().cut_all(Cut::Unsure);
            tracing::warn!(sessions = cut.len(), "streams were cut, because this node cannot learn what has ended");
        }
    }
}

/// Reads what has ended, and acknowledges it.
async fn round(app: &App, there: &mut Option<Instant>) -> Result<(), StoreError> {
    let now = app.clock.now();
    if !app.gate.routes().is_empty() && there.is_none_or(|said| said.elapsed() >= THERE_EVERY) {
        app.store.gateway_node(&app.node, now).await?;
        *there = Some(Instant::now());
    }
    // These before the log, so that whatever is acknowledged is refused.
    let evictions = app.store.evictions(&app.node, BATCH).await?;
    read(&app.store, &mut *app.gate.reader.lock().await, &app.gate.standing).await?;
    let standing = &app.gate.standing;
    let acknowledged = evictions.into_iter().map(|eviction| {
        standing.ended(&eviction.session, now);
        let streams = standing.counted(&eviction.session, eviction.host.as_str());
        Acknowledgement {
            step: eviction.step,
            logout: eviction.logout,
            streams: u32::try_from(streams).unwrap_or(u32::MAX),
        }
    });
    let acknowledged: Vec<_> = acknowledged.collect();
    if !acknowledged.is_empty() {
        let logouts: BTreeSet<LogoutId> = acknowledged.iter().map(|said| said.logout.clone()).collect();
        app.store.acknowledge(&app.node, acknowledged, now, now.minus(GONE_AFTER)).await?;
        for logout in logouts {
            // Nobody may be waiting.
            let _ = app.gate.shut.send(logout);
        }
    }
    Ok(())
}

/// Reads what the log has since the last time.
pub(super) async fn read(store: &Store, reader: &mut Reader, standing: &Standing) -> Result<(), StoreError> {
    let asked = Instant::now();
    for row in reader.read(store).await? {
        match row.what {
            Revoked::Session(session) => standing.ended(&session, row.at),
            Revoked::User { user, epoch } => standing.overtaken(&user, epoch, row.at),
            Revoked::Changed { user, version } => standing.changed(&user, version, row.at),
        }
    }
    standing.heard(asked);
    Ok(())
}
