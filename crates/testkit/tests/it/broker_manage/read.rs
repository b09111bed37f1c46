//! What an application reads: its organizations and connections, and nobody else's.

use acquit_testkit::Engine;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::Method;
use serde_json::{Value, json};

use super::{LIMITED, MANAGER, READER, ids, keys, world};
use crate::broker_wire::send;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_the_configuration_is_shown_with_every_key() {
    let world = world(Engine::Sqlite).await;
    let shown = world.get("/connections/conn_01FILE").await;
    let expected = json!({
        "object": "connection", "id": "conn_01FILE", "organization_id": "org_01FILE", "connection_type": "OktaOIDC",
        "name": "Of the File", "external_id": null, "state": "active", "status": "linked",
        "domains": [{ "id": shown["domains"][0]["id"], "object": "connection_domain", "domain": "file.example" }],
        "created_at": "1970-01-01T00:00:00.000Z", "updated_at": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(shown, expected);
    assert!(shown["domains"][0]["id"].as_str().unwrap().starts_with("org_domain_"));
    assert_eq!(
        world.get("/connections").await,
        json!({
            "object": "list", "data": [shown], "list_metadata": { "before": null, "after": null },
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_of_the_configuration_is_shown_with_every_key_and_the_time_that_its_id_tells() {
    let world = world(Engine::Sqlite).await;
    let shown = world.get("/organizations/org_01FILE").await;
    assert_eq!(
        keys(&shown),
        [
            "allow_profiles_outside_organization",
            "created_at",
            "domains",
            "external_id",
            "id",
            "metadata",
            "name",
            "object",
            "stripe_customer_id",
            "updated_at",
        ]
    );
    let domain = &shown["domains"][0];
    let expected = json!({
        "object": "organization_domain", "id": domain["id"], "organization_id": "org_01FILE", "domain": "file.example",
        "state": "verified", "verification_prefix": null, "verification_token": null, "verification_strategy": "manual",
        "created_at": "1970-01-01T00:00:00.000Z", "updated_at": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(*domain, expected);
    let moved = world.get("/organizations/org_01E4ZCR3C56J083X43JQXF3JK5").await;
    assert_eq!(moved["created_at"], "2020-04-03T06:48:12.421Z", "an id of WorkOS's says when it was made: {moved}");
    let list = world.get("/organizations?order=asc").await;
    assert_eq!(ids(&list), ["org_01FILE", "org_01E4ZCR3C56J083X43JQXF3JK5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_filtered_and_turned_over_by_its_cursors() {
    let world = world(Engine::Sqlite).await;
    let mut made = Vec::new();
    for number in 0..5 {
        let body = json!({ "name": format!("Made {number}"), "external_id": format!("theirs/{number}"),
                           "domain_data": [{ "domain": format!("made{number}.example"), "state": "pending" }] });
        made.push(world.make("/organizations", &body).await["id"].as_str().unwrap().to_owned());
        world.broker.runs.advance(std::time::Duration::from_millis(5));
    }
    let first = world.get("/organizations?limit=3").await;
    assert_eq!(ids(&first), [&made[4], &made[3], &made[2]]);
    let after = first["list_metadata"]["after"].as_str().unwrap();
    assert_eq!((after, &first["list_metadata"]["before"]), (made[2].as_str(), &Value::Null));
    let second = world.get(&format!("/organizations?limit=3&after={after}")).await;
    assert_eq!(ids(&second), [made[1].as_str(), &made[0], "org_01E4ZCR3C56J083X43JQXF3JK5"]);
    let before = second["list_metadata"]["before"].as_str().unwrap();
    assert_eq!(ids(&world.get(&format!("/organizations?limit=3&before={before}")).await), ids(&first));

    assert_eq!(ids(&world.get("/organizations?domains=made1.example,made3.example").await), [&made[3], &made[1]]);
    assert_eq!(ids(&world.get("/organizations?domains[]=made1.example&domains[]=no.example").await), [&made[1]]);
    assert_eq!(ids(&world.get("/organizations?search=MADE%204").await), [&made[4]]);
    assert_eq!(world.get("/organizations/external_id/theirs%2F2").await["id"], made[2].as_str());

    for (query, found) in [
        ("connection_type=OktaOIDC", true),
        ("connection_type=GithubOAuth", false),
        ("connection_type=OktaSAML", false),
        ("organization_id=org_01FILE", true),
        ("organization_id=org_01E4ZCR3C56J083X43JQXF3JK5", false),
        ("organization_id=nonsense", false),
        ("domain=FILE.example", true),
        ("domain=le.example", false),
        ("search=the%20file", true),
        ("search=other", false),
    ] {
        assert_eq!(ids(&world.get(&format!("/connections?{query}")).await).len(), usize::from(found), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_sees_only_what_was_granted_to_it_and_what_it_made() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let theirs = world.organization(None).await;
        for path in [
            format!("/organizations/{theirs}"),
            "/organizations/org_01E4ZCR3C56J083X43JQXF3JK5".to_owned(),
            "/organizations/org_01NOBODY".to_owned(),
            "/connections/conn_01NOBODY".to_owned(),
            "/connections/%00".to_owned(),
            "/organizations/external_id/nobody".to_owned(),
            "/connections/conn_01NOBODY/logout_setup".to_owned(),
        ] {
            let (status, answer) = world.call(READER, Method::GET, &path, None).await;
            assert_eq!((status, &answer["code"]), (404, &json!("entity_not_found")), "{path}: {answer}");
            assert!(answer["message"].is_string() && answer["entity_id"].is_string(), "{answer}");
        }
        let (_, list) = world.call(READER, Method::GET, "/organizations", None).await;
        assert_eq!(ids(&list), ["org_01FILE"]);
        let (_, made) = world.call(LIMITED, Method::POST, "/organizations", Some(&json!({ "name": "Mine" }))).await;
        let (_, list) = world.call(LIMITED, Method::GET, "/organizations", None).await;
        assert_eq!(ids(&list), [made["id"].as_str().unwrap(), "org_01FILE"]);
        let path = format!("/organizations/{theirs}");
        assert_eq!(world.call(LIMITED, Method::DELETE, &path, None).await.0, 404);
        assert_eq!(world.call(LIMITED, Method::PUT, &path, Some(&json!({ "name": "x" }))).await.0, 404);
        let body = json!({ "organization_id": theirs, "oidc_options": world.options() });
        assert_eq!(world.call(LIMITED, Method::POST, "/connections", Some(&body)).await.0, 404);
        assert_eq!(world.get(&path).await["name"], "Made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_key_nothing_is_read_and_without_leave_nothing_is_changed() {
    let world = world(Engine::Sqlite).await;
    let all = [
        (Method::GET, "/connections"),
        (Method::POST, "/connections"),
        (Method::GET, "/connections/conn_01FILE"),
        (Method::PATCH, "/connections/conn_01FILE"),
        (Method::DELETE, "/connections/conn_01FILE"),
        (Method::GET, "/connections/conn_01FILE/logout_setup"),
        (Method::GET, "/organizations"),
        (Method::POST, "/organizations"),
        (Method::GET, "/organizations/org_01FILE"),
        (Method::PUT, "/organizations/org_01FILE"),
        (Method::DELETE, "/organizations/org_01FILE"),
        (Method::GET, "/organizations/external_id/a"),
    ];
    for (method, path) in all {
        for key in [None, Some("sk_wrong"), Some("")] {
            let response = send(method.clone(), &world.broker.url(path), key, Some(&json!({})), &[]).await;
            assert_eq!(response.status(), 401, "{method} {path}");
            assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
        }
        if method != Method::GET {
            let (status, answer) = world.call(READER, method.clone(), path, Some(&json!({ "name": "x" }))).await;
            assert_eq!(status, 403, "{method} {path}: {answer}");
            assert!(answer["message"].as_str().unwrap().contains("manage = true"));
        }
    }
    for (method, path, body) in [
        (Method::PATCH, "/connections/conn_01FILE", json!({ "name": "x" })),
        (Method::DELETE, "/connections/conn_01FILE", Value::Null),
        (Method::PUT, "/organizations/org_01FILE", json!({ "name": "x" })),
        (Method::DELETE, "/organizations/org_01FILE", Value::Null),
    ] {
        let (status, answer) = world.call(MANAGER, method.clone(), path, Some(&body)).await;
        assert_eq!(status, 422, "{method} {path}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains("configuration file"), "{answer}");
    }
    assert_eq!(world.get("/connections/conn_01FILE").await["name"], "Of the File");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_come_with_a_certificate_that_is_theirs() {
    let world = world(Engine::Sqlite).await;
    let read = async || send(Method::GET, &world.broker.url("/sso/jwks/client_01reader"), None, None, &[]).await;
    let set: Value = serde_json::from_slice(read().await.body()).unwrap();
    let key = &set["keys"][0];
    assert_eq!(keys(key), ["alg", "e", "kid", "kty", "n", "use", "x5c", "x5t#S256"]);
    assert_eq!((&key["alg"], &key["kty"], &key["use"]), (&json!("RS256"), &json!("RSA"), &json!("sig")));
    let der = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
    assert_eq!(key["x5t#S256"], URL_SAFE_NO_PAD.encode(digest(&SHA256, &der)));
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    assert!(der.windows(modulus.len()).any(|bytes| bytes == modulus), "the certificate is of this key");
    assert_eq!(set, serde_json::from_slice::<Value>(read().await.body()).unwrap(), "the same each time");
    let response = send(Method::GET, &world.broker.url("/sso/jwks/client_01nobody"), None, None, &[]).await;
    assert_eq!(response.status(), 404);
    assert!(serde_json::from_slice::<Value>(response.body()).unwrap()["message"].is_string());
}
