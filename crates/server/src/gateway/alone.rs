//! A node that is only a gateway: it carries the traffic of routes, and leaves everything else to a server.
//!
//! It decides as every node does, by what it has read of the revocation log. It has no master key, only what is derived for it, and a
//! role in the database that sees no secret but the keys of assertions (`store/src/gateway/role.rs`). Signing in and out is the server's
//! alone: it is passed on.

mod health;
mod house;

use std::sync::Arc;

use acquit_delivery::egress::EgressError;
use acquit_gateway::proxy::Onward;
use acquit_store::{Store, StoreError};
use axum::Router;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::house::Elsewhere;
use super::{
    Gate,
    assertion::Assertions,
    front::{Around, Front, FrontError},
    keys::RouteKeys,
    watch::Watcher,
};
use crate::{
    clock::Clock,
    keys::KeysError,
    random::{self, NoRandomness},
    settings::gateway::Alone,
    start::{KEYS_EVERY, StartError, store},
};

/// Why such a node does not start. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum AloneError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StartError),
    /// There are no keys of assertions, or they are not for the keys that this node was given.
    #[error("{0} (this node's own keys are those that `acquit gateway keys` wrote)")]
    Keys(#[from] KeysError),
    /// The server cannot be connected to.
    #[error("connections to the server cannot be made: {0}")]
    Egress(#[from] EgressError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// It takes no traffic.
    #[error(transparent)]
    Front(#[from] FrontError),
}

/// What the parts of the node share.
struct Node {
    gate: Arc<Gate>,
    store: Store,
    clock: Arc<dyn Clock>,
    assertions: Assertions,
}

/// A node that is put together, with what runs beside its requests.
pub struct Running {
    node: Arc<Node>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens the store that servers share, reads the keys of assertions, and watches over what ends.
///
/// # Errors
/// [`AloneError`].
pub async fn start(settings: &Alone, clock: Arc<dyn Clock>) -> Result<Running, AloneError> {
    let store = store::attach(settings.store.expose()).await?;
    warn_of_rights(&store).await;
    let assertions = Assertions::new(RouteKeys::read(&store, settings.keys.route_keys.clone()).await?);
    let (lifetimes, cookies) = (settings.lifetimes.session(), settings.keys.cookies.clone());
    let gate = Arc::new(Gate::new(&settings.gateway, lifetimes, cookies));
    gate.keep_terms(store.gateway_terms().await.map_err(StartError::Store)?);
    let name = format!("gateway-{}", random::secret()?);
    // A role that may not even say that the node is there is found now, and not by people.
    store.gateway_node(&name, clock.now()).await.map_err(StartError::Store)?;
    let stop = CancellationToken::new();
    let mut tasks = Watcher::alone(gate.clone(), store.clone(), clock.clone(), name).start(&stop);
    let node = Arc::new(Node { gate, store, clock, assertions });
    tasks.push(tokio::spawn(refresh_keys(node.clone(), stop.clone())));
    Ok(Running { node, stop, tasks })
}

/// A node that could do more in the database than it has to is as dangerous as a server.
async fn warn_of_rights(store: &Store) {
    if store.keys().await.is_ok() {
        tracing::warn!(
            "this node's role in the database can read the keys of servers: give it one of its own, as `acquit gateway role` makes"
        );
    }
}

impl Running {
    /// The socket of its routes.
    ///
    /// # Errors
    /// [`AloneError`].
    pub fn front(&self, settings: &Alone) -> Result<Front<Elsewhere>, AloneError> {
        let onward = Onward::new(&settings.house, Vec::new())?;
        let trusted_proxies = settings.trusted_proxies.clone();
        let house = Elsewhere { node: self.node.clone(), onward, trusted_proxies: trusted_proxies.clone() };
        let around = Around { gate: self.node.gate.clone(), own: None, trusted_proxies };
        Ok(Front::in_house(around, &settings.gateway.tls, house)?)
    }

    /// What says whether it is there and ready.
    pub fn health(&self) -> Router {
        health::routes(self.node.clone())
    }

    /// Takes other routes over; all else is fixed until the next start.
    pub fn reload(&self, settings: &Alone) {
        self.node.gate.replace_settings(&settings.gateway, settings.lifetimes.session());
    }

    /// Stops what runs beside the requests, and says that the node is gone.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

async fn refresh_keys(node: Arc<Node>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(KEYS_EVERY)).await.is_some() {
        if let Err(error) = node.assertions.keys().refresh(&node.store).await {
            tracing::warn!(%error, "the keys of assertions could not be read again; the ones in memory stay");
        }
    }
}

impl Node {
    /// Reads what has ended, if that was too long ago.
    async fn refresh(&self) -> Result<(), StoreError> {
        self.gate.refresh(&self.store).await
    }
}
