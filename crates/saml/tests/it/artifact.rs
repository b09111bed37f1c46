//! The Artifact binding from the browser's URL to the accepted assertion.

use acquit_saml::{
    Error,
    binding::{artifact::Artifact, soap},
    message::{
        Answer, ArtifactResolve, ArtifactResponse, Expect, Header, Kind, Message, ResponseRules, SignWhat, Status,
    },
    security::DecryptionKey,
};

use crate::parties::*;

const RESOLVE: &str = "https://idp.example/saml/artifact";

fn resolve() -> ArtifactResolve {
    let artifact = Artifact::from_random(IDP, 0, [9; 20]);
    ArtifactResolve { header: Header::new(&id(6), now(), SP, RESOLVE), artifact }
}

fn answer(message: Option<String>) -> ArtifactResponse {
    let mut header = Header::new(&id(7), now(), IDP, SP).answering(id(6).as_str());
    header.destination = None;
    ArtifactResponse { header, status: Status::success(), message }
}

fn take(envelope: &str, request: &str) -> Result<Option<String>, Error> {
    let arrived = soap::decode(envelope.as_bytes().to_vec())?;
    let message = Message::open(&arrived, &[Kind::ArtifactResponse])?;
    let (trust, expect) = (trust(IDP, &[idp()]), Expect::new(&[ACS], now()));
    let signed = message.verify(&trust, &expect)?;
    let Some(inner) = ArtifactResponse::inner(&signed, request, Kind::Response, &expect)? else { return Ok(None) };
    let rules = ResponseRules { audience: SP, request: Some(REQUEST), keys: &[] };
    Answer::from_signed(&inner, &trust, &expect, &rules).map(|answer| Some(person(answer)))
}

#[test]
fn a_request_for_a_message_arrives_and_is_answered() {
    let arrived = soap::decode(soap::encode(&resolve(), &sp().signer).unwrap().into_bytes()).unwrap();
    let message = Message::open(&arrived, &[Kind::ArtifactResolve]).unwrap();
    let signed = message.verify(&trust(SP, &[sp()]), &Expect::new(&[RESOLVE], now())).unwrap();
    assert_eq!(ArtifactResolve::from_signed(&signed).unwrap().into_inner(), resolve());

    for what in [SignWhat::Response, SignWhat::Assertion, SignWhat::Both] {
        let envelope = soap::encode(&answer(Some(response_xml("alice", what))), &idp().signer).unwrap();
        assert_eq!(take(&envelope, id(6).as_str()), Ok(Some("alice".to_owned())), "{what:?}");
    }
    let nothing = soap::encode(&answer(None), &idp().signer).unwrap();
    assert_eq!(take(&nothing, id(6).as_str()), Ok(None));
}

#[test]
fn an_answer_that_is_unsigned_foreign_or_to_another_request_is_refused() {
    let envelope = soap::encode(&answer(Some(response_xml("alice", SignWhat::Both))), &idp().signer).unwrap();
    assert_eq!(take(&envelope, "_other"), Err(Error::InResponseTo));
    let outer = signature_of(&envelope).to_owned();
    assert_eq!(take(&envelope.replace(&outer, ""), id(6).as_str()), Err(Error::Unsigned));
    assert_eq!(take(&envelope.replace("alice", "mallory"), id(6).as_str()), Err(Error::Signature));
    let evil = soap::encode(&answer(Some(response_xml("alice", SignWhat::Both))), &evil().signer).unwrap();
    assert_eq!(take(&evil, id(6).as_str()), Err(Error::Signature));
    let mut denied = answer(None);
    denied.status = Status::new(acquit_saml::message::Code::Requester, "RequestDenied");
    let denied = soap::encode(&denied, &idp().signer).unwrap();
    assert!(matches!(take(&denied, id(6).as_str()), Err(Error::Status(_))));
}

#[test]
fn two_messages_or_another_kind_in_an_answer_are_refused() {
    let one = response_xml("alice", SignWhat::Both);
    let two = one.replace(id(1).as_str(), "_a").replace(id(2).as_str(), "_b").replace(signature_of(&one), "");
    let two = two.replace(cut(&two, "<ds:Signature ", "</ds:Signature>"), "");
    let both = soap::encode(&answer(Some(format!("{one}{two}"))), &idp().signer).unwrap();
    assert_eq!(take(&both, id(6).as_str()), Err(Error::Signature), "the new one broke the inner signatures, or two");
}

#[test]
fn an_encrypted_assertion_comes_by_artifact_too() {
    let xml = response("alice").to_xml(&idp().signer, SignWhat::Both, Some(sp().signer.certificate())).unwrap();
    let envelope = soap::encode(&answer(Some(xml)), &idp().signer).unwrap();
    assert!(!envelope.contains("alice"));
    let read = |keys: &[DecryptionKey]| {
        let arrived = soap::decode(envelope.as_bytes().to_vec()).unwrap();
        let message = Message::open(&arrived, &[Kind::ArtifactResponse])?;
        let (trust, expect) = (trust(IDP, &[idp()]), Expect::new(&[ACS], now()));
        let signed = message.verify(&trust, &expect)?;
        let inner = ArtifactResponse::inner(&signed, id(6).as_str(), Kind::Response, &expect)?.unwrap();
        let rules = ResponseRules { audience: SP, request: Some(REQUEST), keys };
        Answer::from_signed(&inner, &trust, &expect, &rules).map(person)
    };
    assert_eq!(read(&[DecryptionKey::from_pkcs8(&sp().pkcs8).unwrap()]), Ok("alice".to_owned()));
    assert_eq!(read(&[DecryptionKey::from_pkcs8(&evil().pkcs8).unwrap()]), Err(Error::Decryption));
}
