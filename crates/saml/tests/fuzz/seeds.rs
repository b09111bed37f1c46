//! Writes the seeds anew, with keys that nobody has afterwards: `cargo test -p acquit-saml --test fuzz -- --ignored write_the_seeds`.

use std::{fs, time::Duration};

use acquit_saml::{
    binding::{artifact::Artifact, redirect, soap},
    message::{
        ArtifactResolve, ArtifactResponse, Assertion, Attribute, AuthnRequest, AuthnStatement, Code, Comparison,
        Header, LogoutRequest, LogoutResponse, NameId, NameIdPolicy, Outbound, RequestedAuthnContext, Response,
        SignWhat, Status,
    },
    metadata::{IdpDescription, SpDescription},
    names,
    security::{KeyKind, Signer},
};

use crate::checks::parties::{CERTIFICATES, HERE, OURS, PEER, REQUEST, folder, id, now};

fn header(number: u8) -> Header {
    Header::new(&id(number), now(), PEER, HERE)
}

fn assertion() -> Assertion {
    Assertion {
        id: id(1).to_string(),
        issue_instant: now(),
        issuer: PEER.to_owned(),
        name_id: NameId::new("alice", names::FORMAT_PERSISTENT),
        in_response_to: Some(REQUEST.to_owned()),
        recipient: HERE.to_owned(),
        not_before: None,
        not_on_or_after: now(),
        audience: OURS.to_owned(),
        authn: AuthnStatement {
            instant: now(),
            session_index: Some("index".to_owned()),
            session_not_on_or_after: None,
            context: names::AC_PASSWORD.to_owned(),
            authorities: vec!["https://upstream.example".to_owned()],
        },
        attributes: vec![Attribute::new("groups", vec!["ops & <dev>".to_owned(), "x\r\n\ty".to_owned()])],
    }
    .valid_for(now(), Duration::from_secs(300))
}

fn logout_request() -> LogoutRequest {
    LogoutRequest {
        header: header(3),
        not_on_or_after: Some(now().plus(Duration::from_secs(300))),
        reason: Some("urn:oasis:names:tc:SAML:2.0:logout:user".to_owned()),
        name_id: NameId {
            sp_name_qualifier: Some(OURS.to_owned()),
            name_qualifier: Some(PEER.to_owned()),
            ..NameId::new("alice", names::FORMAT_PERSISTENT)
        },
        session_indexes: vec!["index".to_owned(), "another".to_owned()],
        asynchronous: true,
    }
}

fn authn_request() -> AuthnRequest {
    AuthnRequest {
        force_authn: true,
        name_id_policy: Some(NameIdPolicy {
            format: Some(names::FORMAT_EMAIL.to_owned()),
            sp_name_qualifier: None,
            allow_create: true,
        }),
        context: Some(RequestedAuthnContext {
            comparison: Comparison::Minimum,
            classes: vec![names::AC_PASSWORD.to_owned()],
        }),
        subject: Some(NameId::new("alice", names::FORMAT_EMAIL)),
        ..AuthnRequest::new(header(4), "https://peer.example/acs")
    }
}

fn logout_response() -> LogoutResponse {
    let status = Status { message: Some("two of three".to_owned()), ..Status::new(Code::Success, "PartialLogout") };
    LogoutResponse { header: header(5).answering(REQUEST), status }
}

#[test]
#[ignore = "changes files of the repository"]
fn write_the_seeds() {
    let new = |kind| Signer::self_signed(&Signer::generate(kind).unwrap(), "peer").unwrap();
    let (rsa, ec) = (new(KeyKind::Rsa2048), new(KeyKind::P256));
    let seeds = folder().join("seeds");
    for (name, signer) in CERTIFICATES.iter().zip([&rsa, &ec]) {
        fs::create_dir_all(&seeds).unwrap();
        fs::write(seeds.join(name), signer.certificate().base64() + "\n").unwrap();
    }
    let save = |target: &str, name: &str, how: &str, content: &str| {
        fs::create_dir_all(seeds.join(target)).unwrap();
        fs::write(seeds.join(target).join(name), format!("{how}{content}")).unwrap();
    };

    let answer = Response::success(header(2).answering(REQUEST), assertion());
    let refusal = Response::refusal(header(6).answering(REQUEST), Status::new(Code::Responder, "NoPassive"));
    let signed = |what| answer.to_xml(&rsa, what, None).unwrap();
    let resolve = ArtifactResolve { header: header(7), artifact: Artifact::from_random(OURS, 1, [9; 20]) };
    let resolved = ArtifactResponse {
        header: header(8).answering(REQUEST),
        status: Status::success(),
        message: Some(answer.plain_xml().unwrap()),
    };
    save("message", "response", "s", &signed(SignWhat::Response));
    save("message", "response-assertion", "s", &signed(SignWhat::Assertion));
    save("message", "response-both", "s", &signed(SignWhat::Both));
    save("message", "response-p256", "s", &answer.to_xml(&ec, SignWhat::Assertion, None).unwrap());
    let sealed = answer.to_xml(&ec, SignWhat::Response, Some(rsa.certificate())).unwrap();
    save("message", "response-encrypted", "s", &sealed);
    save("message", "refusal", "s", &refusal.plain_xml().unwrap());
    save("message", "logout-request", "q", &logout_request().signed_xml(&rsa).unwrap());
    save("message", "logout-request-p256", "q", &logout_request().signed_xml(&ec).unwrap());
    save("message", "logout-request-soap", "e", &soap::encode(&logout_request(), &ec).unwrap());
    let sealed = logout_request().encrypted_to(rsa.certificate()).unwrap().signed_xml(&ec).unwrap();
    save("message", "logout-request-encrypted", "q", &sealed);
    save("message", "logout-response", "s", &logout_response().signed_xml(&rsa).unwrap());
    save("message", "logout-response-soap", "e", &soap::encode(&logout_response(), &ec).unwrap());
    let plain = |xml: String| {
        format!(
            r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{xml}</e:Body></e:Envelope>"#
        )
    };
    save("message", "logout-response-soap-plain", "e", &plain(logout_response().plain_xml().unwrap()));
    save("message", "fault", "e", &soap::fault(soap::FaultCode::Client, "no").unwrap());
    save("message", "authn-request", "q", &authn_request().signed_xml(&rsa).unwrap());
    save("message", "authn-request-plain", "q", &authn_request().plain_xml().unwrap());
    save("message", "resolve", "e", &soap::encode(&resolve, &ec).unwrap());
    save("message", "resolved", "e", &soap::encode(&resolved, &ec).unwrap());
    // To be signed by the target.
    save("message", "own-logout-request", "Q", &logout_request().plain_xml().unwrap());
    save("message", "own-logout-request-soap", "E", &logout_request().plain_xml().unwrap());
    save("message", "own-logout-response", "S", &logout_response().plain_xml().unwrap());
    save("message", "own-authn-request", "Q", &authn_request().plain_xml().unwrap());
    save("message", "own-response", "S", &answer.plain_xml().unwrap());
    save("message", "own-resolve", "E", &resolve.plain_xml().unwrap());
    save("message", "own-resolved", "E", &resolved.plain_xml().unwrap());

    let redirect = |name: &str, url: String| save("redirect", name, "", url.split_once('?').unwrap().1);
    redirect("logout-request", redirect::encode(&logout_request(), HERE, Some("relay"), Some(&rsa)).unwrap());
    redirect("logout-request-p256", redirect::encode(&logout_request(), HERE, None, Some(&ec)).unwrap());
    redirect("logout-response", redirect::encode(&logout_response(), HERE, Some("a b&c"), Some(&rsa)).unwrap());
    redirect("authn-request", redirect::encode(&authn_request(), HERE, Some("/x?y=é"), Some(&ec)).unwrap());
    redirect("authn-request-plain", redirect::encode(&authn_request(), HERE, None, None).unwrap());

    let signing = [rsa.certificate().clone(), ec.certificate().clone()];
    let idp = IdpDescription {
        entity_id: PEER,
        signing: &signing,
        encryption: &signing[..1],
        sso: "https://peer.example/sso",
        slo: "https://peer.example/slo",
        slo_soap: "https://peer.example/slo/soap",
        artifact: Some("https://peer.example/artifact"),
        name_id_formats: &[names::FORMAT_PERSISTENT, names::FORMAT_EMAIL],
    };
    let sp = SpDescription {
        entity_id: PEER,
        signing: &signing[1..],
        encryption: &signing[..1],
        acs: "https://peer.example/acs",
        slo: "https://peer.example/slo",
        slo_soap: Some("https://peer.example/soap"),
        name_id_formats: &[names::FORMAT_PERSISTENT],
    };
    save("metadata", "idp", "-", &idp.to_xml(None).unwrap());
    save("metadata", "idp-signed", "s", &idp.to_xml(Some((&rsa, &id(1)))).unwrap());
    save("metadata", "sp", "-", &sp.to_xml(None).unwrap());
    save("metadata", "sp-signed", "s", &sp.to_xml(Some((&ec, &id(2)))).unwrap());
    let both = format!(
        r#"<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" validUntil="2030-01-01T00:00:00Z"><!-- one -->{}</md:EntitiesDescriptor>"#,
        sp.to_xml(None).unwrap()
    );
    save("metadata", "aggregate", "-", &both);
}
