//! What a server is started with: its configuration, its store, its environment.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::OnceLock,
};

use super::{InProcess, OPERATOR, PASSWORD, Program, TestApp, USERS};
use crate::{TestRp, postgres::Postgres};

/// Where state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A database of its own on the server that the tests share.
    Postgres,
}

impl Engine {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// The master key of every server.
pub const MASTER_KEY: [u8; 32] = [0xa5; 32];

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    engine: Engine,
    store: Option<String>,
    pub(super) host: String,
    pub(super) port: u16,
    more: String,
    pub(super) env: Vec<(String, String)>,
    loopback: bool,
    mail: String,
    proxies: bool,
}

impl Setup {
    /// At 127.0.0.1 on a free port, with generous limits, loopback allowed for outbound requests.
    #[must_use]
    pub fn on(engine: Engine) -> Self {
        Self {
            engine,
            store: None,
            host: "127.0.0.1".to_owned(),
            port: 0,
            more: String::new(),
            env: Vec::new(),
            loopback: true,
            mail: "example.com".to_owned(),
            proxies: false,
        }
    }

    /// With the store at this URL: a database of a server of its own.
    #[must_use]
    pub fn store(mut self, url: &str) -> Self {
        self.store = Some(url.to_owned());
        self
    }

    /// Under this host name: `id.localhost`. Where it is a loopback address, it listens there: servers find each other by those, while
    /// names under localhost are known to browsers only.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// On this port, in this process: for servers that have to know each other before they start.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Believing a proxy at 127.0.0.1 what it says of whom it asks for.
    #[must_use]
    pub fn behind_proxies(mut self) -> Self {
        self.proxies = true;
        self
    }

    /// With nothing allowed for outbound requests: only public addresses.
    #[must_use]
    pub fn without_loopback(mut self) -> Self {
        self.loopback = false;
        self
    }

    /// With addresses of its own users in this domain, instead of `example.com`.
    #[must_use]
    pub fn mail(mut self, domain: &str) -> Self {
        domain.clone_into(&mut self.mail);
        self
    }

    /// With more configuration, as TOML.
    #[must_use]
    pub fn with(mut self, toml: &str) -> Self {
        self.more.push_str(toml);
        self.more.push('\n');
        self
    }

    /// With a variable in the program's environment; nothing in the process's own.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it in this process, with a clock that stands until it is moved.
    pub async fn start(self, applications: &[&TestRp]) -> TestApp<InProcess> {
        InProcess::start(self, applications).await
    }

    /// Starts the program.
    pub async fn program(self, applications: &[&TestRp]) -> TestApp<Program> {
        let app = self.program_at_rest(applications);
        app.runs.launch(&[]).await;
        app
    }

    /// The program with its files, to be started by the test.
    #[must_use]
    pub fn program_at_rest(self, applications: &[&TestRp]) -> TestApp<Program> {
        Program::prepare(self, applications)
    }

    /// What the configuration's reader has against it.
    #[must_use]
    pub fn complaint(&self, applications: &[&TestRp]) -> String {
        let text = self.configuration(1, applications);
        let environment = acquit::config::environment::Environment::default();
        let loaded = acquit::config::read(&text, "acquit.toml", std::path::Path::new("."), &environment);
        format!("{:?}", loaded.diagnostics)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> IpAddr {
        self.host.parse().unwrap_or(Ipv4Addr::LOCALHOST.into())
    }

    fn store_url(&self) -> String {
        if let Some(url) = &self.store {
            return url.clone();
        }
        match self.engine {
            Engine::Sqlite => "sqlite://acquit.db".to_owned(),
            Engine::Postgres => Postgres::shared().expect("PostgreSQL").database().expect("a database"),
        }
    }

    /// The configuration file.
    pub(super) fn configuration(&self, port: u16, applications: &[&TestRp]) -> String {
        let mut text = format!(
            "[server]\npublic_url = \"http://{}:{port}\"\nlisten = \"{}:{port}\"\nmaster_key = \"{}\"\n\
             trusted_proxies = [{}]\n\n\
             [store]\nurl = \"{}\"\n\n\
             [egress]\nallow = [{}]\n\n\
             [[api_tokens]]\nname = \"ops\"\ntoken = \"{OPERATOR}\"\nscopes = [\"read\", \"sessions\", \"manage\"]\n\n",
            self.host,
            self.address(),
            "a5".repeat(32),
            if self.proxies { "\"127.0.0.1/32\"" } else { "" },
            self.store_url(),
            if self.loopback { "\"127.0.0.0/8\"" } else { "" },
        );
        if !self.more.contains("[limits]") {
            text.push_str(
                "[limits]\nsign_in_per_account = 100000\nsign_in_per_address = 100000\nlogout_per_address = 100000\n\
                 log_per_token = 100000\nbroker_failures_per_address = 100000\n\n",
            );
        }
        for user in USERS {
            let hash = password_hash();
            text.push_str(&format!(
                "[[users]]\nusername = \"{user}\"\nemail = \"{user}@{}\"\npassword_hash = \"{hash}\"\n\n",
                self.mail
            ));
        }
        for application in applications {
            text.push_str(&application.configuration());
        }
        text.push_str(&self.more);
        text
    }
}

/// A hash of [`PASSWORD`] of little cost, so that hundreds of sign-ins do not take minutes.
fn password_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let parameters = argon2::Params::new(argon2::Params::MIN_M_COST, 1, 1, None).unwrap();
        let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
        argon2::PasswordHasher::hash_password(&argon2, PASSWORD.as_bytes()).unwrap().to_string()
    })
}
