//! Putting a server together from its settings, and running what runs beside the requests.

pub(crate) mod store;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use acquit_core::{
    UserId,
    plan::{By, Scope, Tell},
};
use acquit_delivery::{
    egress::{Allow, Egress, EgressError, InvalidAllow, Options, Policy},
    worker::{self, Worker},
};
use acquit_store::{StoreError, user::User};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    app::Inner,
    broker::{made, revalidate},
    clients::Clients,
    clock::Clock,
    cookies::Cookies,
    denial::Denials,
    failpoint,
    fetched::Fetched,
    gateway::{Gate, assertion::Assertions, keys::RouteKeys, watch::Watcher},
    keys::{Keys, KeysError},
    limits::Limits,
    logout::{LogoutError, Order, log_out},
    outbox::{Composer, StoreOutbox, Upstreams, Webhooks},
    password::{PasswordError, PasswordHasher},
    random::{self, NoRandomness},
    reload,
    saml::{fetch, keys::SamlKeys, parties::OurParties},
    seal::{SealError, Sealer},
    settings::{MasterKeyError, Password, Settings},
    sweep,
};

/// How often this node looks for keys that another one made.
pub(crate) const KEYS_EVERY: Duration = Duration::from_secs(30);
/// How long deliveries under way may take once the server is told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Passwords that are hashed at the same time; each takes 19 MiB and a core for some hundredth of a second.
const HASHES_AT_ONCE: usize = 4;

/// Why a server does not start. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
    /// PostgreSQL took no connections for a minute.
    #[error("PostgreSQL at {place} took no connections within {waited} s: {error}")]
    NoDatabase {
        /// Where it was looked for.
        place: String,
        /// For how many seconds.
        waited: u64,
        /// What was wrong with the last try.
        error: StoreError,
    },
    /// The folder or file of the store cannot be prepared.
    #[error("the place for the store cannot be prepared: {0}")]
    Prepare(std::io::Error),
    /// There is no master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The master key cannot be used.
    #[error("the master key cannot be used: {0}")]
    Seal(#[from] SealError),
    /// There are no signing keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Outbound requests cannot be made.
    #[error("outbound requests cannot be made: {0}")]
    Egress(#[from] EgressError),
    /// An allowance for outbound requests is none.
    #[error("an entry of `egress.allow` cannot be used: {0}")]
    Allow(#[from] InvalidAllow),
    /// A password of the configuration cannot be hashed.
    #[error("the password of a configured user cannot be used: {0}")]
    Password(#[from] PasswordError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The sessions of a user or a provider that left the configuration could not be ended.
    #[error("the sessions of a user or a provider that is gone could not be ended: {0}")]
    Logout(#[from] LogoutError),
}

/// A server that is put together, with what runs beside its requests.
pub struct Running {
    /// The shared state, for doors.
    pub app: App,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens the store, loads keys, applications and configured users, and starts delivering what is due.
///
/// # Errors
/// [`StartError`].
pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
    let sealer = Arc::new(Sealer::new(&settings.server.master_key.load()?)?);
    let store = store::open(&settings.store).await?;
    let keys = Keys::load(&store, &sealer, clock.now()).await?;
    let saml_keys = SamlKeys::load(&store, &sealer, &settings.server.issuer, clock.now()).await?;
    let route_keys = RouteKeys::load(&store, &sealer, clock.now()).await?;
    let clients = Clients::load(&settings, store.clone()).await?;
    let egress = Arc::new(Egress::new(Options::new(policy(&settings)?))?);
    let parties = Arc::new(OurParties::new(saml_keys.clone(), clients.clone(), &settings.server.issuer));
    let node = format!("node-{}", random::secret()?);
    let stop = CancellationToken::new();
    let composer =
        Composer::new(store.clone(), keys.clone(), settings.server.issuer.clone(), settings.lifetimes.logout_deadline)
            .with_saml(parties.clone())
            .with_upstreams(Upstreams { sealer: sealer.clone(), connections: clients.connections().clone() })
            .with_webhooks(Webhooks { sealer: sealer.clone(), connections: clients.connections().clone() });
    let outbox = StoreOutbox::new(store.clone(), clock.clone(), node.clone());
    let time = clock.clone();
    let now = Box::new(move || time.now());
    let worker = Worker::start(outbox, composer, egress.clone(), now, Box::new(jitter), worker::Settings::default());
    let gate = Arc::new(Gate::new(&settings.gateway, settings.lifetimes.session(), sealer.routes().clone()));
    let app = App::new(Inner {
        cookies: Cookies::new(settings.server.is_https()),
        limits: RwLock::new(Arc::new(Limits::new(&settings.limits, clock.clone()))),
        server: settings.server.clone(),
        denials: Denials::new(gate.standing().clone()),
        gate,
        assertions: Assertions::new(route_keys),
        passwords: PasswordHasher::new(HASHES_AT_ONCE),
        settings: RwLock::new(Arc::new(settings)),
        store,
        clock,
        clients,
        keys,
        saml_keys,
        parties,
        sealer,
        worker,
        egress,
        fetched_keys: Fetched::default(),
        providers: Fetched::default(),
        node,
    });
    made::refresh(&app).await?;
    configured_users(&app).await?;
    reload::end_sessions_of_former_providers(&app).await?;
    let tasks = vec![
        tokio::spawn(sweep::run(app.clone(), stop.clone())),
        tokio::spawn(refresh_keys(app.clone(), stop.clone())),
        tokio::spawn(fetch::run(app.clone(), stop.clone())),
        tokio::spawn(made::run(app.clone(), stop.clone())),
        tokio::spawn(revalidate::run(app.clone(), stop.clone())),
    ];
    let tasks = tasks.into_iter().chain(Watcher::of_server(&app).start(&stop)).collect();
    Ok(Running { app, stop, tasks })
}

impl Running {
    /// Stops what runs beside the requests: finishes deliveries under way within their bound and records them.
    pub async fn stop(self) {
        self.stop.cancel();
        self.app.worker.stop(STOP_WITHIN).await;
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

pub(crate) fn policy(settings: &Settings) -> Result<Policy, InvalidAllow> {
    let allow: Result<Vec<Allow>, InvalidAllow> =
        settings.egress.iter().map(|entry| Allow::new(entry.host.as_deref(), &entry.net.to_string())).collect();
    // Never to this server itself, even where loopback is allowed.
    Ok(Policy { own: vec![settings.server.listen], ..Policy::allowing(allow?) })
}

fn jitter() -> u64 {
    random::bytes().map_or(0, u64::from_le_bytes)
}

async fn refresh_keys(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(KEYS_EVERY)).await.is_some() {
        let refreshed = match app.keys.refresh(&app.store, &app.sealer).await {
            Ok(()) => app.saml_keys.refresh(&app.store, &app.sealer).await,
            failed => failed,
        };
        let refreshed = match refreshed {
            Ok(()) => app.assertions.keys().refresh(&app.store).await,
            failed => failed,
        };
        if let Err(error) = refreshed {
            tracing::warn!(%error, "the signing keys could not be read again; the ones in memory stay");
        }
    }
}

/// Brings the store's users in line with the configuration's. Whoever is gone from it, is disabled there or got another
/// password is signed out everywhere.
pub(crate) async fn configured_users(app: &App) -> Result<(), StartError> {
    let settings = app.settings();
    let names: Vec<&str> = settings.users.iter().map(|user| user.username.as_str()).collect();
    let known = app.store.users_named(&names).await?.into_iter().map(|user| (user.username.clone(), user));
    let mut known: HashMap<String, User> = known.collect();
    for configured in &settings.users {
        let known = known.remove(&configured.username);
        let same_password = match (&configured.password, known.as_ref().and_then(|user| user.password_hash.as_deref()))
        {
            (Password::Service, stored) => known.is_none() || stored.is_none(),
            (_, None) => false,
            (Password::Hash(hash), Some(stored)) => hash.expose() == stored,
            (Password::Plain(password), Some(stored)) => app.passwords.verify(password.clone(), Some(stored)).await?,
        };
        let password_hash = match (&configured.password, &known) {
            (_, Some(user)) if same_password => user.password_hash.clone(),
            (Password::Service, _) => None,
            (Password::Hash(hash), _) => Some(hash.expose().to_owned()),
            (Password::Plain(password), _) => Some(app.passwords.hash(password.clone()).await?),
        };
        let now = app.clock.now();
        let user = User {
            id: match &known {
                Some(user) => user.id.clone(),
                None => UserId::from_random(random::bytes()?),
            },
            username: configured.username.clone(),
            email: configured.email.clone(),
            email_verified: configured.email.is_some(),
            name: configured.name.clone(),
            password_hash,
            groups: configured.groups.clone(),
            disabled: configured.disabled,
            from_file: true,
            epoch: 0,
            version: 0,
            created_at: now,
            origin: None,
        };
        // Each write is a commit of its own, and at most starts there is nothing to write.
        if known.as_ref().is_none_or(|known| !same(known, &user)) && app.store.put_user(user.clone()).await?.is_err() {
            tracing::error!(username = user.username, "a configured user's name is taken");
        }
        if let Some(known) = known.as_ref().filter(|known| known.disabled != configured.disabled) {
            // Writing a user leaves this alone, because it raises the epoch: all that they hold is dead on that commit.
            app.store.set_disabled(&known.id, configured.disabled, now).await?;
        }
        if let Some(known) = known
            && (!same_password || (configured.disabled && !known.disabled))
        {
            let why = if configured.disabled { "the user was disabled" } else { "the password changed" };
            end_all_of(app, &known.id, why).await?;
        }
    }
    disable_the_gone(app).await
}

/// Whether all that the configuration says of a user is in the store.
fn same(known: &User, configured: &User) -> bool {
    let kept = User {
        id: known.id.clone(),
        disabled: known.disabled,
        epoch: known.epoch,
        created_at: known.created_at,
        ..configured.clone()
    };
    *known == kept
}

async fn disable_the_gone(app: &App) -> Result<(), StartError> {
    let settings = app.settings();
    let mut after = None;
    loop {
        let page = app.store.users(after.as_deref(), 500).await?;
        for user in page.data.iter().filter(|user| user.from_file && !user.disabled) {
            if settings.users.iter().all(|configured| configured.username != user.username) {
                app.store.set_disabled(&user.id, true, app.clock.now()).await?;
                end_all_of(app, &user.id, "the user is gone from the configuration").await?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Signs a user out everywhere, by a rule.
///
/// # Errors
/// [`LogoutError`].
pub async fn end_all_of(app: &App, user: &UserId, why: &str) -> Result<(), LogoutError> {
    let order = Order {
        scope: Scope::User(user.clone()),
        by: By::Policy,
        party: None,
        reason: Some(why.to_owned()),
        tell: Tell::Everyone,
        ip: None,
        browser: None,
        named: Vec::new(),
    };
    failpoint::hit("overtaken");
    log_out(app, order).await.map(drop)
}
