//! The management API, called by WorkOS's official SDKs, unmodified.

use std::time::Duration;

use acquit_testkit::{
    Engine, Setup,
    peers::{self, OidcUpstream, Package, Sdk},
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use workos::{
    models::{CreateConnectionOidcOptions, OrganizationInput, PatchConnectionOidcOptions, UpdateOrganization},
    organizations::{CreateOrganizationParams, ListOrganizationsParams, UpdateOrganizationParams},
    sso::{
        CreateConnectionParams, CreateConnectionParamsBody, CreateProtocolOptions, ListConnectionsParams,
        PatchProtocolOptions, UpdateConnectionParams, UpdateConnectionParamsBody,
    },
};

use crate::{
    broker_manage::{READER, configuration},
    broker_sdk_rust,
    broker_sdks::{raised, sdk, thrown},
    broker_upstream::World,
    broker_wire::{API_KEY, CLIENT},
};

fn discovery(world: &World) -> String {
    world.upstream.url("/.well-known/openid-configuration")
}

/// So many that no SDK gets them in one page.
const MANY: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_manages_organizations_and_connections() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let world = World::at("127.0.0.1", engine).await;
        let mut python = sdk(&world, Package::Python, Some(API_KEY)).await;
        let mut last = Value::Null;
        for number in 0..MANY {
            let arguments = json!({
                "name": format!("Made {number}"), "external_id": format!("their {number}"), "metadata": { "tier": "gold" },
                "domain_data": [{ "$": "workos.organizations.models.OrganizationDomainData",
                                  "domain": format!("made{number}.example"), "state": "verified" }],
            });
            last = python.call("organizations.create_organization", arguments).await.unwrap();
            assert_eq!(last["domains"][0]["state"], "verified", "{last}");
        }
        let all = python.call("organizations.list_organizations", json!({ "limit": 5 })).await.unwrap();
        assert_eq!(all.as_array().unwrap().len(), MANY + 1, "that of the configuration too");
        let some = json!({ "domains": ["made3.example", "made7.example"] });
        let some = python.call("organizations.list_organizations", some).await.unwrap();
        assert_eq!(some.as_array().unwrap().len(), 2, "{some}");
        let id = json!({ "id": last["id"] });
        let by_external_id = json!({ "external_id": last["external_id"] });
        for (method, arguments) in [("get_organization", &id), ("get_organization_by_external_id", &by_external_id)] {
            assert_eq!(
                python.call(&format!("organizations.{method}"), arguments.clone()).await.unwrap(),
                last,
                "{method}"
            );
        }
        let change = json!({ "id": last["id"], "name": "Renamed" });
        assert_eq!(python.call("organizations.update_organization", change).await.unwrap()["name"], "Renamed");

        let arguments = json!({
            "organization_id": last["id"], "name": "Theirs", "connection_type": "GenericOIDC",
            "protocol_options": { "$": "workos.sso._resource.CreateProtocolOptionsOIDC",
                "oidc_options": { "$": "workos.sso.models.CreateConnectionOIDCOptions",
                    "discovery_endpoint": discovery(&world), "client_id": "a", "client_secret": "b" } },
        });
        let made = python.call("sso.create_connection", arguments.clone()).await.unwrap();
        assert_eq!(
            (&made["name"], &made["state"], &made["status"]),
            (&json!("Theirs"), &json!("active"), &json!("linked"))
        );
        let change = json!({
            "id": made["id"], "name": "Ours",
            "protocol_options": { "$": "workos.sso._resource.PatchProtocolOptionsOIDC",
                "oidc_options": { "$": "workos.sso.models.PatchConnectionOIDCOptions", "client_id": "c" } },
        });
        assert_eq!(python.call("sso.update_connection", change).await.unwrap()["name"], "Ours");
        let id = json!({ "id": made["id"] });
        assert_eq!(python.call("sso.get_connection", id.clone()).await.unwrap()["name"], "Ours");
        let all = python.call("sso.list_connections", json!({ "limit": 1 })).await.unwrap();
        assert_eq!(all.as_array().unwrap().len(), 2, "{all}");

        let not_here = [("code", json!("entity_not_found")), ("status_code", json!(404))];
        assert_eq!(python.call("sso.delete_connection", id.clone()).await.unwrap(), Value::Null);
        raised(python.call("sso.delete_connection", id.clone()).await, "NotFoundError", &not_here);
        raised(python.call("sso.get_connection", id).await, "NotFoundError", &not_here);
        let saml = json!({
            "organization_id": last["id"],
            "protocol_options": { "$": "workos.sso._resource.CreateProtocolOptionsSAML",
                "saml_options": { "$": "workos.sso.models.CreateConnectionSAMLOptions", "idp_metadata_url": "https://a.example" } },
        });
        let said = [("status_code", json!(422))];
        raised(python.call("sso.create_connection", saml).await, "UnprocessableEntityError", &said);
        let taken = json!({ "name": "x", "external_id": last["external_id"] });
        let said = [("code", json!("external_id_already_used")), ("status_code", json!(400))];
        raised(python.call("organizations.create_organization", taken).await, "BadRequestError", &said);
        let theirs = json!({ "id": OidcUpstream::ORGANIZATION, "name": "x" });
        raised(python.call("organizations.update_organization", theirs).await, "UnprocessableEntityError", &[]);
        let gone = json!({ "id": last["id"] });
        assert_eq!(python.call("organizations.delete_organization", gone.clone()).await.unwrap(), Value::Null);
        raised(python.call("organizations.get_organization", gone).await, "NotFoundError", &not_here);
        let mut wrong = sdk(&world, Package::Python, Some("sk_wrong")).await;
        raised(
            wrong.call("sso.list_connections", json!({})).await,
            "AuthenticationError",
            &[("status_code", json!(401))],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdks_manage_organizations_and_connections() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("127.0.0.1", Engine::Sqlite).await;
    for package in Package::NODE {
        let mut node = sdk(&world, package, Some(API_KEY)).await;
        let mut last = Value::Null;
        for number in 0..MANY {
            let arguments = json!({
                "name": format!("{package:?} {number}"), "externalId": format!("{package:?}/{number}"),
                "domainData": [{ "domain": format!("{package:?}{number}.example").to_lowercase(), "state": "pending" }],
            });
            last = node.call("organizations.createOrganization", arguments).await.unwrap();
        }
        assert_eq!(last["domains"][0]["state"], "pending", "{last}");
        let all = node.call("organizations.listOrganizations", json!({})).await.unwrap();
        let of_it = |one: &&Value| one["name"].as_str().unwrap().starts_with(&format!("{package:?}"));
        assert_eq!(all.as_array().unwrap().iter().filter(of_it).count(), MANY);
        let found = node.call("organizations.getOrganizationByExternalId", last["externalId"].clone()).await.unwrap();
        assert_eq!(found, last);
        let change = json!({ "organization": last["id"], "name": "Renamed" });
        assert_eq!(node.call("organizations.updateOrganization", change).await.unwrap()["name"], "Renamed");

        // It has no method for this, but a way to call what it has none for.
        let options = json!({ "discovery_endpoint": discovery(&world), "client_id": "a", "client_secret": "b" });
        let body = json!({ "organization_id": last["id"], "oidc_options": options });
        let made = node.call("post", json!(["/connections", body])).await.unwrap();
        let id = made["data"]["id"].clone();
        let shown = node.call("sso.getConnection", id.clone()).await.unwrap();
        assert_eq!((&shown["id"], &shown["type"], &shown["state"]), (&id, &json!("GenericOIDC"), &json!("active")));
        let found = node.call("sso.listConnections", json!({ "organizationId": last["id"] })).await.unwrap();
        assert_eq!(found, json!([shown]));
        let of_type = node.call("sso.listConnections", json!({ "connectionType": "GithubOAuth" })).await.unwrap();
        assert_eq!(of_type, json!([]), "its own spelling");
        node.call("sso.deleteConnection", id.clone()).await.unwrap();
        let said = [("code", json!("entity_not_found")), ("status_code", json!(404))];
        thrown(package, node.call("sso.getConnection", id).await, "NotFoundException", &said);
        let of_file = node.call("sso.deleteConnection", json!(OidcUpstream::CONNECTION)).await;
        thrown(package, of_file, "UnprocessableEntityException", &[("status_code", json!(422))]);
        node.call("organizations.deleteOrganization", last["id"].clone()).await.unwrap();
        let gone = node.call("organizations.getOrganization", last["id"].clone()).await;
        thrown(package, gone, "NotFoundException", &said);
        let mut wrong = sdk(&world, package, Some("sk_wrong")).await;
        let refused = wrong.call("organizations.listOrganizations", json!({})).await;
        thrown(package, refused, "UnauthorizedException", &[("status_code", json!(401))]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_manages_organizations_and_connections() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("127.0.0.1", Engine::Sqlite).await;
    let client = broker_sdk_rust::sdk(&world, API_KEY);
    let named = |name: &str| -> OrganizationInput { serde_json::from_value(json!({ "name": name })).unwrap() };
    let mut last = None;
    for number in 0..MANY {
        let body = named(&format!("Made {number}"));
        last = Some(client.organizations().create_organization(CreateOrganizationParams::new(body)).await.unwrap());
    }
    let last = last.unwrap();
    let (organizations, sso) = (client.organizations(), client.sso());
    let all: Vec<_> =
        organizations.list_organizations_auto_paging(ListOrganizationsParams::default()).try_collect().await.unwrap();
    assert_eq!(all.len(), MANY + 1);
    assert_eq!(organizations.get_organization(&last.id).await.unwrap().name, last.name);
    let renamed: UpdateOrganization = serde_json::from_value(json!({ "name": "Renamed" })).unwrap();
    let renamed = organizations.update_organization(&last.id, UpdateOrganizationParams::new(renamed)).await.unwrap();
    assert_eq!(renamed.name, "Renamed");

    let oidc_options: CreateConnectionOidcOptions = serde_json::from_value(json!({
        "discovery_endpoint": discovery(&world), "client_id": "a", "client_secret": "b",
    }))
    .unwrap();
    let body = CreateConnectionParamsBody::new(&last.id, CreateProtocolOptions::Oidc { oidc_options });
    let made = sso.create_connection(CreateConnectionParams::new(body)).await.unwrap();
    assert_eq!((made.name.as_str(), made.organization_id.as_deref()), ("Renamed", Some(last.id.as_str())));
    let oidc_options: PatchConnectionOidcOptions = serde_json::from_value(json!({ "client_secret": "c" })).unwrap();
    let options = PatchProtocolOptions::Oidc { oidc_options };
    let body = UpdateConnectionParamsBody {
        name: Some("Ours".to_owned()),
        protocol_options: Some(options),
        ..UpdateConnectionParamsBody::new()
    };
    let changed = sso.update_connection(&made.id, UpdateConnectionParams::new(body)).await.unwrap();
    assert_eq!(changed.name, "Ours");
    let all: Vec<_> = sso.list_connections_auto_paging(ListConnectionsParams::default()).try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    sso.delete_connection(&made.id).await.unwrap();
    assert!(sso.get_connection(&made.id).await.unwrap_err().is_not_found());
    assert_eq!(sso.delete_connection(OidcUpstream::CONNECTION).await.unwrap_err().status(), Some(422));
    organizations.delete_organization(&last.id).await.unwrap();
    assert!(organizations.get_organization(&last.id).await.unwrap_err().is_not_found());
    let wrong = broker_sdk_rust::sdk(&world, "sk_wrong");
    assert!(wrong.sso().list_connections(ListConnectionsParams::default()).await.unwrap_err().is_unauthorized());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_too_often_gets_the_sdks_own_exception_with_the_time_to_wait() {
    if !peers::take_part() {
        return;
    }
    let limits = "[limits]\nbroker_per_api_key = 1\n\n";
    let app =
        Setup::on(Engine::Sqlite).with(&format!("{limits}{}", configuration("http://127.0.0.1:9"))).start(&[]).await;
    let mut python = Sdk::start(Package::Python, &app.url(""), Some(READER), CLIENT).await;
    let once = json!({ "request_options": { "max_retries": 0 } });
    python.call("sso.list_connections", once.clone()).await.unwrap();
    let said = [("code", json!("rate_limit_exceeded")), ("status_code", json!(429)), ("retry_after", json!(60.0))];
    raised(python.call("sso.list_connections", once).await, "RateLimitExceededError", &said);

    let client = broker_sdk_rust::client_at(&app.url(""), READER, 0);
    let refused = client.sso().list_connections(ListConnectionsParams::default()).await.unwrap_err();
    assert_eq!((refused.status(), refused.retry_after()), (Some(429), Some(Duration::from_secs(60))));
    let mut node = Sdk::start(Package::Node11, &app.url(""), Some(READER), CLIENT).await;
    let refused = node.call("get", json!(["/connections", { "maxRetries": 0 }])).await;
    thrown(Package::Node11, refused, "RateLimitExceededException", &[("status_code", json!(429))]);
}
