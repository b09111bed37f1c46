//! Metadata in and out.

use std::time::Duration;

use acquit_saml::{
    Error, METADATA_BYTES,
    metadata::{IdpDescription, Peer, SpDescription},
    names,
};

use crate::parties::*;

fn idp_xml(signed: bool) -> String {
    let signing = [idp().signer.certificate().clone(), idp_ec().signer.certificate().clone()];
    let description = IdpDescription {
        entity_id: IDP,
        signing: &signing,
        encryption: &signing[..1],
        sso: "https://idp.example/saml/sso",
        slo: IDP_SLO,
        slo_soap: "https://idp.example/saml/slo/soap",
        artifact: Some("https://idp.example/saml/artifact"),
        name_id_formats: &[names::FORMAT_PERSISTENT, names::FORMAT_EMAIL],
    };
    description.to_xml(signed.then_some((&idp().signer, &id(8)))).unwrap()
}

fn sp_xml() -> String {
    let keys = [sp().signer.certificate().clone()];
    let description = SpDescription {
        entity_id: SP,
        signing: &keys,
        encryption: &keys,
        acs: ACS,
        slo: SP_SLO,
        slo_soap: Some("https://sp.example/soap"),
        name_id_formats: &[],
    };
    description.to_xml(None).unwrap()
}

fn read(xml: &str) -> Result<Peer, Error> {
    Peer::from_metadata(xml.as_bytes(), None, None, now())
}

#[test]
fn our_own_metadata_is_read_back() {
    let idp = read(&idp_xml(false)).unwrap().idp.unwrap();
    assert_eq!(idp.entity_id, IDP);
    assert_eq!((idp.role.signing.len(), idp.role.encryption.len()), (2, 1));
    let bindings: Vec<_> = idp.role.single_logout.iter().map(|endpoint| endpoint.binding.as_str()).collect();
    assert_eq!(bindings, [names::SOAP_BINDING, names::HTTP_REDIRECT, names::HTTP_POST]);
    assert!(idp.role.single_logout.iter().all(|endpoint| endpoint.asynchronous));
    assert_eq!(idp.single_sign_on.len(), 2);
    assert_eq!(idp.role.artifact_resolution[0].index, Some(0));
    assert_eq!(idp.role.name_id_formats, [names::FORMAT_PERSISTENT, names::FORMAT_EMAIL]);
    let sp = read(&sp_xml()).unwrap().sp.unwrap();
    assert!(sp.authn_requests_signed && sp.want_assertions_signed && sp.takes_format(names::FORMAT_EMAIL));
    assert_eq!(sp.acs_for(None).unwrap().location, ACS);
    assert_eq!(sp.role.logout_by(names::HTTP_POST).unwrap().for_answers(), SP_SLO);
    assert!(sp.trust().is_ok());
}

#[test]
fn signed_metadata_is_taken_from_its_signer_alone() {
    let signed = idp_xml(true);
    let take =
        |xml: &str, keys| Peer::from_metadata(xml.as_bytes(), Some(IDP), Some(&trust("federation", &[keys])), now());
    assert!(take(&signed, idp()).unwrap().idp.is_some());
    assert_eq!(take(&signed, evil()), Err(Error::Signature));
    assert_eq!(take(&idp_xml(false), idp()), Err(Error::Unsigned));
    assert_eq!(take(&signed.replace("idp.example/saml/slo/soap", "evil.example/soap"), idp()), Err(Error::Signature));
    let aggregate = format!("<md:EntitiesDescriptor xmlns:md=\"{}\">{signed}</md:EntitiesDescriptor>", names::MD);
    assert_eq!(take(&aggregate, idp()), Err(Error::Unsigned), "only a signature over all counts");
}

#[test]
fn one_entity_is_picked_from_several() {
    let (first, second) = (sp_xml(), sp_xml().replace(SP, "https://other.example"));
    let aggregate = format!(
        "<?xml version=\"1.0\"?>\n<!-- a federation -->\n<md:EntitiesDescriptor xmlns:md=\"{}\">\n<!-- one -->{first}\n<md:EntitiesDescriptor>{second}</md:EntitiesDescriptor></md:EntitiesDescriptor>",
        names::MD
    );
    let pick = |id| Peer::from_metadata(aggregate.as_bytes(), id, None, now());
    assert_eq!(pick(Some(SP)).unwrap().sp.unwrap().entity_id, SP);
    assert_eq!(pick(Some("https://other.example")).unwrap().sp.unwrap().entity_id, "https://other.example");
    assert_eq!(pick(Some("https://none.example")), Err(Error::NoEntity));
    assert_eq!(pick(None), Err(Error::NoEntity), "several, and none is named");
    let twice = aggregate.replace("https://other.example", SP);
    assert_eq!(Peer::from_metadata(twice.as_bytes(), Some(SP), None, now()), Err(Error::NoEntity));
}

#[test]
fn metadata_that_has_ended_is_refused_whichever_part_says_so() {
    let past = now().minus(Duration::from_secs(1)).to_string();
    let future = now().plus(Duration::from_secs(60)).to_string();
    for place in ["<md:EntityDescriptor ", "<md:SPSSODescriptor "] {
        let with = |time: &str| sp_xml().replace(place, &format!("{place}validUntil=\"{time}\" "));
        assert_eq!(read(&with(&past)), Err(Error::Time), "{place}");
        let sp = read(&with(&future)).unwrap().sp.unwrap();
        assert_eq!(sp.role.valid_until.unwrap().to_string(), future);
        assert!(sp.role.expired(now().plus(Duration::from_secs(61))) && !sp.role.expired(now()));
        assert!(matches!(read(&with("tomorrow")), Err(Error::Invalid(_))));
    }
}

#[test]
fn addresses_that_are_no_web_addresses_are_refused() {
    for bad in ["javascript:alert(1)", "/relative", "file:///etc/passwd", "data:text/html,x", ""] {
        let changed = sp_xml().replace(&format!("\"{ACS}\""), &format!("\"{bad}\""));
        assert_eq!(read(&changed), Err(Error::Invalid("Location")), "{bad}");
        let elsewhere = sp_xml()
            .replace(&format!("Location=\"{SP_SLO}\""), &format!("Location=\"{SP_SLO}\" ResponseLocation=\"{bad}\""));
        assert_eq!(read(&elsewhere), Err(Error::Invalid("Location")), "{bad}");
    }
    let elsewhere = sp_xml().replace(
        &format!("Location=\"{SP_SLO}\""),
        &format!("Location=\"{SP_SLO}\" ResponseLocation=\"https://sp.example/done\""),
    );
    let sp = read(&elsewhere).unwrap().sp.unwrap();
    assert_eq!(sp.role.logout_by(names::HTTP_REDIRECT).unwrap().for_answers(), "https://sp.example/done");
}

#[test]
fn keys_without_a_use_serve_both_and_bad_ones_are_named() {
    let both = sp_xml().replacen(" use=\"signing\"", "", 1);
    let role = read(&both).unwrap().sp.unwrap().role;
    assert_eq!((role.signing.len(), role.encryption.len()), (1, 2));
    let base64 = sp().signer.certificate().base64();
    assert_eq!(read(&sp_xml().replace(&base64, "AAAA")), Err(Error::Invalid("X509Certificate")));
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    assert!(read(&sp_xml().replace(&base64, &format!("\n{}\n", lines.join("\r\n")))).is_ok());
    let none = sp_xml().replace("use=\"signing\"", "use=\"encryption\"");
    assert_eq!(read(&none).unwrap().sp.unwrap().trust().map(|_| ()), Err(Error::NoKey));
}

#[test]
fn other_documents_roles_and_protocols_are_refused() {
    assert_eq!(read("<a/>"), Err(Error::Kind));
    assert_eq!(read(&sp_xml().replace(names::SAMLP, "urn:oasis:names:tc:SAML:1.1:protocol")), Err(Error::NoEntity));
    assert_eq!(read(&format!("<!DOCTYPE x>{}", sp_xml())), Err(Error::Markup));
    assert_eq!(
        read(&sp_xml().replace("AuthnRequestsSigned=\"true\"", "AuthnRequestsSigned=\"yes\"")),
        Err(Error::Invalid("AuthnRequestsSigned"))
    );
    assert_eq!(read(&format!("{}{}", sp_xml(), " ".repeat(METADATA_BYTES))), Err(Error::TooLarge));
    assert_eq!(
        Peer::from_metadata(sp_xml().as_bytes(), Some("https://none.example"), None, now()),
        Err(Error::NoEntity)
    );
}
