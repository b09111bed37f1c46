//! Encrypted assertions and names.

use acquit_saml::{
    Error,
    binding::soap,
    message::{Answer, Expect, Kind, LogoutRequest, Message, NameId, Outbound, Received, ResponseRules, SignWhat},
    names,
    security::DecryptionKey,
};

use crate::{parties::*, shapes};

fn keys(of: &Keys) -> Vec<DecryptionKey> {
    vec![DecryptionKey::from_pkcs8(&of.pkcs8).unwrap()]
}

fn consume_with_keys(xml: &str, keys: &[DecryptionKey]) -> Result<Answer, Error> {
    let arrived = posted(xml, "SAMLResponse");
    let message = Message::open(&arrived, &[Kind::Response])?;
    let rules = ResponseRules { audience: SP, request: Some(REQUEST), keys };
    Answer::receive(&message, &trust(IDP, &[idp()]), &Expect::new(&[ACS], now()), &rules)
}

fn encrypted(what: SignWhat) -> String {
    response("alice").to_xml(&idp().signer, what, Some(sp().signer.certificate())).unwrap()
}

#[test]
fn an_encrypted_assertion_is_read_by_its_recipient_alone() {
    for what in [SignWhat::Response, SignWhat::Assertion, SignWhat::Both] {
        let xml = encrypted(what);
        assert!(!xml.contains("alice"), "{what:?}");
        assert_eq!(person(consume_with_keys(&xml, &keys(sp())).unwrap()), "alice");
        let both = [keys(evil()), keys(sp())].concat();
        assert_eq!(person(consume_with_keys(&xml, &both).unwrap()), "alice", "an old key beside the new one");
        assert_eq!(consume_with_keys(&xml, &keys(evil())), Err(Error::Decryption));
        assert_eq!(consume_with_keys(&xml, &[]), Err(Error::Decryption));
    }
}

#[test]
fn nothing_is_decrypted_that_is_not_signed_as_a_whole() {
    let xml = encrypted(SignWhat::Both);
    let outer = signature_of(&xml).to_owned();
    assert_eq!(consume_with_keys(&xml.replace(&outer, ""), &keys(sp())), Err(Error::Unsigned));
    let by_evil = response("alice").to_xml(&evil().signer, SignWhat::Both, Some(sp().signer.certificate())).unwrap();
    assert_eq!(consume_with_keys(&by_evil, &keys(sp())), Err(Error::Signature));
    let value = cut(&xml, "<xenc:CipherValue>", "</xenc:CipherValue>");
    let changed = xml.replace(value, &value.replace("<xenc:CipherValue>", "<xenc:CipherValue>AAAA"));
    assert_eq!(consume_with_keys(&changed, &keys(sp())), Err(Error::Signature));
}

/// An encrypted Response in the clear again, changed and signed rightly: what a provider could send that is careless.
fn careless(change: impl Fn(String) -> String) -> Result<Answer, Error> {
    let xml = encrypted(SignWhat::Response);
    let plain = change(xml.replace(signature_of(&xml), ""));
    consume_with_keys(&shapes::sign_xml(&plain, idp(), shapes::TEMPLATE), &keys(sp()))
}

#[test]
fn weak_and_foreign_encryption_is_refused_before_any_decryption() {
    assert_eq!(person(careless(|xml| xml).unwrap()), "alice");
    let oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
    for (from, to) in [
        (oaep, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"),
        (oaep, "http://www.w3.org/2001/04/xmlenc#kw-aes256"),
        (gcm, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        (gcm, "http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
        (gcm, "urn:x"),
        ("xmldsig#sha1", "xmldsig#md5"),
        ("<xenc:EncryptedKey>", "<ds:KeyName>x</ds:KeyName><xenc:EncryptedKey xenc:Id=\"x\">"),
    ] {
        assert_eq!(careless(|xml| xml.replace(from, to)), Err(Error::Decryption), "{to}");
    }
    let reference = |xml: String| {
        let start = xml.rfind("<xenc:CipherValue>").unwrap();
        let value = cut(&xml[start..], "<xenc:CipherValue>", "</xenc:CipherValue>").to_owned();
        xml.replace(&value, "<xenc:CipherReference URI=\"file:///etc/passwd\"/>")
    };
    assert_eq!(careless(reference), Err(Error::Decryption));
    let twice = |xml: String| {
        let data = cut(&xml, "<xenc:EncryptedData ", "</xenc:EncryptedData>").to_owned();
        xml.replace(&data, &data.repeat(2))
    };
    assert_eq!(careless(twice), Err(Error::Decryption));
}

#[test]
fn an_inner_signature_must_hold_as_well() {
    // Signed inside by somebody else, outside by the provider: encrypted as it is.
    let inner = response("alice").to_xml(&evil().signer, SignWhat::Both, Some(sp().signer.certificate())).unwrap();
    let plain = inner.replace(signature_of(&inner), "");
    let xml = shapes::sign_xml(&plain, idp(), shapes::TEMPLATE);
    assert_eq!(consume_with_keys(&xml, &keys(sp())), Err(Error::Decryption));
}

#[test]
fn the_rules_hold_for_what_was_decrypted() {
    let mut other = response("alice");
    other.assertion.as_mut().unwrap().audience = "https://other.example".to_owned();
    let xml = other.to_xml(&idp().signer, SignWhat::Both, Some(sp().signer.certificate())).unwrap();
    assert_eq!(consume_with_keys(&xml, &keys(sp())), Err(Error::Audience));
}

#[test]
fn an_encrypted_name_in_a_logout_request_is_read() {
    let request = logout_request("alice");
    let encrypted = request.encrypted_to(idp().signer.certificate()).unwrap();
    let xml = encrypted.signed_xml(&sp().signer).unwrap();
    assert!(!xml.contains("alice"));
    let take = |xml: &str, keys: &[DecryptionKey]| {
        let arrived = posted(xml, "SAMLRequest");
        let message = Message::open(&arrived, &[Kind::LogoutRequest])?;
        let signed = message.verify(&trust(SP, &[sp()]), &Expect::new(&[IDP_SLO], now()))?;
        LogoutRequest::from_signed(&signed, keys)
    };
    assert_eq!(take(&xml, &keys(idp())).unwrap().into_inner(), request);
    assert_eq!(take(&xml, &[]).unwrap_err(), Error::Decryption);
    assert_eq!(take(&xml, &keys(evil())).unwrap_err(), Error::Decryption);
    assert_eq!(take(&xml.replace(signature_of(&xml), ""), &keys(idp())).unwrap_err(), Error::Unsigned);
}

#[test]
fn a_small_key_is_no_decryption_key() {
    assert!(DecryptionKey::from_pkcs8(&idp_ec().pkcs8).is_err());
    assert!(DecryptionKey::from_pkcs8(b"x").is_err());
    assert_eq!(format!("{:?}", keys(sp())), "[DecryptionKey]");
}

#[test]
fn a_name_in_an_unsigned_soap_header_is_never_the_one_decrypted() {
    let sent = |person: &str| {
        let request = logout_request(person);
        let encrypted = request.encrypted_to(idp().signer.certificate()).unwrap();
        soap::encode(&encrypted, &sp().signer).unwrap()
    };
    let take = |envelope: &str| {
        let arrived = soap::decode(envelope.as_bytes().to_vec()).unwrap();
        let message = Message::open(&arrived, &[Kind::LogoutRequest])?;
        let signed = message.verify(&trust(SP, &[sp()]), &Expect::new(&[IDP_SLO], now()))?;
        LogoutRequest::from_signed(&signed, &keys(idp())).map(|request| request.name_id.value.clone())
    };
    let honest = sent("alice");
    assert_eq!(take(&honest), Ok("alice".to_owned()));
    // Anybody can encrypt to a published key.
    let bob = sent("bob");
    let bob = cut(&bob, "<saml:EncryptedID>", "</saml:EncryptedID>");
    let bob = bob.replace("<saml:EncryptedID>", &format!("<saml:EncryptedID xmlns:saml=\"{}\">", names::SAML));
    let headed = honest.replace("<soap:Body>", &format!("<soap:Header>{bob}</soap:Header><soap:Body>"));
    assert_eq!(take(&headed), Err(Error::Decryption));
    let empty =
        format!("<saml:EncryptedID xmlns:saml=\"{0}\"><saml:NameID>bob</saml:NameID></saml:EncryptedID>", names::SAML);
    let headed = honest.replace("<soap:Body>", &format!("<soap:Header>{empty}</soap:Header><soap:Body>"));
    assert_eq!(take(&headed), Err(Error::Decryption));
}

#[test]
fn an_encrypted_name_in_a_signed_assertion_is_read() {
    let request = logout_request("alice");
    let name = request.encrypted_to(sp().signer.certificate()).unwrap().plain_xml().unwrap();
    let name = cut(&name, "<saml:EncryptedID>", "</saml:EncryptedID>");
    let plain = response("mallory").plain_xml().unwrap();
    let plain = plain.replace(cut(&plain, "<saml:NameID", "</saml:NameID>"), name);
    let signed = shapes::sign_xml(&plain, idp(), shapes::TEMPLATE);
    assert_eq!(person(consume_with_keys(&signed, &keys(sp())).unwrap()), "alice");
    assert_eq!(consume_with_keys(&signed, &keys(evil())), Err(Error::Decryption));
}

#[test]
fn a_name_that_cannot_be_decrypted_for_any_reason_is_that_of_nobody() {
    let request = logout_request("alice");
    let xml = request.encrypted_to(idp().signer.certificate()).unwrap().plain_xml().unwrap();
    let nobody = NameId::new("nobody", names::FORMAT_PERSISTENT);
    let take = |plain: &str, keys: &[DecryptionKey]| {
        let arrived = posted(&shapes::sign_xml(plain, sp(), shapes::TEMPLATE), "SAMLRequest");
        let message = Message::open(&arrived, &[Kind::LogoutRequest])?;
        let signed = message.verify(&trust(SP, &[sp()]), &Expect::new(&[IDP_SLO], now()))?;
        assert_eq!(LogoutRequest::is_name_encrypted(&signed), Ok(plain.contains("EncryptedID")));
        LogoutRequest::from_signed_or_nobody(&signed, keys, &nobody).map(Received::into_inner)
    };
    assert_eq!(take(&xml, &keys(idp())).unwrap(), request);
    let unread = LogoutRequest { name_id: nobody.clone(), ..request.clone() };
    assert_eq!(take(&xml, &keys(evil())).unwrap(), unread, "another key");
    assert_eq!(take(&xml, &[]).unwrap(), unread, "no key");
    let value = |at: usize| {
        let at = xml.match_indices("<xenc:CipherValue>").nth(at).unwrap().0 + 40;
        let other = if &xml[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &xml[..at], &xml[at + 1..])
    };
    let inside = {
        let assertion =
            response("alice").to_xml(&idp().signer, SignWhat::Both, Some(idp().signer.certificate())).unwrap();
        let data = cut(&assertion, "<xenc:EncryptedData ", "</xenc:EncryptedData>");
        xml.replace(cut(&xml, "<xenc:EncryptedData ", "</xenc:EncryptedData>"), data)
    };
    for (what, xml) in [
        ("another wrapped key", value(0)),
        ("another ciphertext", value(1)),
        ("something else inside", inside),
        ("RSA 1.5", xml.replace("rsa-oaep-mgf1p", "rsa-1_5")),
        ("an unknown cipher", xml.replace("xmlenc11#aes256-gcm", "xmlenc11#aes512-gcm")),
        ("CBC for what is GCM", xml.replace("2009/xmlenc11#aes256-gcm", "2001/04/xmlenc#aes256-cbc")),
        ("nothing", xml.replace(cut(&xml, "<xenc:EncryptedData ", "</xenc:EncryptedData>"), "")),
    ] {
        assert_eq!(take(&xml, &keys(idp())).unwrap(), unread, "{what}");
    }
    // What has nothing to do with decryption is told as before.
    let both = xml.replace("<saml:EncryptedID>", "<saml:NameID>bob</saml:NameID><saml:EncryptedID>");
    assert_eq!(take(&both, &keys(idp())), Err(Error::Twice("NameID")));
    let plain = request.plain_xml().unwrap();
    assert_eq!(take(&plain, &keys(idp())).unwrap(), request);
}
