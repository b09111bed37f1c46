//! What a customer's provider and an API key may not do to the operator: be one of its people, or look behind its server.

use acquit_core::{Timestamp, UserId};
use acquit_store::user::User;
use acquit_testkit::{Browser, Engine, Setup, browser::Load, peers::free_port};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::{CALLBACK, MANAGER, World, configuration, parameter, upstream, world};
use crate::broker_wire::call;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_verifies_no_domain_in_which_people_sign_in_here() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let claim = |domain: &str, state: &str| json!({ "name": "Thief", "domain_data": [{ "domain": domain, "state": state }] });
        let made = claim("staff.example", "verified");
        let (status, refused) = world.call(MANAGER, Method::POST, "/organizations", Some(&made)).await;
        assert_eq!((status, &refused["code"]), (409, &json!("domain_in_use")), "{refused}");
        assert_eq!(
            world.call(MANAGER, Method::POST, "/organizations", Some(&claim("aff.example", "verified"))).await.0,
            201
        );

        let pending = world.make("/organizations", &claim("Staff.Example", "pending")).await;
        let path = format!("/organizations/{}", pending["id"].as_str().unwrap());
        let verified = claim("staff.example", "verified");
        let (status, refused) = world.call(MANAGER, Method::PUT, &path, Some(&verified)).await;
        assert_eq!((status, &refused["code"]), (409, &json!("domain_in_use")), "nor later: {refused}");
        assert_eq!(world.get(&path).await["domains"][0]["state"], "pending");
    }
}

fn own_user(email: &str) -> User {
    User {
        id: UserId::from_random([7; 16]),
        username: "contractor".to_owned(),
        email: Some(email.to_owned()),
        email_verified: true,
        name: None,
        password_hash: None,
        groups: Vec::new(),
        disabled: false,
        from_file: false,
        epoch: 0,
        version: 0,
        created_at: Timestamp::default(),
        origin: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_a_domain_that_a_key_verified_gets_the_address_of_somebody_who_signs_in_here() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let organization = world.organization(Some("example.com")).await;
        let connection = world.connection(&organization).await["id"].as_str().unwrap().to_owned();
        // The operator made this user after the domain was claimed.
        world.broker.runs.app.store.put_user(own_user("Alice@Example.com")).await.unwrap().unwrap();
        let address = async |username: &str| {
            let page = world.browser.open(&world.broker.url("/account")).await;
            assert_eq!(page.mark().as_deref(), Some("account"), "{page}");
            page.text().contains(&format!("· {username}@example.com"))
        };
        let profile = world.enter(&connection, "alice").await;
        assert_eq!(profile["email"], "alice@example.com", "who knows the connection sees what it said");
        assert!(!address("alice").await, "and everybody else is told no address");
        let bob = World { browser: Browser::new(), ..world };
        bob.enter(&connection, "bob").await;
        let page = bob.browser.open(&bob.broker.url("/account")).await;
        assert!(page.text().contains("· bob@example.com"), "the others keep theirs: {page}");
        // What was verified stays so, whatever else of the organization is changed.
        let path = format!("/organizations/{organization}");
        let renamed = json!({ "name": "Renamed" });
        assert_eq!(bob.call(MANAGER, Method::PUT, &path, Some(&renamed)).await.0, 200);
    }
}

/// A provider that has a document and nothing behind it.
async fn a_provider_with_its_tokens_at(token_endpoint: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let document = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": token_endpoint,
        "jwks_uri": format!("{issuer}/jwks"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
    })
    .to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}",
                document.len()
            );
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    issuer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_an_address_of_a_provider_is_told_to_nobody() {
    let upstream = upstream().await;
    let mut told = Vec::new();
    // One that the policy refuses, one at which nobody listens, one that is no TLS.
    let no_tls = upstream.url("/token").replace("http:", "https:");
    for behind in ["https://10.1.2.3/token", "http://127.0.0.1:1/token", &no_tls] {
        let issuer = a_provider_with_its_tokens_at(behind).await;
        let broker = Setup::on(Engine::Sqlite).host("id.localhost").port(free_port()).mail("staff.example");
        let broker = broker.with(&configuration(&issuer)).start(&[]).await;
        let browser = Browser::new();
        let begin = broker.url(&format!(
            "/sso/authorize?client_id=client_01manager&redirect_uri={CALLBACK}&response_type=code&connection=conn_01FILE"
        ));
        let there = browser.step(&Load::typed(&begin)).await.unwrap().location().unwrap();
        let state = parameter(&there, "state").unwrap();
        let mut back = Url::parse(&broker.url("/sso/oidc/external-key-of-the-tests-0123/callback")).unwrap();
        back.query_pairs_mut().append_pair("code", "any").append_pair("state", &state);
        let end = browser.try_load(Load::typed(back.as_str())).await.unwrap_err().url;
        assert_eq!(parameter(&end, "error").as_deref(), Some("oauth_failed"), "{end}");
        let list = call(&broker, Some(MANAGER), Method::GET, "/events?events=authentication.sso_failed", None).await.1;
        let failed = list["data"][0]["data"]["error"]["message"].as_str().unwrap().to_owned();
        told.push((parameter(&end, "error_description").unwrap(), failed));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}
