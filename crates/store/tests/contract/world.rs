//! An empty store on one engine, and short words for what the tests do with it.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use acquit_core::{
    AppId, LogoutId, SessionId, Timestamp, UserId,
    participant::{BackChannel, Channels, FrontChannel, Participant, Preference, Protocol},
    plan::{By, Request, Scope, Tell},
    session::{Lifetimes, Session},
};
use acquit_store::{
    Hash, Store, StoreError,
    code::{CodeGrant, Mint, Minted, NewAccess, NewCode, NewRefresh, RedeemRefusal, SessionEnded},
    logout::{Lease, LoggedOut, LogoutOrder},
    par::NewPar,
    session::NewSession,
    user::User,
};

use crate::postgres_server::Postgres;

pub(crate) const LIFETIMES: Lifetimes = Lifetimes {
    idle: Duration::from_secs(3600),
    max: Duration::from_secs(36_000),
    program: Duration::from_secs(36_000),
};

/// Makes each test run on both engines.
macro_rules! contract {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block)+) => {
        $($(#[$meta])* async fn $name($world: $crate::world::World) $body)+

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::world::World::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::world::World::postgres().await).await;
            })+
        }
    };
}

/// A store of its own.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) url: String,
    drawn: AtomicU64,
    tag: u8,
    _folder: Option<tempfile::TempDir>,
    _server: Option<Arc<Postgres>>,
}

impl Deref for World {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Seconds after the beginning of the test's time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + seconds)
}

pub(crate) fn app(name: &str) -> AppId {
    AppId::new(name)
}

/// A back channel at a host named after the application.
pub(crate) fn back(name: &str) -> Channels {
    let back = BackChannel { uri: format!("https://{name}.example/backchannel"), alg: "RS256".to_owned() };
    Channels { back: Some(back), tell_on_expiry: true, ..Channels::default() }
}

/// A front channel at a host named after the application.
pub(crate) fn front(name: &str, session_required: bool) -> Channels {
    let front = FrontChannel { uri: format!("https://{name}.example/frontchannel"), session_required };
    Channels { front: Some(front), preference: Preference::FrontChannel, tell_on_expiry: true, ..Channels::default() }
}

pub(crate) fn lease(node: &str, until: i64) -> Lease {
    Lease { node: node.to_owned(), until: at(until) }
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("acquit.db").display());
        Self::open(url, Some(folder), None).await
    }

    pub(crate) async fn postgres() -> Self {
        let server = tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap();
        let url = server.database().unwrap();
        Self::open(url, None, Some(server)).await
    }

    async fn open(url: String, folder: Option<tempfile::TempDir>, server: Option<Arc<Postgres>>) -> Self {
        static TAG: AtomicU8 = AtomicU8::new(1);
        let store = Store::open(&url).await.unwrap();
        let tag = TAG.fetch_add(1, Ordering::Relaxed);
        Self { store, url, drawn: AtomicU64::new(1), tag, _folder: folder, _server: server }
    }

    /// The server that holds a world's database.
    pub(crate) fn server(&self) -> &Postgres {
        self._server.as_ref().unwrap()
    }

    /// Bits that this world has not drawn before.
    pub(crate) fn bits(&self) -> [u8; 16] {
        let mut bits = [self.tag; 16];
        bits[8..].copy_from_slice(&self.drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bits
    }

    /// The hash of a secret that nobody has seen.
    pub(crate) fn hash(&self) -> Hash {
        let mut hash = [0; 32];
        hash[..16].copy_from_slice(&self.bits());
        hash
    }

    pub(crate) fn text(&self, prefix: &str) -> String {
        format!("{prefix}-{}", u128::from_be_bytes(self.bits()))
    }

    pub(crate) async fn user(&self, username: &str) -> User {
        let user = User {
            id: UserId::from_random(self.bits()),
            username: username.to_owned(),
            email: Some(format!("{username}@example.com")),
            email_verified: true,
            name: Some(username.to_uppercase()),
            password_hash: Some("$argon2id$…".to_owned()),
            groups: vec!["staff".to_owned()],
            disabled: false,
            from_file: false,
            epoch: 0,
            version: 0,
            created_at: at(0),
            origin: None,
        };
        self.put_user(user.clone()).await.unwrap().unwrap();
        user
    }

    pub(crate) fn new_session(&self, user: &User, now: i64) -> NewSession {
        NewSession {
            id: SessionId::from_random(self.bits()),
            handle_hash: self.hash(),
            user: user.id.clone(),
            user_epoch: user.epoch,
            now: at(now),
            ip: Some("192.0.2.1".to_owned()),
            user_agent: Some("Test/1.0".to_owned()),
            program: None,
            upstream: None,
        }
    }

    /// A session of the user as they are now.
    pub(crate) async fn begin(&self, user: &User, now: i64) -> Session {
        let user = self.store.user(&user.id).await.unwrap().unwrap();
        self.begin_session(self.new_session(&user, now)).await.unwrap().unwrap()
    }

    pub(crate) fn grant(&self, session: &SessionId, name: &str, now: i64) -> CodeGrant {
        CodeGrant {
            session: session.clone(),
            app: app(name),
            client_id: name.to_owned(),
            redirect_uri: format!("https://{name}.example/callback"),
            scope: "openid".to_owned(),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            pkce: None,
            claims: None,
            auth_time: at(now),
            acr: None,
            family: self.text("fam"),
            issued_at: at(now),
            expires_at: at(now + 60),
        }
    }

    pub(crate) fn participant(&self, session: &SessionId, name: &str, channels: Channels, now: i64) -> Participant {
        Participant {
            session: session.clone(),
            app: app(name),
            protocol: Protocol::Oidc,
            client_id: name.to_owned(),
            subject: "subject".to_owned(),
            sid: self.text("sid"),
            joined_at: at(now),
            channels,
            name_id: None,
            not_on_or_after: None,
        }
    }

    /// Issues a code to an application with a back channel; returns the code's hash and the `sid`.
    pub(crate) async fn join(&self, session: &SessionId, name: &str, now: i64) -> (Hash, String) {
        self.join_by(session, name, back(name), now).await
    }

    pub(crate) async fn issue_code(
        &self,
        hash: &Hash,
        grant: CodeGrant,
        participant: Participant,
        lifetimes: Lifetimes,
    ) -> Result<Result<String, SessionEnded>, StoreError> {
        self.store.issue_code(NewCode { hash: *hash, grant, participant }, lifetimes).await
    }

    /// Redeems a code as it is found at that time.
    pub(crate) async fn redeem_code(
        &self,
        hash: &Hash,
        mint: Mint,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Result<Result<Minted, RedeemRefusal>, StoreError> {
        let Some(code) = self.code(hash).await? else { return Ok(Err(RedeemRefusal::Unknown)) };
        self.store.redeem_code(hash, code, mint, now, lifetimes).await
    }

    pub(crate) async fn join_by(
        &self,
        session: &SessionId,
        name: &str,
        channels: Channels,
        now: i64,
    ) -> (Hash, String) {
        let code = self.hash();
        let participant = self.participant(session, name, channels, now);
        let sid =
            self.issue_code(&code, self.grant(session, name, now), participant, LIFETIMES).await.unwrap().unwrap();
        (code, sid)
    }

    /// A request pushed at the beginning, good for a minute.
    pub(crate) fn par(&self, hash: Hash, client: &str, from: Option<&str>) -> NewPar {
        NewPar {
            hash,
            client_id: client.to_owned(),
            pushed_from: from.map(str::to_owned),
            params: "scope=openid".to_owned(),
            now: at(0),
            expires_at: at(60),
        }
    }

    pub(crate) fn mint(&self, offline: bool, now: i64) -> Mint {
        Mint {
            access: NewAccess {
                hash: self.hash(),
                expires_at: at(now + 600),
                scope: "openid".to_owned(),
                aud: vec!["wiki".to_owned()],
            },
            refresh: Some(NewRefresh { hash: self.hash(), expires_at: at(now + 86_400), offline }),
        }
    }

    /// Lets an application join and redeem its code; returns the access and refresh tokens' hashes.
    pub(crate) async fn tokens(&self, session: &SessionId, name: &str, offline: bool, now: i64) -> Tokens {
        let (code, sid) = self.join(session, name, now).await;
        let mint = self.mint(offline, now);
        let (access, refresh) = (mint.access.hash, mint.refresh.as_ref().unwrap().hash);
        let minted = self.redeem_code(&code, mint, at(now), LIFETIMES).await.unwrap().unwrap();
        assert_eq!(minted.sid, sid);
        Tokens { access, refresh, minted }
    }

    pub(crate) fn order(&self, scope: Scope, now: i64) -> LogoutOrder {
        let request = Request {
            id: LogoutId::from_random(self.bits()),
            scope,
            by: By::User,
            party: None,
            reason: None,
            tell: Tell::Everyone,
            at: at(now),
            ip: Some("192.0.2.1".to_owned()),
            browser: None,
            named: Vec::new(),
            deadline: Duration::from_secs(72 * 3600),
        };
        LogoutOrder { request, lease: None, receipt_key_hash: None, once: None }
    }

    pub(crate) async fn end(&self, session: &SessionId, now: i64) -> LoggedOut {
        let order = self.order(Scope::Session(session.clone()), now);
        self.log_out(order, |_| None).await.unwrap().unwrap()
    }

    pub(crate) async fn end_user(&self, user: &UserId, now: i64) -> LoggedOut {
        self.log_out(self.order(Scope::User(user.clone()), now), |_| None).await.unwrap().unwrap()
    }

    pub(crate) async fn is_good(&self, access: &Hash, now: i64) -> bool {
        self.access_token(access).await.unwrap().is_some_and(|token| token.live(at(now), LIFETIMES))
    }
}

/// What an application got for its code.
pub(crate) struct Tokens {
    pub(crate) access: Hash,
    pub(crate) refresh: Hash,
    pub(crate) minted: Minted,
}

/// Whom the steps of a logout tell, in their order.
pub(crate) fn told(logout: &LoggedOut) -> Vec<&str> {
    logout.steps.iter().map(|step| step.party.as_str()).collect()
}
