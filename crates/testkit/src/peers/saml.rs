//! SAML applications by others: `@node-saml/node-saml` under Node, SimpleSAMLphp under PHP's own web server. Both have the
//! same few pages: `/` says who is signed in, `/login` and `/logout` begin, the library does the rest.

use std::{fs, path::Path, process::Stdio, time::Duration};

use acquit_saml::security::{KeyKind, Signer};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::{first_line, free_port, mellon::pem, node, programs};
use crate::{Browser, Page, sp::ride, wire};

mod altered;
mod simplesamlphp;

pub use altered::altered;

/// A running application.
pub struct SamlPeer {
    id: &'static str,
    origin: String,
    is_node: bool,
    told: &'static str,
    index: bool,
    encrypted: bool,
    folder: tempfile::TempDir,
    child: Child,
}

/// A key with its certificate, as PEM.
struct Pair {
    key: String,
    certificate: String,
}

impl Pair {
    /// RSA, which both of them want.
    fn new() -> Self {
        let key = Signer::generate(KeyKind::Rsa2048).unwrap();
        let signer = Signer::self_signed(&key, "a peer").unwrap();
        Self { key: pem("PRIVATE KEY", &key), certificate: pem("CERTIFICATE", signer.certificate().der()) }
    }
}

impl SamlPeer {
    /// Node with `@node-saml/node-saml`: told by POST, since its metadata has nothing else; `answers` by "redirect" or "post".
    ///
    /// # Panics
    /// It does not start.
    pub async fn node(id: &'static str, answers: &'static str) -> Self {
        let (port, pair, decryption) = (free_port(), Pair::new(), Pair::new());
        let options = json!({
            "port": port, "key": pair.key, "certificate": pair.certificate, "answers": answers,
            "decryption": { "key": decryption.key, "certificate": decryption.certificate },
        });
        let mut child = node("node-saml.mjs").arg(options.to_string()).spawn().expect("node");
        let (line, _) = first_line(&mut child).await.expect("the Node application starts");
        assert_eq!(line, "ready");
        Self::with_metadata(id, port, true, folder(), child, "/metadata").await
    }

    /// SimpleSAMLphp, told by Redirect.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn php(id: &'static str) -> Self {
        let packages =
            "install the Debian packages `simplesamlphp`, `php-cli`, `php-xml`, `php-mbstring` and `php-sqlite3`";
        assert!(Path::new("/usr/share/simplesamlphp").is_dir(), "SimpleSAMLphp is missing: {packages}");
        let (port, folder) = (free_port(), folder());
        simplesamlphp::configure(folder.path(), port, &Pair::new());
        let log = fs::File::create(folder.path().join("server.log")).unwrap();
        let router = programs().join("simplesamlphp/router.php");
        let child = Command::new("php")
            .args(["-d", "display_errors=0", "-d", "log_errors=1", "-S", &format!("127.0.0.1:{port}")])
            .arg(router)
            .env("SIMPLESAMLPHP_CONFIG_DIR", folder.path().join("config"))
            .env("SAML_PEER_PORT", port.to_string())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect(packages);
        Self::with_metadata(id, port, false, folder, child, simplesamlphp::METADATA).await
    }

    async fn with_metadata(
        id: &'static str,
        port: u16,
        is_node: bool,
        folder: tempfile::TempDir,
        child: Child,
        path: &str,
    ) -> Self {
        let told = if is_node { "post" } else { "redirect" };
        let origin = format!("http://127.0.0.1:{port}");
        let peer = Self { id, origin, is_node, told, index: true, encrypted: false, folder, child };
        for _ in 0..1500 {
            if let Ok(response) = wire::get(&peer.url(path)).await {
                let text = String::from_utf8_lossy(response.body());
                assert_eq!(response.status(), 200, "{id} has no metadata: {text}\n{}", peer.log());
                fs::write(peer.folder.path().join("sp.xml"), response.body()).unwrap();
                return peer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{id} does not become ready: {}", peer.log());
    }

    /// Told by this binding instead.
    #[must_use]
    pub fn told_by(mut self, binding: &'static str) -> Self {
        self.told = binding;
        self
    }

    /// Told of people, not of their sessions: without a SessionIndex.
    #[must_use]
    pub fn without_index(mut self) -> Self {
        self.index = false;
        self
    }

    /// With its assertions encrypted to it.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// Its id at Acquit.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Its part of Acquit's configuration, with the metadata that it made itself.
    #[must_use]
    pub fn configuration(&self) -> String {
        let (id, told, index, encrypted) = (self.id, self.told, self.index, self.encrypted);
        let file = self.folder.path().join("sp.xml").display().to_string();
        format!(
            "[[applications]]\nid = \"{id}\"\nprotocol = \"saml\"\nmetadata = {{ file = {file:?} }}\nslo_binding = \"{told}\"\n\
             session_index_required = {index}\nattributes = {{ mail = \"email\" }}\n\
             encrypt_assertions = {encrypted}\n\n"
        )
    }

    /// Tells it who its identity provider is, by the metadata there.
    ///
    /// # Panics
    /// It cannot use them.
    pub async fn trust(&self, issuer: &str) {
        let url = format!("{issuer}/saml/metadata");
        if self.is_node {
            let mut trust = url::Url::parse(&self.url("/trust")).unwrap();
            trust.query_pairs_mut().append_pair("metadata", &url);
            let response = wire::get(trust.as_str()).await.unwrap();
            assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
        } else {
            let response = wire::get(&url).await.unwrap();
            simplesamlphp::trust(self.folder.path(), &url, response.body());
        }
    }

    /// Whether this browser is signed in here, by the application's own page.
    ///
    /// # Panics
    /// The application is broken.
    pub async fn knows(&self, browser: &Browser) -> bool {
        let page = browser.open(&self.url("/")).await;
        assert_eq!(page.mark().as_deref(), Some("home"), "{page}\n{}", self.log());
        page.tags("main").first().and_then(|main| main.get("data-session")) == Some("live")
    }

    /// Begins a sign-in; ends at the application or at a page of Acquit's that wants something.
    pub async fn begin(&self, browser: &Browser) -> Page {
        ride(browser, browser.open(&self.url("/login")).await).await
    }

    /// Begins a sign-out; ends where the browser is left.
    pub async fn sign_out(&self, browser: &Browser, more: &str) -> Page {
        ride(browser, browser.open(&self.url(&format!("/logout{more}"))).await).await
    }

    /// What the Node application was told, and what its library thinks of it.
    ///
    /// # Panics
    /// It is not that one.
    pub async fn told(&self) -> Vec<Value> {
        let response = wire::get(&self.url("/told")).await.unwrap();
        wire::json(&response).unwrap().as_array().cloned().unwrap_or_default()
    }

    /// Why it refused the last message, by its own words; `before` is what this said before that.
    pub async fn why(&self, before: &str) -> String {
        if self.is_node {
            let told = self.told().await;
            return told.last().and_then(|last| last["error"].as_str()).unwrap_or_default().to_owned();
        }
        self.log().get(before.len()..).unwrap_or_default().to_owned()
    }

    /// Ends the process.
    ///
    /// # Panics
    /// It cannot be ended.
    pub async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        [read("server.log"), read("log/simplesamlphp.log")].concat()
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("acquit-saml-peer-").tempdir().unwrap()
}
