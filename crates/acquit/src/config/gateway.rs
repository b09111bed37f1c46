//! `[gateway]`: apps with no login of their own, and where browsers reach them.

use std::net::SocketAddr;

use acquit_gateway::tls::{Certificates, Pair};
use acquit_server::settings::{self, gateway::Tls};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

pub mod alone;
mod route;

pub use route::RouteSection;

use super::{context::Context, cross, diagnostic::quoted, path::Path, secret::SecretText, server::listen};

/// The most routes.
const MAX_ROUTES: usize = 5000;

/// Apps with no login of their own, and where browsers reach them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewaySection {
    /// The address and port on which Acquit takes the traffic of the routes. Without it other proxies take it and ask here
    /// (forward-auth).
    pub listen: Option<String>,
    /// The address and port on which Envoy asks by gRPC (`ext_authz`), from an address in `server.trusted_proxies`; keep it off the
    /// internet.
    pub envoy_listen: Option<String>,
    /// Certificates for the routes' hosts; the one whose name the browser asks for is used, and files that change are read
    /// again. Without any Acquit speaks plain HTTP there, and TLS is the job of a proxy in front.
    pub certificates: Option<Vec<CertificateSection>>,
    /// Whether to make a certificate at the start, which no browser trusts: for development.
    #[schemars(extend("default" = false))]
    pub development_certificate: Option<bool>,
    /// The keys of a node that is only a gateway, as `acquit gateway keys` writes them. With them this is the configuration of such a
    /// node, for `acquit serve --gateway-only`: it takes `[server]` without a master key, `[store]`, `[lifetimes]` and `[gateway]`.
    pub keys: Option<SecretText>,
    /// Where such a node reaches an Acquit server, which signs people in and out: "http://10.0.0.1:8080". By default the public URL.
    pub house: Option<String>,
    /// Where the redirect parameter of a route's sign-out may lead, to the letter, beyond the route itself.
    pub trusted_redirects: Option<Vec<String>>,
    /// The apps.
    pub routes: Option<Vec<RouteSection>>,
}

/// A certificate and its key.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateSection {
    /// The file with the certificate and those that lead to its root, in PEM.
    #[schemars(required)]
    pub chain: Option<String>,
    /// The file with its private key, in PEM.
    #[schemars(required)]
    pub key: Option<String>,
}

/// What the gateway is a part of.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The issuer.
    pub issuer: &'a Url,
    /// Whether a proxy is believed whom it asks for.
    pub trusts_proxies: bool,
}

impl GatewaySection {
    /// The gateway to run as a part of a server.
    pub fn resolve(self, cx: &mut Context<'_>, server: Option<&settings::Server>) -> settings::Gateway {
        if self.house.is_some() {
            let path = Path::root().key("gateway").key("house");
            cx.error(&path, "`house` is for a node that is only a gateway, and such a node has `keys`")
                .help("leave it out: this server answers for itself");
        }
        let around = server
            .map(|server| Around { issuer: &server.public_url, trusts_proxies: !server.trusted_proxies.is_empty() });
        self.resolve_in(cx, around)
    }

    /// The gateway to run, in whatever node.
    fn resolve_in(self, cx: &mut Context<'_>, around: Option<Around<'_>>) -> settings::Gateway {
        let issuer = around.map(|around| around.issuer);
        let path = Path::root().key("gateway");
        let listen = self.listen.as_deref().and_then(|text| listen(cx, &path.key("listen"), text));
        let envoy_path = path.key("envoy_listen");
        let envoy_listen = self.envoy_listen.as_deref().and_then(|text| self::listen(cx, &envoy_path, text));
        if envoy_listen.is_some() {
            match around {
                None => drop(cx.error(&envoy_path, "a node that is only a gateway answers no other proxies")),
                Some(around) if !around.trusts_proxies => {
                    cx.warning(&envoy_path, "Envoy is not believed whom it asks for")
                        .help("name its address in `server.trusted_proxies`");
                }
                Some(_) => {}
            }
        }
        let redirects_path = path.key("trusted_redirects");
        let redirects = self.trusted_redirects.unwrap_or_default().into_iter().enumerate();
        let trusted_redirects =
            redirects.filter_map(|(index, text)| redirect(cx, &redirects_path.index(index), &text)).collect();
        let certificates = self.certificates.unwrap_or_default();
        let tls = tls(cx, &path, certificates, self.development_certificate.unwrap_or(false));
        let routes_path = path.key("routes");
        let written = self.routes.unwrap_or_default();
        if written.len() > MAX_ROUTES {
            cx.error(&routes_path, format!("there are more than {MAX_ROUTES} routes"));
        }
        let mut routes = Vec::with_capacity(written.len());
        for (index, section) in written.into_iter().take(MAX_ROUTES).enumerate() {
            let at = routes_path.index(index);
            let Some(route) = section.resolve(cx, &at, issuer) else { continue };
            if routes.iter().any(|(other, _): &(acquit_gateway::route::Route, Path)| {
                other.from == route.from && other.prefix == route.prefix
            }) {
                cx.error(&at.key("from"), format!("there is a route from {} already", quoted(&route.from.to_string())))
                    .help("give one of them a `prefix` of its own");
            }
            if cross::is_application(cx, route.from.authority()) {
                cx.error(&at.key("from"), "the host of this route is the `id` of an application")
                    .help("receipts would take one for the other: give the application another id");
            }
            routes.push((route, at));
        }
        if let Some(address) = listen {
            check_front(cx, &path, &tls, address, &routes);
        } else if let Some((_, at)) = routes.iter().find(|(route, _)| !route.to.is_empty()) {
            cx.error(&at.key("to"), "nothing takes the traffic of this route: [gateway] has no `listen`")
                .help("give it one, or leave `to` out where another proxy takes the traffic");
        }
        let asked = routes.iter().find(|(route, _)| route.to.is_empty());
        if let Some((_, at)) = asked.filter(|_| around.is_some_and(|around| !around.trusts_proxies)) {
            cx.warning(&at.key("from"), "another proxy takes the traffic of this route, and none is believed")
                .help("name its address in `server.trusted_proxies`, or give the route a `to`");
        }
        let routes = routes.into_iter().map(|(route, _)| route).collect();
        settings::Gateway { listen, envoy_listen, tls, trusted_redirects, routes, ..settings::Gateway::default() }
    }
}

fn redirect(cx: &mut Context<'_>, path: &Path, text: &str) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" || acquit_oidc::uri::is_loopback(&url) => Some(url),
        Ok(_) => {
            cx.error(path, format!("{} is no https URL", quoted(text)));
            None
        }
        Err(_) => {
            cx.error(path, format!("{} is no URL", quoted(text)))
                .help("write it whole: \"https://www.example.com/bye\"");
            None
        }
    }
}

fn tls(cx: &mut Context<'_>, path: &Path, written: Vec<CertificateSection>, development: bool) -> Tls {
    let at = path.key("certificates");
    if development {
        if !written.is_empty() {
            cx.error(&path.key("development_certificate"), "there are `certificates` too: choose one of the two");
        }
        return Tls::Development;
    }
    let mut certificates = Vec::with_capacity(written.len());
    for (index, section) in written.into_iter().enumerate() {
        let at = at.index(index);
        let mut file = |key: &str, name: Option<String>| {
            let file = cx.base.join(name?);
            if let Err(error) = std::fs::File::open(&file) {
                cx.error(&at.key(key), format!("the file `{}` cannot be read: {error}", file.display()));
            }
            Some(file)
        };
        let (chain, key) = (file("chain", section.chain), file("key", section.key));
        if let (Some(chain), Some(key)) = (chain, key) {
            cx.check_private(&at.key("key"), &key);
            let readable = chain.exists() && key.exists();
            let pair = Pair { certificate: chain, key };
            if readable && let Err(error) = Certificates::load(vec![pair.clone()]) {
                cx.error(&at, error.to_string());
            }
            certificates.push(pair);
        }
    }
    if certificates.is_empty() { Tls::InFront } else { Tls::Certificates(certificates) }
}

/// What of the socket and the routes does not fit together.
fn check_front(
    cx: &mut Context<'_>,
    path: &Path,
    tls: &Tls,
    listen: SocketAddr,
    routes: &[(acquit_gateway::route::Route, Path)],
) {
    let by_tls = *tls != Tls::InFront;
    if let Some((route, at)) = routes.iter().find(|(route, _)| by_tls && !route.from.is_https()) {
        let from = route.from.to_string();
        cx.error(&at.key("from"), format!("{} is not reached by TLS, and the gateway speaks TLS", quoted(&from)))
            .help("write https, or leave the certificates out");
    }
    if !by_tls && !listen.ip().is_loopback() && routes.iter().any(|(route, _)| route.from.is_https()) {
        cx.warning(&path.key("listen"), "the gateway speaks plain HTTP on an address that others can reach")
            .help("give it `certificates`, or let it listen on a loopback address behind a proxy that does TLS");
    }
}
