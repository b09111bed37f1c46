//! The gateway's access log: a line for each request to the host of a route, when it is over, and nothing secret in any.

use acquit_testkit::{Browser, Engine, Registration, Setup, TestApp, TestRp, acquit::Program, wire};
use http::Request;
use hyper::body::Bytes;
use serde_json::Value;

use crate::{
    routes::{LONG, Routes, greeted},
    world::until,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

struct World {
    app: TestApp<Program>,
    payroll: TestRp,
    routes: Routes,
    browser: Browser,
}

async fn world(filter: &str) -> World {
    let routes = Routes::start().await;
    let payroll = Registration::new("payroll").start().await;
    let setup = Setup::on(Engine::Sqlite).with(&routes.configuration("users = [\"bob\"]"));
    let app = setup.env("ACQUIT_LOG", filter).env("ACQUIT_LOG_FORMAT", "json").program(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    World { app, payroll, routes, browser }
}

impl World {
    /// The lines so far.
    fn lines(&self) -> Vec<Value> {
        let log = self.app.runs.whole_log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "acquit::access").collect()
    }

    /// The line of which this is so, as soon as it is there.
    async fn line(&self, what: &str, which: impl Fn(&Value) -> bool) -> Value {
        until(LONG, what, async || self.lines().into_iter().find(|line| which(line))).await
    }

    /// Sends a request with this cookie and with a trace; its status.
    async fn send(&self, host: &str, path: &str, cookie: &str) -> u16 {
        let request = Request::get(self.routes.at(host, path))
            .header("cookie", cookie)
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
            .header("tracestate", "vendor=opaque");
        wire::exchange(request.body(Bytes::new()).unwrap(), None).await.unwrap().status().as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_a_line_when_it_is_over_that_says_whose_it_was_and_how_it_ended() {
    let world = world("info,acquit::access=info").await;
    let routes = &world.routes;
    let page = world.browser.open(&routes.at("grafana", "/dash")).await;
    assert_eq!(page.status, 200, "{page}");
    let cookie = routes.cookie(&world.browser, "grafana");
    let session = world.app.live_sessions().await[0].clone();
    assert_eq!(world.send("grafana", "/a/b?token=hush", &cookie).await, 200);
    let seen = routes.app.last();
    assert!(seen.contains(&format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01")), "passed on as it came: {seen}");
    assert!(seen.contains("tracestate: vendor=opaque"), "{seen}");
    let line = world.line("the request's line", |line| line["path"] == "/a/b").await;
    let party = routes.party("grafana");
    for (field, expected) in [
        ("host", party.as_str()),
        ("method", "GET"),
        ("end", "done"),
        ("route", &format!("http://{party}/")),
        ("trace", TRACE),
        ("session", session["id"].as_str().unwrap()),
        ("user", session["user"]["id"].as_str().unwrap()),
        ("peer", "127.0.0.1"),
    ] {
        assert_eq!(line[field], expected, "{field}: {line:#}");
    }
    assert_eq!(line["status"], 200);
    assert!(line["bytes"].as_u64().unwrap() > 20 && line["milliseconds"].is_u64(), "{line:#}");

    // Nobody; somebody who may not; nonsense.
    assert_eq!(world.send("grafana", "/nobody", "a=b").await, 401);
    let line = world.line("nobody's line", |line| line["path"] == "/nobody").await;
    assert_eq!((&line["status"], line.get("user"), line.get("session")), (&401.into(), None, None), "{line:#}");
    world.browser.open(&routes.at("vault", "/forbidden")).await;
    let line = world
        .line("the line of whom it is not for", |line| line["path"] == "/forbidden" && line["status"] == 403)
        .await;
    assert_eq!(line["session"], session["id"], "{line:#}");
    assert_eq!(world.send("grafana", "/x//../secret", &cookie).await, 400);
    let line = world.line("the line of what cannot be read in one way", |line| line["status"] == 400).await;
    assert!(line.get("path").is_none() && line["host"] == party.as_str(), "{line:#}");

    // Acquit's own host, through the same socket, is no line: paths there may be secrets.
    let own = world.app.url("").trim_start_matches("http://").to_owned();
    let home = Request::get(format!("http://127.0.0.1:{}/readyz", routes.port)).header("host", &own);
    assert_eq!(wire::exchange(home.body(Bytes::new()).unwrap(), None).await.unwrap().status(), 200);

    // A stream has its line when it is over.
    let _stream = greeted(routes, "grafana", &world.browser).await;
    assert!(world.lines().iter().all(|line| line["path"] != "/live"));
    world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    let line = world.line("the stream's line", |line| line["path"] == "/live").await;
    assert_eq!((&line["status"], &line["end"]), (&101.into(), &"signed out".into()), "{line:#}");
    assert_eq!((&line["bytes"], &line["session"]), (&7.into(), &session["id"]), "{line:#}");

    let log = world.app.runs.whole_log();
    let value = cookie.split('=').nth(1).unwrap();
    for secret in ["hush", "token=", value, "code="] {
        assert!(!log.contains(secret), "{secret}");
    }
    assert!(world.lines().iter().all(|line| line["host"] != own.as_str() && line["path"] != "/readyz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_unless_it_is_named() {
    let world = world("info").await;
    world.browser.open(&world.routes.at("grafana", "/dash")).await;
    let cookie = world.routes.cookie(&world.browser, "grafana");
    assert_eq!(world.send("grafana", "/a", &cookie).await, 200);
    world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert!(world.lines().is_empty(), "{:#?}", world.lines());
}
