use std::hint::black_box;
use acquit_saml::message::{Outbound, SignWhat};
use bergshamra_dsig::DsigContext;
use bergshamra_keys::KeysManager;
use crate::parties::*;
use crate::speed::rate;

struct Null;
impl kryptering::Signer for Null {
    fn algorithm(&self) -> kryptering::SignatureAlgorithm { kryptering::SignatureAlgorithm::RsaPkcs1v15(kryptering::HashAlgorithm::Sha256) }
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, kryptering::Error> { Ok(vec![1; 256]) }
}

#[test]
#[ignore]
fn parts() {
    let us = |r: f64| 1e6 / r;
    let sent = response("alice");
    println!("plain write {:.1}", us(rate(|| { black_box(sent.plain_xml().unwrap()); })));
    let xml = response_xml("alice", SignWhat::Response);
    println!("len {}", xml.len());
    println!("parse {:.1}", us(rate(|| { black_box(uppsala::parse(&xml).unwrap()); })));
    let empty = {
        let d = cut(&xml, "<ds:DigestValue>", "</ds:DigestValue>").to_owned();
        let v = cut(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>").to_owned();
        xml.replace(&d, "<ds:DigestValue/>").replace(&v, "<ds:SignatureValue/>")
    };
    println!("parse+sign null {:.1}", us(rate(|| {
        let mut doc = uppsala::parse(&empty).unwrap();
        let sig = doc.get_elements_by_tag_name_ns(acquit_saml::names::DS, "Signature")[0];
        let context = DsigContext::new(KeysManager::new()).with_hsm_signer(Box::new(Null));
        bergshamra_dsig::sign::sign_document_node(&context, &mut doc, sig).unwrap();
        black_box(doc);
    })));
    let doc = uppsala::parse(&xml).unwrap();
    println!("c14n {:.1}", us(rate(|| {
        black_box(bergshamra_c14n::canonicalize_doc::<&str>(&doc, bergshamra_c14n::C14nMode::Exclusive, None, &[]).unwrap());
    })));
    let b = vec![7_u8; 4000];
    println!("sha {:.1}", us(rate(|| { black_box(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &b)); })));
    println!("to_xml {:.1}", us(rate(|| { black_box(sent.to_xml(&idp_ec().signer, SignWhat::Response, None).unwrap()); })));
}
