//! Signatures of the Redirect binding: only the original bytes count.

use acquit_saml::{
    Error,
    binding::redirect,
    message::{LogoutRequest, Received},
};

use crate::parties::*;

fn take(query: &str) -> Result<Received<LogoutRequest>, Error> {
    take_logout(&redirect::decode(query)?, &trust(SP, &[sp()]))
}

fn signed() -> String {
    let url = redirect::encode(&logout_request("alice"), IDP_SLO, Some("rel/ay +"), Some(&sp().signer)).unwrap();
    url.split_once('?').unwrap().1.to_owned()
}

fn part<'a>(query: &'a str, name: &str) -> &'a str {
    query.split('&').find(|pair| pair.starts_with(&format!("{name}="))).unwrap()
}

#[test]
fn parameters_may_come_in_any_order_and_among_others() {
    let query = signed();
    assert!(take(&query).is_ok());
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.reverse();
    assert!(take(&format!("lang=de&{}&x", pairs.join("&"))).is_ok());
    let encoding = "SAMLEncoding=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindings%3AURL-Encoding%3ADEFLATE";
    assert!(take(&format!("{query}&{encoding}")).is_ok());
}

#[test]
fn any_change_of_what_is_signed_is_refused() {
    let query = signed();
    let other = redirect::encode(&logout_request("bob"), IDP_SLO, None, None).unwrap();
    let other = part(other.split_once('?').unwrap().1, "SAMLRequest").to_owned();
    for (from, to) in [
        (part(&query, "RelayState"), "RelayState=other"),
        (part(&query, "RelayState"), "RelayState="),
        (part(&query, "SAMLRequest"), other.as_str()),
        (part(&query, "SigAlg"), "SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha512"),
    ] {
        assert_eq!(take(&query.replace(from, to)).unwrap_err(), Error::Signature, "{to}");
    }
    assert_eq!(take(&query.replace(&format!("&{}", part(&query, "RelayState")), "")).unwrap_err(), Error::Signature);
    assert_eq!(take(&query.replace("SAMLRequest=", "SAMLResponse=")).unwrap_err(), Error::Kind);
}

#[test]
fn the_same_values_encoded_otherwise_are_refused() {
    let query = signed();
    for (from, to) in [("%2F", "%2f"), ("%3A", ":"), ("rel%2Fay", "rel/ay")] {
        let changed = query.replace(from, to);
        assert_ne!(changed, query, "{from}");
        assert_eq!(take(&changed).unwrap_err(), Error::Signature, "{from}");
    }
}

#[test]
fn a_peer_that_encodes_otherwise_and_signs_that_is_taken() {
    // Lower-case escapes, as some peers write them, signed as they are.
    let url = redirect::encode(&logout_request("alice"), IDP_SLO, Some("x/y"), Some(&sp().signer)).unwrap();
    let query = url.split_once('?').unwrap().1;
    let octets =
        query.split_once("&Signature=").unwrap().0.replace("%2F", "%2f").replace("%3A", "%3a").replace("%3D", "%3d");
    let signature = kryptering::Signer::sign(&crate::shapes::Raw::new(sp()), octets.as_bytes()).unwrap();
    let signature = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, signature);
    let signature: String = form_urlencoded::byte_serialize(signature.as_bytes()).collect();
    let lower = format!("{octets}&Signature={signature}");
    assert_ne!(lower, query);
    assert!(take(&lower).is_ok());
}

#[test]
fn half_a_signature_and_weak_algorithms_are_refused() {
    let query = signed();
    let (algorithm, signature) = (part(&query, "SigAlg").to_owned(), part(&query, "Signature").to_owned());
    let without = |pair: &str| query.replace(&format!("&{pair}"), "");
    assert_eq!(take(&without(&algorithm)).unwrap_err(), Error::Parameter("SigAlg"));
    assert_eq!(take(&without(&signature)).unwrap_err(), Error::Parameter("Signature"));
    assert_eq!(take(&without(&algorithm).replace(&format!("&{signature}"), "")).unwrap_err(), Error::Unsigned);
    for weak in [
        "http%3A%2F%2Fwww.w3.org%2F2000%2F09%2Fxmldsig%23rsa-sha1",
        "http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23hmac-sha256",
        "",
    ] {
        assert_eq!(take(&query.replace(&algorithm, &format!("SigAlg={weak}"))).unwrap_err(), Error::Algorithm);
    }
    assert_eq!(take(&query.replace(&signature, "Signature=")).unwrap_err(), Error::Signature);
}

#[test]
fn a_signature_inside_a_redirected_message_is_refused() {
    use acquit_saml::message::Outbound;
    let xml = logout_request("alice").signed_xml(&sp().signer).unwrap();
    let packed = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6);
    let packed = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, packed);
    let packed: String = form_urlencoded::byte_serialize(packed.as_bytes()).collect();
    let error = take(&format!("SAMLRequest={packed}")).unwrap_err();
    assert_eq!(error, Error::SignatureShape("a signature inside a redirected message"));
}

#[test]
fn ecdsa_is_taken_in_both_encodings() {
    use aws_lc_rs::{rand::SystemRandom, signature};
    let url = redirect::encode(&logout_request("alice"), IDP_SLO, None, Some(&idp_ec().signer)).unwrap();
    let query = url.split_once('?').unwrap().1.to_owned();
    let trust = trust(SP, &[idp_ec()]);
    assert!(take_logout(&redirect::decode(&query).unwrap(), &trust).is_ok());
    let pair =
        signature::EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &idp_ec().pkcs8).unwrap();
    let octets = query.split_once("&Signature=").unwrap().0;
    let der = pair.sign(&SystemRandom::new(), octets.as_bytes()).unwrap();
    let der = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, der.as_ref());
    let der: String = form_urlencoded::byte_serialize(der.as_bytes()).collect();
    assert!(take_logout(&redirect::decode(&format!("{octets}&Signature={der}")).unwrap(), &trust).is_ok());
}

#[test]
fn an_endpoint_keeps_its_own_query_and_loses_its_fragment() {
    let url = redirect::encode(&logout_request("alice"), "https://idp.example/slo?tenant=1#x", None, None).unwrap();
    assert!(url.starts_with("https://idp.example/slo?tenant=1&SAMLRequest="));
    assert!(!url.contains('#'));
}

#[test]
fn a_response_never_travels_by_redirect() {
    let refused = redirect::encode(&response("alice"), ACS, None, Some(&idp().signer));
    assert_eq!(refused, Err(acquit_saml::BuildError::Binding));
    let packed = miniz_oxide::deflate::compress_to_vec(
        response_xml("alice", acquit_saml::message::SignWhat::Response).as_bytes(),
        6,
    );
    let packed = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, packed);
    let packed: String = form_urlencoded::byte_serialize(packed.as_bytes()).collect();
    let arrived = redirect::decode(&format!("SAMLResponse={packed}")).unwrap();
    let opened = acquit_saml::message::Message::open(&arrived, &[acquit_saml::message::Kind::Response]);
    assert_eq!(opened.map(|_| ()).unwrap_err(), Error::Kind);
}
