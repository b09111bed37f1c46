//! What runs beside the gateway's requests: reading what has ended, cutting what is open of it, and saying so for the
//! receipt; and cutting everything once this node cannot know any more.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use acquit_core::LogoutId;
use acquit_gateway::{live::Cut, standing::Standing};
use acquit_store::{
    Store, StoreError,
    gateway::{Acknowledgement, Eviction},
    revocation::{Reader, Revocation, Revoked},
};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Gate, push};
use crate::{App, clock::Clock};

/// How often the log is read where there are no routes: only endings of routes that are gone from the configuration are left to acknowledge.
const IDLE: Duration = Duration::from_secs(15);
/// How often it is looked whether this node still knows.
const LEASE: Duration = Duration::from_millis(250);
/// How often a node says that it is there.
const THERE_EVERY: Duration = Duration::from_secs(5);
/// How often the use of sessions is written down, at the most.
const NOTE_EVERY: Duration = Duration::from_secs(30);
/// The most sessions whose use is written down in one transaction.
const NOTES: usize = 1000;
/// How often at a time what other nodes have noted is taken over: one that never ends to write must not keep this one from its own.
const TAKEN: usize = 100;
/// A node that has not said so for this long is gone. It serves nothing that it cannot check for a much shorter time.
const GONE_AFTER: Duration = Duration::from_secs(15);
/// How often endings that no cookie can be older than are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// The most endings that are acknowledged in one transaction.
const BATCH: u32 = 200;

/// One node's watch over what ends.
#[derive(Clone)]
pub struct Watcher {
    pub(super) gate: Arc<Gate>,
    pub(super) store: Store,
    clock: Arc<dyn Clock>,
    /// The node's name.
    pub(super) node: String,
    /// Whether this node is only a gateway: it writes down what it knows, and a server makes of it what follows.
    alone: bool,
}

impl Watcher {
    /// Of a server.
    #[must_use]
    pub fn of_server(app: &App) -> Self {
        let (gate, store, clock, node) = (app.gate.clone(), app.store.clone(), app.clock.clone(), app.node.clone());
        Self { gate, store, clock, node, alone: false }
    }

    /// Of a node that is only a gateway.
    pub(super) fn alone(gate: Arc<Gate>, store: Store, clock: Arc<dyn Clock>, node: String) -> Self {
        Self { gate, store, clock, node, alone: true }
    }

    /// Watches until `stop`.
    #[must_use]
    pub fn start(self, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
        vec![
            tokio::spawn(lease(self.gate.clone(), stop.clone())),
            tokio::spawn(push::tell(self.clone(), stop.clone())),
            tokio::spawn(push::hear(self.clone(), stop.clone())),
            tokio::spawn(note(self.clone(), stop.clone())),
            tokio::spawn(run(self, stop.clone())),
        ]
    }
}

async fn run(watcher: Watcher, stop: CancellationToken) {
    let Watcher { gate, store, .. } = &watcher;
    let (mut there, mut forgotten) = (None, Instant::now());
    let mut troubled = false;
    loop {
        match watcher.round(&mut there).await {
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
            if let Err(error) = watcher.forget().await {
                tracing::debug!(%error, "the gateway cannot learn what it may forget");
            }
        }
        let every = if gate.routes().is_empty() { IDLE } else { gate.read_every };
        let rest = async {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = gate.woken.notified() => {}
            }
        };
        if stop.run_until_cancelled(rest).await.is_none() {
            break;
        }
    }
    if there.is_some()
        && let Err(error) = store.gateway_node_gone(&watcher.node).await
    {
        tracing::debug!(%error, "the store could not be told that this node of the gateway stops");
    }
}

/// Writes down which sessions are used, beside the reading, which must not wait for that.
async fn note(watcher: Watcher, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(note_every(&watcher.gate))).await.is_some() {
        watcher.note_use().await;
    }
    watcher.note_use().await;
}

/// How often the use of sessions is written down: soon enough that none counts as idle for being written down late.
fn note_every(gate: &Gate) -> Duration {
    NOTE_EVERY.min(gate.idle() / 16)
}

/// Cuts what is open as soon as this node does not know any more whether it may be, until `stop`.
async fn lease(gate: Arc<Gate>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LEASE)).await.is_some() {
        if !gate.standing.is_fresh() && gate.standing.live().count() > 0 {
            let cut = gate.standing.live().cut_all(Cut::Unsure);
            tracing::warn!(sessions = cut.len(), "streams were cut, because this node cannot learn what has ended");
        }
    }
}

impl Watcher {
    /// Writes down which sessions were used.
    async fn note_use(&self) {
        for used in self.gate.take_used().chunks(NOTES) {
            let noted = if self.alone {
                self.store.note_used(used.to_vec()).await
            } else {
                self.store.touch_sessions(used.to_vec()).await
            };
            if let Err(error) = noted {
                tracing::warn!(%error, "the use of sessions through the gateway could not be written down; trying again soon");
                used.iter().for_each(|(session, at)| self.gate.used(session, *at));
            }
        }
        if !self.alone
            && let Err(error) = self.take_noted().await
        {
            tracing::warn!(%error, "the use of sessions that other nodes saw could not be taken over; trying again soon");
        }
    }

    /// Takes over what nodes have noted that are only gateways.
    async fn take_noted(&self) -> Result<(), StoreError> {
        for _ in 0..TAKEN {
            if !self.store.take_noted(self.clock.now()).await? {
                break;
            }
        }
        Ok(())
    }

    /// Forgets what the store has forgotten: no cookie is old enough for it. How old one may be servers have from their own settings.
    async fn forget(&self) -> Result<(), StoreError> {
        if self.alone {
            // Before it is known from when on endings are there: servers say this first, too.
            self.gate.keep_terms(self.store.gateway_terms().await?);
        }
        self.store.revocations_begin().await?.into_iter().for_each(|begin| self.gate.standing.forget(begin));
        Ok(())
    }

    /// Reads what has ended, and acknowledges it.
    async fn round(&self, there: &mut Option<Instant>) -> Result<(), StoreError> {
        let (gate, now) = (&self.gate, self.clock.now());
        if !gate.routes().is_empty() && there.is_none_or(|said| said.elapsed() >= THERE_EVERY) {
            self.store.gateway_node(&self.node, now).await?;
            *there = Some(Instant::now());
        }
        let evictions = {
            let mut reader = gate.reader.lock().await;
            let asked = Instant::now();
            // The evictions are looked for before the log, so that whatever is acknowledged is refused.
            let (evictions, log) = reader.read_with_evictions(&self.store, &self.node, BATCH).await?;
            take(log, asked, &gate.standing);
            evictions
        };
        // What this node has said already is left to the servers, which look at it again until all have said so.
        let evictions = evictions.into_iter().filter(|eviction| !(self.alone && eviction.acknowledged));
        let said: Vec<_> = evictions
            .map(|eviction| {
                gate.standing.ended(&eviction.session, now);
                acknowledgement(eviction, &gate.standing)
            })
            .collect();
        if said.is_empty() {
            return Ok(());
        }
        if self.alone {
            self.store.say_refused(&self.node, said, now).await?;
            gate.told.notify_one();
            return Ok(());
        }
        let logouts: BTreeSet<LogoutId> = said.iter().map(|said| said.logout.clone()).collect();
        self.store.acknowledge(&self.node, said, now, now.minus(GONE_AFTER)).await?;
        for logout in logouts {
            // Nobody may be waiting.
            let _ = gate.shut.send(logout);
        }
        Ok(())
    }
}

fn acknowledgement(eviction: Eviction, standing: &Standing) -> Acknowledgement {
    let streams = standing.counted(&eviction.session, eviction.host.as_str());
    Acknowledgement {
        step: eviction.step,
        logout: eviction.logout,
        streams: u32::try_from(streams).unwrap_or(u32::MAX),
    }
}

/// Reads what the log has since the last time.
pub(super) async fn read(store: &Store, reader: &mut Reader, standing: &Standing) -> Result<(), StoreError> {
    let asked = Instant::now();
    take(reader.read(store).await?, asked, standing);
    Ok(())
}

/// Takes over what the log held at `asked`.
fn take(log: Vec<Revocation>, asked: Instant, standing: &Standing) {
    for row in log {
        match row.what {
            Revoked::Session(session) => standing.ended(&session, row.at),
            Revoked::User { user, epoch } => standing.overtaken(&user, epoch, row.at),
            Revoked::Changed { user, version } => standing.changed(&user, version, row.at),
            Revoked::Everything => standing.outdated(row.at),
        }
    }
    standing.heard(asked);
}
