// The store's interface, for reading; the real files replace this one. Not compiled.
// All methods: `impl Store { pub async fn … -> Result<…, StoreError> }`. Store: Clone + Send + Sync (Arc inside).
// All hashes are SHA-256 of the secret, made by the caller:
pub type Hash = [u8; 32];

// ---- error.rs
pub enum StoreError {
    Unavailable(String),            // retry; nothing was written, or it is unknown whether it was: never report success
    Conflict(String),               // the row exists already / too many retries of a serialization failure
    Corrupt(String),                // the operator must act: a row that does not decode, a bug
    Newer { found: i64, known: i64 },// the database was written by a newer Acquit
    Unsafe(&'static str),           // refused at start: synchronous_commit off, a read-only replica
    Url(String),                    // the configuration must be corrected
}
// Domain refusals come INSIDE the Ok: Result<Result<T, Refusal>, StoreError>.

// ---- store.rs
impl Store {
    pub async fn open(url: &str) -> Result<Store>;      // sqlite://path | postgres://…  (runs migrations)
    pub async fn ping(&self) -> Result<()>;
    pub fn commits(&self) -> u64;                        // SQLite write commits so far (metrics, tests)
    pub fn engine(&self) -> &'static str;                // "sqlite" | "postgres"
}

// ---- page.rs
pub struct Page<T> { pub data: Vec<T>, pub next: Option<String> }   // `next` is the `after` of the next call
// lists take (after: Option<&str>, limit: u32); limit is clamped to 1..=500

// ---- user.rs
pub struct User { id: UserId, username: String, email: Option<String>, email_verified: bool, name: Option<String>,
    password_hash: Option<String>, groups: Vec<String>, disabled: bool, from_file: bool, epoch: i64, created_at: Timestamp }
    // Debug hides password_hash; put_user ignores epoch and created_at of an existing user
async fn put_user(&self, user: &User, now) -> Result<Result<(), UsernameTaken>>;       // insert or update by id
async fn user(&self, id: &UserId) -> Result<Option<User>>;                             // not deleted ones
async fn user_by_username(&self, username: &str) -> Result<Option<User>>;
async fn users(&self, after: Option<&str>, limit: u32) -> Result<Page<User>>;           // by username
async fn set_password_hash(&self, id: &UserId, hash: &str, now) -> Result<bool>;        // false = no such user
async fn set_disabled(&self, id: &UserId, disabled: bool, now) -> Result<bool>;         // disabling raises the epoch: dead at once; then log_out to tell the apps
async fn delete_user(&self, id: &UserId, now) -> Result<bool>;                          // tombstone: name, e-mail, hash wiped, epoch raised

// ---- session.rs
pub struct NewSession { id: SessionId, handle_hash: Hash, user: UserId, user_epoch: i64 /* as read when the password was checked */,
    now: Timestamp, ip: Option<String>, user_agent: Option<String> }
pub enum BeginRefusal { UnknownUser, Disabled, Overtaken /* a logout of all of the user came between */ }
async fn begin_session(&self, new: NewSession) -> Result<Result<Session, BeginRefusal>>;
pub struct SessionView { session: core::Session, user: User, ip, user_agent, participants: Vec<Joined> /* empty from session_by_handle */ }
    // user.epoch is the user_epoch;  SessionView::life(now, lifetimes) -> Life
pub struct Joined { app: AppId, sid: String, joined_at: Timestamp, closed: bool }
async fn session_by_handle(&self, handle_hash: &Hash) -> Result<Option<SessionView>>;   // one query; ended ones too
async fn session(&self, id: &SessionId) -> Result<Option<SessionView>>;                 // with participants
async fn touch_session(&self, id: &SessionId, now) -> Result<bool>;                     // false = it has ended
async fn reauthenticate(&self, id: &SessionId, new_handle_hash: Hash, now, lifetimes) -> Result<bool>; // false = not live; old handle dead
pub struct SessionFilter { user: Option<UserId>, state: SessionState /* Live | Ended | Any */, app: Option<AppId> }
async fn sessions(&self, filter: &SessionFilter, after: Option<&str>, limit: u32) -> Result<Page<SessionView>>; // newest first
async fn overdue(&self, now, lifetimes, limit: u32) -> Result<Vec<SessionId>>;

// ---- code.rs
pub struct NewCode { code_hash: Hash, session: SessionId, app: AppId, client_id: String, redirect_uri: String, scope: String,
    nonce: Option<String>, pkce: Option<Pkce { challenge: String, method: String }>, claims: Option<String> /* json */,
    auth_time: Timestamp, acr: Option<String>, family: String, expires_at: Timestamp, now: Timestamp }
pub struct SessionEnded;                                                                // error: not live, for whatever reason
async fn issue_code(&self, new: NewCode, participant: Participant, lifetimes) -> Result<Result<String /* sid */, SessionEnded>>;
pub struct CodeRecord { all of NewCode, sid: String, user: UserId, redeemed_at: Option<Timestamp> }
async fn code(&self, code_hash: &Hash) -> Result<Option<CodeRecord>>;
pub struct Mint { access: NewAccess { hash, expires_at, scope: String, aud: Vec<String> },
    refresh: Option<NewRefresh { hash, expires_at, offline: bool }> }
pub struct Minted { user: User, session: Session, sid: String, client_id, app, scope, nonce, claims, auth_time, acr, family, offline: bool }
pub enum RedeemRefusal { Unknown, Refused(core::grant::CodeRefusal) }
async fn redeem_code(&self, code_hash: &Hash, mint: Mint, now, lifetimes) -> Result<Result<Minted, RedeemRefusal>>;
    // Refused(Replayed): its family was revoked in the same (committed) transaction

// ---- token.rs
async fn refresh(&self, refresh_hash: &Hash, client_id: &str, mint: Mint, now, lifetimes) -> Result<Result<Minted, RefreshFailure>>;
pub enum RefreshFailure { Unknown, OtherClient, Refused(core::grant::RefreshRefusal) }
    // mint.refresh.offline is ignored: a family stays what it was. mint.refresh None = no rotation, the old one stays
pub struct AccessView { client_id, app, scope, aud: Vec<String>, issued_at, expires_at, revoked: bool, offline: bool, sid: String, family: String,
    session: Session, user: User, grant_epoch: i64 }        // AccessView::live(now, lifetimes) -> bool decides it all
async fn access_token(&self, hash: &Hash) -> Result<Option<AccessView>>;
pub struct RefreshView { the same + rotated_at: Option<Timestamp> }
async fn refresh_token(&self, hash: &Hash) -> Result<Option<RefreshView>>;
async fn revoke_access(&self, hash: &Hash, now) -> Result<bool>;
async fn revoke_family(&self, family: &str, now) -> Result<bool>;

// ---- consent.rs
async fn consented(&self, user: &UserId, app: &AppId) -> Result<Option<Vec<String>>>;
async fn record_consent(&self, user: &UserId, app: &AppId, scopes: &[String], now) -> Result<()>;

// ---- logout.rs
pub struct Lease { node: String, until: Timestamp }
pub struct LogoutOrder { request: core::plan::Request, lease: Option<Lease>, receipt_key_hash: Option<Hash> }
pub enum LogOut { Done(LoggedOut), UnknownSession /* or user */ }
pub struct LoggedOut { logout: LogoutId, steps: Vec<Step>, ended: Vec<SessionId>, repeated: bool }
async fn log_out(&self, order: LogoutOrder, channels: impl Fn(&AppId) -> Option<Channels> + Send + Sync + 'static) -> Result<Result<LoggedOut, UnknownTarget>>;

// ---- outbox.rs
async fn claim_due(&self, now, lease: &Lease, limit: u32, exclude_destinations: &[String]) -> Result<Vec<Step>>;
pub struct AttemptRecord { step: StepId, node: String, at: Timestamp, status: Option<u16>, ms: u64, detail: Option<String>, update: StepUpdate }
async fn record_attempts(&self, records: Vec<AttemptRecord>) -> Result<()>;
async fn make_due(&self, destination: &str, now) -> Result<u64>;
async fn retry_now(&self, logout: &LogoutId, now) -> Result<u64>;
async fn next_due(&self) -> Result<Option<Timestamp>>;
async fn newer_participant(&self, user: &UserId, app: &AppId, after: Timestamp) -> Result<bool>;
// ---- frontchannel.rs
async fn pending_frontchannel(&self, session: &SessionId) -> Result<Vec<Step>>;
pub enum Shown { Rendered, Loaded }
async fn record_frontchannel(&self, logout: &LogoutId, step: &StepId, at, shown: Shown) -> Result<bool>;
async fn fail_frontchannel(&self, session: &SessionId, detail: &str, now) -> Result<u64>;

// ---- receipt.rs
async fn receipt(&self, logout: &LogoutId) -> Result<Option<Receipt>>;
async fn receipt_by_key(&self, logout: &LogoutId, key_hash: &Hash, now) -> Result<Option<Receipt>>;
pub struct LogoutFilter { user: Option<UserId>, session: Option<SessionId>, state: Option<receipt::State> }
async fn logouts(&self, filter: &LogoutFilter, after: Option<&str>, limit: u32) -> Result<Page<Receipt>>;

// ---- key.rs
pub struct KeyRecord { kid: String, alg: String, sealed: Vec<u8>, created_at, signs_from: Timestamp, retired_at: Option<Timestamp>, published_until: Option<Timestamp> }
async fn put_key(&self, key: &KeyRecord) -> Result<Result<(), KeyExists>>;
async fn keys(&self) -> Result<Vec<KeyRecord>>;                                         // all, oldest first
async fn retire_key(&self, kid: &str, at, published_until) -> Result<bool>;
// ---- client.rs (dynamic registration)
pub struct ClientRecord { client_id: String, json: String, secret_hash: Option<Hash>, registration_token_hash: Option<Hash>, created_at, updated_at }
async fn put_client / client(id) / update_client(record) -> bool / delete_client(id, now) -> bool / clients(after, limit)
// ---- par.rs
async fn put_par(&self, hash: &Hash, client_id: &str, params: &str, expires_at, now) -> Result<()>;
async fn take_par(&self, hash: &Hash, client_id: &str, now) -> Result<Option<String>>;
// ---- replay.rs
async fn remember_once(&self, kind: &str, key_hash: &Hash, until: Timestamp, now) -> Result<bool>;
// ---- revocation.rs
pub struct Revocation { seq: i64, at: Timestamp, what: Revoked::{Session(SessionId), User{ user: UserId, epoch: i64 }} }
async fn revocations_since(&self, seq: i64, limit: u32) -> Result<Vec<Revocation>>;
// ---- event.rs
pub struct EventRecord { seq: i64, at: Timestamp, kind: String, json: String }
async fn events(&self, after: i64, limit: u32) -> Result<Vec<EventRecord>>;
async fn append_event(&self, event: &core::event::Event, at) -> Result<()>;             // for what the server alone knows (a failed sign-in)
// ---- sweep.rs
pub struct Swept { per kind: u64 … }
async fn sweep(&self, now) -> Result<Swept>;                                            // bounded batches; call again while `more`
