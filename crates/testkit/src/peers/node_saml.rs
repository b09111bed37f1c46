//! A SAML application made of the npm package `@node-saml/node-saml`, told of logouts by POST.

use std::fs;

use acquit_saml::security::{KeyKind, Signer};
use serde_json::{Value, json};
use tokio::process::Child;

use super::{first_line, free_port, mellon::pem, node};
use crate::{Browser, Page, sp::ride, wire};

/// The application's registration and, once it runs, its process.
pub struct NodeSp {
    port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl NodeSp {
    /// Its id at Acquit.
    pub const ID: &str = "node-saml";

    /// An application on a port of its own; it does not run yet.
    ///
    /// # Panics
    /// No temporary folder.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("acquit-node-saml-").tempdir().unwrap();
        let key = Signer::generate(KeyKind::Rsa2048).unwrap();
        let signer = Signer::self_signed(&key, "node-saml").unwrap();
        fs::write(folder.path().join("sp.key"), pem("PRIVATE KEY", &key)).unwrap();
        fs::write(folder.path().join("sp.crt"), pem("CERTIFICATE", signer.certificate().der())).unwrap();
        Self { port: free_port(), folder, child: None }
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its part of Acquit's configuration, by hand.
    #[must_use]
    pub fn configuration(&self) -> String {
        format!(
            "[[applications]]\nid = \"{}\"\nprotocol = \"saml\"\nentity_id = \"{}\"\nacs_url = \"{}\"\nslo_url = \"{}\"\n\
             slo_binding = \"post\"\nsession_index_required = true\ncertificates = [{{ file = \"{}\" }}]\n\n",
            Self::ID,
            self.url("/metadata"),
            self.url("/acs"),
            self.url("/slo"),
            self.folder.path().join("sp.crt").display(),
        )
    }

    /// Starts it, trusting the identity provider of this issuer.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start(&mut self, issuer: &str) {
        let options = json!({
            "port": self.port, "issuer": issuer, "entity_id": self.url("/metadata"),
            "key": self.folder.path().join("sp.key"), "certificate": self.folder.path().join("sp.crt"),
        });
        let mut child = node("node-saml.mjs").arg(options.to_string()).spawn().expect("node");
        let (line, _) = first_line(&mut child).await.expect("the Node application starts");
        assert_eq!(line, "ready");
        self.child = Some(child);
    }

    /// A page of it, or where that leads.
    pub async fn open(&self, browser: &Browser, path: &str) -> Page {
        ride(browser, browser.open(&self.url(path)).await).await
    }

    /// Whether this browser is signed in here, by the application's own page.
    pub async fn knows(&self, browser: &Browser) -> bool {
        let page = browser.open(&self.url("/")).await;
        page.tags("main").first().and_then(|main| main.get("data-session")) == Some("live")
    }

    /// The LogoutRequests that the package took.
    ///
    /// # Panics
    /// Nobody answers.
    pub async fn told(&self) -> Vec<Value> {
        let response = wire::get(&self.url("/told")).await.unwrap();
        wire::json(&response).unwrap().as_array().cloned().unwrap_or_default()
    }
}

impl Default for NodeSp {
    fn default() -> Self {
        Self::new()
    }
}
