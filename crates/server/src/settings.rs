//! The settings that the server runs on: resolved, checked, with every default filled in.
//!
//! The configuration file and the environment are read by the `acquit` crate, which reports every mistake with its
//! line; what arrives here is already right. Nothing secret shows in `Debug` output.

use std::{fs::OpenOptions, io, net::SocketAddr, path::PathBuf, time::Duration};

use acquit_oidc::client::Client;
use ipnet::IpNet;
use url::Url;

pub mod broker;
pub mod connection_type;
pub mod domain;
pub mod gateway;
pub mod master_key;
pub mod saml;
pub mod secret;

pub use broker::{BrokerApplication, Connection, Organization};
pub use gateway::Gateway;
pub use master_key::{MasterKey, MasterKeyError, MasterKeySource};
pub use saml::SamlApplication;
pub use secret::{Secret, TokenDigest};

/// Everything that the server is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens and how the world sees it.
    pub server: Server,
    /// Where it keeps its state.
    pub store: Store,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How often things may be tried.
    pub limits: Limits,
    /// Addresses that outbound requests may reach beyond public ones.
    pub egress: Vec<EgressAllowance>,
    /// Tokens of operators for the API.
    pub api_tokens: Vec<ApiToken>,
    /// Dynamic client registration.
    pub registration: Registration,
    /// Who may read `/metrics`.
    pub metrics: Metrics,
    /// The log of what happened.
    pub log: Log,
    /// People that the file declares.
    pub users: Vec<User>,
    /// What people sign in to, each without [problems](acquit_oidc::client::Client::problems).
    pub applications: Vec<Client>,
    /// What people sign in to by SAML, checked as well.
    pub saml_applications: Vec<SamlApplication>,
    /// The applications that use the broker API.
    pub broker_applications: Vec<BrokerApplication>,
    /// The customers.
    pub organizations: Vec<Organization>,
    /// Their identity providers.
    pub connections: Vec<Connection>,
    /// The gateway, off without a route.
    pub gateway: Gateway,
}

/// Where the server listens and how the world sees it.
#[derive(Clone, Debug)]
pub struct Server {
    /// The origin under which browsers and applications reach it: `https`, or `http` on a loopback host. It has no path,
    /// query or user info.
    pub public_url: Url,
    /// The issuer: [`Server::public_url`] as text, without a slash at its end.
    pub issuer: String,
    /// The address of the listening socket.
    pub listen: SocketAddr,
    /// Whose `X-Forwarded-*` and `Forwarded` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where the key comes from that seals what the store keeps.
    pub master_key: MasterKeySource,
}

impl Server {
    /// Whether browsers reach the server by TLS, so that cookies may be `Secure` and carry the `__Host-` prefix.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// Where state is kept.
#[derive(Clone, Debug)]
pub enum Store {
    /// One SQLite file; made when absent.
    Sqlite(PathBuf),
    /// A PostgreSQL URL; secret because it may carry a password.
    Postgres(Secret),
}

impl Store {
    /// The URL under which the store opens.
    #[must_use]
    pub fn url(&self) -> Secret {
        match self {
            Self::Sqlite(path) => Secret::new(format!("sqlite://{}", path.display())),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Makes an absent SQLite file, which only its owner may read; what SQLite puts beside it takes after it. To be called
    /// before the store is opened.
    ///
    /// # Errors
    /// When the file cannot be made; the operator must look at its folder.
    pub fn prepare(&self) -> io::Result<()> {
        let Self::Sqlite(path) = self else { return Ok(()) };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
}

/// How long things live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An ID token, from `iat` to `exp`.
    pub id_token: Duration,
    /// An access token.
    pub access_token: Duration,
    /// A refresh token, unless its session ends before.
    pub refresh_token: Duration,
    /// A session unused for this long is over.
    pub session_idle: Duration,
    /// A session older than this is over.
    pub session_max: Duration,
    /// The longest that a program's token for a route lives; the log of what ended is kept as long.
    pub program_max: Duration,
    /// How long a step of a logout is tried.
    pub logout_deadline: Duration,
    /// The longest that a browser is kept on the signing-out page.
    pub sign_out_page: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        const DAY: u64 = 24 * HOUR;
        Self {
            id_token: Duration::from_secs(HOUR),
            access_token: Duration::from_secs(10 * 60),
            refresh_token: Duration::from_secs(30 * DAY),
            session_idle: Duration::from_secs(12 * HOUR),
            session_max: Duration::from_secs(7 * DAY),
            program_max: Duration::from_secs(7 * DAY),
            logout_deadline: Duration::from_secs(72 * HOUR),
            sign_out_page: Duration::from_secs(5),
        }
    }
}

impl Lifetimes {
    /// Those that decide whether a session lives.
    #[must_use]
    pub fn session(&self) -> acquit_core::session::Lifetimes {
        acquit_core::session::Lifetimes { idle: self.session_idle, max: self.session_max, program: self.program_max }
    }
}

/// How often things may be tried, per minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sign-in attempts for one account.
    pub sign_in_per_account: u32,
    /// Sign-in attempts from one address.
    pub sign_in_per_address: u32,
    /// Logout requests from one address that carry no credential, signature, hint or cookie.
    pub logout_per_address: u32,
    /// Reads of the System Log with one operator's token.
    pub log_per_token: u32,
    /// Calls of the broker API with one API key.
    pub broker_per_api_key: u32,
    /// People whom the broker sends to one connection.
    pub broker_per_connection: u32,
    /// Calls of the broker API from one address whose credential or code is not good.
    pub broker_failures_per_address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in_per_account: 10,
            sign_in_per_address: 60,
            logout_per_address: 300,
            log_per_token: 300,
            broker_per_api_key: 6000,
            broker_per_connection: 1000,
            broker_failures_per_address: 60,
        }
    }
}

/// Addresses that outbound requests may reach although they are not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressAllowance {
    /// Only when the URL names this host, in lower case; any host when absent.
    pub host: Option<String>,
    /// The addresses that are allowed.
    pub net: IpNet,
}

/// An operator's token for the API.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Its name in the audit log.
    pub name: String,
    /// What the presented token is compared with.
    pub digest: TokenDigest,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl ApiToken {
    /// Whether this token may do what `scope` names.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// What an API token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Read sessions, receipts, the log and metrics.
    Read,
    /// End sessions and retry logouts.
    Sessions,
    /// Manage users, applications and keys.
    Manage,
}

impl Scope {
    /// The scope's name in the configuration and in errors.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Sessions => "sessions",
            Self::Manage => "manage",
        }
    }
}

/// Dynamic client registration (RFC 7591).
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// Initial access tokens; registration is off without any.
    pub initial_access_tokens: Vec<TokenDigest>,
}

impl Registration {
    /// Whether `token` opens registration. Every configured token is compared, whichever fits.
    #[must_use]
    pub fn admits(&self, token: &str) -> bool {
        self.initial_access_tokens.iter().fold(false, |found, digest| found | digest.matches(token))
    }
}

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Anyone who reaches the server; otherwise a token with the scope `read`.
    pub public: bool,
}

/// The log of what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// How long an event is kept.
    pub retention: Duration,
}

impl Default for Log {
    fn default() -> Self {
        Self { retention: Duration::from_secs(90 * 24 * 60 * 60) }
    }
}

/// A person that the file declares.
#[derive(Clone, Debug)]
pub struct User {
    /// What they type to sign in; unique.
    pub username: String,
    /// Their address, if they have one.
    pub email: Option<String>,
    /// Their name for people; the username when absent.
    pub name: Option<String>,
    /// How they prove who they are.
    pub password: Password,
    /// Their groups.
    pub groups: Vec<String>,
    /// Whether they are kept out.
    pub disabled: bool,
}

/// A password as the file gives it.
#[derive(Clone, Debug)]
pub enum Password {
    /// The password itself, hashed when the server starts.
    Plain(Secret),
    /// An argon2id hash in PHC format.
    Hash(Secret),
    /// None: a service, which never signs in; programs act as it.
    Service,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_sqlite_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acquit.db");
        let store = Store::Sqlite(path.clone());
        store.prepare().unwrap();
        store.prepare().unwrap();
        assert!(store.url().expose().ends_with("/acquit.db"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(Store::Sqlite(folder.path().join("no/such/folder")).prepare().is_err());
    }

    #[test]
    fn every_initial_access_token_opens_registration_and_nothing_else_does() {
        let registration = Registration { initial_access_tokens: vec![TokenDigest::of("one"), TokenDigest::of("two")] };
        assert!(registration.admits("one") && registration.admits("two"));
        assert!(!registration.admits("three") && !registration.admits(""));
        assert!(!Registration::default().admits(""));
    }
}
