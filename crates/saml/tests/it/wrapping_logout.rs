//! Signature wrapping and other forgeries on logout messages; nobody may be signed out by one.

use acquit_saml::{Error, binding::soap, message::Outbound, names};

use crate::parties::*;

fn honest() -> String {
    logout_request("alice").signed_xml(&sp().signer).unwrap()
}

/// The request without its signature, for bob.
fn forged() -> String {
    logout_request("bob").plain_xml().unwrap().replace(id(3).as_str(), "_evil")
}

fn refused(name: &str, xml: &str) {
    let envelope = format!("<e:Envelope xmlns:e=\"{}\"><e:Body>{xml}</e:Body></e:Envelope>", names::SOAP);
    assert!(log_out(xml).is_err(), "{name}");
    assert!(log_out_soap(&envelope).is_err(), "{name}, by SOAP");
}

#[test]
fn a_signed_request_hidden_anywhere_in_a_forged_one_proves_nothing() {
    let (honest, forged) = (honest(), forged());
    let signature = signature_of(&honest);
    let bare = honest.replace(signature, "");
    let object = signature.replace("</ds:Signature>", &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"));
    let inside = signature.replace("</ds:Signature>", &format!("{bare}</ds:Signature>"));
    let key_info = signature.replace("<ds:KeyInfo>", &format!("<ds:KeyInfo>{bare}"));
    for (name, insert) in [
        ("sibling", format!("{signature}{bare}")),
        ("sibling before", format!("{bare}{signature}")),
        ("extensions", format!("<samlp:Extensions>{honest}</samlp:Extensions>")),
        ("extensions, signature moved up", format!("{signature}<samlp:Extensions>{bare}</samlp:Extensions>")),
        ("object", object),
        ("signature", inside),
        ("key info", key_info),
        ("whole", honest.clone()),
        ("signature alone", signature.to_owned()),
    ] {
        refused(name, &forged.replacen("</saml:Issuer>", &format!("</saml:Issuer>{insert}"), 1));
        refused(name, &forged.replacen("</samlp:LogoutRequest>", &format!("{insert}</samlp:LogoutRequest>"), 1));
    }
    refused("wrapper", &format!("<x xmlns=\"urn:x\">{honest}{forged}</x>"));
}

#[test]
fn a_forged_request_with_the_identifier_of_the_signed_one_is_refused() {
    let honest = honest();
    let twin = logout_request("bob").plain_xml().unwrap();
    let xml =
        twin.replacen("</saml:Issuer>", &format!("</saml:Issuer><samlp:Extensions>{honest}</samlp:Extensions>"), 1);
    assert_eq!(log_out(&xml).unwrap_err(), Error::DuplicateId);
    let moved = twin.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", signature_of(&honest)), 1);
    assert_eq!(log_out(&moved).unwrap_err(), Error::Signature);
}

#[test]
fn a_name_added_to_a_signed_request_is_refused() {
    let honest = honest();
    let name = cut(&honest, "<saml:NameID", "</saml:NameID>");
    let more = name.replace("alice", "bob");
    refused("first", &honest.replace(name, &format!("{more}{name}")));
    refused("second", &honest.replace(name, &format!("{name}{more}")));
    refused("inside", &honest.replace("alice", &format!("{more}alice")));
    let index = cut(&honest, "<samlp:SessionIndex>", "</samlp:SessionIndex>");
    refused("index taken away: all sessions", &honest.replace(index, ""));
}

#[test]
fn two_messages_or_foreign_parts_in_an_envelope_are_refused() {
    let honest = honest();
    let envelope = |content: &str| format!("<e:Envelope xmlns:e=\"{}\">{content}</e:Envelope>", names::SOAP);
    let take = |content: String| log_out_soap(&envelope(&content)).map(|_| ());
    assert_eq!(take(format!("<e:Body>{honest}</e:Body>")), Ok(()));
    assert_eq!(take(format!("<e:Header><x xmlns=\"urn:x\"/></e:Header><e:Body>{honest}</e:Body>")), Ok(()));
    for content in [
        format!("<e:Body>{honest}{}</e:Body>", forged()),
        format!("<e:Body>{honest}</e:Body><e:Body>{}</e:Body>", forged()),
        format!("<e:Body>{honest}</e:Body><x xmlns=\"urn:x\"/>"),
        format!("<x xmlns=\"urn:x\"/><e:Body>{honest}</e:Body>"),
        format!("<x:Body xmlns:x=\"urn:x\">{honest}</x:Body>"),
        format!("<e:Header><x xmlns=\"urn:x\" e:mustUnderstand=\"1\"/></e:Header><e:Body>{honest}</e:Body>"),
        "<e:Body/>".to_owned(),
        String::new(),
    ] {
        assert_eq!(take(content.clone()), Err(Error::Soap), "{content}");
    }
    assert!(matches!(
        take(format!("<e:Header>{honest}</e:Header><e:Body>{}</e:Body>", forged())),
        Err(Error::SignatureShape(_))
    ));
    assert_eq!(log_out_soap(&honest).unwrap_err(), Error::Soap);
    let twelve =
        envelope(&format!("<e:Body>{honest}</e:Body>")).replace(names::SOAP, "http://www.w3.org/2003/05/soap-envelope");
    assert_eq!(log_out_soap(&twelve).unwrap_err(), Error::Soap);
}

#[test]
fn a_fault_is_told_apart_and_ours_is_read() {
    let fault = soap::fault(soap::FaultCode::Client, "not <this>").unwrap();
    assert!(fault.contains("<faultcode>soap:Client</faultcode>"));
    assert!(fault.contains("not &lt;this&gt;"));
    assert_eq!(log_out_soap(&fault).unwrap_err(), Error::Fault);
}

#[test]
fn bombs_and_outside_entities_are_refused_at_once() {
    let mut bomb = String::from("<!DOCTYPE l [<!ENTITY a0 \"aaaaaaaaaa\">");
    for level in 1..10 {
        bomb.push_str(&format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10)));
    }
    bomb.push_str("]>");
    let external = "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    for prolog in [bomb.as_str(), external] {
        for entity in ["&a9;", "&x;"] {
            let xml = format!("{prolog}{}", honest().replace("alice", entity));
            assert_eq!(log_out(&xml).unwrap_err(), Error::Markup);
        }
    }
}
