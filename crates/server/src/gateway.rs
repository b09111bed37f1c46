//! The gateway as a part of this server: what it knows of endings, its routes, and its doors on their hosts.

pub mod alone;
pub mod apps;
pub mod assertion;
pub mod callback;
pub mod doors;
pub mod exit;
pub mod forbidden;
pub mod forward_auth;
pub mod front;
pub mod host;
pub mod house;
pub mod keys;
mod named;
pub mod own_sign_out;
pub mod person;
pub mod program;
pub mod proof;
mod push;
pub mod redirect;
pub mod sign_in;
pub mod sign_out;
pub mod trip;
pub mod user;
pub mod visitor;
pub mod watch;
pub mod well_known;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use acquit_core::{LogoutId, SessionId, Timestamp, session::Lifetimes};

use acquit_gateway::{cookie::Cookies, keyed::Map, route::Routes, seal::SealKey, standing::Standing};
use acquit_store::{StoreError, revocation::Reader};
use tokio::{
    sync::{Mutex, Notify, broadcast, watch as channel},
    time::Instant,
};

use crate::settings;

/// Where a browser signs in, on Acquit's own host and on those of routes.
pub const SIGN_IN: &str = "/.acquit/sign_in";
/// Where it comes back to on the host of a route.
pub const CALLBACK: &str = "/.acquit/callback";
/// A person's apps, on the hosts of routes.
pub const APPS: &str = "/.acquit/";
/// Where it signs out, on both.
pub const SIGN_OUT: &str = "/.acquit/sign_out";
/// The same as Pomerium calls it.
pub const POMERIUM_SIGN_OUT: &str = "/.pomerium/sign_out";

/// How many acknowledgements somebody may be behind who waits for one.
const SHUT: usize = 256;

/// What the gateway knows on this node.
pub struct Gate {
    routes: channel::Sender<Arc<Routes>>,
    cookies: Arc<Cookies>,
    standing: Arc<Standing>,
    reader: Mutex<Reader>,
    /// When the store last failed to say what has ended.
    failed: std::sync::Mutex<Option<Instant>>,
    woken: Notify,
    /// Other nodes are to hear that there is more to read.
    told: Notify,
    /// How often the log is read.
    read_every: Duration,
    /// How long sessions live, as this node's file says.
    lifetimes: std::sync::Mutex<Lifetimes>,
    /// How old the servers say that one may be; only a node that is only a gateway asks.
    terms: std::sync::Mutex<Option<Duration>>,
    /// The logouts that this node has just acknowledged.
    shut: broadcast::Sender<LogoutId>,
    /// The sessions that were used since that was last written down, and when.
    used: std::sync::Mutex<Map<SessionId, Timestamp>>,
}

impl Gate {
    /// With the routes of the configuration, and the key of their cookies. It knows of no ending yet.
    #[must_use]
    pub fn new(settings: &settings::Gateway, lifetimes: Lifetimes, cookies: SealKey) -> Self {
        Self {
            routes: channel::Sender::new(Arc::new(settings.table())),
            cookies: Arc::new(Cookies::new(cookies, lifetimes)),
            standing: Arc::default(),
            reader: Mutex::default(),
            failed: std::sync::Mutex::default(),
            woken: Notify::new(),
            told: Notify::new(),
            read_every: settings.read_every,
            lifetimes: std::sync::Mutex::new(lifetimes),
            terms: std::sync::Mutex::default(),
            shut: broadcast::Sender::new(SHUT),
            used: std::sync::Mutex::default(),
        }
    }

    /// The routes as they are now.
    #[must_use]
    pub fn routes(&self) -> Arc<Routes> {
        self.routes.borrow().clone()
    }

    /// Takes other settings over. What is open and would not be let in any more is cut.
    pub(crate) fn replace_settings(&self, settings: &settings::Gateway, lifetimes: Lifetimes) {
        *self.lifetimes.lock().unwrap_or_else(PoisonError::into_inner) = lifetimes;
        self.limit_cookies();
        self.routes.send_replace(Arc::new(settings.table()));
    }

    /// Takes nothing that is older than the servers let a session be: of its end nothing may be known any more.
    fn keep_terms(&self, terms: Option<Duration>) {
        *self.terms.lock().unwrap_or_else(PoisonError::into_inner) = terms;
        self.limit_cookies();
    }

    fn limit_cookies(&self) {
        let lifetimes = *self.lifetimes.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = self.terms.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(Duration::MAX);
        let (max, program) = (lifetimes.max.min(longest), lifetimes.program.min(longest));
        self.cookies.set_lifetimes(Lifetimes { max, program, ..lifetimes });
    }

    /// The routes, as they change.
    #[must_use]
    pub fn watch_routes(&self) -> channel::Receiver<Arc<Routes>> {
        self.routes.subscribe()
    }

    /// A session was used. It is written down later, together with others.
    pub fn used(&self, session: &SessionId, now: Timestamp) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.get_mut(session) {
            Some(at) => *at = (*at).max(now),
            None => drop(used.insert(session.clone(), now)),
        }
    }

    fn idle(&self) -> Duration {
        self.lifetimes.lock().unwrap_or_else(PoisonError::into_inner).idle
    }

    fn take_used(&self) -> Vec<(SessionId, Timestamp)> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// The cookies of its routes.
    #[must_use]
    pub fn cookies(&self) -> &Arc<Cookies> {
        &self.cookies
    }

    /// What has ended.
    #[must_use]
    pub fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// Something ended, and that is durable: what is open of it is looked for at once, here and on other nodes.
    pub fn wake(&self) {
        // Without routes nothing can be open; what is left to acknowledge of routes that are gone has time.
        if !self.routes().is_empty() {
            self.woken.notify_one();
            self.told.notify_one();
        }
    }

    /// The logouts that this node acknowledges from now on.
    #[must_use]
    pub fn watch_shut(&self) -> broadcast::Receiver<LogoutId> {
        self.shut.subscribe()
    }

    /// Reads what has ended since the last time, if that is too long ago.
    ///
    /// # Errors
    /// [`StoreError`]: then nobody knows, and nobody may pass.
    pub async fn refresh(&self, store: &acquit_store::Store) -> Result<(), StoreError> {
        let waits_since = Instant::now();
        let mut reader = self.reader.lock().await;
        if self.standing.is_fresh() {
            // Somebody else asked while this one waited.
            return Ok(());
        }
        if self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at >= waits_since) {
            // In vain. A store that stands still takes long to fail, and many may be waiting, one behind the other.
            return Err(StoreError::Unavailable("it did not answer others who asked".to_owned()));
        }
        let read = watch::read(store, &mut reader, &self.standing).await;
        if read.is_err() {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        read
    }
}
