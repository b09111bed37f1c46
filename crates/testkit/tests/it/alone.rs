//! Nodes that are only gateways: a server and two of them, on one PostgreSQL database, by a role and keys of their own.

use std::{sync::Arc, time::Duration};

use acquit_server::{seal::GatewayKeys, settings::MasterKey};
use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::{AloneNode, InProcess, MASTER_KEY},
    peers::free_port,
    postgres::Postgres,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    routes::app::App,
    world::{only_receipt, until},
};

mod narrower;
mod push;
mod rights;
mod sign_out;
mod trouble;

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(30);
/// How often nodes read the log.
const OFTEN: Duration = Duration::from_millis(500);
/// So seldom that only a hint can have made them.
const NEVER: Duration = Duration::from_secs(3600);
struct World {
    server: Arc<Postgres>,
    database: String,
    house: TestApp<InProcess>,
    payroll: TestRp,
    app: App,
    nodes: [AloneNode; 2],
    browser: Browser,
}

/// A server and two nodes, which read the log as often as this.
async fn world(read_every: Duration) -> World {
    world_on(tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap(), read_every).await
}

async fn world_on(server: Arc<Postgres>, read_every: Duration) -> World {
    let database = server.database().unwrap();
    let payroll = Registration::new("payroll").start().await;
    let app = App::start().await;
    let (own, ports) = (free_port(), [free_port(), free_port()]);
    let route = |host: &str, more: &str| {
        format!(
            "[[gateway.routes]]\nfrom = \"http://{host}.localhost:{}\"\nallow = {{ everyone = true }}\n{more}\n",
            ports[0]
        )
    };
    let asked = format!("{}{}", route("grafana", ""), route("vault", ""));
    let setup = Setup::on(Engine::Postgres).store(&database).host("id.localhost").port(own);
    let house = setup.behind_proxies().with(&asked).start(&[&payroll]).await;
    server.sql(name_of(&database), &acquit_store::gateway::role(&role_of(&database)).unwrap()).unwrap();
    let to = format!("to = \"http://{}\"\n", app.address);
    let passed = format!("{}{}", route("grafana", &to), route("vault", &to));
    let settings = |port| AloneNode::settings(&configuration(&house, &database, port, &passed));
    let clock = house.runs.clock.clone();
    let nodes = [
        AloneNode::start(settings(ports[0]), clock.clone(), read_every).await.unwrap(),
        AloneNode::start(settings(ports[1]), clock, read_every).await.unwrap(),
    ];
    World { server, database, house, payroll, app, nodes, browser: Browser::new() }
}

/// The role of the nodes, which all databases of a server share.
fn role_of(database: &str) -> String {
    format!("gateway_{}", name_of(database))
}

fn name_of(database: &str) -> &str {
    database.rsplit('/').next().unwrap()
}

fn keys() -> String {
    GatewayKeys::derive(&MasterKey::from_bytes(MASTER_KEY)).unwrap().to_string()
}

fn configuration(house: &TestApp<InProcess>, database: &str, port: u16, routes: &str) -> String {
    format!(
        "[server]\npublic_url = \"{}\"\nlisten = \"127.0.0.1:{}\"\n\n[store]\nurl = \"{}\"\n\n\
         [gateway]\nlisten = \"127.0.0.1:{port}\"\nhouse = \"{}\"\nkeys = \"{}\"\n\n{routes}",
        house.url(""),
        free_port(),
        database.replace("acquit@", &format!("{}@", role_of(database))),
        house.url("").replace("id.localhost", "127.0.0.1"),
        keys(),
    )
}

impl World {
    fn sql(&self, statement: &str) {
        self.server.sql(name_of(&self.database), statement).unwrap();
    }

    fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.nodes[0].port)
    }

    /// Opens an app's page through the first node, by a sign-in where nobody is signed in yet.
    async fn enter(&self, host: &str, username: &str) -> Page {
        let mut page = self.browser.open(&self.at(host, "/dash?panel=1")).await;
        if page.mark().as_deref() == Some("sign-in") {
            page = self.house.sign_in(&self.browser, &page, username).await;
        }
        assert_eq!(page.url.as_str(), self.at(host, "/dash?panel=1"), "{page}");
        page
    }

    fn cookie(&self, host: &str) -> String {
        let value = self.browser.cookie(&self.at(host, "/"), "acquit-route").expect("a route cookie");
        format!("acquit-route={value}")
    }

    /// Opens a connection to a node with this head, and reads the head of the answer.
    async fn ask(&self, node: usize, head: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.nodes[node].port)).await.unwrap();
        let head = head.replace("HOST", &format!("grafana.localhost:{}", self.nodes[0].port));
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(timeout(LONG, stream.read_u8()).await.expect("an answer").unwrap());
        }
        (stream, String::from_utf8(heard).unwrap())
    }

    /// What a request for a path with this cookie is answered by a node.
    async fn status_at(&self, node: usize, path: &str, cookie: &str) -> String {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: HOST\r\nAccept: */*\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        self.ask(node, &head).await.1[9..12].to_owned()
    }

    async fn status(&self, node: usize, cookie: &str) -> String {
        self.status_at(node, "/", cookie).await
    }

    /// Opens a WebSocket at a node with this cookie, which the app greets.
    async fn websocket(&self, node: usize, cookie: &str) -> TcpStream {
        let head = format!(
            "GET /live HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookie}\r\n\r\n"
        );
        let (mut stream, answer) = self.ask(node, &head).await;
        assert_eq!(&answer[9..12], "101", "{answer}");
        let mut greeting = [0; 7];
        timeout(LONG, stream.read_exact(&mut greeting)).await.unwrap().unwrap();
        assert_eq!(&greeting, b"\x81\x05hello");
        stream
    }

    /// An operator ends every session.
    async fn end_all(&self) {
        for session in self.house.live_sessions().await {
            let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
            let (status, body) = self.house.api(http::Method::DELETE, &path, None).await;
            assert!(status < 300, "{status} {body}");
        }
    }

    /// The step of a host in the only receipt, once nothing of that is pending.
    async fn settled(&self, host: &str) -> Value {
        let party = format!("{host}.localhost:{}", self.nodes[0].port);
        until(LONG, "the receipt is settled", async || {
            let receipt = only_receipt(&self.house).await;
            if receipt["state"] == "in_progress" {
                return None;
            }
            receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == party).cloned()
        })
        .await
    }
}

/// What a WebSocket says until its end.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    timeout(LONG, stream.read_to_end(&mut heard)).await.expect("the end of the stream").unwrap();
    heard
}

/// The close frame of a stream whose session ended.
const SIGNED_OUT: &[u8] = b"\x88\x0c\x03\xf0signed out";
