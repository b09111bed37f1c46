//! pysaml2, behind a gate.

use std::{fs, path::Path, process::Stdio};

use serde_json::json;
use tokio::process::Command;

use super::{Library, Pair, SamlPeer, folder};
use crate::peers::{first_line, gate::Gate, programs};

impl SamlPeer {
    /// Python with pysaml2, told by Redirect.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn python(id: &'static str) -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python/bin/python");
        assert!(python.exists(), "pysaml2 is missing: `./check` installs tests/peers/requirements.txt there");
        assert!(Path::new("/usr/bin/xmlsec1").exists(), "pysaml2 needs the Debian package `xmlsec1`");
        let (mut gate, folder, pair) = (Gate::new(), folder(), Pair::new());
        fs::write(folder.path().join("sp.key"), pair.key).unwrap();
        fs::write(folder.path().join("sp.crt"), pair.certificate).unwrap();
        let options = json!({ "port": gate.port(), "inner": gate.inner(), "folder": folder.path() });
        let log = fs::File::create(folder.path().join("server.log")).unwrap();
        let mut child = Command::new(python)
            .arg(programs().join("pysaml2.py"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("python");
        let (line, _) = first_line(&mut child).await.expect("the Python application starts");
        assert_eq!(line, "ready");
        gate.open().await;
        let peer = Self::with_metadata(id, gate.port(), Library::PySaml2, folder, child, "/metadata").await;
        Self { gate: Some(gate), ..peer }
    }

    /// From now on one letter of the signature of every message posted to it as XML changes on the way, or no longer.
    ///
    /// # Panics
    /// There is no gate before it.
    pub async fn alter(&mut self, alter: bool) {
        let gate = self.gate.as_mut().expect("a gate");
        if alter { gate.open_altering().await } else { gate.open().await }
    }
}
