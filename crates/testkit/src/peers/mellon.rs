//! Apache with mod_auth_mellon: a page behind a SAML sign-in, told of logouts over SOAP by the module's own handler.

use std::fs;

use acquit_saml::{
    metadata::SpDescription,
    security::{KeyKind, Signer},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::process::Child;

use super::{gate::Gate, httpd};
use crate::{Browser, Page, sp::ride, wire};

/// The server's registration and, once it runs, its process.
pub struct Mellon {
    /// Closed, it keeps people out while the server keeps the sessions, which it has in memory only.
    gate: Gate,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Mellon {
    /// Its id at Acquit.
    pub const ID: &str = "mellon";

    /// A server on a port of its own; it does not run yet.
    ///
    /// # Panics
    /// No temporary folder.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("acquit-mellon-").tempdir().unwrap();
        let mellon = Self { gate: Gate::new(), folder, child: None };
        let key = Signer::generate(KeyKind::Rsa2048).unwrap();
        let signer = Signer::self_signed(&key, "mellon").unwrap();
        let root = mellon.folder.path();
        fs::write(root.join("sp.key"), pem("PRIVATE KEY", &key)).unwrap();
        fs::write(root.join("sp.crt"), pem("CERTIFICATE", signer.certificate().der())).unwrap();
        let description = SpDescription {
            entity_id: &mellon.entity_id(),
            signing: &[signer.certificate().clone()],
            encryption: &[],
            acs: &mellon.url("/mellon/postResponse"),
            slo: &mellon.url("/mellon/logout"),
            slo_soap: Some(&mellon.url("/mellon/logout")),
            name_id_formats: &[],
        };
        fs::write(root.join("sp.xml"), description.to_xml(None).unwrap()).unwrap();
        mellon
    }

    fn entity_id(&self) -> String {
        self.url("/mellon/metadata")
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.gate.port())
    }

    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        format!(
            "[[applications]]\nid = \"{}\"\nprotocol = \"saml\"\nmetadata = {{ file = \"{}\" }}\nslo_binding = \"soap\"\n\
             session_index_required = true\n\n",
            Self::ID,
            self.folder.path().join("sp.xml").display(),
        )
    }

    /// Starts it, trusting the identity provider of this issuer.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn start(&mut self, issuer: &str) {
        httpd::requires("mod_auth_mellon.so", "libapache2-mod-auth-mellon");
        let root = self.folder.path();
        let metadata = wire::get(&format!("{issuer}/saml/metadata")).await.unwrap();
        fs::write(root.join("idp.xml"), metadata.body()).unwrap();
        httpd::pages(root);
        let child = httpd::start(root, &self.server_configuration());
        self.child = Some(child);
        self.open().await;
        httpd::ready(&self.url("/bye.html"), self.folder.path()).await;
    }

    /// Takes connections. Until then, and after [`Mellon::close`], nobody answers at its address.
    pub async fn open(&mut self) {
        self.gate.open().await;
    }

    /// The same, but one letter of the signature of every message that is posted changes on the way.
    pub async fn open_altering(&mut self) {
        self.gate.open_altering().await;
    }

    /// Takes no connections any more.
    pub async fn close(&mut self) {
        self.gate.close().await;
    }

    /// Without TLS its cookies cannot be `SameSite=None`, which browsers take only when they are `Secure`.
    fn server_configuration(&self) -> String {
        let root = self.folder.path().display();
        let (port, inner) = (self.gate.port(), self.gate.inner());
        let modules = httpd::load(&[
            "mpm_prefork",
            "authn_core",
            "authz_core",
            "authz_user",
            "dir",
            "mime",
            "setenvif",
            "auth_mellon",
        ]);
        format!(
            "ServerRoot \"{root}\"\nServerName http://127.0.0.1:{port}\nUseCanonicalName On\nListen 127.0.0.1:{inner}\n\
             PidFile \"{root}/pid\"\n{modules}DefaultRuntimeDir \"{root}\"\nMutex file:{root} default\n\
             TypesConfig /dev/null\nAddType text/html .html\nErrorLog \"{root}/log\"\nLogLevel info\n\
             User www-data\nGroup www-data\nDocumentRoot \"{root}/pages\"\nDirectoryIndex index.html\n\
             SetEnvIf Request_URI \"^\" MELLON_DISABLE_SAMESITE=1\n\
             MellonLockFile \"{root}/mellon.lock\"\nMellonPostDirectory \"{root}\"\n\
             <Location />\n  Require all granted\n  MellonEnable info\n  MellonEndpointPath /mellon\n\
             MellonSPPrivateKeyFile \"{root}/sp.key\"\n  MellonSPCertFile \"{root}/sp.crt\"\n\
             MellonSPMetadataFile \"{root}/sp.xml\"\n  MellonIdPMetadataFile \"{root}/idp.xml\"\n\
             MellonSignatureMethod rsa-sha256\n</Location>\n\
             <Location /protected>\n  AuthType Mellon\n  MellonEnable auth\n  Require valid-user\n</Location>\n",
        )
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        httpd::log(self.folder.path())
    }

    /// The page behind the sign-in, or where this browser is sent instead.
    pub async fn protected(&self, browser: &Browser) -> Page {
        ride(browser, browser.open(&self.url("/protected/index.html")).await).await
    }

    /// Signs out as the module's own link does.
    pub async fn sign_out(&self, browser: &Browser) -> Page {
        let back = self.url("/bye.html");
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("ReturnTo", &back).finish();
        ride(browser, browser.open(&self.url(&format!("/mellon/logout?{query}"))).await).await
    }
}

impl Default for Mellon {
    fn default() -> Self {
        Self::new()
    }
}

/// DER as PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
