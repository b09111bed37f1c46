//! The files of SimpleSAMLphp.

use std::{fs, path::Path, process::Stdio};

use tokio::process::{Child, Command};

use super::{Library, Pair, SamlPeer, folder};
use crate::peers::{free_port, programs};

/// Where its metadata is.
const METADATA: &str = "/simplesaml/module.php/saml/sp/metadata.php/peer";

impl SamlPeer {
    /// SimpleSAMLphp, told by Redirect.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn php(id: &'static str) -> Self {
        let (port, folder) = (free_port(), folder());
        configure(folder.path(), port, &Pair::new());
        let child = serve(folder.path(), port);
        Self::with_metadata(id, port, Library::SimpleSamlPhp, folder, child, METADATA).await
    }
}

/// PHP's own web server with what was configured in a folder.
pub(super) fn serve(root: &Path, port: u16) -> Child {
    let packages =
        "install the Debian packages `simplesamlphp`, `php-cli`, `php-xml`, `php-mbstring` and `php-sqlite3`";
    assert!(Path::new("/usr/share/simplesamlphp").is_dir(), "SimpleSAMLphp is missing: {packages}");
    let log = fs::File::create(root.join("server.log")).unwrap();
    Command::new("php")
        .args(["-d", "display_errors=0", "-d", "log_errors=1", "-S", &format!("127.0.0.1:{port}")])
        .arg(programs().join("simplesamlphp/router.php"))
        .env("SIMPLESAMLPHP_CONFIG_DIR", root.join("config"))
        .env("SAML_PEER_PORT", port.to_string())
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect(packages)
}

/// What it logged.
pub(super) fn log(root: &Path) -> String {
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
    [read("server.log"), read("log/simplesamlphp.log")].concat()
}

/// Writes what both roles need, with more settings; its sessions are in a database, since only so does it look for the
/// SessionIndex of a LogoutRequest.
pub(super) fn prepare(root: &Path, port: u16, pair: &Pair, more: &str) {
    for folder in ["config", "metadata", "cert", "log", "data", "temp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("cert/peer.pem"), &pair.key).unwrap();
    fs::write(root.join("cert/peer.crt"), &pair.certificate).unwrap();
    let at = root.display();
    let config = format!(
        "<?php
$config = [
    'baseurlpath' => 'http://127.0.0.1:{port}/simplesaml/',
    'certdir' => '{at}/cert/', 'loggingdir' => '{at}/log/', 'datadir' => '{at}/data/', 'tempdir' => '{at}/temp',
    'metadatadir' => '{at}/metadata/',
    'secretsalt' => 'a salt of the test', 'auth.adminpassword' => 'a password of the test',
    'technicalcontact_name' => 'Nobody', 'technicalcontact_email' => 'nobody@example.com', 'timezone' => 'UTC',
    'showerrors' => true, 'errorreporting' => false,
    'logging.level' => SimpleSAML\\Logger::INFO, 'logging.handler' => 'file', 'logging.logfile' => 'simplesamlphp.log',
    'session.cookie.secure' => false, 'session.cookie.samesite' => 'Lax', 'language.cookie.secure' => false,
    'store.type' => 'sql', 'store.sql.dsn' => 'sqlite:{at}/data/store.sqlite3',
    {more}
];
"
    );
    fs::write(root.join("config/config.php"), config).unwrap();
}

/// Writes the configuration of a service provider: every check of a signature that it has is on.
fn configure(root: &Path, port: u16, pair: &Pair) {
    let more = "'metadata.sources' => [['type' => 'flatfile']], 'enable.saml20-idp' => false,
    'module.enable' => ['core' => true, 'saml' => true],";
    prepare(root, port, pair, more);
    let sources = format!(
        "<?php
$config = ['peer' => [
    'saml:SP',
    'entityID' => 'http://127.0.0.1:{port}/sp',
    'privatekey' => 'peer.pem', 'certificate' => 'peer.crt',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'sign.authnrequest' => true, 'sign.logout' => true, 'validate.logout' => true, 'redirect.sign' => true,
    'redirect.validate' => true, 'saml20.sign.assertion' => true, 'WantAssertionsSigned' => true,
    'NameIDPolicy' => ['Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', 'AllowCreate' => true],
]];
"
    );
    fs::write(root.join("config/authsources.php"), sources).unwrap();
}

/// Has it read the metadata of its only identity provider.
pub(super) fn trust(root: &Path, entity_id: &str, metadata: &[u8]) {
    fs::write(root.join("metadata/idp.xml"), metadata).unwrap();
    let at = root.display();
    let edit = |name: &str, from: &str, to: &str| {
        let path = root.join("config").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    };
    edit("config.php", "['type' => 'flatfile']", &format!("['type' => 'xml', 'file' => '{at}/metadata/idp.xml']"));
    edit("authsources.php", "'saml:SP',", &format!("'saml:SP', 'idp' => '{entity_id}',"));
}
