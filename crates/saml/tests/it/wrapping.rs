//! Signature wrapping on Responses: eight ways to move what was signed and put something else where readers look
//! ("On Breaking SAML", 2012), in all places, plus void and foreign roots.

use acquit_saml::{
    Error,
    message::{Answer, SignWhat},
};

use crate::parties::*;

/// Alice's honest message, and the forged pieces that name mallory.
struct Pieces {
    honest: String,
    signature: String,
    /// The honest message or assertion without its signature.
    bare: String,
    assertion: String,
}

const ASSERTION_END: &str = "</saml:Assertion>";

fn pieces(what: SignWhat) -> Pieces {
    let honest = response_xml("alice", what);
    let signature = signature_of(&honest).to_owned();
    let assertion = cut(&honest, "<saml:Assertion ", ASSERTION_END).to_owned();
    let signed = if what == SignWhat::Response { honest.clone() } else { assertion.clone() };
    Pieces { bare: signed.replace(&signature, ""), honest, signature, assertion }
}

/// The same for somebody else, under another identifier.
fn forged(text: &str) -> String {
    let forged = text.replace("alice", "mallory").replace(id(1).as_str(), "_evil1").replace(id(2).as_str(), "_evil2");
    assert_ne!(forged, text);
    forged
}

fn refused(name: &str, xml: &str) {
    // Whether the forgery is refused or overlooked: mallory is never believed.
    match consume(xml) {
        Err(_) => {}
        Ok(answer) => panic!("{name}: taken as {}", person(answer)),
    }
}

fn after_issuer(xml: &str, insert: &str) -> String {
    xml.replacen("</saml:Issuer>", &format!("</saml:Issuer>{insert}"), 1)
}

fn inside_signature(signature: &str, insert: &str) -> String {
    signature.replace("</ds:Signature>", &format!("{insert}</ds:Signature>"))
}

#[test]
fn wrapping_1_and_2_a_forged_response_around_the_signed_one() {
    let p = pieces(SignWhat::Response);
    for keep_id in [false, true] {
        let evil = if keep_id { p.bare.replace("alice", "mallory") } else { forged(&p.bare) };
        refused("1", &after_issuer(&evil, &inside_signature(&p.signature, &p.bare)));
        refused(
            "1 in an object",
            &after_issuer(&evil, &inside_signature(&p.signature, &format!("<ds:Object>{}</ds:Object>", p.bare))),
        );
        refused("2", &after_issuer(&evil, &format!("{}{}", p.signature, p.bare)));
        refused("2 before", &after_issuer(&evil, &format!("{}{}", p.bare, p.signature)));
        refused("with the whole signed one inside", &after_issuer(&evil, &p.honest));
        refused("in extensions", &after_issuer(&evil, &format!("<samlp:Extensions>{}</samlp:Extensions>", p.honest)));
    }
}

#[test]
fn wrapping_3_and_4_a_forged_assertion_beside_or_around_the_signed_one() {
    let p = pieces(SignWhat::Assertion);
    let evil = forged(&p.bare);
    refused("3 before", &p.honest.replace(&p.assertion, &format!("{evil}{}", p.assertion)));
    refused("3 after", &p.honest.replace(&p.assertion, &format!("{}{evil}", p.assertion)));
    let around = evil.replace(ASSERTION_END, &format!("{}{ASSERTION_END}", p.assertion));
    refused("4", &p.honest.replace(&p.assertion, &around));
    let same_id = p.bare.replace("alice", "mallory");
    refused("3 with the same identifier", &p.honest.replace(&p.assertion, &format!("{same_id}{}", p.assertion)));
}

#[test]
fn wrapping_5_and_6_the_signature_in_the_forged_assertion() {
    let p = pieces(SignWhat::Assertion);
    let evil = after_issuer(&forged(&p.bare), &p.signature);
    refused("5", &p.honest.replace(&p.assertion, &format!("{evil}{}", p.bare)));
    refused("5 before", &p.honest.replace(&p.assertion, &format!("{}{evil}", p.bare)));
    let evil = after_issuer(&forged(&p.bare), &inside_signature(&p.signature, &p.bare));
    refused("6", &p.honest.replace(&p.assertion, &evil));
}

#[test]
fn wrapping_7_a_forged_assertion_in_extensions_is_never_the_one_believed() {
    let p = pieces(SignWhat::Assertion);
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", forged(&p.bare));
    let xml = after_issuer(&p.honest, &extensions);
    assert_eq!(person(consume(&xml).unwrap()), "alice", "what is signed is what is read");
    let same_id = format!("<samlp:Extensions>{}</samlp:Extensions>", p.bare.replace("alice", "mallory"));
    assert_eq!(consume(&after_issuer(&p.honest, &same_id)), Err(Error::DuplicateId));
    // The signed one in the extensions, the forged one where readers look.
    let swapped = after_issuer(&p.honest, &format!("<samlp:Extensions>{}</samlp:Extensions>", p.assertion));
    let start = swapped.rfind(&p.assertion).unwrap();
    refused("7 swapped", &format!("{}{}{}", &swapped[..start], forged(&p.bare), &swapped[start + p.assertion.len()..]));
}

#[test]
fn wrapping_8_the_signed_assertion_in_an_object_of_the_forged_one() {
    let p = pieces(SignWhat::Assertion);
    let object = inside_signature(&p.signature, &format!("<ds:Object>{}</ds:Object>", p.bare));
    refused("8", &p.honest.replace(&p.assertion, &after_issuer(&forged(&p.bare), &object)));
}

#[test]
fn a_second_assertion_of_any_kind_is_refused_even_when_signed() {
    let p = pieces(SignWhat::Assertion);
    let encrypted = "<saml:EncryptedAssertion><x xmlns=\"urn:x\"/></saml:EncryptedAssertion>";
    refused("encrypted beside", &p.honest.replace(&p.assertion, &format!("{}{encrypted}", p.assertion)));
    let honest = response_xml("alice", SignWhat::Response);
    let assertion = cut(&honest, "<saml:Assertion ", ASSERTION_END);
    refused("two in a signed response", &honest.replace(assertion, &format!("{assertion}{}", forged(assertion))));
}

#[test]
fn both_signatures_of_a_response_must_hold() {
    let both = response_xml("alice", SignWhat::Both);
    assert_eq!(person(consume(&both).unwrap()), "alice");
    // The inner one is replaced by one over another assertion, the outer one made anew by somebody else.
    let outer = signature_of(&both);
    let evil = response("alice").to_xml(&evil().signer, SignWhat::Both, None).unwrap();
    assert_eq!(consume(&both.replace(outer, signature_of(&evil))), Err(Error::Signature));
    let inner = cut(&both, "<saml:Assertion ", ASSERTION_END);
    let inner_signature = signature_of(inner);
    assert_eq!(consume(&both.replace(inner_signature, "")), Err(Error::Signature));
    assert_eq!(person(consume(&both.replace(outer, "")).unwrap()), "alice", "the inner one alone is enough");
}

#[test]
fn a_foreign_root_around_a_signed_response_is_refused() {
    let honest = response_xml("alice", SignWhat::Response);
    assert_eq!(consume(&format!("<x xmlns=\"urn:x\">{honest}</x>")), Err(Error::Kind));
    let namespaced = honest.replacen("urn:oasis:names:tc:SAML:2.0:protocol", "urn:evil", 1);
    assert_eq!(consume(&namespaced), Err(Error::Kind));
    // By SOAP's envelope in a form: an envelope is no Response.
    let envelope =
        format!("<e:Envelope xmlns:e=\"{}\"><e:Body>{honest}</e:Body></e:Envelope>", acquit_saml::names::SOAP);
    assert_eq!(consume(&envelope), Err(Error::Kind));
}

#[test]
fn an_unsigned_response_and_an_emptied_one_are_refused() {
    let honest = response_xml("alice", SignWhat::Response);
    assert_eq!(consume(&honest.replace(signature_of(&honest), "")), Err(Error::Unsigned));
    let p = pieces(SignWhat::Assertion);
    assert_eq!(consume(&p.honest.replace(&p.signature, "")), Err(Error::Unsigned));
    assert_eq!(consume(&p.honest.replace(&p.assertion, "")), Err(Error::Unsigned));
    let empty = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>";
    assert!(matches!(consume(&honest.replace(signature_of(&honest), empty)), Err(Error::SignatureShape(_))));
}

#[test]
fn text_that_readers_split_differently_is_refused() {
    let honest = response_xml("alice@example.com.evil.example", SignWhat::Response);
    for split in ["<!---->", "<?x?>", "<![CDATA[]]>"] {
        let changed = honest.replace("example.com.evil", &format!("example.com{split}.evil"));
        assert_eq!(consume(&changed), Err(Error::Markup), "{split}");
    }
    let element = honest.replace("example.com.evil", "example.com<x xmlns=\"urn:x\"/>.evil");
    assert_eq!(consume(&element), Err(Error::Signature));
    let doctype = format!("<!DOCTYPE r [<!ENTITY e \"mallory\">]>{honest}").replace("alice", "&e;");
    assert_eq!(consume(&doctype), Err(Error::Markup));
}

#[test]
fn another_keys_signature_by_a_trusted_stranger_is_refused() {
    let xml = response("alice").to_xml(&sp().signer, SignWhat::Both, None).unwrap();
    assert_eq!(consume(&xml), Err(Error::Signature));
    assert!(matches!(consume(&response_xml("alice", SignWhat::Both)), Ok(Answer::Assertion(_))));
}
