//! `[egress]`: what outbound requests may reach beyond public addresses.

use std::net::IpAddr;

use acquit_server::settings::EgressAllowance;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    context::Context,
    diagnostic::quoted,
    net::{is_public, known_address},
    path::Path,
};

/// What outbound requests may reach beyond public addresses.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressSection {
    /// Networks that may be reached: "10.0.0.0/8" for every host name, or { host = "wiki.corp.example.com", net = "10.0.0.0/8" }
    /// for one.
    pub allow: Option<Vec<AllowText>>,
}

/// A network that may be reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AllowText {
    /// For every host name.
    Net(String),
    /// For one host name.
    Host(HostAllowance),
}

/// A network that may be reached under one host name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostAllowance {
    /// The host name, exactly as it stands in the URLs.
    pub host: Option<String>,
    /// The network, such as "10.0.0.0/8".
    #[schemars(required)]
    pub net: Option<String>,
}

impl EgressSection {
    /// The allowances to run with.
    pub fn resolve(self, cx: &mut Context<'_>) -> Vec<EgressAllowance> {
        let path = Path::root().key("egress").key("allow");
        let entries = self.allow.unwrap_or_default().into_iter().enumerate();
        entries.filter_map(|(index, entry)| entry.resolve(cx, &path.index(index))).collect()
    }
}

impl AllowText {
    fn resolve(self, cx: &mut Context<'_>, path: &Path) -> Option<EgressAllowance> {
        let (host, net, net_path) = match self {
            Self::Net(net) => (None, net, path.clone()),
            Self::Host(entry) => (entry.host, entry.net?, path.key("net")),
        };
        let net = cx.network(&net_path, &net)?;
        if net.prefix_len() == 0 {
            cx.warning(&net_path, "this lets outbound requests reach every address, also inside your own network");
        }
        let host = match host {
            Some(host) => Some(host_name(cx, &path.key("host"), &host)?),
            None => None,
        };
        Some(EgressAllowance { host, net })
    }
}

/// The host in the form that it has in parsed URLs.
fn host_name(cx: &mut Context<'_>, path: &Path, host: &str) -> Option<String> {
    match url::Host::parse(host) {
        Ok(parsed) if !host.is_empty() => Some(parsed.to_string()),
        _ => {
            cx.error(path, format!("{} is no host name", quoted(host)))
                .help("write the name alone, without scheme, port or path: \"wiki.corp.example.com\"");
            None
        }
    }
}

/// Notes when the egress policy would refuse `url`, as far as that can be told without a name server.
pub fn check_reachable(cx: &mut Context<'_>, path: &Path, url: &Url, allowed: &[EgressAllowance]) {
    let Some(address) = known_address(url) else { return };
    let host = url.host_str().unwrap_or_default();
    let loopback_v6 = IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
    let fits = |entry: &EgressAllowance| {
        entry.host.as_deref().is_none_or(|name| name == host)
            && (entry.net.contains(&address) || (address.is_loopback() && entry.net.contains(&loopback_v6)))
    };
    if is_public(address) || allowed.iter().any(fits) {
        return;
    }
    let network = if address.is_loopback() { "127.0.0.0/8".to_owned() } else { format!("{address}/32") };
    cx.error(path, format!("the egress policy refuses to reach {}", quoted(host)))
        .help(format!("to allow it, add \"{network}\" to `allow` in [egress]"));
}
