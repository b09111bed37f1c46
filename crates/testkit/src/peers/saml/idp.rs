//! SimpleSAMLphp as an identity provider, for our service provider's role.

use std::fs;

use tokio::process::Child;

use super::{Pair, folder, ready, simplesamlphp};
use crate::peers::free_port;

/// Where its metadata is, which is its name too.
const METADATA: &str = "/simplesaml/saml2/idp/metadata.php";

/// A running identity provider, where one person has an account.
pub struct SamlIdp {
    origin: String,
    folder: tempfile::TempDir,
    _child: Child,
}

impl SamlIdp {
    /// Who has an account, by a module that comes with it.
    pub const USER: &str = "ada";
    /// The password.
    pub const PASSWORD: &str = "a password at another house";

    /// Starts it with these metadata of its only service provider. It checks every signature that it can.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn start(service_provider: &str) -> Self {
        let (port, folder) = (free_port(), folder());
        let root = folder.path();
        let at = root.display();
        let more = format!(
            "'metadata.sources' => [['type' => 'flatfile'], ['type' => 'xml', 'file' => '{at}/metadata/sp.xml']],
    'enable.saml20-idp' => true, 'trusted.url.domains' => null,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],"
        );
        simplesamlphp::prepare(root, port, &Pair::new(), &more);
        let (user, password) = (Self::USER, Self::PASSWORD);
        let sources = format!(
            "<?php
$config = ['people' => ['exampleauth:UserPass',
    '{user}:{password}' => ['uid' => ['{user}'], 'mail' => ['{user}@example.org']],
]];
"
        );
        fs::write(root.join("config/authsources.php"), sources).unwrap();
        let hosted = format!(
            "<?php
$metadata['http://127.0.0.1:{port}{METADATA}'] = [
    'host' => '__DEFAULT__', 'auth' => 'people', 'privatekey' => 'peer.pem', 'certificate' => 'peer.crt',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'validate.authnrequest' => true, 'saml20.sign.response' => true, 'saml20.sign.assertion' => true,
    'sign.logout' => true, 'validate.logout' => true, 'redirect.sign' => true, 'redirect.validate' => true,
    'simplesaml.nameidattribute' => 'uid',
    'SingleLogoutServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'],
];
"
        );
        fs::write(root.join("metadata/saml20-idp-hosted.php"), hosted).unwrap();
        fs::write(root.join("metadata/sp.xml"), service_provider).unwrap();
        let child = simplesamlphp::serve(root, port);
        let idp = Self { origin: format!("http://127.0.0.1:{port}"), folder, _child: child };
        ready(&idp.metadata_url()).await.unwrap_or_else(|why| panic!("{why}\n{}", idp.log()));
        idp
    }

    /// Has it read these metadata of its only service provider from now on.
    ///
    /// # Panics
    /// They cannot be written.
    pub fn trust(&self, service_provider: &str) {
        fs::write(self.folder.path().join("metadata/sp.xml"), service_provider).unwrap();
    }

    /// Where its metadata is.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        self.url(METADATA)
    }

    /// Where it signs the person out of all that it let them into, and then sends the browser on to this address.
    #[must_use]
    pub fn sign_out_url(&self, back: &str) -> String {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("RelayState", back).finish();
        self.url(&format!("/simplesaml/saml2/idp/initSLO.php?{query}"))
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        simplesamlphp::log(self.folder.path())
    }
}
