//! Apache itself, which carries two of the peers.

use std::{fs, path::Path, process::Stdio, time::Duration};

use tokio::process::{Child, Command};

use crate::wire;

/// Where Debian puts it.
const PROGRAM: &str = "/usr/sbin/apache2";
/// Where Debian puts its modules.
pub(super) const MODULES: &str = "/usr/lib/apache2/modules";

/// Fails the test if a module is not installed.
pub(super) fn requires(module: &str, package: &str) {
    let is_there = Path::new(MODULES).join(module).exists();
    assert!(is_there, "Apache is missing: install the Debian packages `apache2` and `{package}`");
}

/// The lines that load modules.
pub(super) fn load(modules: &[&str]) -> String {
    modules.iter().map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n")).collect()
}

/// The pages that it serves: `/bye.html`, which anybody may see, and one behind a sign-in.
pub(super) fn pages(root: &Path) {
    fs::create_dir_all(root.join("pages/protected")).unwrap();
    fs::write(root.join("pages/bye.html"), "<main data-page=\"bye\">Bye</main>").unwrap();
    fs::write(root.join("pages/protected/index.html"), "<main data-page=\"protected\">The secret page</main>").unwrap();
}

/// Starts it with a configuration.
pub(super) fn start(root: &Path, configuration: &str) -> Child {
    fs::write(root.join("apache.conf"), configuration).unwrap();
    // -X: one process, so that ending it ends everything.
    Command::new(PROGRAM)
        .args(["-X", "-d"])
        .arg(root)
        .arg("-f")
        .arg(root.join("apache.conf"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Apache starts")
}

/// Waits until it serves this page.
pub(super) async fn ready(url: &str, root: &Path) {
    for _ in 0..1000 {
        if wire::get(url).await.is_ok_and(|response| response.status() == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("Apache does not become ready: {}", log(root));
}

/// What it logged.
pub(super) fn log(root: &Path) -> String {
    fs::read_to_string(root.join("log")).unwrap_or_default()
}
