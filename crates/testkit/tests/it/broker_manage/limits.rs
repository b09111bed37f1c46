//! How often the broker is called: too often is 429 with `Retry-After`.

use acquit_testkit::{Engine, Setup, peers::free_port};
use http::{Method, Response};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{CALLBACK, MANAGER, READER, configuration, upstream};
use crate::broker_wire::send;

fn too_many(response: &Response<Bytes>) -> u64 {
    assert_eq!(response.status(), 429, "{response:?}");
    response.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_api_key_each_connection_and_each_address_that_fails_has_a_limit_of_its_own() {
    let upstream = upstream().await;
    let limits = "[limits]\nbroker_per_api_key = 3\nbroker_per_connection = 2\nbroker_failures_per_address = 2\n\n";
    let broker = Setup::on(Engine::Sqlite).host("id.localhost").port(free_port());
    let broker = broker.with(&format!("{limits}{}", configuration(&upstream.url("")))).start(&[]).await;
    let get = async |key: &str| send(Method::GET, &broker.url("/connections"), Some(key), None, &[]).await;
    for _ in 0..3 {
        assert_eq!(get(READER).await.status(), 200);
    }
    let refused = get(READER).await;
    let wait = too_many(&refused);
    assert!((1..=20).contains(&wait), "{wait}");
    let body: Value = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!(body["code"], "rate_limit_exceeded");
    assert_eq!(get(MANAGER).await.status(), 200, "another key");
    broker.runs.advance(std::time::Duration::from_secs(wait));
    assert_eq!(get(READER).await.status(), 200, "what it said is enough");

    let token = async |secret: &str, client: &str| {
        let body =
            json!({ "client_id": client, "client_secret": secret, "grant_type": "authorization_code", "code": "x" });
        send(Method::POST, &broker.url("/sso/token"), None, Some(&body), &[]).await
    };
    for _ in 0..2 {
        assert_eq!(token("sk_wrong", "client_01manager").await.status(), 400);
    }
    too_many(&token("sk_wrong", "client_01manager").await);
    too_many(&get("sk_wrong").await);
    assert_eq!(token(MANAGER, "client_01manager").await.status(), 400, "who shows its key is none of them");

    let authorize = format!(
        "/sso/authorize?client_id=client_01manager&redirect_uri={CALLBACK}&response_type=code&connection=conn_01FILE"
    );
    let authorize = async || send(Method::GET, &broker.url(&authorize), None, None, &[]).await;
    for _ in 0..2 {
        assert_eq!(authorize().await.status(), 303);
    }
    too_many(&authorize().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_that_takes_an_api_key_counts_calls_and_wrong_keys() {
    let limits = "[limits]\nbroker_per_api_key = 3\nbroker_failures_per_address = 3\n\n";
    let doors = [
        (Method::GET, "/events?events=session.created"),
        (Method::GET, "/webhook_endpoints"),
        (Method::POST, "/webhook_endpoints"),
        (Method::PATCH, "/webhook_endpoints/we_01"),
        (Method::DELETE, "/webhook_endpoints/we_01"),
        (Method::POST, "/sso/logout/authorize"),
        (Method::GET, "/organizations"),
    ];
    let broker = Setup::on(Engine::Sqlite).host("id.localhost").port(free_port());
    let broker = broker.with(&format!("{limits}{}", configuration("https://idp.example.com"))).start(&[]).await;
    for key in [MANAGER, "sk_wrong"] {
        for (method, path) in &doors {
            for _ in 0..3 {
                let answer = send(method.clone(), &broker.url(path), Some(key), Some(&json!({})), &[]).await;
                assert_ne!(answer.status(), 429, "{key} {path}");
            }
            let once_more = send(method.clone(), &broker.url(path), Some(key), Some(&json!({})), &[]).await;
            if *path == "/sso/logout/authorize" && key == MANAGER {
                assert_ne!(once_more.status(), 429, "nobody who may have somebody signed out is refused for the rate");
            } else {
                too_many(&once_more);
            }
            broker.runs.advance(std::time::Duration::from_secs(120));
        }
    }
}
