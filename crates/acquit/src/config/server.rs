//! `[server]`: where the server listens and how the world sees it.

use std::net::SocketAddr;

use acquit_oidc::uri::is_loopback;
use acquit_server::settings::{MasterKey, MasterKeySource, Server, Store};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{context::Context, diagnostic::quoted, path::Path, secret::SecretText};

/// How the world reaches this server.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerSection {
    /// The origin that browsers and applications use, such as "https://id.example.com": the issuer. "http" is taken for
    /// loopback hosts only.
    #[schemars(required)]
    pub public_url: Option<String>,
    /// The address and port to listen on. Acquit speaks plain HTTP there; TLS is the job of a proxy in front.
    #[schemars(extend("default" = "127.0.0.1:8080"))]
    pub listen: Option<String>,
    /// The key that seals what the store keeps: 32 random bytes in base64 or hexadecimal. On SQLite a file that does not exist
    /// is made, by default `acquit.key` beside the database; with PostgreSQL the key must be given.
    pub master_key: Option<SecretText>,
    /// Networks of proxies whose `Forwarded` and `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Option<Vec<String>>,
}

/// How the world reaches this node.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The issuer's URL.
    pub public_url: Url,
    /// The address of the listening socket.
    pub listen: SocketAddr,
    /// Whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Reached {
    /// The issuer: the public URL without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }
}

impl ServerSection {
    /// The server to run; the store decides where the master key lies.
    pub fn resolve(mut self, cx: &mut Context<'_>, store: Option<&Store>) -> Option<Server> {
        let path = Path::root().key("server");
        let written = self.master_key.take();
        let reached = self.reached(cx);
        let master_key = master_key(cx, &path.key("master_key"), written, store);
        let reached = reached?;
        check_front(cx, &path, &reached);
        let issuer = reached.issuer();
        let Reached { public_url, listen, trusted_proxies } = reached;
        Some(Server { public_url, issuer, listen, trusted_proxies, master_key: master_key? })
    }

    /// How the world reaches this node, whatever it is.
    pub fn reached(self, cx: &mut Context<'_>) -> Option<Reached> {
        let path = Path::root().key("server");
        let public_url = self.public_url.and_then(|text| public_url(cx, &path.key("public_url"), &text));
        let listen = listen(cx, &path.key("listen"), self.listen.as_deref().unwrap_or("127.0.0.1:8080"));
        let trusted = self.trusted_proxies.unwrap_or_default().into_iter().enumerate();
        let proxies_path = path.key("trusted_proxies");
        let trusted_proxies =
            trusted.filter_map(|(index, text)| cx.network(&proxies_path.index(index), &text)).collect();
        Some(Reached { public_url: public_url?, listen: listen?, trusted_proxies })
    }
}

fn public_url(cx: &mut Context<'_>, path: &Path, text: &str) -> Option<Url> {
    let Ok(url) = Url::parse(text) else {
        cx.error(path, format!("{} is no URL", quoted(text)))
            .help("write an origin, such as \"https://id.example.com\"");
        return None;
    };
    let is_http = url.scheme() == "http";
    if !is_http && url.scheme() != "https" {
        cx.error(path, format!("the public URL has the scheme {}", quoted(url.scheme()))).help("it takes https");
        return None;
    }
    if is_http && !is_loopback(&url) {
        cx.error(path, "without TLS anyone on the way could take over sessions: http is for loopback hosts only")
            .help("use https, or http with localhost, *.localhost, 127.0.0.1 or [::1]");
        return None;
    }
    let extra = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    if extra || !url.username().is_empty() || url.password().is_some() {
        cx.error(path, "the public URL has more than a scheme, a host and a port")
            .help(format!("everything is served from the root: write \"{}\"", url.origin().ascii_serialization()));
        return None;
    }
    Some(url)
}

/// The address to listen on that `text` names.
pub fn listen(cx: &mut Context<'_>, path: &Path, text: &str) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        let meant = match (text.rsplit_once(':').map(|(host, _)| host), port) {
            (Some("localhost"), Some(port)) => format!("did you mean \"127.0.0.1:{port}\"?"),
            (Some("" | "*"), Some(port)) => format!("did you mean \"0.0.0.0:{port}\"?"),
            (None, Some(port)) => format!("did you mean \"127.0.0.1:{port}\"?"),
            _ => "write an address and a port, such as \"127.0.0.1:8080\"".to_owned(),
        };
        cx.error(path, format!("{} is no address to listen on", quoted(text))).help(meant);
    }
    address
}

fn master_key(
    cx: &mut Context<'_>,
    path: &Path,
    written: Option<SecretText>,
    store: Option<&Store>,
) -> Option<MasterKeySource> {
    let on_sqlite = !matches!(store, Some(Store::Postgres(_)));
    match (written, store) {
        (None, Some(Store::Sqlite(file))) => {
            let path = file.with_file_name("acquit.key");
            Some(MasterKeySource::File { path, create: true })
        }
        // A store that is itself a mistake was noted there.
        (None, None) => None,
        (None, Some(Store::Postgres(_))) => {
            if !cx.is_written(path) {
                cx.error(path, "with PostgreSQL `master_key` must be given, because every node needs the same one")
                    .help("make one with `openssl rand -base64 32`");
            }
            None
        }
        (Some(SecretText::Elsewhere { file: Some(file), env: None }), _) => {
            let file = cx.base.join(file);
            if file.exists() {
                cx.check_private(path, &file);
                if let Err(error) = MasterKey::read(&file) {
                    cx.error(path, error.to_string());
                    return None;
                }
            } else if !on_sqlite {
                cx.error(path, format!("the master key file {} does not exist", quoted(&file.display().to_string())))
                    .help("with PostgreSQL every node needs the same one, so none is made");
                return None;
            }
            Some(MasterKeySource::File { path: file, create: on_sqlite })
        }
        (Some(text), _) => {
            let secret = cx.secret(path, text)?;
            match MasterKey::parse(secret.expose()) {
                Ok(key) => Some(MasterKeySource::Given(key)),
                Err(error) => {
                    cx.error(path, error.to_string());
                    None
                }
            }
        }
    }
}

/// Does what browsers are told fit where the server listens?
fn check_front(cx: &mut Context<'_>, path: &Path, reached: &Reached) {
    let Reached { public_url, listen, trusted_proxies: trusted } = reached;
    if public_url.scheme() == "https" {
        if trusted.is_empty() {
            cx.warning(&path.key("public_url"), "the public URL is https, but no proxy is trusted").help(
                "name the TLS proxy in `trusted_proxies`; until then every browser counts as one address, the proxy's",
            );
        }
        return;
    }
    let port = public_url.port_or_known_default().unwrap_or(80);
    if port != listen.port() && listen.port() != 0 && trusted.is_empty() {
        let message = format!("browsers are sent to port {port}, but the server listens on port {}", listen.port());
        cx.warning(&path.key("listen"), message);
    }
    if !listen.ip().is_loopback() {
        cx.warning(&path.key("listen"), "the public URL is for this machine only, but others can reach this address");
    }
}
