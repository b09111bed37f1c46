//! Sign-in from the request to the accepted assertion.

use acquit_saml::{
    Error,
    binding::{post, redirect},
    message::{
        Answer, AuthnRequest, Code, Comparison, Expect, Header, Kind, Message, NameId, NameIdPolicy,
        RequestedAuthnContext, Response, SignWhat, Status,
    },
    metadata::{Endpoint, Role, ServiceProvider},
    names,
};

use crate::parties::*;

const SSO: &str = "https://idp.example/saml/sso";

fn provider(signs: bool) -> ServiceProvider {
    let mut acs = Endpoint::new(names::HTTP_POST, ACS);
    acs.index = Some(1);
    let role = Role { signing: vec![sp().signer.certificate().clone()], ..Role::default() };
    ServiceProvider {
        entity_id: SP.to_owned(),
        role,
        acs: vec![acs],
        authn_requests_signed: signs,
        want_assertions_signed: false,
    }
}

fn request() -> AuthnRequest {
    let mut request = AuthnRequest::new(Header::new(&id(4), now(), SP, SSO), ACS);
    request.force_authn = true;
    request.name_id_policy = Some(NameIdPolicy {
        format: Some(names::FORMAT_EMAIL.to_owned()),
        sp_name_qualifier: None,
        allow_create: true,
    });
    request.context = Some(RequestedAuthnContext {
        comparison: Comparison::Minimum,
        classes: vec![names::AC_PASSWORD.to_owned(), "urn:x".to_owned()],
    });
    request.subject = Some(NameId::new("alice@example.com", names::FORMAT_EMAIL));
    request
}

fn take(arrived: &acquit_saml::binding::Arrived, sp: &ServiceProvider) -> Result<AuthnRequest, Error> {
    let message = Message::open(arrived, &[Kind::AuthnRequest])?;
    AuthnRequest::receive(&message, sp, &Expect::new(&[SSO], now()), &[])
}

fn query_of(url: &str) -> &str {
    url.split_once('?').unwrap().1
}

#[test]
fn a_signed_request_arrives_whole_by_redirect_and_by_post() {
    let url = redirect::encode(&request(), SSO, Some("relay"), Some(&sp().signer)).unwrap();
    let arrived = redirect::decode(query_of(&url)).unwrap();
    assert_eq!(arrived.relay_state(), Some("relay"));
    assert_eq!(take(&arrived, &provider(true)).unwrap(), request());

    let form = post::encode(&request(), SSO, None, &sp().signer).unwrap();
    let arrived = post::decode([(form.field, form.message.as_str())]).unwrap();
    assert_eq!(take(&arrived, &provider(true)).unwrap(), request());
}

#[test]
fn an_unsigned_request_is_taken_only_from_who_does_not_sign() {
    let url = redirect::encode(&request(), SSO, None, None).unwrap();
    let arrived = redirect::decode(query_of(&url)).unwrap();
    assert_eq!(take(&arrived, &provider(false)).unwrap(), request());
    assert_eq!(take(&arrived, &provider(true)), Err(Error::Unsigned));

    let form = post::encode_unsigned(&request(), SSO, None).unwrap();
    let arrived = post::decode([(form.field, form.message.as_str())]).unwrap();
    assert_eq!(take(&arrived, &provider(false)).unwrap(), request());
    assert_eq!(take(&arrived, &provider(true)), Err(Error::Unsigned));
}

#[test]
fn a_wrong_signature_is_refused_even_where_none_is_needed() {
    let url = redirect::encode(&request(), SSO, None, Some(&evil().signer)).unwrap();
    assert_eq!(take(&redirect::decode(query_of(&url)).unwrap(), &provider(false)), Err(Error::Signature));
    let form = post::encode(&request(), SSO, None, &evil().signer).unwrap();
    let arrived = post::decode([(form.field, form.message.as_str())]).unwrap();
    assert_eq!(take(&arrived, &provider(false)), Err(Error::Signature));
}

#[test]
fn a_request_for_another_address_or_from_another_time_is_refused() {
    let mut other = request();
    other.header.destination = Some("https://idp.example/other".to_owned());
    let mut old = request();
    old.header.issue_instant = now().minus(std::time::Duration::from_secs(3600));
    let mut future = request();
    future.header.issue_instant = now().plus(std::time::Duration::from_secs(3600));
    for (request, error) in [(other, Error::Destination), (old, Error::Time), (future, Error::Time)] {
        let url = redirect::encode(&request, SSO, None, None).unwrap();
        assert_eq!(take(&redirect::decode(query_of(&url)).unwrap(), &provider(false)), Err(error));
    }
}

#[test]
fn the_answer_goes_only_to_a_registered_endpoint() {
    let mut sp = provider(false);
    let mut second = Endpoint::new(names::HTTP_POST, "https://sp.example/second");
    (second.index, second.is_default) = (Some(2), Some(true));
    sp.acs.push(second);
    assert_eq!(sp.acs_for(Some(&request())).unwrap().location, ACS);
    assert_eq!(sp.acs_for(None).unwrap().location, "https://sp.example/second");
    let mut by_index = request();
    (by_index.acs_url, by_index.protocol_binding, by_index.acs_index) = (None, None, Some(1));
    assert_eq!(sp.acs_for(Some(&by_index)).unwrap().location, ACS);
    by_index.acs_index = Some(9);
    assert_eq!(sp.acs_for(Some(&by_index)), Err(Error::Invalid("AssertionConsumerServiceIndex")));
    let mut foreign = request();
    foreign.acs_url = Some("https://evil.example/acs".to_owned());
    assert_eq!(sp.acs_for(Some(&foreign)), Err(Error::Invalid("AssertionConsumerServiceURL")));
    foreign.acs_url = Some(format!("{ACS}/"));
    assert_eq!(sp.acs_for(Some(&foreign)), Err(Error::Invalid("AssertionConsumerServiceURL")));
}

#[test]
fn an_endpoint_for_artifacts_counts_if_the_provider_can_prove_itself() {
    const SOUND: &str = "https://sp.example/artifact";
    let mut sp = provider(false);
    let mut artifact = Endpoint::new(names::HTTP_ARTIFACT, SOUND);
    artifact.index = Some(5);
    sp.acs.push(artifact);
    let mut wanted = request();
    (wanted.acs_url, wanted.protocol_binding) = (None, Some(names::HTTP_ARTIFACT.to_owned()));
    let mut by_index = request();
    (by_index.acs_url, by_index.protocol_binding, by_index.acs_index) = (None, None, Some(5));
    for request in [&wanted, &by_index] {
        let found = sp.acs_for(Some(request)).unwrap();
        assert_eq!((found.binding.as_str(), found.location.as_str()), (names::HTTP_ARTIFACT, SOUND));
    }
    wanted.acs_url = Some(ACS.to_owned());
    assert_eq!(sp.acs_for(Some(&wanted)), Err(Error::Invalid("AssertionConsumerServiceURL")), "that one is for POST");
    wanted.acs_url = Some(SOUND.to_owned());
    assert_eq!(sp.acs_for(Some(&wanted)).unwrap().location, SOUND);
    assert_eq!(sp.acs_for(None).unwrap().location, ACS, "the default stays");
    sp.acs[0].is_default = Some(false);
    assert_eq!(sp.acs_for(None).unwrap().location, SOUND);
    // Both at one address: what is sent unasked is the answer itself.
    sp.acs.push(Endpoint::new(names::HTTP_ARTIFACT, ACS));
    let mut at_url = request();
    at_url.protocol_binding = None;
    assert_eq!(sp.acs_for(Some(&at_url)).unwrap().binding, names::HTTP_POST);
    let mut paos = request();
    paos.protocol_binding = Some("urn:oasis:names:tc:SAML:2.0:bindings:PAOS".to_owned());
    assert_eq!(sp.acs_for(Some(&paos)), Err(Error::Invalid("ProtocolBinding")));

    sp.role.signing.clear();
    assert_eq!(sp.acs_for(None).unwrap().location, ACS);
    assert_eq!(sp.acs_for(Some(&by_index)), Err(Error::Invalid("AssertionConsumerServiceIndex")));
    wanted.acs_url = None;
    assert_eq!(sp.acs_for(Some(&wanted)), Err(Error::Invalid("ProtocolBinding")));
}

#[test]
fn a_response_is_accepted_whichever_part_is_signed() {
    for what in [SignWhat::Response, SignWhat::Assertion, SignWhat::Both] {
        let Answer::Assertion(accepted) = consume(&response_xml("alice", what)).unwrap() else { panic!("refused") };
        let sent = assertion("alice");
        assert_eq!(accepted.name_id, sent.name_id, "{what:?}");
        assert_eq!(accepted.authn, sent.authn);
        assert_eq!(accepted.attributes[0].values, ["ops & <dev>", "x\r\n\ty"]);
        assert_eq!((accepted.id, accepted.issuer), (sent.id, sent.issuer));
    }
}

#[test]
fn a_key_of_p256_signs_as_well() {
    let xml = response("alice").to_xml(&idp_ec().signer, SignWhat::Both, None).unwrap();
    let arrived = posted(&xml, "SAMLResponse");
    let message = Message::open(&arrived, &[Kind::Response]).unwrap();
    // The old key is still listed while keys are changed.
    let signed = message.verify(&trust(IDP, &[idp(), idp_ec()]), &Expect::new(&[ACS], now()));
    assert!(signed.is_ok());
    let wrong = message.verify(&trust(IDP, &[idp()]), &Expect::new(&[ACS], now()));
    assert_eq!(wrong.map(|_| ()).unwrap_err(), Error::Signature);
}

#[test]
fn a_refusal_is_read_with_its_reason() {
    let header = Header::new(&id(2), now(), IDP, ACS).answering(REQUEST);
    let refusal = Response::refusal(header, Status::new(Code::Responder, "NoPassive"));
    let xml = refusal.to_xml(&idp().signer, SignWhat::Response, None).unwrap();
    let Answer::Refused(status) = consume(&xml).unwrap() else { panic!("accepted") };
    assert_eq!(status.to_string(), "Responder/NoPassive");
}
