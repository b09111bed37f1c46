//! The files of SimpleSAMLphp.

use std::{fs, path::Path};

use super::Pair;

/// Where its metadata is.
pub(super) const METADATA: &str = "/simplesaml/module.php/saml/sp/metadata.php/peer";

/// Writes its configuration: every check of a signature that it has is on, and its sessions are in a database, since only so
/// does it look for the SessionIndex of a LogoutRequest.
pub(super) fn configure(root: &Path, port: u16, pair: &Pair) {
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
    'metadata.sources' => [['type' => 'flatfile']],
    'secretsalt' => 'a salt of the test', 'auth.adminpassword' => 'a password of the test',
    'technicalcontact_name' => 'Nobody', 'technicalcontact_email' => 'nobody@example.com', 'timezone' => 'UTC',
    'showerrors' => true, 'errorreporting' => false,
    'logging.level' => SimpleSAML\\Logger::INFO, 'logging.handler' => 'file', 'logging.logfile' => 'simplesamlphp.log',
    'enable.saml20-idp' => false,
    'module.enable' => ['core' => true, 'saml' => true],
    'session.cookie.secure' => false, 'session.cookie.samesite' => 'Lax', 'language.cookie.secure' => false,
    'store.type' => 'sql', 'store.sql.dsn' => 'sqlite:{at}/data/store.sqlite3',
];
"
    );
    fs::write(root.join("config/config.php"), config).unwrap();
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
