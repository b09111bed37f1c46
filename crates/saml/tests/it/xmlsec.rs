//! `xmlsec1` as the second opinion on every signature and encryption that we make or accept, each with its altered twin.
//!
//! Runs when `ACQUIT_PEERS` is set, as `./check` sets it; then `xmlsec1` missing is a failure.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use acquit_saml::{
    message::{Answer, ArtifactResponse, Expect, Header, Kind, Message, Outbound, ResponseRules, SignWhat, Status},
    names,
    security::DecryptionKey,
};

use crate::{parties::*, shapes};

#[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
fn take_part() -> bool {
    std::env::var("ACQUIT_PEERS").is_ok_and(|value| !value.is_empty() && value != "0")
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Option<Self> {
        take_part().then(|| Self { folder: tempfile::tempdir().unwrap() })
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn run(&self, mode: &str, keys: &Keys, private: bool, more: &[&str], xml: &str) -> Output {
        let mut command = Command::new("xmlsec1");
        command.arg(mode);
        for (namespace, name) in [
            (names::SAMLP, "Response"),
            (names::SAMLP, "LogoutRequest"),
            (names::SAMLP, "ArtifactResponse"),
            (names::SAML, "Assertion"),
            (names::MD, "EntityDescriptor"),
        ] {
            command.arg("--id-attr:ID").arg(format!("{namespace}:{name}"));
        }
        if private {
            let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &keys.pkcs8);
            let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
            command.arg("--privkey-pem").arg(self.file("key.pem", pem.as_bytes()));
        } else {
            let certificate = self.file("cert.der", keys.signer.certificate().der());
            command.arg("--pubkey-cert-der").arg(&certificate).arg("--trusted-der").arg(&certificate);
        }
        command.args(more).arg(self.file("message.xml", xml.as_bytes()));
        command.output().expect("xmlsec1 is installed: apt-get install xmlsec1, as ./check does")
    }

    fn verifies(&self, xml: &str, keys: &Keys) -> bool {
        self.run("--verify", keys, false, &[], xml).status.success()
    }

    fn sign(&self, template: &str, keys: &Keys) -> String {
        let output = self.run("--sign", keys, true, &[], template);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A signed answer that brings a signed Response; xmlsec1 checks the first signature, which is the outer one.
fn artifact_response(keys: &Keys) -> String {
    let mut header = Header::new(&id(7), now(), IDP, SP).answering(id(6).as_str());
    header.destination = None;
    let message = response("alice").to_xml(&keys.signer, SignWhat::Both, None).unwrap();
    let answer = ArtifactResponse { header, status: Status::success(), message: Some(message) };
    answer.signed_xml(&keys.signer).unwrap()
}

#[test]
fn what_we_sign_xmlsec1_verifies() {
    let Some(bench) = Bench::new() else { return };
    for keys in [idp(), idp_ec()] {
        for (name, xml) in [
            ("response", response("alice").to_xml(&keys.signer, SignWhat::Response, None).unwrap()),
            ("assertion", response("alice").to_xml(&keys.signer, SignWhat::Assertion, None).unwrap()),
            ("both", response("alice").to_xml(&keys.signer, SignWhat::Both, None).unwrap()),
            ("artifact", artifact_response(keys)),
            ("logout", logout_request("al\u{ef}ce & \"<b>\"\r\n\tc]]>").signed_xml(&keys.signer).unwrap()),
        ] {
            assert!(bench.verifies(&xml, keys), "{name}");
            assert!(!bench.verifies(&xml.replacen("NotOnOrAfter=\"2", "NotOnOrAfter=\"3", 1), keys), "{name}, altered");
        }
    }
}

#[test]
fn what_xmlsec1_signs_we_verify() {
    let Some(bench) = Bench::new() else { return };
    for (keys, method) in [(sp(), "rsa-sha256"), (sp(), "rsa-sha384"), (sp(), "rsa-sha512"), (idp_ec(), "ecdsa-sha256")]
    {
        for digest in ["xmlenc#sha256", "xmlenc#sha512"] {
            let template = shapes::TEMPLATE
                .replace("rsa-sha256", method)
                .replace("xmlenc#sha256", digest)
                .replace("THE-ID", id(3).as_str());
            let plain = logout_request("al\u{ef}ce & \"<b>\"\tc").plain_xml().unwrap();
            let signed = bench.sign(&plain.replacen("</saml:Issuer>", &format!("</saml:Issuer>{template}"), 1), keys);
            let take = |xml: &str| take_logout(&posted(xml, "SAMLRequest"), &trust(SP, &[keys]));
            assert_eq!(take(&signed).unwrap().name_id.value, "al\u{ef}ce & \"<b>\"\tc", "{method}");
            assert!(take(&signed.replace("index-1", "index-2")).is_err());
            assert!(take_logout(&posted(&signed, "SAMLRequest"), &trust(SP, &[evil()])).is_err());
        }
    }
}

#[test]
fn what_xmlsec1_refuses_we_refuse() {
    let Some(bench) = Bench::new() else { return };
    let honest = logout_request("alice").signed_xml(&sp().signer).unwrap();
    assert!(bench.verifies(&honest, sp()) && log_out(&honest).is_ok());
    for (from, to) in [
        ("alice", "alicf"),
        ("<ds:DigestValue>", "<ds:DigestValue>A"),
        ("<ds:SignatureValue>", "<ds:SignatureValue>A"),
        ("#rsa-sha256", "#rsa-sha512"),
        ("xmlenc#sha256", "xmlenc#sha512"),
        ("<samlp:SessionIndex>", " <samlp:SessionIndex>"),
        ("xmlns:samlp=", "xmlns:x=\"urn:x\" x:y=\"z\" xmlns:samlp="),
    ] {
        let changed = honest.replace(from, to);
        assert_ne!(changed, honest);
        assert!(!bench.verifies(&changed, sp()), "{to}");
        assert!(log_out(&changed).is_err(), "{to}");
    }
    // A declaration that nobody uses is not part of the exclusive form: both take it.
    let unused = honest.replacen("xmlns:samlp=", "xmlns:unused=\"urn:x\" xmlns:samlp=", 1);
    assert!(bench.verifies(&unused, sp()) && log_out(&unused).is_ok());
}

#[test]
fn what_we_encrypt_xmlsec1_decrypts() {
    let Some(bench) = Bench::new() else { return };
    let xml = response("alice").to_xml(&idp().signer, SignWhat::Both, Some(sp().signer.certificate())).unwrap();
    let output = bench.run("--decrypt", sp(), true, &[], &xml);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let clear = String::from_utf8(output.stdout).unwrap();
    let assertion = cut(&clear, "<saml:Assertion ", "</saml:Assertion>");
    assert!(assertion.contains("alice"));
    assert!(bench.verifies(assertion, idp()));
    assert!(!bench.run("--decrypt", evil(), true, &[], &xml).status.success());
}

#[test]
fn what_xmlsec1_encrypts_we_decrypt_if_the_algorithms_are_good() {
    let Some(bench) = Bench::new() else { return };
    let keys = [DecryptionKey::from_pkcs8(&sp().pkcs8).unwrap()];
    let take = |xml: &str| {
        let arrived = posted(xml, "SAMLResponse");
        let message = Message::open(&arrived, &[Kind::Response])?;
        let rules = ResponseRules { audience: SP, request: Some(REQUEST), keys: &keys };
        Answer::receive(&message, &trust(IDP, &[idp()]), &Expect::new(&[ACS], now()), &rules)
    };
    let plain = response("alice").plain_xml().unwrap();
    let assertion = cut(&plain, "<saml:Assertion ", "</saml:Assertion>").to_owned();
    let data = bench.file("data.xml", assertion.as_bytes());
    let template = |cipher: &str, transport: &str| {
        format!(
            "<xenc:EncryptedData xmlns:xenc=\"{0}\" Type=\"{0}Element\"><xenc:EncryptionMethod Algorithm=\"{cipher}\"/><ds:KeyInfo xmlns:ds=\"{1}\"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{0}{transport}\"/><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>",
            names::XENC,
            names::DS
        )
    };
    for (cipher, key, transport, good) in [
        ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256", "rsa-oaep-mgf1p", true),
        ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128", "rsa-oaep-mgf1p", true),
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "aes-128", "rsa-oaep-mgf1p", true),
        ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256", "rsa-1_5", false),
        ("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "des-192", "rsa-oaep-mgf1p", false),
    ] {
        let more = ["--session-key", key, "--xml-data", data.to_str().unwrap()];
        let output = bench.run("--encrypt", sp(), false, &more, &template(cipher, transport));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let encrypted = String::from_utf8(output.stdout).unwrap();
        let encrypted = cut(&encrypted, "<xenc:EncryptedData ", "</xenc:EncryptedData>");
        let holder = format!("<saml:EncryptedAssertion>{encrypted}</saml:EncryptedAssertion>");
        let signed = shapes::sign_xml(&plain.replace(&assertion, &holder), idp(), shapes::TEMPLATE);
        match take(&signed) {
            Ok(answer) => assert!(good && person(answer) == "alice", "{cipher} {transport}"),
            Err(error) => assert!(!good && error == acquit_saml::Error::Decryption, "{cipher} {transport}: {error:?}"),
        }
    }
}
