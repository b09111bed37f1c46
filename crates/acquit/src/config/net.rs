//! Networks, as several sections write them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{context::Context, diagnostic::quoted, path::Path};

impl Context<'_> {
    /// The network that `text` names; an address alone is a network of one.
    pub fn network(&mut self, path: &Path, text: &str) -> Option<IpNet> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        match text.parse::<IpNet>().or(address) {
            Ok(network) if network.addr() != network.network() => {
                let meant = network.trunc();
                self.error(path, format!("{} has bits beyond its prefix", quoted(text)))
                    .help(format!("did you mean \"{meant}\", or the address \"{}\" alone?", network.addr()));
                None
            }
            Ok(network) => Some(network),
            Err(_) => {
                self.error(path, format!("{} is no network", quoted(text)))
                    .help("write an address and a prefix, such as \"10.0.0.0/8\" or \"fd00::/8\", or an address alone");
                None
            }
        }
    }
}
