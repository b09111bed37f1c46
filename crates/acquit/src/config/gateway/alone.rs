//! The configuration of a node that is only a gateway: it has what it needs, and nothing that a break-in there could take.

use acquit_server::{
    seal::GatewayKeys,
    settings::{Store, gateway::Alone},
};
use url::Url;

use super::{Around, GatewaySection};
use crate::config::{context::Context, diagnostic::quoted, path::Path, raw::Raw, server::Reached};

/// The sections that are for servers.
const OF_SERVERS: [&str; 10] = [
    "limits",
    "log",
    "egress",
    "metrics",
    "registration",
    "api_tokens",
    "users",
    "organizations",
    "connections",
    "applications",
];

/// Whether this is the configuration of a node that is only a gateway.
#[must_use]
pub fn is_alone(raw: &Raw) -> bool {
    raw.gateway.as_ref().is_some_and(|gateway| gateway.keys.is_some())
}

/// The node to run.
pub fn resolve(raw: Raw, cx: &mut Context<'_>) -> Option<Alone> {
    for section in OF_SERVERS {
        let path = Path::root().key(section);
        if cx.is_written(&path) {
            cx.error(&path, format!("`{section}` is for servers, and this is a node that is only a gateway")).help(
                "it takes [server], [store], [lifetimes] and [gateway]: what it does not have, nobody can take from it",
            );
        }
    }
    let store = store(raw.store.unwrap_or_default().resolve(cx), cx);
    let reached = raw.server.and_then(|mut section| {
        if section.master_key.take().is_some() {
            cx.error(&Path::root().key("server").key("master_key"), "a node that is only a gateway has no master key")
                .help("take it out, so that who breaks in here can sign nobody in elsewhere: `gateway.keys` is what it needs");
        }
        section.reached(cx)
    });
    let lifetimes = raw.lifetimes.unwrap_or_default().resolve(cx);
    let mut section = raw.gateway.unwrap_or_default();
    let keys = keys(&mut section, cx);
    let house = house(&mut section, cx, reached.as_ref());
    let around = reached.as_ref().map(|reached| Around { issuer: &reached.public_url, trusts_proxies: true });
    let gateway = section.resolve_in(cx, around);
    let path = Path::root().key("gateway");
    if gateway.listen.is_none() && !cx.is_written(&path.key("listen")) {
        cx.error(&path, "[gateway] has no `listen`, and to take the traffic of routes is all that this node does")
            .help("write an address and a port, such as \"0.0.0.0:8443\"");
    } else if let Some(route) = gateway.routes.iter().find(|route| route.to.is_empty()) {
        let from = quoted(&route.from.to_string());
        cx.error(&path.key("routes"), format!("the route from {from} has no `to`, and this node passes traffic on"))
            .help("where another proxy takes the traffic, it asks a server, and not this node");
    }
    let reached = reached?;
    Some(Alone {
        issuer: reached.issuer(),
        house: house?,
        listen: reached.listen,
        trusted_proxies: reached.trusted_proxies,
        store: store?,
        lifetimes,
        keys: keys?,
        gateway,
    })
}

fn store(store: Option<Store>, cx: &mut Context<'_>) -> Option<acquit_server::settings::Secret> {
    match store? {
        Store::Postgres(url) => Some(url),
        Store::Sqlite(_) => {
            cx.error(&Path::root().key("store").key("url"), "a node that is only a gateway shares the servers' PostgreSQL, and a SQLite file cannot be shared")
                .help("write the \"postgres://…\" URL of the database that the servers use, with the role that `acquit gateway role` makes");
            None
        }
    }
}

fn keys(section: &mut GatewaySection, cx: &mut Context<'_>) -> Option<GatewayKeys> {
    let path = Path::root().key("gateway").key("keys");
    let secret = cx.secret(&path, section.keys.take()?)?;
    match GatewayKeys::parse(secret.expose()) {
        Ok(keys) => Some(keys),
        Err(error) => {
            cx.error(&path, error.to_string())
                .help("run `acquit gateway keys FILE` where a server is configured, and bring the file here");
            None
        }
    }
}

fn house(section: &mut GatewaySection, cx: &mut Context<'_>, reached: Option<&Reached>) -> Option<Url> {
    let Some(text) = section.house.take() else { return reached.map(|reached| reached.public_url.clone()) };
    let path = Path::root().key("gateway").key("house");
    let url = Url::parse(&text).ok().filter(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && bare && url.username().is_empty() && url.password().is_none()
    });
    let Some(url) = url else {
        cx.error(&path, format!("{} is no address of a server", quoted(&text)))
            .help("write a scheme, a host and a port, such as \"http://10.0.0.1:8080\"");
        return None;
    };
    if url.scheme() == "http" && !acquit_oidc::uri::is_loopback(&url) {
        cx.warning(&path, "cookies and codes go to the server without TLS")
            .help("only over a network that nobody else can listen to; otherwise write https");
    }
    Some(url)
}
