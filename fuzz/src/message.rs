//! Messages by POST and SOAP: the parser, the gate, the signature, the typed parsers.
//!
//! The first byte says how the rest comes: `q` as a request and `s` as an answer by POST, `e` in an envelope that is given;
//! in capitals the same after our own signature over it, the envelope being put around.

use std::{collections::HashSet, sync::OnceLock};

use acquit_core::time::Timestamp;
use acquit_saml::{
    Error, MESSAGE_BYTES,
    binding::{Arrived, post, soap, soap::TlsEndpoint},
    message::{
        Answer, ArtifactResolve, ArtifactResponse, AuthnRequest, Header, Kind, LogoutRequest, LogoutResponse, Message,
        Outbound, Status,
    },
    security::Trust,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    parties::{PEER, REQUEST, expect, files, own, provider, rules, trust},
    sign,
};

const KINDS: [Kind; 6] = [
    Kind::AuthnRequest,
    Kind::Response,
    Kind::LogoutRequest,
    Kind::LogoutResponse,
    Kind::ArtifactResolve,
    Kind::ArtifactResponse,
];

/// What was believed to be from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Believed {
    Authn(Box<AuthnRequest>),
    Assertion(Box<acquit_saml::message::AcceptedAssertion>),
    Logout(LogoutRequest),
    LoggedOut(LogoutResponse),
    Resolve(ArtifactResolve),
    Nothing(Header),
}

/// Runs one input.
pub fn run(data: &[u8]) {
    let Some((how, xml)) = data.split_first() else { return };
    match how {
        b'q' | b's' | b'e' => {
            let Ok(arrived) = arrive(*how, xml) else { return };
            assert!(arrived.xml().len() <= MESSAGE_BYTES, "more came out than may");
            unsigned(&arrived);
            if let Some(believed) = believe(&arrived, trust(), false) {
                assert!(genuine().contains(&format!("{believed:?}")), "the peer never said this: {believed:?}");
            }
        }
        b'Q' | b'S' | b'E' => {
            let Some(signed) = std::str::from_utf8(xml).ok().and_then(sign::enveloped) else { return };
            let how = how.to_ascii_lowercase();
            let Ok(arrived) = arrive(how, &wrapped(how, &signed)) else { return };
            if let Some(believed) = believe(&arrived, &own().trust, true) {
                written_and_read_again(believed);
            }
        }
        _ => {}
    }
}

fn wrapped(how: u8, message: &str) -> Vec<u8> {
    if how != b'e' {
        return message.as_bytes().to_vec();
    }
    let message =
        message.split_once("?>").filter(|(start, _)| start.starts_with("<?xml")).map_or(message, |(_, xml)| xml);
    let namespace = "http://schemas.xmlsoap.org/soap/envelope/";
    format!(r#"<s:Envelope xmlns:s="{namespace}"><s:Body>{message}</s:Body></s:Envelope>"#).into_bytes()
}

fn arrive(how: u8, xml: &[u8]) -> Result<Arrived, Error> {
    match how {
        b'e' => soap::decode(xml.to_vec()),
        b'q' => post::decode([("SAMLRequest", BASE64_STANDARD.encode(xml).as_str())]),
        _ => post::decode([("SAMLResponse", BASE64_STANDARD.encode(xml).as_str())]),
    }
}

/// What the parsers make of it without a signature; nothing that needs one may come out.
fn unsigned(arrived: &Arrived) {
    let Ok(message) = Message::open(arrived, &KINDS) else { return };
    assert!(message.id().len() <= 256 && message.issuer().len() <= 1024, "a header that is too long");
    let signed = message.claims_signature();
    if let Some(peer) = TlsEndpoint::new(PEER, "https://peer.example/slo")
        && let Ok(proven) = message.verify_by_connection(&peer, &expect())
    {
        assert!(!signed && message.kind() == Kind::LogoutResponse, "a connection proved what it cannot");
        if let Ok(answer) = LogoutResponse::from_signed(&proven, REQUEST) {
            written_and_read_again(Believed::LoggedOut(answer.into_inner()));
        }
    }
    if !signed && let Ok(request) = AuthnRequest::receive(&message, provider(false, false), &expect(), &[]) {
        written_and_read_again(Believed::Authn(Box::new(request)));
    }
}

/// What is believed of what arrived, with the keys of that trust.
pub fn believe(arrived: &Arrived, trust: &Trust, own_keys: bool) -> Option<Believed> {
    let message = Message::open(arrived, &KINDS).ok()?;
    let expect = expect();
    if message.kind() == Kind::AuthnRequest {
        let request = AuthnRequest::receive(&message, provider(own_keys, true), &expect, &[]).ok()?;
        return Some(Believed::Authn(Box::new(request)));
    }
    if message.kind() == Kind::Response {
        return match Answer::receive(&message, trust, &expect, &rules()).ok()? {
            Answer::Assertion(assertion) => Some(Believed::Assertion(assertion)),
            // This may not have been signed.
            Answer::Refused(_) => None,
        };
    }
    let signed = message.verify(trust, &expect).ok()?;
    assert_eq!(signed.header().issuer, PEER, "somebody else's keys");
    let header = signed.header().clone();
    let believed = match message.kind() {
        Kind::LogoutRequest => Believed::Logout(LogoutRequest::from_signed(&signed, &[]).ok()?.into_inner()),
        Kind::LogoutResponse => Believed::LoggedOut(LogoutResponse::from_signed(&signed, REQUEST).ok()?.into_inner()),
        Kind::ArtifactResolve => Believed::Resolve(ArtifactResolve::from_signed(&signed).ok()?.into_inner()),
        _ => match ArtifactResponse::inner(&signed, REQUEST, Kind::Response, &expect).ok()? {
            None => Believed::Nothing(header),
            Some(inner) => match Answer::from_signed(&inner, trust, &expect, &rules()).ok()? {
                Answer::Assertion(assertion) => Believed::Assertion(assertion),
                Answer::Refused(_) => Believed::Nothing(header),
            },
        },
    };
    Some(believed)
}

/// All that the peer ever said.
fn genuine() -> &'static HashSet<String> {
    static GENUINE: OnceLock<HashSet<String>> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let mut all = HashSet::new();
        for (_, seed) in files("seeds", "message") {
            let Ok(arrived) = arrive(seed[0], &seed[1..]) else { continue };
            all.extend(believe(&arrived, trust(), false).map(|believed| format!("{believed:?}")));
        }
        assert!(all.len() >= 5, "the seeds are not believed");
        all
    })
}

/// What we read we can write, and read the same.
pub fn written_and_read_again(believed: Believed) {
    let believed = in_milliseconds(believed);
    let signer = &own().signer;
    let (how, xml) = match &believed {
        Believed::Authn(request) => (b'q', request.signed_xml(signer)),
        Believed::Logout(request) => (b'q', request.signed_xml(signer)),
        Believed::LoggedOut(response) => (b's', response.signed_xml(signer)),
        Believed::Resolve(resolve) => (b'q', resolve.signed_xml(signer)),
        Believed::Assertion(_) | Believed::Nothing(_) => return,
    };
    let arrived =
        arrive(how, xml.expect("what was read can be written").as_bytes()).expect("what was written is decoded");
    if header(&believed).destination.is_none() {
        // By POST nobody may leave it out.
        return;
    }
    assert_eq!(believe(&arrived, &own().trust, true), Some(believed), "another message was read than was written");
}

fn header(believed: &Believed) -> &Header {
    match believed {
        Believed::Authn(request) => &request.header,
        Believed::Logout(request) => &request.header,
        Believed::LoggedOut(response) => &response.header,
        Believed::Resolve(resolve) => &resolve.header,
        Believed::Nothing(header) => header,
        Believed::Assertion(_) => unreachable!("an assertion is not written again"),
    }
}

/// We write milliseconds and read what is finer; we take words that we would trim.
fn in_milliseconds(mut believed: Believed) -> Believed {
    let cut = |at: &mut Timestamp| *at = Timestamp::from_micros(at.as_micros().div_euclid(1000) * 1000);
    let trim = |status: &mut Status| {
        let message = status.message.take();
        status.message = message.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    };
    match &mut believed {
        Believed::Authn(request) => cut(&mut request.header.issue_instant),
        Believed::Logout(request) => {
            cut(&mut request.header.issue_instant);
            request.not_on_or_after.iter_mut().for_each(cut);
        }
        Believed::LoggedOut(response) => {
            cut(&mut response.header.issue_instant);
            trim(&mut response.status);
        }
        Believed::Resolve(resolve) => cut(&mut resolve.header.issue_instant),
        Believed::Assertion(_) | Believed::Nothing(_) => {}
    }
    believed
}
