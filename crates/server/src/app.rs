//! What every door of one running server shares.

use std::{
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use acquit_core::{
    LogoutId, Timestamp,
    session::{Life, Session},
};
use acquit_delivery::{egress::Egress, worker::Worker};
use acquit_oidc::{jose::Jwks, rp::provider::Provider};
use acquit_store::{Store, StoreError, session::SessionView};

use crate::{
    clients::Clients,
    clock::Clock,
    cookies::Cookies,
    denial::Denials,
    fetched::Fetched,
    gateway::{Gate, assertion::Assertions},
    keys::Keys,
    limits::Limits,
    outbox::{Composer, StoreOutbox},
    password::PasswordHasher,
    saml::{keys::SamlKeys, parties::OurParties},
    seal::Sealer,
    settings::{self, Settings},
};

/// A running server's shared state. Clones share everything.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The parts; see each.
pub struct Inner {
    /// Where it listens and how the world sees it: fixed until it starts again.
    pub server: settings::Server,
    pub(crate) settings: RwLock<Arc<Settings>>,
    /// Where it keeps its state.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The applications.
    pub clients: Clients,
    /// The signing keys.
    pub keys: Keys,
    /// The keys that sign SAML messages.
    pub saml_keys: SamlKeys,
    /// Who we are in SAML, and whom we trust.
    pub parties: Arc<OurParties>,
    /// Seals what leaves and comes back.
    pub sealer: Arc<Sealer>,
    /// Its own cookies.
    pub cookies: Cookies,
    pub(crate) limits: RwLock<Arc<Limits>>,
    /// What the gateway knows.
    pub gate: Arc<Gate>,
    /// What it tells the apps behind the gateway.
    pub assertions: Assertions,
    /// What it refuses ahead of the store.
    pub denials: Denials,
    /// Hashes passwords.
    pub passwords: PasswordHasher,
    /// Tells the applications.
    pub worker: Worker<StoreOutbox, Composer>,
    /// Fetches what applications publish (their keys), under the policy for outbound requests.
    pub egress: Arc<Egress>,
    /// Keys that applications and identity providers publish, as fetched.
    pub fetched_keys: Fetched<Jwks>,
    /// What identity providers publish of themselves, as fetched.
    pub providers: Fetched<Provider>,
    /// This node's name in leases.
    pub node: String,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Shares the parts.
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// What it was told last. Whoever asks twice may hear of a reload in between.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often things may be tried.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        self.limits.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes new settings over; the counts of what was tried go on unless their limits changed.
    pub(crate) fn replace_settings(&self, settings: Settings) {
        let mut current = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        if current.limits != settings.limits {
            let limits = Arc::new(Limits::new(&settings.limits, self.clock.clone()));
            *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
        }
        self.gate.replace_settings(&settings.gateway, settings.lifetimes.session());
        *current = Arc::new(settings);
    }

    /// The issuer: the public URL without a slash at its end. It is the server's origin too.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.server.issuer
    }

    /// The key of a logout's receipt page: unguessable without the master key, the same each time it is asked for, so that
    /// a repeated sign-out leads to the same page. The store keeps its hash.
    #[must_use]
    pub fn receipt_key(&self, logout: &LogoutId) -> String {
        self.sealer.tag("receipt", &[logout.as_str()])
    }

    /// Takes note that a session was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn used(&self, session: &Session) -> Result<(), StoreError> {
        let now = self.clock.now();
        if session.is_worth_touching(now, self.settings().lifetimes.session()) {
            self.store.touch_session(&session.id, now).await?;
        }
        Ok(())
    }

    /// Whether a session may be used now: it lives, and this node does not refuse it ahead of the store.
    #[must_use]
    pub fn is_live(&self, view: &SessionView, now: Timestamp) -> bool {
        view.life(now, self.settings().lifetimes.session()) == Life::Live && !self.denials.denies(&view.session)
    }
}
