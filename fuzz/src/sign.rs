//! Signs any XML in the name of the peer, so that the typed parsers behind the signature see it. This is a second
//! implementation on purpose: it shares the canonical form with the product, and nothing else.

use std::sync::OnceLock;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use uppsala::Parser;

use super::parties::own;

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXC: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

fn canonical(xml: &str) -> Option<(String, Option<String>)> {
    let doc = Parser::new().with_max_depth(40).with_forbid_dtd(true).parse(xml).ok()?;
    let id = doc.get_attribute(doc.document_element()?, "ID").map(str::to_owned);
    let bytes = canonicalize_doc::<&str>(&doc, C14nMode::Exclusive, None, &[]).ok()?;
    Some((String::from_utf8(bytes).ok()?, id))
}

/// The message with a signature over its root after the first Issuer; nothing where there is no place for one.
pub fn enveloped(xml: &str) -> Option<String> {
    let (whole, id) = canonical(xml)?;
    let id = id.filter(|id| !id.contains(['<', '&', '"', '\t', '\r', '\n']))?;
    let hash = BASE64_STANDARD.encode(digest(&SHA256, whole.as_bytes()));
    let info = format!(
        r##"<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{EXC}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:SignatureMethod><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{ENVELOPED}"></ds:Transform><ds:Transform Algorithm="{EXC}"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>{hash}</ds:DigestValue></ds:Reference></ds:SignedInfo>"##
    );
    let value = bare(info.as_bytes());
    let value = BASE64_STANDARD.encode(value);
    let signature =
        format!(r#"<ds:Signature xmlns:ds="{DS}">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"#);
    let at = xml.find("Issuer>").map(|at| at + 7)?;
    let at = if xml[..at].contains("</") { at } else { at + xml[at..].find("Issuer>")? + 7 };
    Some(format!("{}{signature}{}", &xml[..at], &xml[at..]))
}

/// The bare signature of the key of this process.
pub fn bare(message: &[u8]) -> Vec<u8> {
    static PAIR: OnceLock<EcdsaKeyPair> = OnceLock::new();
    let pair = PAIR.get_or_init(|| EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &own().pkcs8).unwrap());
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}
