//! Apps with no login of their own, behind the gateway's socket: who reaches them, and what a logout that begins anywhere leaves
//! of that.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp, acquit::InProcess, peers::free_port,
};
use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::world::only_receipt;

pub(crate) mod app;

use app::App;

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(20);

struct World {
    acquit: TestApp<InProcess>,
    payroll: TestRp,
    app: App,
    port: u16,
    browser: Browser,
}

/// Acquit with two routes to an app with no login, and an application of OpenID Connect besides.
async fn world(engine: Engine) -> World {
    let payroll = Registration::new("payroll").start().await;
    let app = App::start().await;
    let (own, port) = (free_port(), free_port());
    let route = |host: &str, allow: &str| {
        format!(
            "[[gateway.routes]]\nfrom = \"http://{host}.localhost:{port}\"\nto = \"http://{}\"\nallow = {{ {allow} }}\n\
             public_paths = [\"/health\"]\n\n",
            app.address
        )
    };
    let gateway = format!(
        "[gateway]\nlisten = \"127.0.0.1:{port}\"\n\n{}{}",
        route("grafana", "everyone = true"),
        route("vault", "users = [\"alice\"]")
    );
    let acquit = Setup::on(engine).host("id.localhost").port(own).with(&gateway).start(&[&payroll]).await;
    World { acquit, payroll, app, port, browser: Browser::new() }
}

impl World {
    fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.port)
    }

    /// Opens an app's page, through a sign-in where nobody is signed in yet.
    async fn enter(&self, host: &str, username: &str) -> Page {
        let mut page = self.browser.open(&self.at(host, "/dash?panel=1")).await;
        if page.mark().as_deref() == Some("sign-in") {
            page = self.acquit.sign_in(&self.browser, &page, username).await;
        }
        page
    }

    fn cookie(&self, host: &str) -> String {
        let value = self.browser.cookie(&self.at(host, "/"), "acquit-route").expect("a route cookie");
        format!("acquit-route={value}")
    }

    /// Opens a connection with this head, and reads the head of the answer.
    async fn ask(&self, host: &str, head: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let head = head.replace("HOST", &format!("{host}.localhost:{}", self.port));
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(timeout(LONG, stream.read_u8()).await.expect("an answer").unwrap());
        }
        (stream, String::from_utf8(heard).unwrap())
    }

    /// What a request with this cookie is answered.
    async fn status(&self, host: &str, cookie: &str) -> String {
        let head =
            format!("GET / HTTP/1.1\r\nHost: HOST\r\nAccept: */*\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
        self.ask(host, &head).await.1[9..12].to_owned()
    }

    /// Opens a WebSocket with this cookie: what it is answered, and the connection.
    async fn websocket(&self, host: &str, cookie: &str) -> (TcpStream, String) {
        let head = format!(
            "GET /live HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookie}\r\n\r\n"
        );
        let (stream, answer) = self.ask(host, &head).await;
        (stream, answer[9..12].to_owned())
    }
}

/// What a WebSocket says until its end.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    timeout(LONG, stream.read_to_end(&mut heard)).await.expect("the end of the stream").unwrap();
    heard
}

/// The step of a host in a receipt.
fn step<'a>(receipt: &'a Value, world: &World, host: &str) -> &'a Value {
    let party = format!("{host}.localhost:{}", world.port);
    receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == party).expect("a step of the host")
}

/// Waits until a receipt is complete.
async fn complete(world: &World) -> Value {
    timeout(LONG, async {
        loop {
            let receipt = only_receipt(&world.acquit).await;
            if receipt["state"] != "in_progress" {
                return receipt;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("a receipt that is settled")
}

#[tokio::test]
async fn an_app_is_reached_after_a_sign_in_by_whom_it_allows_and_hears_who_it_is() {
    let world = world(Engine::Sqlite).await;
    let (_, answer) = world.ask("grafana", "GET /health HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "a public path: {answer}");
    assert_eq!(world.status("grafana", "a=b").await, "401", "a program is told so");
    let page = world.enter("grafana", "bob").await;
    assert_eq!(page.url.as_str(), world.at("grafana", "/dash?panel=1"), "{page}");
    assert!(page.body.contains("GET /dash?panel=1"), "{page}");
    let seen = world.app.last();
    assert!(!seen.to_lowercase().contains("acquit-route"), "our cookies are nobody else's: {seen}");
    let page = world.enter("vault", "bob").await;
    assert_eq!(page.status, 403, "{page}");
    assert_eq!(world.status("vault", &world.cookie("grafana")).await, "401", "another route's cookie is none");
}

#[tokio::test]
async fn a_logout_that_begins_anywhere_closes_what_is_open_and_refuses_the_cookie_on_all_routes() {
    for engine in Engine::BOTH {
        for begun in ["app", "operator", "user", "account", "route"] {
            let world = world(engine).await;
            world.acquit.enter(&world.browser, &world.payroll, "alice").await;
            let page = world.enter("grafana", "alice").await;
            world.enter("vault", "alice").await;
            let (grafana, vault) = (world.cookie("grafana"), world.cookie("vault"));
            let (mut open, answer) = world.websocket("grafana", &grafana).await;
            assert_eq!(answer, "101");
            assert_eq!(timeout(LONG, open.read_u16()).await.unwrap().unwrap(), 0x8105, "a frame of the app");
            let session = world.acquit.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
            match begun {
                "app" => {
                    let url = world.payroll.end_session_url(&world.browser, None);
                    world.browser.click(&page, &url).await;
                }
                "operator" => {
                    drop(world.acquit.api(Method::DELETE, &format!("/api/v1/sessions/{session}"), None).await);
                }
                "user" => {
                    let body = json!({ "scope": "user", "user": "alice" });
                    drop(world.acquit.api(Method::POST, "/api/v1/logouts", Some(&body)).await);
                }
                "account" => {
                    let page = world.browser.open(&world.acquit.url("/sign-out")).await;
                    let form = page.form_with("question").press("decision", "sign-out");
                    world.browser.submit(&page, form).await;
                }
                _ => {
                    let url = world.at("grafana", "/.pomerium/sign_out");
                    let load = acquit_testkit::browser::Load::typed(&url).by(&page.url);
                    world.browser.load(load).await;
                }
            }
            let heard = rest(&mut open).await;
            assert!(heard.ends_with(b"\x88\x0c\x03\xf0signed out"), "{begun}: {heard:?}");
            for (host, cookie) in [("grafana", &grafana), ("vault", &vault)] {
                assert_eq!(
                    world.status(host, cookie).await,
                    "401",
                    "{engine:?}, {begun}: replayed from another machine"
                );
                assert_eq!(world.websocket(host, cookie).await.1, "401", "{begun}");
            }
            let receipt = complete(&world).await;
            assert_eq!(receipt["state"], "complete", "{begun}: {receipt:#}");
            let evicted = step(&receipt, &world, "grafana");
            assert_eq!(
                (&evicted["channel"], &evicted["outcome"]),
                (&json!("gateway"), &json!("confirmed")),
                "{evicted}"
            );
            assert_eq!(evicted["detail"], "1 open stream was closed", "{begun}");
            assert_eq!(step(&receipt, &world, "vault")["detail"], "nothing was open", "{begun}");
        }
    }
}

#[tokio::test]
async fn a_changed_group_counts_at_once_without_another_sign_in() {
    let world = world(Engine::Sqlite).await;
    world.enter("grafana", "bob").await;
    let store = &world.acquit.runs.app.store;
    let bob = store.user_by_username("bob").await.unwrap().unwrap();
    let renamed = acquit_store::user::User { name: Some("Robert".to_owned()), ..bob };
    store.put_user(renamed).await.unwrap().unwrap();
    let before = world.cookie("grafana");
    timeout(LONG, async {
        while world.cookie("grafana") == before {
            let page = world.browser.open(&world.at("grafana", "/")).await;
            assert_eq!(page.status, 200, "nobody has to sign in again: {page}");
        }
    })
    .await
    .expect("a cookie that describes him as he is");
}
