//! SAML applications by others: `@node-saml/node-saml` under Node, SimpleSAMLphp under PHP's own web server, pysaml2 under
//! Python. All have the same few pages: `/` says who is signed in, `/login` and `/logout` begin, the library does the rest.

use std::{fs, time::Duration};

use acquit_saml::security::{KeyKind, Signer};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::process::Child;

use super::{first_line, free_port, gate::Gate, mellon::pem, node};
use crate::{Browser, Page, sp::ride, wire};

mod altered;
mod idp;
mod pysaml2;
mod simplesamlphp;

pub use altered::altered;
pub use idp::SamlIdp;

/// Whose software it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Library {
    NodeSaml,
    SimpleSamlPhp,
    PySaml2,
}

/// A running application.
pub struct SamlPeer {
    id: &'static str,
    origin: String,
    library: Library,
    gate: Option<Gate>,
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
        Self::with_metadata(id, port, Library::NodeSaml, folder(), child, "/metadata").await
    }

    async fn with_metadata(
        id: &'static str,
        port: u16,
        library: Library,
        folder: tempfile::TempDir,
        child: Child,
        path: &str,
    ) -> Self {
        let told = if library == Library::NodeSaml { "post" } else { "redirect" };
        let origin = format!("http://127.0.0.1:{port}");
        let peer = Self { id, origin, library, gate: None, told, index: true, encrypted: false, folder, child };
        let metadata = ready(&peer.url(path)).await.unwrap_or_else(|why| panic!("{id}: {why}\n{}", peer.log()));
        fs::write(peer.folder.path().join("sp.xml"), metadata).unwrap();
        peer
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
        if self.library != Library::SimpleSamlPhp {
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

    /// What an application under Node or Python was told, and what its library thinks of it.
    ///
    /// # Panics
    /// It is not one of these.
    pub async fn told(&self) -> Vec<Value> {
        let response = wire::get(&self.url("/told")).await.unwrap();
        wire::json(&response).unwrap().as_array().cloned().unwrap_or_default()
    }

    /// Why it refused the last message, by its own words; `before` is what this said before that.
    pub async fn why(&self, before: &str) -> String {
        if self.library != Library::SimpleSamlPhp {
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
        simplesamlphp::log(self.folder.path())
    }
}

/// What is there, once the process has begun to answer.
async fn ready(url: &str) -> Result<Bytes, String> {
    for _ in 0..1500 {
        if let Ok(response) = wire::get(url).await {
            let text = || String::from_utf8_lossy(response.body()).into_owned();
            return if response.status() == 200 { Ok(response.body().clone()) } else { Err(text()) };
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err("it does not become ready".to_owned())
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("acquit-saml-peer-").tempdir().unwrap()
}
