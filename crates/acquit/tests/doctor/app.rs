//! `acquit doctor app`, on metadata as service providers write it.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Command,
};

use acquit_saml::{
    names::{HTTP_ARTIFACT, HTTP_POST, HTTP_REDIRECT, SOAP_BINDING},
    security::{Certificate, KeyKind, Signer},
};
use serde_json::Value;
use tempfile::TempDir;

fn doctor(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    super::doctor(folder, "app", arguments)
}

fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    super::doctor_json(folder, "app", arguments).1
}

fn key(usage: &str) -> String {
    let signer = Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "sp.example").unwrap();
    descriptor(usage, signer.certificate())
}

fn descriptor(usage: &str, certificate: &Certificate) -> String {
    format!(
        "<KeyDescriptor{usage}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>\
         {}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>",
        certificate.base64()
    )
}

fn entity(id: &str, attributes: &str, role: &str) -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{id}\"{attributes}>{role}</EntityDescriptor>"
    )
}

fn sp(attributes: &str, inner: &str) -> String {
    format!(
        "<SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"{attributes}>{inner}</SPSSODescriptor>"
    )
}

fn endpoint(name: &str, binding: &str, location: &str, more: &str) -> String {
    format!("<{name} Binding=\"{binding}\" Location=\"{location}\"{more}/>")
}

fn acs() -> String {
    endpoint("AssertionConsumerService", HTTP_POST, "https://wiki.example.com/acs", " index=\"0\" isDefault=\"true\"")
}

/// As mod_auth_mellon writes it: one key for both uses, SOAP and Redirect for logout, POST and Artifact for assertions.
fn mellon() -> String {
    let inner = [
        key(""),
        endpoint("SingleLogoutService", SOAP_BINDING, "https://wiki.example.com/mellon/logout", ""),
        endpoint("SingleLogoutService", HTTP_REDIRECT, "https://wiki.example.com/mellon/logout", ""),
        "<NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</NameIDFormat>".to_owned(),
        acs(),
        endpoint(
            "AssertionConsumerService",
            HTTP_ARTIFACT,
            "https://wiki.example.com/mellon/artifactResponse",
            " index=\"1\"",
        ),
    ];
    entity("https://wiki.example.com/mellon/metadata", "", &sp(" AuthnRequestsSigned=\"true\"", &inner.concat()))
}

/// As SimpleSAMLphp writes it: Redirect alone for logout, with answers elsewhere, keys by use.
fn simplesamlphp(id: &str) -> String {
    let inner = [
        key(" use=\"signing\""),
        key(" use=\"encryption\""),
        endpoint(
            "SingleLogoutService",
            HTTP_REDIRECT,
            "https://wiki.example.com/saml2-logout.php/default-sp",
            " ResponseLocation=\"https://wiki.example.com/answers\"",
        ),
        acs(),
    ];
    entity(id, " validUntil=\"2099-01-01T00:00:00Z\"", &sp(" WantAssertionsSigned=\"true\"", &inner.concat()))
}

#[test]
fn soap_is_a_yes_with_a_block_that_check_takes() {
    let folder = folder(&[("wiki.xml", mellon())]);
    let (code, out, err) = doctor(&folder, &["wiki.xml"]);
    assert_eq!(code, 0, "{out}{err}");
    for words in [
        "Yes, by the server: durably",
        "SOAP      https://wiki.example.com/mellon/logout",
        "Redirect  https://wiki.example.com/mellon/logout",
        "signs with CN=sp.example, until 4096-01-01",
        "Acquit refuses unsigned ones",
        "does not ask for a signature on the assertion itself",
        "formats of names: transient",
        "(not used by Acquit)",
        "id = \"wiki\"",
        "metadata = { file = \"wiki.xml\" }",
    ] {
        assert!(out.contains(words), "{words} in {out}");
    }
    let about = json(&folder, &["wiki.xml"]);
    assert_eq!(about["told_by"], "soap");
    let block = about["configuration"].as_str().unwrap();
    let configuration = format!("[server]\npublic_url = \"http://localhost:8080\"\n\n{block}");
    std::fs::write(folder.path().join("acquit.toml"), configuration).unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_acquit"))
        .args(["check", "--json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!((&report["ok"], &report["mistakes"]), (&Value::Bool(true), &Value::Array(Vec::new())));
}

#[test]
fn redirect_alone_is_only_through_the_browser() {
    let folder = folder(&[("wiki.xml", simplesamlphp("https://wiki.example.com/module.php"))]);
    let (code, out, _) = doctor(&folder, &["wiki.xml"]);
    assert_eq!(code, 0, "{out}");
    for words in [
        "Only through the person's browser. Acquit uses Redirect.",
        "answers go to https://wiki.example.com/answers",
        "valid until 2099-01-01",
        "decrypts with CN=sp.example",
        "unsigned ones are taken",
        "wants the assertion itself signed",
        "formats of names: not said, so any",
    ] {
        assert!(out.contains(words), "{words} in {out}");
    }
    let about = json(&folder, &["wiki.xml"]);
    assert_eq!(
        (&about["told_by"], &about["logout"][0]["response_location"]),
        (&Value::from("redirect"), &Value::from("https://wiki.example.com/answers"))
    );
}

#[test]
fn an_application_that_cannot_be_told_is_one_to_think_about() {
    let deaf = entity("urn:wiki", "", &sp("", &acs()));
    let folder = folder(&[("deaf.xml", deaf)]);
    let (code, out, _) = doctor(&folder, &["deaf.xml"]);
    assert_eq!(code, 1, "{out}");
    for words in [
        "Can it be told of a logout? No",
        "Can a logout begin there? No: no usable certificate",
        "warning: this application cannot be told of a logout",
        "warning: no certificate of this application is known",
        "it has no key to encrypt to",
    ] {
        assert!(out.contains(words), "{words} in {out}");
    }
    assert_eq!(json(&folder, &["deaf.xml"])["told_by"], Value::Null);
}

#[test]
fn what_check_would_call_a_mistake_is_one_here() {
    let soap = |location: &str| endpoint("SingleLogoutService", SOAP_BINDING, location, "");
    let told = soap("https://wiki.example.com/slo");
    let acs_by = |by: &str| endpoint("AssertionConsumerService", by, "https://wiki.example.com/a", " index=\"0\"");
    let (paos, artifact) = (acs_by("urn:oasis:names:tc:SAML:2.0:bindings:PAOS"), acs_by(HTTP_ARTIFACT));
    for (inner, says) in [
        (&[key(""), soap("http://10.0.0.7/slo"), acs()][..], "error: the egress policy refuses"),
        (&[key(""), told.clone(), paos], "error: the metadata has no AssertionConsumerService for HTTP-POST"),
        (&[told.clone(), artifact.clone()], "error: the metadata takes artifacts alone"),
        (&[key(""), told, artifact], ""),
    ] {
        let folder = folder(&[("sp.xml", entity("urn:a", "", &sp("", &inner.concat())))]);
        let (code, out, _) = doctor(&folder, &["sp.xml"]);
        assert_eq!((code == 0, out.contains("error:")), (says.is_empty(), !says.is_empty()), "{out}");
        assert!(out.contains(says), "{says}: {out}");
        assert_eq!(out.contains("But not as it is"), code != 0, "{out}");
    }
}

#[test]
fn a_certificate_that_has_expired_is_named_with_its_day_and_still_believed() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "old.example");
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 2, 3);
    let old = Certificate::from_der(params.self_signed(&pair).unwrap().der()).unwrap();
    let slo = endpoint("SingleLogoutService", HTTP_POST, "https://wiki.example.com/slo", "");
    let folder = folder(&[("old.xml", entity("urn:a", "", &sp("", &[descriptor("", &old), slo, acs()].concat())))]);
    let (code, out, _) = doctor(&folder, &["old.xml"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("old.example, expired on 2020-02-03") && out.contains("Acquit uses POST"), "{out}");
    assert!(out.contains("warning: the certificate") && out.contains("its signed LogoutRequests are taken"), "{out}");
    assert_eq!(json(&folder, &["old.xml"])["signing_certificates"][0]["expired"], true);
}

#[test]
fn metadata_that_cannot_be_used_says_why() {
    let idp = entity(
        "urn:idp",
        "",
        &format!(
            "<IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}</IDPSSODescriptor>",
            endpoint("SingleSignOnService", HTTP_REDIRECT, "https://idp.example/sso", "")
        ),
    );
    let several = format!(
        "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}{}</EntitiesDescriptor>",
        simplesamlphp("https://a.example.com/sp"),
        simplesamlphp("https://b.example.com/sp")
    );
    let mellon = mellon();
    let folder = folder(&[
        ("idp.xml", idp),
        ("several.xml", several),
        ("expired.xml", entity("urn:sp", " validUntil=\"2020-01-01T00:00:00Z\"", &sp("", &acs()))),
        ("half.xml", mellon[..mellon.len() / 2].to_owned()),
        ("doctype.xml", format!("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>{mellon}")),
        ("empty.xml", String::new()),
        ("page.xml", "<html xmlns=\"http://www.w3.org/1999/xhtml\"/>".to_owned()),
    ]);
    for (file, words) in [
        ("idp.xml", "describes an identity provider"),
        ("several.xml", "--entity-id"),
        ("expired.xml", "has expired (validUntil)"),
        ("half.xml", "cannot be used: not well-formed"),
        ("doctype.xml", "DOCTYPE"),
        ("empty.xml", "cannot be used"),
        ("page.xml", "cannot be used"),
    ] {
        let (code, out, err) = doctor(&folder, &[file]);
        assert_eq!((code, out.as_str()), (1, ""), "{file}: {err}");
        assert!(err.contains(words), "{words} in {err}");
    }
    let (code, out, err) = doctor(&folder, &["several.xml", "--entity-id", "https://b.example.com/sp"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("id = \"b\"") && out.contains("entity_id = \"https://b.example.com/sp\""), "{out}");
    let (code, _, err) = doctor(&folder, &["absent.xml"]);
    assert_eq!(code, 2);
    assert!(err.contains("`absent.xml` cannot be read"), "{err}");
}

/// Answers one request with this document.
fn serve(document: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metadata", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        let length = document.len();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{document}").unwrap();
    });
    url
}

#[test]
fn a_url_is_fetched_only_where_the_operator_lets_requests_go() {
    let url = serve(mellon());
    let folder = folder(&[]);
    let (code, _, err) = doctor(&folder, &[&url]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("egress.allow"), "{err}");
    let configuration = "[server]\npublic_url = \"http://localhost:8080\"\n[egress]\nallow = [\"127.0.0.0/8\"]\n";
    std::fs::write(folder.path().join("acquit.toml"), configuration).unwrap();
    let (code, out, err) = doctor(&folder, &[&url]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&format!("metadata = {{ url = \"{url}\" }}")), "{out}");
}

#[test]
fn a_configuration_with_mistakes_or_none_where_one_was_named_is_said() {
    let folder = folder(&[("wiki.xml", mellon()), ("acquit.toml", "[server]\npublic = 1\n".to_owned())]);
    let (code, _, err) = doctor(&folder, &["wiki.xml"]);
    assert_eq!(code, 2, "{err}");
    assert_eq!(doctor(&folder, &["wiki.xml", "--config", "other.toml"]).0, 2);
}
