use base64::{Engine, prelude::BASE64_STANDARD};

use super::{artifact::Artifact, post, redirect, soap};
use crate::{Error, MESSAGE_BYTES};

fn deflated(xml: &[u8]) -> String {
    let packed = miniz_oxide::deflate::compress_to_vec(xml, 6);
    form_urlencoded::byte_serialize(BASE64_STANDARD.encode(packed).as_bytes()).collect()
}

#[test]
fn a_redirected_message_is_inflated() {
    let query = format!("x=1&SAMLRequest={}&RelayState=a%20b%2Bc+d", deflated(b"<a/>"));
    let arrived = redirect::decode(&query).unwrap();
    assert_eq!(arrived.xml(), b"<a/>");
    assert_eq!(arrived.relay_state(), Some("a b+c d"));
}

#[test]
fn a_query_with_parameters_twice_or_both_messages_is_refused() {
    let message = deflated(b"<a/>");
    for (query, parameter) in [
        (format!("SAMLRequest={message}&SAMLRequest={message}"), "SAMLRequest"),
        (format!("SAMLRequest={message}&SAMLResponse={message}"), "SAMLRequest"),
        (format!("SAMLRequest={message}&RelayState=a&RelayState=b"), "RelayState"),
        (format!("SAMLRequest={message}&RelayState=a&Relay%53tate=b"), "RelayState"),
        (format!("SAMLRequest={message}&Relay%53tate=b"), "RelayState"),
        (format!("SAMLRequest={message}&SigAlg=a&SigAlg=b"), "SigAlg"),
        (format!("SAMLRequest={message}&Signature=QUJD"), "SigAlg"),
        (format!("SAMLRequest={message}&SigAlg=a"), "Signature"),
        (format!("SAMLRequest={message}&SAMLEncoding=urn:x"), "SAMLEncoding"),
        ("RelayState=a".to_owned(), "SAMLRequest"),
        (String::new(), "SAMLRequest"),
    ] {
        assert_eq!(redirect::decode(&query), Err(Error::Parameter(parameter)), "{query}");
    }
}

#[test]
fn a_deflate_bomb_stops_at_the_cap() {
    let bomb = deflated(&vec![b'a'; 8 * 1024 * 1024]);
    assert!(bomb.len() < 60_000, "small outside");
    assert_eq!(redirect::decode(&format!("SAMLRequest={bomb}")), Err(Error::TooLarge));
    let fits = deflated(&vec![b'a'; MESSAGE_BYTES]);
    assert!(redirect::decode(&format!("SAMLRequest={fits}")).is_ok());
}

#[test]
fn what_is_no_base64_or_deflate_is_refused() {
    for bad in ["SAMLRequest=%%%", "SAMLRequest=QUJD", "SAMLRequest=!!", "SAMLRequest=%ff", "SAMLRequest="] {
        assert!(matches!(redirect::decode(bad), Err(Error::Undecodable(_))), "{bad}");
    }
}

#[test]
fn a_form_in_lines_is_decoded() {
    let arrived = post::decode([("SAMLResponse", "PGEv\r\n Pg==\n"), ("RelayState", "r"), ("other", "x")]).unwrap();
    assert_eq!(arrived.xml(), b"<a/>");
    assert_eq!(arrived.relay_state(), Some("r"));
}

#[test]
fn a_form_with_fields_twice_or_none_is_refused() {
    for fields in [
        vec![("SAMLResponse", "PGEvPg=="), ("SAMLResponse", "PGEvPg==")],
        vec![("SAMLResponse", "PGEvPg=="), ("SAMLRequest", "PGEvPg==")],
        vec![("SAMLResponse", "PGEvPg=="), ("RelayState", "a"), ("RelayState", "a")],
        vec![("RelayState", "a")],
    ] {
        assert!(matches!(post::decode(fields), Err(Error::Parameter(_))));
    }
    assert_eq!(post::decode([("SAMLResponse", "A".repeat(MESSAGE_BYTES * 2).as_str())]), Err(Error::TooLarge));
    assert_eq!(post::decode([("SAMLResponse", "####")]), Err(Error::Undecodable("SAMLRequest")));
}

#[test]
fn a_large_soap_body_is_refused() {
    assert_eq!(soap::decode(vec![b' '; MESSAGE_BYTES + 1]), Err(Error::TooLarge));
}

#[test]
fn an_artifact_is_read_back_and_names_its_issuer() {
    let artifact = Artifact::from_random("https://idp.example", 3, [7; 20]);
    let read = Artifact::parse(&artifact.to_string()).unwrap();
    assert_eq!(read, artifact);
    assert!(read.is_from("https://idp.example") && !read.is_from("https://other.example"));
    assert_eq!((read.index(), read.handle()), (3, &[7; 20]));
    let url = artifact.to_url("https://sp.example/acs?a=b", Some("r&s")).unwrap();
    let pairs: Vec<_> = url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    assert_eq!(Artifact::decode(pairs).unwrap(), (artifact, Some("r&s".to_owned())));
}

#[test]
fn what_is_no_artifact_is_refused() {
    let type_1 = BASE64_STANDARD.encode([0, 1].into_iter().chain([9; 42]).collect::<Vec<u8>>());
    for bad in ["", "AAQ=", &type_1, &"A".repeat(200)] {
        assert!(Artifact::parse(bad).is_err(), "{bad}");
    }
    let good = Artifact::from_random("https://idp.example", 0, [7; 20]).to_string();
    assert!(Artifact::decode([("SAMLart", good.as_str()), ("SAMLart", good.as_str())]).is_err());
    assert!(!format!("{:?}", Artifact::parse(&good).unwrap()).contains('7'), "the handle is a secret");
}
