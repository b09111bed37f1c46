//! The sign-out of seed 004 in Chromium, to the letter: an app with no login of its own and a live WebSocket page, in two tabs.

use std::{net::SocketAddr, time::Duration};

use acquit_testkit::{
    Engine, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, PASSWORD, outcome},
    peers::{self, Chromium, Person, chromium::Profile, free_port},
};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::world::{only_receipt, settled, until};

const SOON: Duration = Duration::from_secs(15);

/// The app's page: what its WebSocket says, and the function of the seed.
const PAGE: &str = r#"<!doctype html><title>Live</title><main data-page="live"><h1>secret figures</h1></main>
<script>
const socket = new WebSocket(`ws://${location.host}/live`);
socket.onmessage = () => { document.body.dataset.live = "open"; };
socket.onclose = (event) => { document.body.dataset.closed = `${event.code} ${event.reason}`; };
const events = new EventSource("/events");
events.onmessage = (event) => { document.body.dataset.heard = event.data; };
events.onerror = () => { document.body.dataset.events = events.readyState; };
window.signOut = (redirectUrl) => {
  let location = window.location.origin + '/.pomerium/sign_out';
  if (redirectUrl) {
    location += '?pomerium_redirect_uri=' + encodeURIComponent(redirectUrl);
  }
  window.location.href = location;
};
localStorage.setItem("note", "left behind");
document.cookie = "app_session=left; path=/";
</script>"#;

async fn app() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    if let Some(key) = key {
        let told = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes());
        let accept = BASE64_STANDARD.encode(told.as_ref());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.write_all(b"\x81\x05hello").await;
        // Until the gateway closes it.
        let _ = stream.read_to_end(&mut Vec::new()).await;
        return;
    }
    if head.starts_with("GET /events ") {
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.write_all(b"d\r\ndata: hello\n\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
        return;
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
        PAGE.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

struct World {
    acquit: TestApp<InProcess>,
    payroll: TestRp,
    port: u16,
}

async fn world() -> World {
    let payroll = Registration::new("payroll").start().await;
    let (own, port) = (free_port(), free_port());
    let gateway = format!(
        "[gateway]\nlisten = \"127.0.0.1:{port}\"\n\n[[gateway.routes]]\nfrom = \"http://app.localhost:{port}\"\n\
         name = \"Figures\"\nto = \"http://{}\"\nallow = {{ everyone = true }}\nclear_cookies = [\"app_session\"]\n",
        app().await
    );
    let acquit = Setup::on(Engine::Sqlite).host("id.localhost").port(own).with(&gateway).start(&[&payroll]).await;
    World { acquit, payroll, port }
}

impl World {
    fn at(&self, path: &str) -> String {
        format!("http://app.localhost:{}{path}", self.port)
    }

    /// Opens the live page, through a sign-in.
    async fn enter(&self, person: &Person) {
        person.goto(&self.at("/figures")).await;
        person.fill("input[name=username]", "alice").await;
        person.fill("input[name=password]", PASSWORD).await;
        person.click("main[data-page=sign-in] form button").await;
        assert_eq!(person.wait("body[data-live=open]").await, self.at("/figures"), "its WebSocket is open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_out_of_the_seed_closes_the_live_page_in_the_other_tab_and_leaves_nothing() {
    if !peers::take_part() {
        return;
    }
    let world = world().await;
    let chromium = Chromium::start().await;
    let person = chromium.person("alice", Profile::default()).await;
    world.enter(&person).await;
    // The other application of the session, and then back.
    person.goto(&world.payroll.url("/login")).await;
    person.wait("main[data-page=home]").await;
    person.goto(&world.at("/figures")).await;
    person.wait("body[data-live=open]").await;

    person.eval("void (window.other = window.open('/figures'))").await;
    until(SOON, "the second tab is open", async || {
        (person.eval("window.other?.document?.body?.dataset?.live ?? null").await == "open").then_some(())
    })
    .await;
    person.wait("body[data-heard=hello]").await;
    assert_eq!(person.eval("events.readyState").await, 1, "its server-sent events are open");
    assert_eq!(person.eval("document.body.dataset.events ?? null").await, Value::Null);
    person.eval("window.other.signOut()").await;
    person.wait("body[data-closed='1008 signed out']").await;
    // The stream is cut, and when Chromium asks for it again it is refused: it never comes back (state 2, closed).
    person.wait("body[data-events='2']").await;

    let id = until(SOON, "the session is over", async || {
        let receipts = world.acquit.receipts().await;
        receipts.first().and_then(|receipt| receipt["id"].as_str().map(str::to_owned))
    })
    .await;
    let receipt: Value = settled(&world.acquit, &id, SOON).await;
    assert_eq!(outcome(&receipt, "payroll", "backchannel"), "confirmed", "{receipt:#}");
    let party = format!("app.localhost:{}", world.port);
    assert_eq!(outcome(&receipt, &party, "gateway"), "confirmed", "{receipt:#}");
    let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == party.as_str()).unwrap();
    assert!(
        step["detail"].as_str().unwrap().contains("closed"),
        "how much of the leaving tab was still open is its affair: {step}"
    );

    // The first tab was left as it was: whatever it does next leads to the sign-in.
    assert_eq!(person.eval("fetch('/figures').then((answer) => answer.status)").await, 401);
    assert_eq!(person.eval("localStorage.getItem('note')").await, Value::Null, "storage is gone");
    assert_eq!(person.eval("document.cookie").await, "", "and the app's cookie that the route names");
    person.goto(&world.at("/figures")).await;
    person.wait("main[data-page=sign-in]").await;
    only_receipt(&world.acquit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_sign_out_the_back_button_shows_nothing_of_the_app() {
    if !peers::take_part() {
        return;
    }
    let world = world().await;
    let chromium = Chromium::start().await;
    let person = chromium.person("alice", Profile::default()).await;
    world.enter(&person).await;
    person.eval("void setTimeout(() => window.signOut())").await;
    person.wait("main[data-page=signed-out]").await;
    assert!(world.acquit.live_sessions().await.is_empty());
    person.back().await;
    person.wait("main[data-page=sign-in]").await;
    assert!(!person.html().await.contains("secret figures"));
    let complaints = person.problems().await;
    assert!(complaints.iter().all(|said| !said.to_string().contains("Content Security Policy")), "{complaints:?}");
}
