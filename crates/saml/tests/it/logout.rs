//! Logout messages on every binding and back.

use std::time::Duration;

use acquit_saml::{
    Error,
    binding::{post, redirect, soap},
    message::{
        Code, Expect, Header, Kind, LogoutRequest, LogoutResponse, Message, NameId, Outbound, REASON_ADMIN, Status,
    },
    names,
};

use crate::parties::*;

fn full() -> LogoutRequest {
    let mut request = logout_request("alice & <bob>");
    request.reason = Some(REASON_ADMIN.to_owned());
    request.session_indexes = vec!["a".to_owned(), "b\"<".to_owned()];
    request.asynchronous = true;
    request.name_id.name_qualifier = Some(IDP.to_owned());
    request.name_id.sp_name_qualifier = Some(SP.to_owned());
    request.name_id.sp_provided_id = Some("own".to_owned());
    request
}

#[test]
fn a_logout_request_arrives_whole_by_every_binding() {
    let url = redirect::encode(&full(), IDP_SLO, Some("r"), Some(&sp().signer)).unwrap();
    let arrived = redirect::decode(url.split_once('?').unwrap().1).unwrap();
    assert_eq!(take_logout(&arrived, &trust(SP, &[sp()])).unwrap().into_inner(), full());
    assert_eq!(log_out(&full().signed_xml(&sp().signer).unwrap()).unwrap().into_inner(), full());
    let envelope = soap::encode(&full(), &sp().signer).unwrap();
    assert_eq!(log_out_soap(&envelope).unwrap().into_inner(), full());
}

#[test]
fn an_unsigned_logout_request_is_refused_by_every_binding() {
    let url = redirect::encode(&full(), IDP_SLO, Some("r"), None).unwrap();
    let arrived = redirect::decode(url.split_once('?').unwrap().1).unwrap();
    assert_eq!(take_logout(&arrived, &trust(SP, &[sp()])).unwrap_err(), Error::Unsigned);
    let plain = full().plain_xml().unwrap();
    assert_eq!(log_out(&plain).unwrap_err(), Error::Unsigned);
    let envelope = format!("<e:Envelope xmlns:e=\"{}\"><e:Body>{plain}</e:Body></e:Envelope>", names::SOAP);
    assert_eq!(log_out_soap(&envelope).unwrap_err(), Error::Unsigned);
    // A signature cut out of a signed one.
    let signed = full().signed_xml(&sp().signer).unwrap();
    assert_eq!(log_out(&signed.replace(signature_of(&signed), "")).unwrap_err(), Error::Unsigned);
}

#[test]
fn what_was_altered_is_refused() {
    let signed = full().signed_xml(&sp().signer).unwrap();
    for (from, to) in [
        ("alice &amp;", "carol &amp;"),
        ("<samlp:SessionIndex>a</samlp:SessionIndex>", ""),
        ("logout:admin", "logout:user"),
        ("<aslo:Asynchronous", "<aslo:Synchronous"),
        ("IssueInstant=", "Consent=\"x\" IssueInstant="),
    ] {
        assert_ne!(signed.replace(from, to), signed, "{from}");
        assert_eq!(log_out(&signed.replace(from, to)).unwrap_err(), Error::Signature, "{from}");
    }
}

#[test]
fn the_keys_of_another_entity_do_not_count() {
    let signed = full().signed_xml(&evil().signer).unwrap();
    // The attacker's own certificate lies in the KeyInfo.
    assert_eq!(log_out(&signed).unwrap_err(), Error::Signature);
    let arrived = posted(&signed, "SAMLRequest");
    let other = trust("https://other.example", &[evil()]);
    assert_eq!(take_logout(&arrived, &other).unwrap_err(), Error::Issuer);
}

#[test]
fn address_and_time_are_checked() {
    let mut nowhere = full();
    nowhere.header.destination = None;
    let mut elsewhere = full();
    elsewhere.header.destination = Some("https://idp.example/saml/slo/".to_owned());
    let mut stale = full();
    stale.header.issue_instant = now().minus(Duration::from_secs(3600));
    let mut future = full();
    future.header.issue_instant = now().plus(Duration::from_secs(600));
    let mut over = full();
    over.not_on_or_after = Some(now().minus(Duration::from_secs(200)));
    for (request, error) in [
        (nowhere, Error::Destination),
        (elsewhere, Error::Destination),
        (stale, Error::Time),
        (future, Error::Time),
        (over, Error::Time),
    ] {
        assert_eq!(log_out(&request.signed_xml(&sp().signer).unwrap()).unwrap_err(), error);
    }
    // From server to server the address may be absent, but not another.
    let mut nowhere = full();
    nowhere.header.destination = None;
    assert!(log_out_soap(&soap::encode(&nowhere, &sp().signer).unwrap()).is_ok());
    nowhere.header.destination = Some("https://other.example".to_owned());
    assert_eq!(log_out_soap(&soap::encode(&nowhere, &sp().signer).unwrap()).unwrap_err(), Error::Destination);
}

#[test]
fn a_request_without_a_name_and_one_with_two_are_refused() {
    let plain = full().signed_xml(&sp().signer).unwrap();
    let name = cut(&plain, "<saml:NameID", "</saml:NameID>").to_owned();
    for (changed, error) in [
        (full().plain_xml().unwrap().replace(&name, ""), Error::Missing("NameID")),
        (full().plain_xml().unwrap().replace(&name, &name.repeat(2)), Error::Twice("NameID")),
    ] {
        let signed = crate::shapes::sign_xml(&changed, sp(), crate::shapes::TEMPLATE);
        assert_eq!(log_out(&signed).unwrap_err(), error);
    }
}

fn answer(status: Status) -> LogoutResponse {
    LogoutResponse { header: Header::new(&id(5), now(), SP, IDP_SLO).answering("_q"), status }
}

fn read(arrived: &acquit_saml::binding::Arrived, request: &str) -> Result<Status, Error> {
    let message = Message::open(arrived, &[Kind::LogoutRequest, Kind::LogoutResponse])?;
    assert_eq!(message.kind(), Kind::LogoutResponse);
    assert_eq!(message.in_response_to(), Some("_q"));
    let signed = message.verify(&trust(SP, &[sp()]), &Expect::new(&[IDP_SLO], now()))?;
    Ok(LogoutResponse::from_signed(&signed, request)?.into_inner().status)
}

#[test]
fn a_logout_response_arrives_whole_by_every_binding() {
    let mut worded = Status::new(Code::Responder, "RequestDenied");
    worded.message = Some("no <session>".to_owned());
    for status in [Status::success(), Status::partial_logout(), worded] {
        let sent = answer(status.clone());
        let url = redirect::encode(&sent, &format!("{IDP_SLO}?a=b"), Some("x"), Some(&sp().signer)).unwrap();
        let arrived = redirect::decode(url.split_once('?').unwrap().1).unwrap();
        assert_eq!(read(&arrived, "_q").unwrap(), status);
        let form = post::encode(&sent, IDP_SLO, None, &sp().signer).unwrap();
        let arrived = post::decode([(form.field, form.message.as_str())]).unwrap();
        assert_eq!(form.field, "SAMLResponse");
        assert_eq!(read(&arrived, "_q").unwrap(), status);
        let arrived = soap::decode(soap::encode(&sent, &sp().signer).unwrap().into_bytes()).unwrap();
        assert_eq!(read(&arrived, "_q").unwrap(), status);
        assert_eq!(read(&arrived, "_other").unwrap_err(), Error::InResponseTo);
    }
}

#[test]
fn an_unsigned_or_foreign_logout_response_is_refused() {
    let url = redirect::encode(&answer(Status::success()), IDP_SLO, None, None).unwrap();
    let arrived = redirect::decode(url.split_once('?').unwrap().1).unwrap();
    assert_eq!(read(&arrived, "_q").unwrap_err(), Error::Unsigned);
    let xml = answer(Status::success()).signed_xml(&evil().signer).unwrap();
    assert_eq!(read(&posted(&xml, "SAMLResponse"), "_q").unwrap_err(), Error::Signature);
    let partial = answer(Status::partial_logout()).signed_xml(&sp().signer).unwrap();
    let whole = partial
        .replace(cut(&partial, "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Partial", "/>"), "");
    assert_eq!(read(&posted(&whole, "SAMLResponse"), "_q").unwrap_err(), Error::Signature);
}

#[test]
fn partial_is_partial_under_either_top_code() {
    assert!(Status::success().is_complete() && !Status::success().is_partial());
    assert!(Status::partial_logout().is_partial() && !Status::partial_logout().is_complete());
    assert!(Status::new(Code::Responder, "PartialLogout").is_partial());
    assert_eq!(Status::partial_logout().to_string(), "Success/PartialLogout");
}

#[test]
fn a_request_in_the_field_of_an_answer_is_refused() {
    let xml = full().signed_xml(&sp().signer).unwrap();
    let arrived = posted(&xml, "SAMLResponse");
    assert_eq!(take_logout(&arrived, &trust(SP, &[sp()])).unwrap_err(), Error::Kind);
}

#[test]
fn names_match_strongly_with_absent_qualifiers_filled_in() {
    let bare = NameId::new("a", names::FORMAT_PERSISTENT);
    let mut qualified = bare.clone();
    qualified.name_qualifier = Some(IDP.to_owned());
    qualified.sp_name_qualifier = Some(SP.to_owned());
    assert!(bare.strongly_matches(&qualified, IDP, SP) && qualified.strongly_matches(&bare, IDP, SP));
    assert!(!bare.strongly_matches(&qualified, IDP, "https://other.example"));
    assert!(!bare.strongly_matches(&qualified, "https://other.example", SP));
    assert!(!bare.strongly_matches(&NameId::new("A", names::FORMAT_PERSISTENT), IDP, SP));
    assert!(!bare.strongly_matches(&NameId::new("a", names::FORMAT_EMAIL), IDP, SP));
    let mut absent = NameId::new("a", names::FORMAT_UNSPECIFIED);
    let unspecified = absent.clone();
    absent.format = None;
    assert!(absent.strongly_matches(&unspecified, IDP, SP));
}
