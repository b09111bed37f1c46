use acquit_oidc::client::SingleLogout;
use acquit_saml::metadata::Role;

use super::*;
use crate::settings::saml::Document;

fn metadata(entity_id: &str) -> ServiceProvider {
    ServiceProvider {
        entity_id: entity_id.to_owned(),
        role: Role::default(),
        acs: Vec::new(),
        authn_requests_signed: false,
        want_assertions_signed: false,
    }
}

fn application(id: &str, source: Source) -> SamlApplication {
    SamlApplication {
        app: AppId::new(id),
        name: id.to_owned(),
        key: None,
        source,
        slo_binding: None,
        session_index_required: false,
        slo_frame: false,
        single_logout: SingleLogout::Session,
        name_id: None,
        attributes: Vec::new(),
        encrypt_assertions: false,
        tell_on_expiry: false,
    }
}

fn at(url: &str, entity_id: Option<&str>) -> Source {
    Source::Url(Document { url: url.to_owned(), entity_id: entity_id.map(str::to_owned), signed_by: None })
}

fn given(entity_id: &str) -> Source {
    Source::Given(Box::new(metadata(entity_id)))
}

fn owner(registry: &ServiceProviders, entity_id: &str) -> Option<String> {
    registry.by_entity(entity_id).map(|sp| sp.app().to_string())
}

#[test]
fn a_document_that_was_on_its_way_while_the_configuration_changed_is_of_no_account() {
    for changed in [at("https://new.test/", None), at("https://old.test/", Some("https://wiki.test/")), given("given")]
    {
        let old = application("wiki", at("https://old.test/", None));
        let registry = ServiceProviders::new(vec![old.clone()]);
        assert!(registry.replace(vec![application("wiki", changed)]).is_empty());
        assert!(registry.learn(&old, metadata("stale")));
        assert_eq!(owner(&registry, "stale"), None);
        let now = registry.by_app(&AppId::new("wiki"));
        assert!(now.is_none_or(|sp| sp.entity_id() == "given"));
    }
}

#[test]
fn a_document_that_is_held_to_other_rules_now_is_fetched_anew() {
    let old = application("wiki", at("https://old.test/", None));
    let registry = ServiceProviders::new(vec![old.clone()]);
    assert!(registry.learn(&old, metadata("wrong")));
    assert!(registry.replace(vec![old]).is_empty());
    assert_eq!(owner(&registry, "wrong").as_deref(), Some("wiki"), "the same rules");
    assert!(registry.replace(vec![application("wiki", at("https://old.test/", Some("right")))]).is_empty());
    assert_eq!(owner(&registry, "wrong"), None);
}

#[test]
fn a_document_at_a_url_never_takes_an_entity_from_the_configuration() {
    let fetched = application("fetched", at("https://fetched.test/", None));
    let registry = ServiceProviders::new(vec![fetched.clone()]);
    assert!(registry.learn(&fetched, metadata("entity")));
    assert!(registry.replace(vec![application("given", given("entity")), fetched.clone()]).is_empty());
    assert_eq!(owner(&registry, "entity").as_deref(), Some("given"));
    assert!(registry.by_app(&fetched.app).is_none());
    assert!(!registry.learn(&fetched, metadata("entity")));
    assert_eq!(owner(&registry, "entity").as_deref(), Some("given"));
}

#[test]
fn metadata_that_has_ended_since_it_was_read_is_good_for_nothing() {
    let (before, end) = (Timestamp::from_seconds(99), Timestamp::from_seconds(100));
    let mut ending = metadata("https://wiki.test/");
    ending.role.valid_until = Some(end);
    let slo = acquit_saml::metadata::Endpoint::new(acquit_saml::names::HTTP_REDIRECT, "https://wiki.test/slo");
    ending.role.single_logout = vec![slo];
    let key = acquit_saml::security::Signer::generate(acquit_saml::security::KeyKind::P256).unwrap();
    let signer = acquit_saml::security::Signer::self_signed(&key, "wiki").unwrap();
    ending.role.signing = vec![signer.certificate().clone()];
    let registry = ServiceProviders::new(vec![application("wiki", Source::Given(Box::new(ending)))]);
    let app = AppId::new("wiki");
    let expired = |now| registry.channels(&app, now).unwrap().saml.unwrap().expired;
    assert_eq!((expired(before), expired(end)), (false, true));
    let sp = registry.by_app(&app).unwrap();
    assert!(sp.trust(before).is_ok());
    assert_eq!(sp.trust(end).unwrap_err(), Error::Time);
}
