//! Connections by SAML, made through the API.

use acquit_testkit::{
    Engine, TestIdp,
    acquit::outcome,
    browser::Load,
    sp::{Binding, ride_up_to},
};
use http::Method;
use serde_json::{Value, json};

use super::{CALLBACK, MANAGER, SOON, World, parameter, world};
use crate::world::{only_receipt, settled};

/// The certificate of a provider, as people paste it.
fn certificate(idp: &TestIdp) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", idp.signer().certificate().base64())
}

impl World {
    async fn by_saml(&self, organization: &str, options: &Value) -> Value {
        self.make("/connections", &json!({ "organization_id": organization, "saml_options": options })).await
    }

    /// Signs in through a provider that asks nobody; the profile.
    async fn enter_by_saml(&self, connection: &str) -> Value {
        let url = self.broker.url(&format!(
            "/sso/authorize?client_id=client_01manager&redirect_uri={CALLBACK}&response_type=code&connection={connection}"
        ));
        let saas = url::Url::parse(CALLBACK).unwrap();
        let load = ride_up_to(&self.browser, Load::typed(&url), |load| load.url.path() == saas.path()).await;
        let code = parameter(&load.url, "code").unwrap_or_else(|| panic!("no code: {}", load.url));
        let body = json!({ "client_id": "client_01manager", "client_secret": MANAGER, "code": code,
                           "grant_type": "authorization_code" });
        let (status, reply) = self.call(MANAGER, Method::POST, "/sso/token", Some(&body)).await;
        assert_eq!(status, 200, "{reply}");
        reply["profile"].clone()
    }

    /// Changes a connection.
    async fn patch(&self, connection: &str, body: &Value) -> (u16, Value) {
        self.call(MANAGER, Method::PATCH, &format!("/connections/{connection}"), Some(body)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_and_out_through_a_saml_connection_that_was_made_from_its_metadata() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let idp = TestIdp::start("later", &[Binding::Soap]).await;
        let organization = world.organization(Some("example.com")).await;
        let made = world.by_saml(&organization, &json!({ "idp_metadata_url": idp.url("/metadata") })).await;
        assert_eq!((&made["connection_type"], &made["state"]), (&json!("GenericSAML"), &json!("active")));
        let id = made["id"].as_str().unwrap();
        let setup = world.get(&format!("/connections/{id}/logout_setup")).await;
        assert_eq!(setup["metadata_url"], world.broker.url(&format!("/sso/saml/metadata/{id}")));
        assert_eq!(setup["provider"]["entity_id"], idp.entity_id());
        assert_eq!(setup["provider"]["single_logout"][0]["binding"], "soap", "{setup:#}");
        idp.trust_as(&world.broker, id).await;
        let profile = world.enter_by_saml(id).await;
        assert_eq!((&profile["connection_id"], &profile["idp_id"]), (&made["id"], &json!("ann-there")), "{profile:#}");
        assert_eq!(world.broker.live_sessions().await.len(), 1);

        // Whoever comes is signed out when it is disabled, and the provider is told.
        let (status, off) = world.patch(id, &json!({ "state": "inactive" })).await;
        assert_eq!((status, &off["state"]), (200, &json!("inactive")));
        let receipt = crate::world::until(SOON, "the session ends", async || world.broker.receipts().await.pop()).await;
        let receipt = settled(&world.broker, receipt["id"].as_str().unwrap(), SOON).await;
        assert_eq!(outcome(&receipt, id, "saml-soap"), "confirmed", "{receipt:#}");
        assert_eq!(idp.requests().len(), 1);
        assert_eq!(only_receipt(&world.broker).await["id"], receipt["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saml_connection_by_hand_is_as_good_and_keeps_its_provider() {
    let world = world(Engine::Sqlite).await;
    let (idp, other) = (TestIdp::start("later", &[Binding::Soap]).await, TestIdp::start("other", &[]).await);
    let organization = world.organization(Some("example.com")).await;
    let by_hand = json!({ "idp_entity_id": idp.entity_id(), "idp_sso_url": idp.url("/sso"),
                          "idp_signing_certs": [certificate(&idp)] });
    let made = world.by_saml(&organization, &by_hand).await;
    let id = made["id"].as_str().unwrap();
    idp.trust_as(&world.broker, id).await;
    world.enter_by_saml(id).await;
    for options in [
        json!({ "idp_entity_id": other.entity_id() }),
        json!({ "idp_metadata_url": other.url("/metadata") }),
        json!({ "idp_signing_certs": [] }),
        json!({ "idp_signing_certs": ["no certificate"] }),
        json!({ "idp_sso_url": "javascript:alert(1)" }),
        json!({ "acs_url": "https://evil.example/acs" }),
        json!({ "sp_entity_id": "https://evil.example" }),
        json!({ "sp_signing_key_pair": {} }),
    ] {
        let (status, answer) = world.patch(id, &json!({ "saml_options": options })).await;
        assert_eq!(status, 422, "{options}: {answer}");
    }
    assert_eq!(world.patch(id, &json!({ "oidc_options": {} })).await.0, 422);
    world.enter_by_saml(id).await;
    // Another key, and nobody comes by the old one; then the metadata of the same provider, which has the right one again.
    let (status, _) = world.patch(id, &json!({ "saml_options": { "idp_signing_certs": [certificate(&other)] } })).await;
    assert_eq!(status, 200);
    let url = world.broker.url(&format!(
        "/sso/authorize?client_id=client_01manager&redirect_uri={CALLBACK}&response_type=code&connection={id}"
    ));
    // Nobody listens at the application, so the browser stops before it.
    let load = ride_up_to(&world.browser, Load::typed(&url), |load| load.url.path() == "/callback").await;
    assert_eq!(parameter(&load.url, "error").as_deref(), Some("oauth_failed"), "{}", load.url);
    let ours = json!({ "acs_url": world.broker.url(&format!("/sso/saml/acs/{id}")),
                       "idp_metadata_url": idp.url("/metadata") });
    assert_eq!(world.patch(id, &json!({ "saml_options": ours })).await.0, 200);
    assert_eq!(world.patch(id, &json!({ "saml_options": {}, "name": "Renamed" })).await.1["name"], "Renamed");
    assert_eq!(world.enter_by_saml(id).await["idp_id"], "ann-there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saml_connection_that_cannot_be_is_not_made() {
    let world = world(Engine::Sqlite).await;
    let idp = TestIdp::start("later", &[]).await;
    let organization = world.organization(None).await;
    let (entity_id, sso, url) = (idp.entity_id(), idp.url("/sso"), idp.url("/metadata"));
    let made = |options: Value| json!({ "organization_id": organization, "saml_options": options });
    let mut typed = made(json!({ "idp_metadata_url": url }));
    typed["connection_type"] = json!("OktaOIDC");
    let mut both = made(json!({ "idp_metadata_url": url }));
    both["oidc_options"] = world.options();
    for body in [
        typed,
        both,
        made(json!({})),
        made(json!({ "idp_metadata_url": idp.url("/nothing") })),
        made(json!({ "idp_metadata_url": world.discovery() })),
        made(json!({ "idp_metadata_url": "http://127.0.0.1:9/metadata" })),
        made(json!({ "idp_metadata_url": "http://idp.example/metadata" })),
        made(json!({ "idp_metadata_url": "file:///etc/passwd" })),
        // The broker itself: never called by us, whatever is allowed.
        made(json!({ "idp_metadata_url": world.broker.url("/saml/metadata").replace("id.localhost", "127.0.0.1") })),
        made(json!({ "idp_metadata_url": url, "idp_entity_id": entity_id })),
        made(json!({ "idp_entity_id": entity_id, "idp_sso_url": sso })),
        made(json!({ "idp_entity_id": entity_id, "idp_signing_certs": [certificate(&idp)] })),
        made(json!({ "idp_sso_url": sso, "idp_signing_certs": [certificate(&idp)] })),
        made(
            json!({ "idp_entity_id": "e".repeat(1025), "idp_sso_url": sso, "idp_signing_certs": [certificate(&idp)] }),
        ),
        made(json!({ "idp_entity_id": entity_id, "idp_sso_url": "http://idp.example/sso",
                     "idp_signing_certs": [certificate(&idp)] })),
        made(json!({ "idp_entity_id": entity_id, "idp_sso_url": sso,
                     "idp_signing_certs": vec![certificate(&idp); 9] })),
        made(json!({ "idp_entity_id": entity_id, "idp_sso_url": sso, "idp_signing_certs": [1] })),
        made(json!({ "idp_metadata_url": url, "sp_encryption_key_pairs": [{}] })),
        made(json!({ "idp_metadata_url": url, "acs_url": "https://evil.example/acs" })),
    ] {
        let (status, answer) = world.call(MANAGER, Method::POST, "/connections", Some(&body)).await;
        assert_eq!((status, &answer["code"]), (422, &json!("invalid_request_parameters")), "{body}: {answer}");
    }
    assert_eq!(world.get("/connections").await["data"].as_array().unwrap().len(), 1);
}
