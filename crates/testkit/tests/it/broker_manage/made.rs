//! What an application makes and changes, and who may come through it then.

use acquit_testkit::Engine;
use http::Method;
use serde_json::{Value, json};

use super::{MANAGER, keys, parameter, world};
use crate::broker_wire::send;

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_made_changed_and_deleted() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let body = json!({
            "name": "Example", "external_id": "42", "metadata": { "tier": "gold", "gone": "soon" },
            "domain_data": [{ "domain": "Example.COM", "state": "verified" }, { "domain": "example.org", "state": "pending" }],
            "domains": ["example.net"],
        });
        let made = world.make("/organizations", &body).await;
        let id = made["id"].as_str().unwrap();
        assert!(
            id.starts_with("org_01") && id.len() == 30 && id[4..].bytes().all(|byte| !byte.is_ascii_lowercase()),
            "{id}"
        );
        let states = |organization: &Value| -> Vec<String> {
            let domains = organization["domains"].as_array().unwrap().iter();
            domains.map(|domain| format!("{}={}", domain["domain"], domain["state"]).replace('"', "")).collect()
        };
        assert_eq!(states(&made), ["example.com=verified", "example.net=pending", "example.org=pending"]);
        assert_eq!(world.get(&format!("/organizations/{id}")).await["external_id"], "42");

        let change = json!({
            "name": "Renamed", "metadata": { "gone": null, "new": "value" },
            "domain_data": [{ "domain": "example.com" }, { "domain": "example.org", "state": "verified" }],
        });
        world.broker.runs.advance(std::time::Duration::from_secs(1));
        let (status, changed) = world.call(MANAGER, Method::PUT, &format!("/organizations/{id}"), Some(&change)).await;
        assert_eq!((status, &changed["name"]), (200, &json!("Renamed")), "{changed}");
        assert_eq!(changed["metadata"], json!({ "tier": "gold", "new": "value" }));
        assert_eq!(states(&changed), ["example.com=verified", "example.org=verified"]);
        assert_eq!(changed["domains"][0]["id"], made["domains"][0]["id"], "it stays the same one");
        assert_eq!((&changed["created_at"], &changed["external_id"]), (&made["created_at"], &json!("42")));
        assert!(changed["updated_at"].as_str() > made["updated_at"].as_str());

        assert_eq!(
            world.call(MANAGER, Method::DELETE, &format!("/organizations/{id}"), None).await,
            (202, Value::Null)
        );
        assert_eq!(world.call(MANAGER, Method::DELETE, &format!("/organizations/{id}"), None).await.0, 404);
        assert_eq!(world.call(MANAGER, Method::GET, &format!("/organizations/{id}"), None).await.0, 404);
        world.make("/organizations", &body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_through_a_connection_that_was_made_and_registered_by_its_own_words() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let organization = world.organization(Some("example.com")).await;
        let connection = world.connection(&organization).await;
        assert_eq!(
            keys(&connection),
            [
                "connection_type",
                "created_at",
                "domains",
                "external_id",
                "id",
                "name",
                "object",
                "organization_id",
                "state",
                "status",
                "updated_at",
            ]
        );
        assert_eq!(connection["domains"][0]["domain"], "example.com");
        let id = connection["id"].as_str().unwrap();
        let profile = world.enter(id, "alice").await;
        assert_eq!(profile["connection_id"], id);
        assert_eq!(profile["organization_id"], organization.as_str());
        assert_eq!(profile["email"], "alice@example.com");
        assert_eq!(world.broker.live_sessions().await.len(), 1);
        // By its organization and by its domain it is found too.
        for selector in [format!("organization={organization}"), "domain=example.com".to_owned()] {
            let url = world.go(&selector, "alice").await;
            assert!(parameter(&url, "code").is_some(), "{url}");
        }
        let setup = world.get(&format!("/connections/{id}/logout_setup")).await;
        let key = setup["callback_url"].as_str().unwrap().rsplit('/').nth(1).unwrap();
        assert!(key.len() == 25 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
        assert_eq!(setup["provider"]["issuer"], world.upstream.url(""), "{setup:#}");
        assert_eq!(setup["problem"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_is_pending_routes_nobody_and_admits_no_address() {
    let world = world(Engine::Sqlite).await;
    let body = json!({ "name": "Made", "domain_data": [{ "domain": "example.com", "state": "pending" }] });
    let organization = world.make("/organizations", &body).await["id"].as_str().unwrap().to_owned();
    let connection = world.connection(&organization).await;
    let url = world.go("domain=example.com", "alice").await;
    assert_eq!(parameter(&url, "error").as_deref(), Some("organization_invalid"), "{url}");
    assert_eq!(connection["domains"], json!([]));
    // Their own page says who they are in the words of their provider, and then the address that applications are told.
    let has_address = async || {
        let page = world.browser.open(&world.broker.url("/account")).await;
        assert_eq!(page.mark().as_deref(), Some("account"), "{page}");
        page.text().contains("· alice@example.com")
    };
    world.enter(connection["id"].as_str().unwrap(), "alice").await;
    assert!(!has_address().await);
    let verified = json!({ "domain_data": [{ "domain": "example.com", "state": "verified" }] });
    let path = format!("/organizations/{organization}");
    assert_eq!(world.call(MANAGER, Method::PUT, &path, Some(&verified)).await.0, 200);
    world.enter(connection["id"].as_str().unwrap(), "alice").await;
    assert!(has_address().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_belongs_to_one_organization_and_the_files_stay_the_files() {
    let world = world(Engine::Sqlite).await;
    world.organization(Some("example.com")).await;
    for domain in ["example.com", "file.example"] {
        for state in ["verified", "pending"] {
            let body = json!({ "name": "Thief", "domain_data": [{ "domain": domain, "state": state }] });
            let (status, answer) = world.call(MANAGER, Method::POST, "/organizations", Some(&body)).await;
            assert_eq!((status, &answer["code"]), (409, &json!("domain_in_use")), "{answer}");
        }
    }
    assert_eq!(world.get("/organizations").await["data"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_external_id_is_the_same_connection() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let organization = world.organization(None).await;
        let body = json!({ "organization_id": organization, "external_id": "theirs", "oidc_options": world.options() });
        let made = world.make("/connections", &body).await;
        assert_eq!((&made["external_id"], &made["name"]), (&json!("theirs"), &json!("Made")));
        let (status, again) = world.call(MANAGER, Method::POST, "/connections", Some(&body)).await;
        assert_eq!((status, &again), (200, &made));
        let used = json!({ "name": "x", "external_id": "42" });
        world.make("/organizations", &used).await;
        let (status, refused) = world.call(MANAGER, Method::POST, "/organizations", Some(&used)).await;
        assert_eq!((status, &refused["code"]), (400, &json!("external_id_already_used")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_tried_again_by_its_key_gets_the_same_answer() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let body = json!({ "name": "Once" });
        let post = async |path: &str, key: &str, body: &Value| {
            let more = [("Idempotency-Key", key)];
            let response = send(Method::POST, &world.broker.url(path), Some(MANAGER), Some(body), &more).await;
            (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
        };
        let (status, first) = post("/organizations", "retry-1", &body).await;
        assert_eq!(status, 201, "{first}");
        world.broker.runs.advance(std::time::Duration::from_secs(60));
        assert_eq!(post("/organizations", "retry-1", &body).await, (201, first.clone()));
        let (one, other) =
            tokio::join!(post("/organizations", "retry-2", &body), post("/organizations", "retry-2", &body));
        assert_eq!(one, other, "at once");
        let (status, refused) = post("/organizations", "retry-1", &json!({ "name": "Other" })).await;
        assert_eq!(status, 422, "{refused}");
        assert_eq!(world.get("/organizations?search=once").await["data"].as_array().unwrap().len(), 2);
        let body = json!({ "organization_id": first["id"], "oidc_options": world.options() });
        let made = post("/connections", "retry-1", &body).await;
        assert_eq!(made.0, 201, "another path, another call: {}", made.1);
        assert_eq!(post("/connections", "retry-1", &body).await, made);
        assert_eq!(world.get("/connections").await["data"].as_array().unwrap().len(), 2);
        for wrong in ["", &"k".repeat(256)] {
            assert_eq!(post("/organizations", wrong, &json!({ "name": "x" })).await.0, 422, "{wrong:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_made_again_by_the_key_of_the_call_is_the_same_one() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let endpoint = |url: &str| json!({ "endpoint_url": url, "events": ["sso.logout.started"] });
        let post = async |key: &str, url: &str| {
            let more = [("Idempotency-Key", key)];
            let body = endpoint(url);
            let response =
                send(Method::POST, &world.broker.url("/webhook_endpoints"), Some(MANAGER), Some(&body), &more).await;
            (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
        };
        let first = post("retry-1", "https://a.example/").await;
        assert_eq!(first.0, 201, "{}", first.1);
        world.broker.runs.advance(std::time::Duration::from_secs(60));
        assert_eq!(
            post("retry-1", "https://a.example/").await,
            first,
            "with its secret, which the caller may have lost"
        );
        assert_eq!(post("retry-1", "https://b.example/").await.0, 422, "this name was given to another call");
        assert_eq!(post("retry-2", "https://a.example/").await.0, 409, "another call");
        let (one, other) = tokio::join!(post("retry-3", "https://b.example/"), post("retry-3", "https://b.example/"));
        assert_eq!(one, other, "at once");
        assert_eq!(world.get("/webhook_endpoints").await["data"].as_array().unwrap().len(), 2);
        assert_eq!(post(&"k".repeat(256), "https://c.example/").await.0, 422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_events_tells_what_becomes_of_a_connection() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let organization = world.organization(Some("example.com")).await;
        let connection = world.connection(&organization).await;
        let path = format!("/connections/{}", connection["id"].as_str().unwrap());
        let setup = world.get(&format!("{path}/logout_setup")).await;
        for state in ["inactive", "active"] {
            world.broker.runs.advance(std::time::Duration::from_secs(1));
            let (status, _) = world.call(MANAGER, Method::PATCH, &path, Some(&json!({ "state": state }))).await;
            assert_eq!(status, 200);
        }
        let list = "/events?events[]=connection.activated&events[]=connection.deactivated&events[]=connection.deleted";
        let events = world.get(&format!("{list}&organization_id={organization}")).await["data"].clone();
        let names = |events: &Value| -> Vec<String> {
            events.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&events), ["connection.activated", "connection.deactivated", "connection.activated"]);
        for (event, state) in events.as_array().unwrap().iter().zip(["active", "inactive", "active"]) {
            let data = &event["data"];
            let mut expected: Vec<_> = keys(&connection).into_iter().filter(|key| *key != "external_id").collect();
            expected.insert(3, "external_key");
            assert_eq!(keys(data), expected, "{data:#}");
            assert_eq!((&data["id"], &data["state"]), (&connection["id"], &json!(state)));
            assert_eq!(data["created_at"], connection["created_at"]);
            assert_eq!(data["domains"][0]["domain"], "example.com");
            let key = data["external_key"].as_str().unwrap();
            assert!(setup["callback_url"].as_str().unwrap().contains(&format!("/{key}/")) && key.len() == 25, "{key}");
        }
        // It goes with its organization, and the event knows it still.
        let (status, _) = world.call(MANAGER, Method::DELETE, &format!("/organizations/{organization}"), None).await;
        assert_eq!(status, 202);
        let events = world.get("/events?events[]=connection.deleted").await["data"].clone();
        assert_eq!(names(&events), ["connection.deleted"]);
        assert_eq!((&events[0]["data"]["id"], &events[0]["data"]["name"]), (&connection["id"], &json!("Made")));
        for key in ["external_key", "domains", "status"] {
            assert!(events[0]["data"].get(key).is_none(), "{key}");
        }
        // Who was not granted this organization sees none of it.
        let (status, theirs) = world.call(super::LIMITED, Method::GET, list, None).await;
        assert_eq!((status, &theirs["data"]), (200, &json!([])));
    }
}
