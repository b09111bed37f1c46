//! Apache with mod_auth_openidc: a page behind a sign-in, told of logouts by the module's own handlers.

use tokio::process::Child;

use super::{free_port, httpd};
use crate::{Browser, Page};

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// By a logout token.
    Back,
    /// In a frame.
    Front,
}

/// The server's registration and, once it runs, its process.
pub struct Apache {
    port: u16,
    id: &'static str,
    told: Told,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Apache {
    const SECRET: &str = "apache-secret-that-is-longer-than-32-bytes";

    /// A server on a port of its own; it does not run yet.
    ///
    /// # Panics
    /// No temporary folder.
    #[must_use]
    pub fn new(id: &'static str, told: Told) -> Self {
        let folder = tempfile::Builder::new().prefix("acquit-apache-").tempdir().unwrap();
        Self { port: free_port(), id, told, folder, child: None }
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        let channel = match self.told {
            Told::Back => format!(
                "backchannel_logout_uri = \"{}\"\nbackchannel_logout_session_required = true\n",
                self.url("/oidc?logout=backchannel")
            ),
            Told::Front => format!(
                "frontchannel_logout_uri = \"{}\"\nfrontchannel_logout_session_required = true\n",
                self.url("/oidc?logout=get")
            ),
        };
        format!(
            "[[applications]]\nid = \"{0}\"\nprotocol = \"oidc\"\nclient_id = \"{0}\"\nclient_secret = \"{1}\"\n\
             redirect_uris = [\"{2}\"]\npost_logout_redirect_uris = [\"{3}\"]\n{channel}\n",
            self.id,
            Self::SECRET,
            self.url("/oidc"),
            self.url("/bye.html"),
        )
    }

    /// Starts it, trusting this issuer.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn start(&mut self, issuer: &str) {
        httpd::requires("mod_auth_openidc.so", "libapache2-mod-auth-openidc");
        let root = self.folder.path();
        httpd::pages(root);
        let child = httpd::start(root, &self.server_configuration(issuer));
        self.child = Some(child);
        httpd::ready(&self.url("/bye.html"), self.folder.path()).await;
    }

    fn server_configuration(&self, issuer: &str) -> String {
        let root = self.folder.path().display();
        let port = self.port;
        let modules =
            httpd::load(&["mpm_prefork", "authn_core", "authz_core", "authz_user", "dir", "mime", "auth_openidc"]);
        // Every secret here is the test's own. Same-site None lets its cookie go along in a frame of the issuer's page.
        format!(
            "ServerRoot \"{root}\"\nServerName 127.0.0.1:{port}\nListen 127.0.0.1:{port}\nPidFile \"{root}/pid\"\n\
             {modules}DefaultRuntimeDir \"{root}\"\nMutex file:{root} default\nTypesConfig /dev/null\nAddType text/html .html\n\
             ErrorLog \"{root}/log\"\nLogLevel warn auth_openidc:info\nUser www-data\nGroup www-data\n\
             DocumentRoot \"{root}/pages\"\nDirectoryIndex index.html\n\
             OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\n\
             OIDCClientID {}\nOIDCClientSecret {}\nOIDCRedirectURI {}\nOIDCCryptoPassphrase a-passphrase-of-the-test\n\
             OIDCScope \"openid email\"\nOIDCPKCEMethod S256\nOIDCSessionType server-cache\nOIDCCacheType shm\n\
             OIDCCookieSameSite Off\nOIDCSSLValidateServer Off\nOIDCStateMaxNumberOfCookies 5 true\n\
             <Directory \"{root}/pages\">\n  Require all granted\n</Directory>\n\
             <Location /protected>\n  AuthType openid-connect\n  Require valid-user\n</Location>\n\
             <Location /oidc>\n  AuthType openid-connect\n  Require valid-user\n</Location>\n",
            self.id,
            Self::SECRET,
            self.url("/oidc"),
        )
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        httpd::log(self.folder.path())
    }

    /// The page behind the sign-in, or where this browser is sent instead.
    pub async fn protected(&self, browser: &Browser) -> Page {
        browser.open(&self.url("/protected/index.html")).await
    }

    /// Signs this browser out by the module's own address, from its page; gives where that ends.
    pub async fn sign_out(&self, browser: &Browser, page: &Page) -> Page {
        let back: String = form_urlencoded::byte_serialize(self.url("/bye.html").as_bytes()).collect();
        browser.click(page, &self.url(&format!("/oidc?logout={back}"))).await
    }
}
