//! Metadata documents. The first byte says whether they must be signed by the peer: `s`.

use std::sync::OnceLock;

use acquit_saml::{
    METADATA_BYTES,
    metadata::{Endpoint, Peer, Role, ServiceProvider, SpDescription},
    names,
};

use super::parties::{files, now, trust};

/// Runs one input.
pub fn run(data: &[u8]) {
    let Some((how, bytes)) = data.split_first() else { return };
    if *how == b's' {
        if let Ok(peer) = Peer::from_metadata(bytes, None, Some(trust()), now()) {
            assert!(genuine().contains(&peer), "the peer never said this: {peer:?}");
        }
    } else if let Ok(peer) = Peer::from_metadata(bytes, None, None, now()) {
        assert!(bytes.len() <= METADATA_BYTES, "more was read than may");
        if let Some(idp) = &peer.idp {
            assert_eq!(idp.trust().is_ok(), usable(&idp.role));
            whole(&idp.entity_id, &idp.role, &idp.single_sign_on);
        }
        if let Some(sp) = &peer.sp {
            assert_eq!(sp.trust().is_ok(), usable(&sp.role));
            whole(&sp.entity_id, &sp.role, &sp.acs);
            written_and_read_again(sp);
        }
    }
}

fn usable(role: &Role) -> bool {
    role.signing.iter().any(|certificate| certificate.verifying_key().is_ok())
}

/// What comes out is what the rest of the product relies on.
fn whole(entity_id: &str, role: &Role, endpoints: &[Endpoint]) {
    assert!((1..=1024).contains(&entity_id.len()));
    assert!(!role.expired(now()));
    for endpoint in endpoints.iter().chain(&role.single_logout).chain(&role.artifact_resolution) {
        for address in [&endpoint.location, endpoint.for_answers()] {
            let web = ["https:", "http:"]
                .iter()
                .any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
            assert!(web && address.len() <= 2048, "no address for a browser: {address}");
        }
    }
}

fn written_and_read_again(sp: &ServiceProvider) {
    let Ok(acs) = sp.acs_for(None) else { return };
    assert!(acs.binding == names::HTTP_POST && sp.acs.contains(acs));
    let formats: Vec<_> = sp.role.name_id_formats.iter().map(String::as_str).collect();
    let description = SpDescription {
        entity_id: &sp.entity_id,
        signing: &sp.role.signing,
        encryption: &sp.role.encryption,
        acs: &acs.location,
        slo: acs.for_answers(),
        slo_soap: None,
        name_id_formats: &formats,
    };
    let xml = description.to_xml(None).expect("what was read can be written");
    let again =
        Peer::from_metadata(xml.as_bytes(), Some(&sp.entity_id), None, now()).expect("what was written is read");
    let again = again.sp.expect("a service provider");
    assert_eq!(again.entity_id, sp.entity_id);
    assert_eq!(again.role.signing, sp.role.signing);
    assert_eq!(again.role.encryption, sp.role.encryption);
    assert_eq!(again.role.name_id_formats, sp.role.name_id_formats);
    assert_eq!(again.acs[0].location, acs.location);
    assert_eq!(again.role.single_logout[0].location, acs.for_answers());
}

fn genuine() -> &'static Vec<Peer> {
    static GENUINE: OnceLock<Vec<Peer>> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let read = |seed: &[u8]| Peer::from_metadata(&seed[1..], None, Some(trust()), now()).ok();
        let all: Vec<_> = files("seeds", "metadata").iter().filter_map(|(_, seed)| read(seed)).collect();
        assert!(all.len() >= 2, "the seeds are not believed");
        all
    })
}
