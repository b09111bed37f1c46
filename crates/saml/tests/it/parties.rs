//! An identity provider, two service providers and somebody who is neither; the keys are made once.

use std::{sync::OnceLock, time::Duration};

use acquit_core::time::Timestamp;
use acquit_saml::{
    Error,
    binding::{Arrived, post, soap},
    message::{
        Answer, Assertion, Attribute, AuthnStatement, Expect, Header, Kind, LogoutRequest, Message, MessageId, NameId,
        Received, Response, ResponseRules, SignWhat,
    },
    names,
    security::{KeyKind, Signer, Trust},
};
use base64::{Engine, prelude::BASE64_STANDARD};

pub(crate) const IDP: &str = "https://idp.example/saml/metadata";
pub(crate) const SP: &str = "https://sp.example/metadata";
pub(crate) const ACS: &str = "https://sp.example/acs";
pub(crate) const SP_SLO: &str = "https://sp.example/slo";
pub(crate) const IDP_SLO: &str = "https://idp.example/saml/slo";
pub(crate) const REQUEST: &str = "_request";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(1_795_241_256)
}

pub(crate) fn id(number: u8) -> MessageId {
    MessageId::from_random([number; 20])
}

pub(crate) struct Keys {
    pub(crate) pkcs8: Vec<u8>,
    pub(crate) signer: Signer,
}

fn keys(kind: KeyKind, name: &str) -> Keys {
    let pkcs8 = Signer::generate(kind).unwrap().to_vec();
    let signer = Signer::self_signed(&pkcs8, name).unwrap();
    Keys { pkcs8, signer }
}

macro_rules! party {
    ($name:ident, $kind:expr) => {
        pub(crate) fn $name() -> &'static Keys {
            static KEYS: OnceLock<Keys> = OnceLock::new();
            KEYS.get_or_init(|| keys($kind, stringify!($name)))
        }
    };
}
party!(idp, KeyKind::Rsa2048);
party!(idp_ec, KeyKind::P256);
party!(sp, KeyKind::Rsa2048);
party!(evil, KeyKind::Rsa2048);

pub(crate) fn trust(entity: &str, keys: &[&Keys]) -> Trust {
    let certificates: Vec<_> = keys.iter().map(|keys| keys.signer.certificate().clone()).collect();
    Trust::new(entity, &certificates).unwrap()
}

pub(crate) fn assertion(person: &str) -> Assertion {
    Assertion {
        id: id(1).to_string(),
        issue_instant: now(),
        issuer: IDP.to_owned(),
        name_id: NameId::new(person, names::FORMAT_PERSISTENT),
        in_response_to: Some(REQUEST.to_owned()),
        recipient: ACS.to_owned(),
        not_before: None,
        not_on_or_after: now(),
        audience: SP.to_owned(),
        authn: AuthnStatement {
            instant: now(),
            session_index: Some("index-1".to_owned()),
            session_not_on_or_after: Some(now().plus(Duration::from_secs(3600))),
            context: names::AC_PASSWORD.to_owned(),
            authorities: Vec::new(),
        },
        attributes: vec![Attribute::new("groups", vec!["ops & <dev>".to_owned(), "x\r\n\ty".to_owned()])],
    }
    .valid_for(now(), Duration::from_secs(300))
}

pub(crate) fn response(person: &str) -> Response {
    Response::success(Header::new(&id(2), now(), IDP, ACS).answering(REQUEST), assertion(person))
}

pub(crate) fn response_xml(person: &str, what: SignWhat) -> String {
    response(person).to_xml(&idp().signer, what, None).unwrap()
}

pub(crate) fn posted(xml: &str, field: &str) -> Arrived {
    post::decode([(field, BASE64_STANDARD.encode(xml).as_str())]).unwrap()
}

/// What the service provider makes of a Response.
pub(crate) fn consume(xml: &str) -> Result<Answer, Error> {
    consume_with(xml, Some(REQUEST), now(), SP, ACS)
}

pub(crate) fn consume_with(
    xml: &str,
    request: Option<&str>,
    now: Timestamp,
    audience: &str,
    acs: &str,
) -> Result<Answer, Error> {
    let arrived = posted(xml, "SAMLResponse");
    let message = Message::open(&arrived, &[Kind::Response])?;
    let rules = ResponseRules { audience, request, keys: &[] };
    Answer::receive(&message, &trust(IDP, &[idp()]), &Expect::new(&[acs], now), &rules)
}

/// The name that was believed.
pub(crate) fn person(answer: Answer) -> String {
    match answer {
        Answer::Assertion(assertion) => assertion.name_id.value,
        Answer::Refused(status) => panic!("refused: {status}"),
    }
}

pub(crate) fn logout_request(person: &str) -> LogoutRequest {
    LogoutRequest {
        header: Header::new(&id(3), now(), SP, IDP_SLO),
        not_on_or_after: Some(now().plus(Duration::from_secs(300))),
        reason: None,
        name_id: NameId::new(person, names::FORMAT_PERSISTENT),
        session_indexes: vec!["index-1".to_owned()],
        asynchronous: false,
    }
}

/// What the identity provider makes of a LogoutRequest by POST.
pub(crate) fn log_out(xml: &str) -> Result<Received<LogoutRequest>, Error> {
    take_logout(&posted(xml, "SAMLRequest"), &trust(SP, &[sp()]))
}

/// The same by SOAP, the envelope being given.
pub(crate) fn log_out_soap(envelope: &str) -> Result<Received<LogoutRequest>, Error> {
    take_logout(&soap::decode(envelope.as_bytes().to_vec())?, &trust(SP, &[sp()]))
}

pub(crate) fn take_logout(arrived: &Arrived, trust: &Trust) -> Result<Received<LogoutRequest>, Error> {
    let message = Message::open(arrived, &[Kind::LogoutRequest, Kind::LogoutResponse])?;
    let signed = message.verify(trust, &Expect::new(&[IDP_SLO], now()))?;
    LogoutRequest::from_signed(&signed, &[])
}

/// The part of a text from the start of one mark to the end of another.
pub(crate) fn cut<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    let end = text[start..].find(to).unwrap_or_else(|| panic!("no {to} in {text}")) + start + to.len();
    &text[start..end]
}

/// The first signature.
pub(crate) fn signature_of(xml: &str) -> &str {
    cut(xml, "<ds:Signature ", "</ds:Signature>")
}
