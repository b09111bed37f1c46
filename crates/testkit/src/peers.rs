//! Software by others, which the tests hold Acquit against: Node and Python applications, Apache with its
//! modules, nginx, Caddy and Envoy, SimpleSAMLphp, an OpenID provider, WorkOS's SDKs, Chromium.
//!
//! They run when `ACQUIT_PEERS` is set, as `./check` sets it; then one that is missing is a failure.

use std::{
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::process::{Child, Command};

pub mod apache;
pub mod caddy;
pub mod chromium;
pub mod clients;
pub mod envoy;
pub mod front;
mod gate;
mod httpd;
pub mod mellon;
pub mod nginx;
pub mod node;
pub mod pomerium;
pub mod saml;
pub mod sdk;
pub mod upstream;

pub use apache::Apache;
pub use chromium::{Chromium, Person};
pub use front::Front;
pub use mellon::Mellon;
pub use node::NodeRp;
pub use saml::{SamlIdp, SamlPeer};
pub use sdk::{Package, Sdk};
pub use upstream::OidcUpstream;

/// Whether the peers take part. Without `ACQUIT_PEERS` they do not, which is said once.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
pub fn take_part() -> bool {
    static SAY: Once = Once::new();
    let wanted = std::env::var("ACQUIT_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    if !wanted {
        // Past the test harness, which would keep it to itself.
        let words = b"skipped: the tests with Chromium, Apache, nginx, Caddy, Envoy, Node, PHP and Python; set ACQUIT_PEERS=1 to run them\n";
        SAY.call_once(|| io::stderr().write_all(words).unwrap_or_default());
    }
    wanted
}

/// The folder of the Node programs.
fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers")
}

/// A Node program that ends with its standard input.
fn node(program: &str) -> Command {
    let folder = programs();
    let hint = "run `npm ci` in tests/peers (`./check` does)";
    assert!(folder.join("node_modules").is_dir(), "the packages of the JavaScript peers are missing: {hint}");
    let mut command = Command::new("node");
    command.arg(folder.join(program)).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    command
}

/// A port that is free now. It is below those that the system gives to whoever asks for any, and given out once, so that nobody
/// else has it when it is used.
///
/// # Panics
/// There is none.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let all = std::iter::repeat_with(|| 20_000 + begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % 12_000);
    let mut ports = all.take(12_000).filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// A process that says a line and then serves.
async fn first_line(
    child: &mut Child,
) -> io::Result<(String, tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStdout>>)> {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut lines = BufReader::new(output).lines();
    let line = lines.next_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((line, lines))
}
