//! A customer's identity provider made of the npm package `oidc-provider`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::process::Child;
use url::Url;

use super::{first_line, free_port, node};
use crate::{Browser, Page, wire};

/// The provider's addresses and what it has of Acquit; once it runs, its process.
pub struct OidcUpstream {
    port: u16,
    control: u16,
    /// How Acquit proves itself there.
    method: &'static str,
    child: Option<Child>,
}

/// What the provider knows.
#[derive(Clone, Debug)]
pub struct Knows {
    /// The accounts of its live sessions.
    pub sessions: Vec<String>,
    /// The tokens that it issued: `kind`, `value`, `active`.
    pub tokens: Vec<Value>,
    /// The requests that came: `method`, `path`, `query`, `form`, `status`.
    pub asked: Vec<Value>,
    /// The logout tokens that it sent: `account`, `good`.
    pub told: Vec<Value>,
}

impl Knows {
    /// The requests for a path.
    #[must_use]
    pub fn asked_for(&self, path: &str) -> Vec<&Value> {
        self.asked.iter().filter(|entry| entry["path"] == path).collect()
    }

    /// The values of its tokens of a kind: `access_token`, `refresh_token`.
    #[must_use]
    pub fn values(&self, kind: &str) -> Vec<String> {
        let of_kind = self.tokens.iter().filter(|token| token["kind"] == kind);
        of_kind.filter_map(|token| token["value"].as_str().map(str::to_owned)).collect()
    }
}

impl Default for OidcUpstream {
    fn default() -> Self {
        Self::new()
    }
}

impl OidcUpstream {
    /// The connection's id at Acquit.
    pub const CONNECTION: &str = "conn_01UPSTREAM";
    /// The organization's id at Acquit.
    pub const ORGANIZATION: &str = "org_01CUSTOMER";
    /// What stands for the connection in its URLs.
    pub const KEY: &str = "external-key-of-the-tests-0123456789";
    const CLIENT: &str = "acquit at the customer's";
    const TESTS: &str = "tests";
    const SECRET: &str = "upstream: a secret of more than 32 bytes, with signs & spaces";

    /// A provider on ports of its own; it does not run yet.
    #[must_use]
    pub fn new() -> Self {
        Self { port: free_port(), control: free_port(), method: "client_secret_basic", child: None }
    }

    /// The same, with Acquit proving itself by another method.
    #[must_use]
    pub fn proving(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    fn has_secret(&self) -> bool {
        self.method != "private_key_jwt"
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.url("")
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The organization and its connection, for Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        let secret = if self.has_secret() { format!("client_secret = \"{}\"\n", Self::SECRET) } else { String::new() };
        format!(
            "[[organizations]]\nid = \"{}\"\nname = \"Customer\"\ndomains = [\"customer.example\"]\n\n\
             [[connections]]\nid = \"{}\"\norganization = \"{0}\"\ntype = \"oidc\"\nissuer = \"{}\"\nclient_id = \"{}\"\n\
             {secret}token_endpoint_auth_method = \"{}\"\nexternal_key = \"{}\"\nscopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]\n\n\
             [connections.attributes]\ncustom = {{ department = \"dept\" }}\n\n",
            Self::ORGANIZATION,
            Self::CONNECTION,
            self.issuer(),
            Self::CLIENT,
            self.method,
            Self::KEY,
        )
    }

    /// Starts it, with Acquit as its client, whose browser addresses begin with `acquit`.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start(&mut self, acquit: &str) {
        // Names under localhost are the browser's affair; a server finds none of them.
        let port = Url::parse(acquit).unwrap().port().expect("a port");
        let mut client = json!({
            "client_id": Self::CLIENT,
            "token_endpoint_auth_method": self.method,
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [format!("{acquit}/sso/oidc/{}/callback", Self::KEY)],
            "post_logout_redirect_uris": [format!("{acquit}/sso/oidc/logout-callback")],
            "backchannel_logout_uri": format!("http://127.0.0.1:{port}/sso/oidc/backchannel-logout/{}", Self::KEY),
            "backchannel_logout_session_required": true,
        });
        if self.has_secret() {
            client["client_secret"] = Self::SECRET.into();
        } else {
            client["jwks_uri"] = format!("http://127.0.0.1:{port}/oauth2/v1/keys").into();
        }
        // Who asks it for the truth about a token, however Acquit proves itself.
        let tests = json!({ "client_id": Self::TESTS, "client_secret": Self::SECRET, "redirect_uris": [], "grant_types": [],
                            "response_types": [] });
        let options = json!({ "port": self.port, "control": self.control, "clients": [client, tests] });
        let mut child = node("oidc-provider.mjs").arg(options.to_string()).spawn().expect("node");
        let (line, _) = first_line(&mut child).await.expect("the identity provider starts");
        assert_eq!(line, "ready");
        self.child = Some(child);
    }

    /// What it knows.
    ///
    /// # Panics
    /// It does not run.
    pub async fn knows(&self) -> Knows {
        let mut state = self.control("/state").await;
        let mut list = |name: &str| state[name].take().as_array().cloned().unwrap_or_default();
        let sessions = list("sessions").iter().filter_map(|account| account.as_str().map(str::to_owned)).collect();
        Knows { sessions, tokens: list("tokens"), asked: list("asked"), told: list("told") }
    }

    /// Closes its port: connections are refused.
    pub async fn close(&self) {
        self.control("/off").await;
    }

    /// Opens its port again.
    pub async fn reopen(&self) {
        self.control("/on").await;
    }

    async fn control(&self, path: &str) -> Value {
        let response = wire::get(&format!("http://127.0.0.1:{}{path}", self.control)).await.unwrap();
        wire::json(&response).unwrap()
    }

    /// Whether a token is good, by its introspection endpoint.
    ///
    /// # Panics
    /// It does not say.
    pub async fn introspect(&self, token: &str) -> bool {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", Self::TESTS, encoded(Self::SECRET));
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let url = self.url("/token/introspection");
        let response = wire::post_form(&url, &[("token", token)], &[("authorization", &basic)]).await.unwrap();
        let answer = wire::json(&response).unwrap();
        answer["active"].as_bool().unwrap_or_else(|| panic!("{answer}"))
    }

    /// Fills in its sign-in page and goes on.
    ///
    /// # Panics
    /// It is no sign-in page of it.
    pub async fn sign_in(&self, browser: &Browser, page: &Page, login: &str) -> Page {
        assert_eq!(page.mark().as_deref(), Some("upstream-sign-in"), "{page}");
        browser.submit(page, page.form_with("login").fill("login", login).press("decision", "go")).await
    }

    /// Says yes to its question whether to sign out.
    ///
    /// # Panics
    /// It does not ask.
    pub async fn agree(&self, browser: &Browser, page: &Page) -> Page {
        assert_eq!(page.mark().as_deref(), Some("upstream-sign-out"), "{page}");
        browser.submit(page, page.form_with("xsrf").press("logout", "yes")).await
    }

    /// Signs this browser out at the provider itself.
    pub async fn sign_out(&self, browser: &Browser) -> Page {
        let page = browser.open(&self.url("/session/end")).await;
        self.agree(browser, &page).await
    }
}
