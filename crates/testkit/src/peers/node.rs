//! An application made of the npm packages `openid-client` and `jose`.

use serde_json::{Value, json};
use tokio::process::Child;

use super::{first_line, free_port, node};
use crate::{Browser, Page, wire};

/// The application's registration and, once it runs, its process.
pub struct NodeRp {
    port: u16,
    id: &'static str,
    alg: &'static str,
    par: bool,
    child: Option<Child>,
}

impl NodeRp {
    const SECRET: &str = "node: a secret of more than 32 bytes, with signs & spaces";

    /// An application of this id that wants its tokens signed so, on a port of its own; it does not run yet.
    #[must_use]
    pub fn new(id: &'static str, alg: &'static str) -> Self {
        Self { port: free_port(), id, alg, par: false, child: None }
    }

    /// It pushes its authorization requests (RFC 9126).
    #[must_use]
    pub fn pushing(mut self) -> Self {
        self.par = true;
        self
    }

    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        let (id, alg, secret) = (self.id, self.alg, Self::SECRET);
        format!(
            "[[applications]]\nid = \"{id}\"\nprotocol = \"oidc\"\nclient_id = \"{id}\"\nclient_secret = \"{secret}\"\n\
             redirect_uris = [\"{0}\"]\npost_logout_redirect_uris = [\"{1}\"]\nbackchannel_logout_uri = \"{2}\"\n\
             backchannel_logout_session_required = true\nid_token_signed_response_alg = \"{alg}\"\n\n",
            self.url("/callback"),
            self.url("/bye"),
            self.url("/backchannel"),
        )
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Starts it, trusting this issuer.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start(&mut self, issuer: &str) {
        let options = json!({
            "port": self.port, "issuer": issuer, "client_id": self.id, "client_secret": Self::SECRET,
            "alg": self.alg, "par": self.par,
        });
        let mut child = node("openid-client.mjs").arg(options.to_string()).spawn().expect("node");
        let (line, _) = first_line(&mut child).await.expect("the Node application starts");
        assert_eq!(line, "ready");
        self.child = Some(child);
    }

    /// Whether this browser is signed in here, by the application's own page.
    pub async fn knows(&self, browser: &Browser) -> bool {
        let page = browser.open(&self.url("/")).await;
        page.tags("main").first().and_then(|main| main.get("data-session")) == Some("live")
    }

    /// A page of it.
    pub async fn open(&self, browser: &Browser, path: &str) -> Page {
        browser.open(&self.url(path)).await
    }

    /// A JSON answer of it.
    ///
    /// # Panics
    /// It is none.
    pub async fn json(&self, browser: &Browser, path: &str) -> Value {
        let page = self.open(browser, path).await;
        serde_json::from_str(&page.body).unwrap_or_else(|error| panic!("{error}: {page}"))
    }

    /// What it was told, and what `jose` thinks of it.
    ///
    /// # Panics
    /// Nobody answers.
    pub async fn told(&self) -> Vec<Value> {
        let response = wire::get(&self.url("/told")).await.unwrap();
        wire::json(&response).unwrap().as_array().cloned().unwrap_or_default()
    }
}
