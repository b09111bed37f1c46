//! `[egress]`: what outbound requests may reach beyond public addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use acquit_delivery::egress::{Allow, InvalidAllow, Policy, Target};
use acquit_oidc::uri::is_loopback;
use acquit_server::settings::EgressAllowance;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{context::Context, diagnostic::quoted, path::Path};

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
        match Allow::new(host.as_deref(), &net.to_string()) {
            Ok(allow) => Some(EgressAllowance { host: allow.host, net: allow.net }),
            Err(InvalidAllow::Everything(_)) => {
                cx.error(&net_path, "this opens every address, also those inside your own network")
                    .help("name a host beside it, { host = \"…\", net = \"…\" }, or a smaller network");
                None
            }
            Err(InvalidAllow::Host(host)) => {
                cx.error(&path.key("host"), format!("{} is no host name", quoted(&host)))
                    .help("write the name alone, without scheme, port or path: \"wiki.corp.example.com\"");
                None
            }
            Err(error @ InvalidAllow::Net(_)) => {
                cx.error(&net_path, error.to_string());
                None
            }
        }
    }
}

/// The policy that a server with these allowances has.
#[must_use]
pub fn policy(allowed: &[EgressAllowance]) -> Policy {
    Policy::allowing(allowed.iter().map(|entry| Allow { host: entry.host.clone(), net: entry.net }).collect())
}

/// Notes when the egress policy would refuse `url`, as far as that can be told without a name server.
pub fn check_reachable(cx: &mut Context<'_>, path: &Path, url: &str, policy: &Policy) {
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(refusal) => {
            cx.error(path, format!("no request could be sent there: {refusal}"));
            return;
        }
    };
    let is_local = url::Url::parse(url).is_ok_and(|url| is_loopback(&url));
    let refusal = if target.literal().is_none() && is_local {
        let refused = |address: IpAddr| policy.admit(&target, address).err();
        match (refused(Ipv4Addr::LOCALHOST.into()), refused(Ipv6Addr::LOCALHOST.into())) {
            (Some(refusal), Some(_)) => Some(refusal),
            (None, None) => None,
            (v4, _) => {
                // A name is refused unless everything that it resolves to is allowed.
                let (missing, written) = if v4.is_some() { ("127.0.0.0/8", "[::1]") } else { ("::1", "127.0.0.1") };
                cx.warning(
                    path,
                    format!("{} may also be {missing}, which the egress policy refuses", quoted(target.host())),
                )
                .help(format!("write {written} instead, or add \"{missing}\" to `allow` in [egress]"));
                None
            }
        }
    } else {
        policy.check(&target).err()
    };
    let Some(refusal) = refusal else { return };
    let host = target.host();
    let entry = match target.literal() {
        _ if is_local => "\"127.0.0.0/8\" and \"::1\"".to_owned(),
        Some(address) => format!("\"{address}\""),
        None => format!("{{ host = \"{host}\", net = \"the network that it is in\" }}"),
    };
    cx.error(path, format!("the egress policy refuses to reach {}: {refusal}", quoted(host)))
        .help(format!("to allow it, add {entry} to `allow` in [egress]"));
}
