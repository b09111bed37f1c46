//! What a service provider refuses although the signature is right.

use std::time::Duration;

use acquit_saml::{
    Error,
    message::{Code, Header, Response, SignWhat, Status},
};

use crate::parties::*;

fn of(change: impl Fn(&mut Response)) -> Result<String, Error> {
    let mut changed = response("alice");
    change(&mut changed);
    let xml = changed.to_xml(&idp().signer, SignWhat::Response, None).unwrap();
    consume(&xml).map(person)
}

/// Changes the assertion, with either signature.
fn assertion_with(change: impl Fn(&mut acquit_saml::message::Assertion)) -> Error {
    let mut changed = response("alice");
    change(changed.assertion.as_mut().unwrap());
    let error = consume(&changed.to_xml(&idp().signer, SignWhat::Response, None).unwrap()).unwrap_err();
    let other = consume(&changed.to_xml(&idp().signer, SignWhat::Assertion, None).unwrap()).unwrap_err();
    assert_eq!(error, other);
    error
}

#[test]
fn the_honest_response_is_taken() {
    assert_eq!(of(|_| {}), Ok("alice".to_owned()));
}

#[test]
fn another_address_is_refused() {
    assert_eq!(of(|response| response.header.destination = Some(SP_SLO.to_owned())), Err(Error::Destination));
    assert_eq!(of(|response| response.header.destination = None), Err(Error::Destination));
    assert_eq!(
        assertion_with(|assertion| assertion.recipient = "https://other.example/acs".to_owned()),
        Error::Destination
    );
}

#[test]
fn another_audience_is_refused() {
    assert_eq!(assertion_with(|assertion| assertion.audience = "https://other.example".to_owned()), Error::Audience);
}

#[test]
fn another_issuer_is_refused() {
    assert_eq!(assertion_with(|assertion| assertion.issuer = SP.to_owned()), Error::Issuer);
    assert_eq!(of(|response| response.header.issuer = SP.to_owned()), Err(Error::Issuer));
}

#[test]
fn the_answer_to_another_question_or_to_none_is_refused() {
    assert_eq!(of(|response| response.header.in_response_to = Some("_other".to_owned())), Err(Error::InResponseTo));
    assert_eq!(of(|response| response.header.in_response_to = None), Err(Error::InResponseTo));
    assert_eq!(assertion_with(|assertion| assertion.in_response_to = Some("_other".to_owned())), Error::InResponseTo);
    assert_eq!(assertion_with(|assertion| assertion.in_response_to = None), Error::InResponseTo);
    // Who began nothing takes only what answers nothing.
    let xml = response_xml("alice", SignWhat::Response);
    assert_eq!(consume_with(&xml, None, now(), SP, ACS), Err(Error::InResponseTo));
    let mut unasked = response("alice");
    unasked.header.in_response_to = None;
    unasked.assertion.as_mut().unwrap().in_response_to = None;
    let xml = unasked.to_xml(&idp().signer, SignWhat::Response, None).unwrap();
    assert_eq!(consume_with(&xml, None, now(), SP, ACS).map(person), Ok("alice".to_owned()));
}

#[test]
fn what_is_over_or_has_not_begun_is_refused() {
    let xml = response_xml("alice", SignWhat::Response);
    let at = |seconds: i64| {
        let now = acquit_core::time::Timestamp::from_seconds(now().as_seconds() + seconds);
        consume_with(&xml, Some(REQUEST), now, SP, ACS).map(person)
    };
    assert!(at(0).is_ok() && at(300 + 179).is_ok(), "clocks differ by three minutes");
    assert_eq!(at(300 + 180), Err(Error::Time));
    assert!(at(-179).is_ok());
    assert_eq!(at(-60 - 181), Err(Error::Time));
    let hour = Duration::from_secs(3600);
    assert_eq!(assertion_with(|assertion| assertion.not_on_or_after = now().minus(hour)), Error::Time);
    assert_eq!(assertion_with(|assertion| assertion.not_before = Some(now().plus(hour))), Error::Time);
    assert_eq!(
        assertion_with(|assertion| assertion.authn.session_not_on_or_after = Some(now().minus(hour))),
        Error::Time
    );
    assert_eq!(of(|response| response.header.issue_instant = now().minus(hour)), Err(Error::Time));
}

#[test]
fn conditions_that_nobody_knows_are_refused() {
    let plain = acquit_saml::message::Outbound::plain_xml(&response("alice")).unwrap();
    let sign = |xml: &str| crate::shapes::sign_xml(xml, idp(), crate::shapes::TEMPLATE);
    assert!(consume(&sign(&plain)).is_ok());
    let once = plain.replace("</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>");
    assert!(consume(&sign(&once)).is_ok());
    let unknown = plain.replace("</saml:Conditions>", "<saml:Condition/></saml:Conditions>");
    assert_eq!(consume(&sign(&unknown)), Err(Error::Invalid("Conditions")));
    let open = plain.replace(cut(&plain, "<saml:AudienceRestriction>", "</saml:AudienceRestriction>"), "");
    assert_eq!(consume(&sign(&open)), Err(Error::Audience));
    let holder = plain.replace("cm:bearer", "cm:holder-of-key");
    assert_eq!(consume(&sign(&holder)), Err(Error::Missing("SubjectConfirmation")));
    let endless = plain
        .replace(cut(&plain, "<saml:SubjectConfirmationData NotOnOrAfter", "Z\""), "<saml:SubjectConfirmationData");
    assert_eq!(consume(&sign(&endless)), Err(Error::Missing("NotOnOrAfter")));
    let old = plain.replacen("Version=\"2.0\"", "Version=\"1.1\"", 1);
    assert_eq!(consume(&sign(&old)), Err(Error::Version));
}

#[test]
fn an_unsigned_refusal_ends_only_the_attempt_that_it_answers() {
    let refusal = |answers: &str| {
        let header = Header::new(&id(2), now(), IDP, ACS).answering(answers);
        let refusal = Response::refusal(header, Status::new(Code::Responder, "AuthnFailed"));
        acquit_saml::message::Outbound::plain_xml(&refusal).unwrap()
    };
    assert!(matches!(consume(&refusal(REQUEST)), Ok(acquit_saml::message::Answer::Refused(_))));
    assert_eq!(consume(&refusal("_other")), Err(Error::InResponseTo));
    // An assertion in a refusal is never looked at.
    let assertion = response_xml("mallory", SignWhat::Assertion);
    let assertion = cut(&assertion, "<saml:Assertion ", "</saml:Assertion>").replace(signature_of(&assertion), "");
    let both = refusal(REQUEST).replace("</samlp:Response>", &format!("{assertion}</samlp:Response>"));
    assert!(matches!(consume(&both), Ok(acquit_saml::message::Answer::Refused(_))));
}
