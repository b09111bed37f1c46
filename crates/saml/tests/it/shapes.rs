//! Signatures that are made correctly with the right key, but not in the one shape that SAML prescribes.

use acquit_saml::{Error, message::Outbound};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use bergshamra_dsig::DsigContext;
use bergshamra_keys::KeysManager;
use kryptering::{HashAlgorithm, SignatureAlgorithm};

use crate::parties::*;

/// The right shape; the identifier stands for itself.
pub(crate) const TEMPLATE: &str = concat!(
    "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>",
    "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
    "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>",
    "<ds:Reference URI=\"#THE-ID\"><ds:Transforms>",
    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>",
    "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
    "</ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>",
    "<ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>",
    "<ds:SignatureValue></ds:SignatureValue></ds:Signature>",
);

/// The bare signature, for what our own code would not sign.
pub(crate) struct Raw(RsaKeyPair);

impl Raw {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self(RsaKeyPair::from_pkcs8(&keys.pkcs8).unwrap())
    }
}

impl kryptering::Signer for Raw {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaPkcs1v15(HashAlgorithm::Sha256)
    }

    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, kryptering::Error> {
        let mut out = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut out).unwrap();
        Ok(out)
    }
}

/// Signs a message by a template, which is put after its Issuer.
pub(crate) fn sign_xml(plain: &str, keys: &Keys, template: &str) -> String {
    let id = cut(plain, " ID=\"", "\" ").trim_start_matches(" ID=\"").trim_end_matches("\" ").to_owned();
    let template = template.replace("THE-ID", &id);
    let unsigned = plain.replacen("</saml:Issuer>", &format!("</saml:Issuer>{template}"), 1);
    let context = DsigContext::new_permissive(KeysManager::new()).with_hsm_signer(Box::new(Raw::new(keys)));
    bergshamra_dsig::sign::sign(&context, &unsigned).expect("the template can be signed")
}

fn outcome(template: &str) -> Result<(), Error> {
    let plain = logout_request("alice").plain_xml().unwrap();
    log_out(&sign_xml(&plain, sp(), template)).map(|_| ())
}

fn shape(template: &str) {
    assert_ne!(template, TEMPLATE);
    let error = outcome(template).unwrap_err();
    assert!(matches!(error, Error::SignatureShape(_)), "{error:?}");
}

const REFERENCE_END: &str = "</ds:Reference>";

#[test]
fn the_right_shape_is_accepted_with_prefixes_and_lines() {
    assert_eq!(outcome(TEMPLATE), Ok(()));
    let prefixes =
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"saml samlp\"/>";
    let open = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let with = open.replace("/>", &format!(">{prefixes}</ds:Transform>"));
    assert_eq!(outcome(&TEMPLATE.replace(open, &with)), Ok(()));
    assert_eq!(outcome(&TEMPLATE.replace("><ds:", ">\n  <ds:")), Ok(()));
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    let value = cut(&signed, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let text = value.trim_start_matches("<ds:SignatureValue>").trim_end_matches("</ds:SignatureValue>");
    let lines: Vec<String> = text.as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    assert!(log_out(&signed.replace(text, &format!("\n{}\n", lines.join("\n")))).is_ok());
}

#[test]
fn a_reference_to_everything_to_nothing_or_to_a_file_is_refused() {
    for uri in [
        "",
        "#",
        "#other",
        "THE-ID",
        "#xpointer(id('THE-ID'))",
        "#xpointer(/)",
        "Cargo.toml",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
        "cid:x",
    ] {
        let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
        let changed = signed.replace(cut(&signed, "URI=\"", "\">"), &format!("URI=\"{uri}\">"));
        let error = log_out(&changed).unwrap_err();
        assert!(matches!(error, Error::SignatureShape(_)), "{uri}: {error:?}");
    }
    shape(&TEMPLATE.replace("#THE-ID", ""));
    shape(&TEMPLATE.replace("#THE-ID", "#xpointer(/)"));
    shape(&TEMPLATE.replace("#THE-ID", "Cargo.toml").replace(cut(TEMPLATE, "<ds:Transforms>", "</ds:Transforms>"), ""));
}

#[test]
fn two_references_are_refused() {
    let reference = cut(TEMPLATE, "<ds:Reference ", REFERENCE_END);
    shape(&TEMPLATE.replace(reference, &reference.repeat(2)));
}

#[test]
fn two_signed_infos_values_or_digests_are_refused() {
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    for (from, to) in [
        ("<ds:SignedInfo ", "</ds:SignedInfo>"),
        ("<ds:SignatureValue>", "</ds:SignatureValue>"),
        ("<ds:DigestValue>", "</ds:DigestValue>"),
        ("<ds:DigestMethod", "</ds:DigestMethod>"),
        ("<ds:Transforms>", "</ds:Transforms>"),
        ("<ds:KeyInfo>", "</ds:KeyInfo>"),
        ("<ds:CanonicalizationMethod", "</ds:CanonicalizationMethod>"),
    ] {
        let part = cut(&signed, from, to);
        let error = log_out(&signed.replace(part, &part.repeat(2))).unwrap_err();
        assert!(matches!(error, Error::SignatureShape(_)), "{from}: {error:?}");
    }
}

#[test]
fn a_digest_in_pieces_is_refused() {
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    for inside in ["<x:y xmlns:x=\"urn:x\"/>", "<ds:DigestValue>AAAA</ds:DigestValue>"] {
        let changed = signed.replace("<ds:DigestValue>", &format!("<ds:DigestValue>{inside}"));
        assert!(matches!(log_out(&changed).unwrap_err(), Error::SignatureShape(_)));
    }
    let commented = signed.replace("<ds:DigestValue>", "<ds:DigestValue><!--AAAA-->");
    assert_eq!(log_out(&commented).unwrap_err(), Error::Markup);
}

#[test]
fn other_transforms_and_canonical_forms_are_refused() {
    const EXC: &str = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    const METHOD: &str = "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    shape(&TEMPLATE.replace(EXC, ""));
    shape(&TEMPLATE.replace(EXC, &EXC.repeat(2)));
    shape(&TEMPLATE.replace(EXC, &EXC.replace("exc-c14n#", "exc-c14n#WithComments")));
    for other in ["http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2006/12/xml-c14n11"] {
        shape(&TEMPLATE.replace(EXC, &format!("<ds:Transform Algorithm=\"{other}\"/>")));
        shape(&TEMPLATE.replace(METHOD, &format!("<ds:CanonicalizationMethod Algorithm=\"{other}\"/>")));
    }
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    for other in [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "urn:unknown",
    ] {
        let changed = signed.replace("http://www.w3.org/2000/09/xmldsig#enveloped-signature", other);
        assert!(matches!(log_out(&changed).unwrap_err(), Error::SignatureShape(_)), "{other}");
        let many = signed.replace(
            "<ds:Transforms>",
            &format!("<ds:Transforms>{}", format!("<ds:Transform Algorithm=\"{other}\"/>").repeat(300)),
        );
        assert!(matches!(log_out(&many).unwrap_err(), Error::SignatureShape(_)), "{other}");
    }
}

#[test]
fn weak_algorithms_and_hmac_are_refused_before_any_cryptography() {
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    for method in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "",
    ] {
        let changed = signed.replace("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", method);
        assert_eq!(log_out(&changed).unwrap_err(), Error::Algorithm, "{method}");
    }
    for digest in ["http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5"] {
        let changed = signed.replace("http://www.w3.org/2001/04/xmlenc#sha256", digest);
        assert_eq!(log_out(&changed).unwrap_err(), Error::Algorithm, "{digest}");
    }
    // The algorithm of another kind of key.
    let changed = signed.replace("#rsa-sha256", "#ecdsa-sha256");
    assert_eq!(log_out(&changed).unwrap_err(), Error::Signature);
    // A right digest of a weak kind, rightly signed.
    let weak = TEMPLATE.replace("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1");
    assert_eq!(outcome(&weak), Err(Error::Algorithm));
}

#[test]
fn a_digest_of_nothing_is_refused() {
    // SHA-256 of the empty string, which a canonical form that fails leaves.
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    let digest = cut(&signed, "<ds:DigestValue>", "</ds:DigestValue>");
    let void = "<ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ds:DigestValue>";
    assert_eq!(log_out(&signed.replace(digest, void)).unwrap_err(), Error::SignatureShape("a digest of nothing"));
    let relative = signed.replace("<saml:NameID ", "<saml:NameID xmlns:v=\"relative\" ");
    assert_eq!(log_out(&relative).unwrap_err(), Error::Namespace);
}

#[test]
fn objects_and_foreign_attributes_in_a_signature_are_refused() {
    shape(&TEMPLATE.replace("</ds:Signature>", "<ds:Object><x xmlns=\"urn:x\"/></ds:Object></ds:Signature>"));
    shape(&TEMPLATE.replace("</ds:Signature>", "<x xmlns=\"urn:x\"/></ds:Signature>"));
    shape(&TEMPLATE.replace("<ds:Reference URI", "<ds:Reference xmlns:e=\"urn:e\" e:URI=\"\" URI"));
    // The library itself reads the foreign attribute: it is the gate that keeps it away.
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    let foreign =
        signed.replace("<ds:SignatureMethod Alg", "<ds:SignatureMethod xmlns:e=\"urn:e\" e:Algorithm=\"x\" Alg");
    assert_eq!(log_out(&foreign).unwrap_err(), Error::SignatureShape("an attribute of another namespace"));
}

#[test]
fn a_signature_over_an_element_without_identifier_is_refused() {
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    let id = format!(" ID=\"{}\"", id(3));
    assert_eq!(log_out(&signed.replace(&id, "")).unwrap_err(), Error::SignatureShape("the signed element has no ID"));
    assert!(log_out(&signed.replacen(" ID=", " Id=", 1)).is_err());
}

#[test]
fn the_certificate_in_a_signature_means_nothing() {
    let honest = logout_request("alice").signed_xml(&sp().signer).unwrap();
    let key_info = cut(&honest, "<ds:KeyInfo>", "</ds:KeyInfo>");
    let evil = logout_request("alice").signed_xml(&evil().signer).unwrap();
    let evil_info = cut(&evil, "<ds:KeyInfo>", "</ds:KeyInfo>");
    assert!(log_out(&honest.replace(key_info, evil_info)).is_ok(), "ignored");
    assert!(log_out(&honest.replace(key_info, "")).is_ok());
    assert_eq!(log_out(&evil.replace(evil_info, key_info)).unwrap_err(), Error::Signature);
    let retrieval = "<ds:KeyInfo><ds:RetrievalMethod URI=\"http://127.0.0.1:1/key\"/></ds:KeyInfo>";
    assert!(log_out(&honest.replace(key_info, retrieval)).is_ok(), "nobody goes there");
}
