//! The settings of the two servers of the demo.

use std::net::SocketAddr;

use acquit_server::{
    random,
    settings::{
        EgressAllowance, Lifetimes, Limits, Log, MasterKey, MasterKeySource, Metrics, Password, Registration, Secret,
        Server, Settings, Store, User,
    },
};
use ipnet::IpNet;
use tempfile::TempDir;
use url::Url;

use super::DemoError;

/// Somebody with an account.
pub(super) fn user(username: &str, name: &str, email: &str, password: &str) -> User {
    User {
        username: username.to_owned(),
        email: Some(email.to_owned()),
        name: Some(name.to_owned()),
        password: Password::Plain(Secret::new(password)),
        groups: Vec::new(),
        disabled: false,
    }
}

/// A server with a throw-away database, one user and no application yet.
pub(super) fn settings(folder: &TempDir, issuer: &str, listen: SocketAddr, user: User) -> Result<Settings, DemoError> {
    let public_url = Url::parse(issuer).map_err(|error| DemoError::Address(error.to_string()))?;
    let loopback: IpNet =
        IpNet::new([127, 0, 0, 0].into(), 8).map_err(|error| DemoError::Address(error.to_string()))?;
    Ok(Settings {
        saml_applications: Vec::new(),
        broker_applications: Vec::new(),
        organizations: Vec::new(),
        connections: Vec::new(),
        gateway: acquit_server::settings::Gateway::default(),
        server: Server {
            public_url,
            issuer: issuer.to_owned(),
            listen,
            trusted_proxies: Vec::new(),
            master_key: MasterKeySource::Given(MasterKey::from_bytes(random::bytes()?)),
        },
        store: Store::Sqlite(folder.path().join("acquit.db")),
        lifetimes: Lifetimes::default(),
        limits: Limits::default(),
        egress: vec![EgressAllowance { host: None, net: loopback }],
        api_tokens: Vec::new(),
        registration: Registration::default(),
        metrics: Metrics::default(),
        log: Log::default(),
        users: vec![user],
        applications: Vec::new(),
    })
}
