//! Programs at routes: they come with a token, which dies like a session.

use std::time::Duration;

use acquit_testkit::{Browser, Engine, Setup, TestApp, acquit::InProcess};
use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    routes::{LONG, Routes, SIGNED_OUT, rest},
    world::{only_receipt, settled},
};

/// A service, and an operator who may not let programs in.
const MORE: &str = "[[users]]\nusername = \"backup\"\nservice = true\n\n\
                    [[api_tokens]]\nname = \"reader\"\ntoken = \"less-than-all-of-the-rights-of-an-operator\"\n\
                    scopes = [\"read\", \"sessions\"]\n";

struct World {
    acquit: TestApp<InProcess>,
    routes: Routes,
    browser: Browser,
}

/// Acquit with two routes to an app with no login, the second for alice alone.
async fn world(engine: Engine) -> World {
    let routes = Routes::start().await;
    let setup = Setup::on(engine).host("id.localhost").with(MORE).with(&routes.configuration("users = [\"alice\"]"));
    World { acquit: setup.start(&[]).await, routes, browser: Browser::new() }
}

/// Waits until the only logout is settled.
async fn complete(world: &World) -> Value {
    let id = only_receipt(&world.acquit).await["id"].as_str().unwrap().to_owned();
    settled(&world.acquit, &id, LONG).await
}

/// Has a program let in, as its operator does.
async fn admitted(world: &World, user: &str, host: &str) -> (String, String) {
    let order = json!({ "user": user, "route": world.routes.at(host, ""), "name": "nightly backup" });
    let (status, body) = world.acquit.api(Method::POST, "/api/v1/programs", Some(&order)).await;
    assert_eq!(status, 201, "{body}");
    (body["token"].as_str().unwrap().to_owned(), body["session"].as_str().unwrap().to_owned())
}

impl World {
    /// What a program with this header is answered.
    async fn program(&self, host: &str, header: &str) -> String {
        let head = format!("GET /data HTTP/1.1\r\nHost: HOST\r\n{header}\r\nConnection: close\r\n\r\n");
        self.routes.ask(host, &head).await.1
    }

    async fn program_status(&self, host: &str, token: &str) -> String {
        self.program(host, &format!("Authorization: Bearer {token}")).await[9..12].to_owned()
    }
}

#[tokio::test]
async fn a_service_comes_with_its_token_and_the_app_hears_who_it_is_but_not_the_token() {
    let world = world(Engine::Sqlite).await;
    let (token, _) = admitted(&world, "backup", "grafana").await;
    for header in [
        format!("Authorization: Bearer {token}"),
        format!("Authorization: Pomerium {token}"),
        format!("X-Pomerium-Authorization: {token}"),
        format!("X-Acquit-Authorization: {token}\r\nAuthorization: Basic b2Y6YXBw"),
    ] {
        let answer = world.program("grafana", &header).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{header}: {answer}");
        assert!(!answer.to_lowercase().contains("set-cookie"), "{answer}");
        let seen = world.routes.app.last().to_lowercase();
        assert!(seen.contains("x-pomerium-jwt-assertion:"), "{seen}");
        assert!(!seen.contains("acquit_program_"), "{seen}");
        assert_eq!(seen.contains("basic b2y6yxbw"), header.contains("Basic"), "the app's own is left to it: {seen}");
    }
    let spoilt = format!("{}A", &token[..token.len() - 1]);
    for header in [
        format!("Authorization: Bearer {spoilt}"),
        format!("Authorization: Bearer {token}\r\nX-Acquit-Authorization: {token}"),
        "Authorization: Bearer acquit_program_".to_owned(),
        format!("Authorization: Bearer {spoilt}\r\nAccept: text/html"),
    ] {
        let answer = world.program("grafana", &header).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{header}: {answer}");
        assert!(answer.contains("Bearer error=\"invalid_token\""), "a program is not sent to a page: {answer}");
    }
    assert_eq!(world.program_status("vault", &token).await, "401", "another host's token is none");
    assert_eq!(
        world.routes.status("grafana", &format!("acquit-route={}", &token["acquit_program_".len()..])).await,
        "401"
    );
    // A browser's cookie does not help out a bad token.
    let page = world.browser.open(&world.routes.at("grafana", "/dash")).await;
    world.acquit.sign_in(&world.browser, &page, "bob").await;
    let both = format!("Cookie: {}\r\nAuthorization: Bearer {spoilt}", world.routes.cookie(&world.browser, "grafana"));
    assert!(world.program("grafana", &both).await.starts_with("HTTP/1.1 401"));
    let cookie = world.routes.cookie(&world.browser, "grafana");
    let as_token = format!("Authorization: Bearer acquit_program_{}", cookie.split_once('=').unwrap().1);
    assert!(world.program("grafana", &as_token).await.starts_with("HTTP/1.1 401"), "nor is a cookie a token");
    // On a public path a token is not passed on either.
    assert!(world.program("grafana", &format!("Authorization: Bearer {spoilt}")).await.starts_with("HTTP/1.1 401"));
    let head = format!("GET /health HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer {spoilt}\r\n\r\n");
    assert!(world.routes.ask("grafana", &head).await.1.starts_with("HTTP/1.1 200"));
    assert!(!world.routes.app.last().to_lowercase().contains("acquit_program_"));
}

#[tokio::test]
async fn what_ends_its_session_or_its_user_ends_a_token_and_cuts_what_the_program_has_open() {
    for engine in Engine::BOTH {
        for begun in ["session", "user"] {
            let world = world(engine).await;
            let (token, session) = admitted(&world, "alice", "grafana").await;
            let (vault, _) = admitted(&world, "alice", "vault").await;
            let head = format!(
                "GET /live HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
            );
            let (mut open, answer) = world.routes.ask("grafana", &head).await;
            assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
            if begun == "session" {
                drop(world.acquit.api(Method::DELETE, &format!("/api/v1/sessions/{session}"), None).await);
            } else {
                let body = json!({ "scope": "user", "user": "alice" });
                drop(world.acquit.api(Method::POST, "/api/v1/logouts", Some(&body)).await);
            }
            assert!(rest(&mut open).await.ends_with(SIGNED_OUT), "{engine:?}, {begun}");
            assert_eq!(world.program_status("grafana", &token).await, "401", "{engine:?}, {begun}");
            let other = if begun == "session" { "200" } else { "401" };
            assert_eq!(world.program_status("vault", &vault).await, other, "{engine:?}, {begun}");
            let receipt = complete(&world).await;
            assert_eq!(world.routes.step(&receipt, "grafana")["detail"], "1 open stream was closed", "{receipt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_letting_in_was_cut_short_is_a_session_that_nobody_has_and_that_can_be_ended() {
    for engine in Engine::BOTH {
        let routes = Routes::start().await;
        let setup =
            Setup::on(engine).host("id.localhost").with(MORE).with(&routes.configuration("users = [\"alice\"]"));
        let acquit = setup.program(&[]).await;
        acquit.runs.kill();
        acquit.runs.launch(&[("ACQUIT_FAILPOINT", "program-begun")]).await;
        let order = json!({ "user": "alice", "route": routes.at("grafana", ""), "name": "nightly" }).to_string();
        let head = format!(
            "POST /api/v1/programs HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{order}",
            acquit.url("").trim_start_matches("http://"),
            acquit_testkit::acquit::OPERATOR,
            order.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", routes.port)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        let _ = timeout(LONG, stream.read_to_end(&mut heard)).await.expect("the end");
        assert!(heard.is_empty(), "it died before it said a token: {}", String::from_utf8_lossy(&heard));
        acquit.runs.ended(LONG).await;
        acquit.runs.launch(&[]).await;
        // It is there to be seen, with its name, and says that it takes part nowhere.
        let live = acquit.live_sessions().await;
        assert_eq!(live.len(), 1, "{engine:?}: {live:#?}");
        assert_eq!(live[0]["program"], "nightly", "{live:#?}");
        assert!(!live[0].to_string().contains("grafana"), "{live:#?}");
        // To order it again lets it in beside that; the end of all of its person ends both.
        let again = json!({ "user": "alice", "route": routes.at("grafana", ""), "name": "nightly" });
        let (status, body) = acquit.api(Method::POST, "/api/v1/programs", Some(&again)).await;
        assert_eq!(status, 201, "{body}");
        let head = format!(
            "GET / HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer {}\r\n\r\n",
            body["token"].as_str().unwrap()
        );
        assert_eq!(routes.ask("grafana", &head).await.1[9..12], *"200");
        let all = json!({ "scope": "user", "user": "alice" });
        let (status, body) = acquit.api(Method::POST, "/api/v1/logouts", Some(&all)).await;
        assert!(status < 300, "{status} {body}");
        assert_eq!(acquit.live_sessions().await.len(), 0, "{engine:?}");
        assert_eq!(routes.ask("grafana", &head).await.1[9..12], *"401");
        let receipt = only_receipt(&acquit).await;
        let receipt = settled(&acquit, receipt["id"].as_str().unwrap(), LONG).await;
        assert_eq!(receipt["steps"].as_array().unwrap().len(), 1, "nothing was open for the first: {receipt:#}");
        assert_eq!(receipt["state"], "complete", "{receipt:#}");
    }
}

#[tokio::test]
async fn a_program_is_not_asked_for_use_but_its_time_is_over_when_it_was_said() {
    let world = world(Engine::Sqlite).await;
    let order =
        json!({ "user": "backup", "route": world.routes.at("grafana", ""), "name": "b", "expires_in": 172_800 });
    let (status, body) = world.acquit.api(Method::POST, "/api/v1/programs", Some(&order)).await;
    assert_eq!(status, 201, "{body}");
    let token = body["token"].as_str().unwrap();
    // A browser would be idle after half of a day.
    world.acquit.runs.advance(Duration::from_secs(172_700));
    assert_eq!(world.program_status("grafana", token).await, "200");
    let shown = world.acquit.live_sessions().await;
    assert_eq!((&shown[0]["program"], &shown[0]["user_agent"]), (&json!("b"), &Value::Null), "{shown:#?}");
    world.acquit.runs.advance(Duration::from_secs(101));
    assert_eq!(world.program_status("grafana", token).await, "401");
    let (_, shown) = world.acquit.api(Method::GET, "/api/v1/sessions", None).await;
    assert_eq!(shown["data"][0]["state"], "ended", "{shown:#}");
}

#[tokio::test]
async fn a_program_whose_person_changed_goes_on_as_they_are_now() {
    let world = world(Engine::Sqlite).await;
    let (token, _) = admitted(&world, "bob", "grafana").await;
    let store = &world.acquit.runs.app.store;
    let bob = store.user_by_username("bob").await.unwrap().unwrap();
    let renamed = acquit_store::user::User { name: Some("Robert".to_owned()), ..bob.clone() };
    store.put_user(renamed).await.unwrap().unwrap();
    timeout(LONG, async {
        loop {
            let answer = world.program("grafana", &format!("Authorization: Bearer {token}")).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(!answer.to_lowercase().contains("set-cookie"), "a program has no cookies: {answer}");
            if world.routes.app.last().contains("Robert") {
                break;
            }
        }
    })
    .await
    .expect("the app hears of the new name");
    store.set_disabled(&bob.id, true, bob.created_at).await.unwrap();
    timeout(LONG, async { while world.program_status("grafana", &token).await != "401" {} })
        .await
        .expect("a disabled user's program is out");
}

#[tokio::test]
async fn only_who_manages_lets_programs_in_and_a_wrong_order_begins_nothing() {
    let world = world(Engine::Sqlite).await;
    let route = world.routes.at("grafana", "");
    let vault = world.routes.at("vault", "");
    for (order, why) in [
        (json!({ "user": "backup", "route": "http://wiki.localhost", "name": "b" }), "no route"),
        (json!({ "user": "backup", "route": "wiki", "name": "b" }), "no route"),
        (json!({ "user": "backup", "route": vault, "name": "b" }), "lets backup in"),
        (json!({ "user": "backup", "route": route, "name": "" }), "name"),
        (json!({ "user": "backup", "route": route, "name": "a\nb" }), "name"),
        (json!({ "user": "backup", "route": route, "name": "b", "expires_in": 0 }), "program_max"),
        (json!({ "user": "backup", "route": route, "name": "b", "expires_in": u64::MAX }), "program_max"),
        (json!({ "user": "backup", "route": route, "name": "b", "more": 1 }), "more"),
    ] {
        let (status, body) = world.acquit.api(Method::POST, "/api/v1/programs", Some(&order)).await;
        assert_eq!(status, 400, "{order}: {body}");
        assert!(body.to_string().contains(why), "{order}: {body}");
    }
    let nobody = json!({ "user": "nobody", "route": route, "name": "b" });
    assert_eq!(world.acquit.api(Method::POST, "/api/v1/programs", Some(&nobody)).await.0, 404);
    assert_eq!(world.acquit.live_sessions().await.len(), 0);
    let body = json!({ "user": "alice", "route": route, "name": "b" }).to_string();
    for (token, expected) in [("Bearer less-than-all-of-the-rights-of-an-operator", "403"), ("Bearer x", "401")] {
        let head = format!(
            "POST /api/v1/programs HTTP/1.1\r\nHost: {}\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            world.acquit.url("").trim_start_matches("http://"),
            body.len()
        );
        assert_eq!(world.routes.ask("grafana", &head).await.1[9..12], *expected, "{token}");
    }
    assert_eq!(world.acquit.live_sessions().await.len(), 0);
    // Nor does anybody sign in as a service.
    let page = world.browser.open(&world.routes.at("grafana", "/")).await;
    let page = world.acquit.sign_in(&world.browser, &page, "backup").await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
}
