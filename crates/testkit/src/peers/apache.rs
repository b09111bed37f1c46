//! Apache with mod_auth_openidc: a page behind a sign-in, told of logouts by the module's own handlers.

use std::{fs, path::Path, process::Stdio, time::Duration};

use tokio::process::{Child, Command};

use super::free_port;
use crate::{Browser, Page, wire};

/// Where Debian puts them.
const PROGRAM: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";

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
        let package = "the Debian packages `apache2` and `libapache2-mod-auth-openidc`";
        assert!(Path::new(MODULES).join("mod_auth_openidc.so").exists(), "Apache is missing: install {package}");
        let root = self.folder.path();
        fs::create_dir_all(root.join("pages/protected")).unwrap();
        fs::write(root.join("pages/bye.html"), "<h1>Bye</h1>").unwrap();
        fs::write(root.join("pages/protected/index.html"), "<main data-page=\"protected\">The secret page</main>")
            .unwrap();
        fs::write(root.join("apache.conf"), self.server_configuration(issuer)).unwrap();
        // -X: one process, so that ending it ends everything.
        let child = Command::new(PROGRAM)
            .args(["-X", "-d"])
            .arg(root)
            .arg("-f")
            .arg(root.join("apache.conf"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Apache starts");
        self.child = Some(child);
        for _ in 0..1000 {
            if wire::get(&self.url("/bye.html")).await.is_ok_and(|response| response.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("Apache does not become ready: {}", self.log());
    }

    fn server_configuration(&self, issuer: &str) -> String {
        let root = self.folder.path().display();
        let port = self.port;
        let mut modules = String::new();
        for name in ["mpm_prefork", "authn_core", "authz_core", "authz_user", "dir", "mime", "auth_openidc"] {
            modules.push_str(&format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"));
        }
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
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The page behind the sign-in, or where this browser is sent instead.
    pub async fn protected(&self, browser: &Browser) -> Page {
        browser.open(&self.url("/protected/index.html")).await
    }
}
