//! What is asked wrongly is answered in words, in WorkOS's shape, and changes nothing.

use acquit_testkit::{Engine, Setup, peers::free_port};
use http::Method;
use serde_json::{Value, json};

use super::{MANAGER, configuration, upstream, world};
use crate::broker_wire::{call, send};

const LONG: &str = "a client secret that is long enough for HS256";

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_is_422() {
    let world = world(Engine::Sqlite).await;
    for path in ["/connections", "/organizations"] {
        for query in [
            "limit=0",
            "limit=101",
            "limit=ten",
            "order=up",
            "before=a&after=b",
            "after=nonsense",
            "after=org_",
            "before=conn_a%2Fb",
        ] {
            let (status, answer) = world.call(MANAGER, Method::GET, &format!("{path}?{query}"), None).await;
            assert_eq!(
                (status, &answer["code"]),
                (422, &json!("invalid_request_parameters")),
                "{path}?{query}: {answer}"
            );
            assert!(answer["errors"][0]["message"].is_string());
        }
    }
    assert_eq!(world.call(MANAGER, Method::GET, "/connections?connection_type=Nonsense", None).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_that_cannot_be_is_not_made() {
    let world = world(Engine::Sqlite).await;
    let long = "x".repeat(3000);
    let many: Vec<_> = (0..101).map(|number| format!("d{number}.example")).collect();
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": 1 }),
        json!({ "name": "a\nb" }),
        json!({ "name": long }),
        json!({ "name": "x", "domains": "a.example" }),
        json!({ "name": "x", "domains": [1] }),
        json!({ "name": "x", "domains": many }),
        json!({ "name": "x", "domains": ["a@b.example"] }),
        json!({ "name": "x", "domains": ["192.168.1.1"] }),
        json!({ "name": "x", "domains": ["bücher.example"] }),
        json!({ "name": "x", "domain_data": [{ "domain": "a.example", "state": "failed" }] }),
        json!({ "name": "x", "domain_data": [{ "state": "verified" }] }),
        json!({ "name": "x", "domain_data": [{ "domain": "a.example", "verified": true }] }),
        json!({ "name": "x", "allow_profiles_outside_organization": true }),
        json!({ "name": "x", "unknown": 1 }),
        json!(["x"]),
        json!("x"),
    ] {
        let (status, answer) = world.call(MANAGER, Method::POST, "/organizations", Some(&body)).await;
        assert_eq!((status, &answer["code"]), (422, &json!("invalid_request_parameters")), "{body}: {answer}");
    }
    for metadata in
        [json!({ "k": 1 }), json!({ "": "x" }), json!({ "k".repeat(41): "x" }), json!({ "k": "v".repeat(601) })]
    {
        let body = json!({ "name": "x", "metadata": metadata });
        let (status, answer) = world.call(MANAGER, Method::POST, "/organizations", Some(&body)).await;
        assert_eq!((status, &answer["code"]), (400, &json!("invalid_metadata")), "{body}: {answer}");
    }
    let url = world.broker.url("/organizations");
    let huge = json!({ "name": "x", "metadata": { "k": "v".repeat(70_000) } });
    assert_eq!(send(Method::POST, &url, Some(MANAGER), Some(&huge), &[]).await.status(), 422);
    assert_eq!(send(Method::POST, &url, Some(MANAGER), None, &[]).await.status(), 422);
    assert_eq!(world.get("/organizations").await["data"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_cannot_be_is_not_made() {
    let world = world(Engine::Sqlite).await;
    let organization = world.organization(None).await;
    let merged = |options: Value| {
        let mut all = world.options();
        for (key, value) in options.as_object().unwrap() {
            all[key] = value.clone();
        }
        json!({ "organization_id": organization, "oidc_options": all })
    };
    let upstream = world.upstream.url("");
    for body in [
        json!({ "organization_id": organization }),
        json!({ "organization_id": organization, "saml_options": { "idp_metadata_url": "https://idp.example" } }),
        json!({ "organization_id": organization, "connection_type": "KeycloakSAML" }),
        json!({ "organization_id": organization, "connection_type": "AppleOAuth", "oidc_options": world.options() }),
        json!({ "organization_id": organization, "connection_type": "Pending", "oidc_options": world.options() }),
        json!({ "organization_id": organization, "unknown": 1, "oidc_options": world.options() }),
        json!({ "organization_id": organization, "attribute_maps": { "standard_attributes": { "idp_id": "email" } },
                "oidc_options": world.options() }),
        json!({ "organization_id": organization, "attribute_maps": { "custom_attributes": { "a": 1 } },
                "oidc_options": world.options() }),
        json!({ "oidc_options": world.options() }),
        merged(json!({ "redirect_uri": "https://evil.example/callback" })),
        merged(json!({ "pkce": false })),
        merged(json!({ "client_secret": null })),
        merged(json!({ "client_id": "" })),
        merged(json!({ "token_authentication_method": "none" })),
        merged(json!({ "token_authentication_method": "private_key_jwt" })),
        // The provider does not list it, and the secret is too short.
        merged(json!({ "token_authentication_method": "client_secret_jwt", "client_secret": LONG })),
        merged(json!({ "token_authentication_method": "client_secret_jwt" })),
        merged(json!({ "id_token_signature_algorithm": "HS256" })),
        merged(json!({ "jwt_signing_key_pair": {} })),
        merged(json!({ "discovery_endpoint": null })),
        merged(json!({ "discovery_endpoint": "ftp://idp.example" })),
        merged(json!({ "discovery_endpoint": "http://idp.example/.well-known/openid-configuration" })),
        merged(json!({ "discovery_endpoint": format!("{upstream}/nothing-here") })),
        merged(json!({ "discovery_endpoint": format!("{upstream}/oauth2/v1/keys") })),
        merged(json!({ "discovery_endpoint": "http://127.0.0.1:9/.well-known/openid-configuration" })),
        // The broker itself: never called by us, whatever is allowed.
        merged(
            json!({ "discovery_endpoint": world.broker.url("/.well-known/openid-configuration").replace("id.localhost", "127.0.0.1") }),
        ),
    ] {
        let (status, answer) = world.call(MANAGER, Method::POST, "/connections", Some(&body)).await;
        assert_eq!((status, &answer["code"]), (422, &json!("invalid_request_parameters")), "{body}: {answer}");
    }
    let nobodys = json!({ "organization_id": "org_01NOBODY", "oidc_options": world.options() });
    assert_eq!(world.call(MANAGER, Method::POST, "/connections", Some(&nobodys)).await.0, 404);
    assert_eq!(world.get("/connections").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_keeps_its_provider_and_its_secret() {
    let world = world(Engine::Sqlite).await;
    let organization = world.organization(Some("example.com")).await;
    let connection = world.connection(&organization).await;
    let path = format!("/connections/{}", connection["id"].as_str().unwrap());
    let other = upstream().await;
    for body in [
        json!({ "oidc_options": { "discovery_endpoint": other.url("/.well-known/openid-configuration") } }),
        json!({ "oidc_options": { "token_authentication_method": "private_key_jwt", "client_secret": "x" } }),
        json!({ "oidc_options": { "token_authentication_method": "client_secret_jwt", "client_secret": LONG } }),
        json!({ "connection_type": "OktaOIDC" }),
        json!({ "state": "deleting" }),
        json!({ "saml_options": {} }),
        json!({ "organization_id": "org_01FILE" }),
        json!({ "external_key": "mine" }),
    ] {
        let (status, answer) = world.call(MANAGER, Method::PATCH, &path, Some(&body)).await;
        assert_eq!(status, 422, "{body}: {answer}");
    }
    assert_eq!(world.get(&path).await, connection, "nothing changed");
    let setup = world.get(&format!("{path}/logout_setup")).await;
    let fine = json!({ "name": "Renamed", "external_id": "x", "connection_type": "GenericOIDC", "attribute_maps": {
        "standard_attributes": { "first_name": "nickname" } }, "oidc_options": { "redirect_uri": setup["callback_url"] } });
    let (status, changed) = world.call(MANAGER, Method::PATCH, &path, Some(&fine)).await;
    assert_eq!((status, &changed["name"], &changed["external_id"]), (200, &json!("Renamed"), &json!("x")), "{changed}");
    let (_, changed) = world.call(MANAGER, Method::PATCH, &path, Some(&json!({ "external_id": null }))).await;
    assert_eq!((&changed["external_id"], &changed["name"]), (&Value::Null, &json!("Renamed")));
    world.enter(connection["id"].as_str().unwrap(), "alice").await;
    let text = world.get(&path).await.to_string() + &setup.to_string();
    assert!(!text.contains("secret"), "it is never given back: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_allowed_an_address_inside_is_refused_in_the_words_of_one_that_is_not_there() {
    let upstream = upstream().await;
    let broker = Setup::on(Engine::Sqlite).host("id.localhost").port(free_port()).without_loopback();
    // Its own connection needs no provider that can be reached.
    let broker = broker.with(&configuration("https://idp.example.com")).start(&[]).await;
    let mut answers = Vec::new();
    for there in [upstream.url(""), "http://127.0.0.1:9".to_owned()] {
        let options = json!({ "discovery_endpoint": format!("{there}/.well-known/openid-configuration"), "client_id": "a",
                              "client_secret": "b" });
        let body = json!({ "organization_id": "org_01FILE", "oidc_options": options });
        answers.push(call(&broker, Some(MANAGER), Method::POST, "/connections", Some(&body)).await);
    }
    assert_eq!(answers[0].0, 422, "{answers:?}");
    assert_eq!(answers[0], answers[1]);
}
