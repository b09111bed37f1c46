//! The System Log as those read it who read Okta's: filters, pages by links, its errors.

use std::{collections::BTreeSet, time::Duration};

use acquit_server::sweep;
use acquit_testkit::{
    Browser, Engine, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, OPERATOR},
    wire,
};
use http::{Request, header};
use hyper::body::Bytes;
use serde_json::Value;

use crate::world::{enter_all, settled};

mod pages;
mod refusals;

const ENDS: &str = "user.session.end";
const STEP: &str = "acquit.logout.step";

/// An answer of the log.
pub(crate) struct Answer {
    status: u16,
    body: Value,
    next: Option<String>,
    own: Option<String>,
    headers: http::HeaderMap,
}

impl Answer {
    pub(crate) fn events(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body.as_array().unwrap().clone()
    }

    fn code(&self) -> (u16, &str) {
        for part in ["errorSummary", "errorLink", "errorId"] {
            assert!(self.body[part].is_string(), "{part}: {}", self.body);
        }
        assert!(self.body["errorCauses"].is_array());
        (self.status, self.body["errorCode"].as_str().unwrap())
    }
}

async fn ask(url: &str, authorization: Option<&str>) -> Answer {
    let mut request = Request::get(url);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let response = wire::exchange(request.body(Bytes::new()).unwrap(), None).await.unwrap();
    let link = |relation: &str| {
        let mut links = response.headers().get_all(header::LINK).iter().map(|link| link.to_str().unwrap());
        let mark = format!(">; rel=\"{relation}\"");
        links.find_map(|link| Some(link.strip_prefix('<')?.strip_suffix(&mark)?.to_owned()))
    };
    Answer {
        status: response.status().as_u16(),
        body: wire::json(&response).unwrap_or_default(),
        next: link("next"),
        own: link("self"),
        headers: response.headers().clone(),
    }
}

fn url<R>(app: &TestApp<R>, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    app.url(&format!("/api/v1/logs?{query}"))
}

/// The answer to an operator who asks with these parameters.
pub(crate) async fn logs<R>(app: &TestApp<R>, parameters: &[(&str, &str)]) -> Answer {
    ask(&url(app, parameters), Some(&format!("SSWS {OPERATOR}"))).await
}

/// All that a reader gets who follows the links until there is nothing more.
async fn follow<R>(app: &TestApp<R>, parameters: &[(&str, &str)]) -> Vec<Value> {
    let mut answer = logs(app, parameters).await;
    let mut found = answer.events();
    while let Some(next) = answer.next {
        answer = ask(&next, Some(&format!("SSWS {OPERATOR}"))).await;
        if answer.events().is_empty() {
            break;
        }
        found.extend(answer.events());
    }
    found
}

struct World {
    app: TestApp<InProcess>,
    payroll: TestRp,
    board: TestRp,
    browsers: [Browser; 2],
}

/// Two browsers of alice, each in two applications.
async fn world(engine: Engine) -> World {
    let payroll = Registration::new("payroll").start().await;
    let board = Registration::new("board").front_only().start().await;
    let app = Setup::on(engine).start(&[&payroll, &board]).await;
    let browsers = [Browser::new(), Browser::new()];
    for browser in &browsers {
        enter_all(&app, browser, &[&payroll, &board], "alice").await;
        app.runs.advance(Duration::from_secs(10));
    }
    World { app, payroll, board, browsers }
}

/// Signs the first browser out; the logout's receipt.
async fn sign_out(world: &World) -> Value {
    let World { app, payroll, browsers, .. } = world;
    browsers[0].open(&payroll.end_session_url(&browsers[0], Some("x"))).await;
    let receipt = crate::world::only_receipt(app).await;
    settled(app, receipt["id"].as_str().unwrap(), Duration::from_secs(10)).await
}

async fn a_logout_is_in_the_log(engine: Engine) {
    let world = world(engine).await;
    let app = &world.app;
    let both = app.live_sessions().await;
    let receipt = sign_out(&world).await;
    let logout = receipt["id"].as_str().unwrap();

    let ends = logs(app, &[("filter", &format!("eventType eq \"{ENDS}\""))]).await.events();
    assert_eq!(ends.len(), 1, "one session ended");
    let end = &ends[0];
    assert_eq!(end["authenticationContext"]["externalSessionId"], receipt["sessions"][0]);
    assert_eq!(end["transaction"]["id"], logout);
    let requests = receipt["steps"].as_array().unwrap().iter().filter(|step| !step["channel"].is_null()).count();
    assert_eq!(requests, 2);
    let data = &end["debugContext"]["debugData"];
    assert_eq!((&data["TotalOidcLogoutRequests"], &data["TotalSamlLogoutRequests"]), (&"2".into(), &"0".into()));
    assert_eq!(end["outcome"]["result"], "SUCCESS");
    assert_eq!(end["actor"]["alternateId"], "alice@example.com");
    assert_eq!(end["client"]["ipAddress"], "127.0.0.1");
    let target = &end["target"][0];
    assert_eq!((&target["type"], &target["id"]), (&"User".into(), &end["actor"]["id"]));

    let joined = follow(app, &[("filter", &format!("transaction.id eq \"{logout}\"")), ("limit", "2")]).await;
    let types: Vec<_> = joined.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(types[..2], ["acquit.logout.start", ENDS]);
    let mut steps: Vec<_> = joined
        .iter()
        .filter(|event| event["eventType"] == STEP)
        .map(|event| {
            let data = &event["debugContext"]["debugData"];
            (
                event["target"][0]["id"].as_str().unwrap(),
                data["LogoutChannel"].as_str().unwrap(),
                event["outcome"]["result"].as_str().unwrap(),
            )
        })
        .collect();
    steps.sort_unstable();
    assert!(steps.contains(&("payroll", "backchannel", "SUCCESS")), "{steps:?}");
    assert!(steps.contains(&("board", "frontchannel", "UNKNOWN")), "a frame proves nothing: {steps:?}");

    let starts =
        logs(app, &[("filter", "eventType eq \"user.session.start\" and outcome.result eq \"SUCCESS\"")]).await;
    let sessions: BTreeSet<_> = starts
        .events()
        .iter()
        .map(|event| event["authenticationContext"]["externalSessionId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sessions, both.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect());
    let entered = logs(app, &[("filter", "eventType eq \"user.authentication.sso\" and target.id eq \"board\"")]).await;
    assert_eq!(entered.events().len(), 2);
    assert_eq!(entered.events()[0]["target"][0]["displayName"], "Board");

    // Nothing by which anybody could do anything.
    let everything = Value::from(follow(app, &[]).await).to_string();
    for application in [&world.payroll, &world.board] {
        for session in application.sessions() {
            let sid = session.sid.as_deref().expect("a sid");
            assert!(!everything.contains(sid) && !everything.contains(&session.id_token));
        }
    }
    for secret in [OPERATOR, "key=", "code=", "logout_token"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_logout_is_in_the_log_on_sqlite() {
    a_logout_is_in_the_log(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_in_the_log_on_postgres() {
    a_logout_is_in_the_log(Engine::Postgres).await;
}

#[tokio::test]
async fn a_refused_sign_in_is_logged_and_not_faster_than_the_limits_allow() {
    let app = Setup::on(Engine::Sqlite)
        .with("[limits]\nsign_in_per_account = 3\nsign_in_per_address = 1000\n")
        .start(&[])
        .await;
    let browser = Browser::new();
    for name in ["alice", "my-password-typed-into-the-wrong-field"] {
        for _ in 0..6 {
            let page = browser.open(&app.url("/sign-in")).await;
            let form = page.form_with("username").fill("username", name).fill("password", "wrong");
            browser.submit(&page, form).await;
        }
    }
    let refused =
        logs(&app, &[("filter", "eventType eq \"user.session.start\" and outcome.result eq \"FAILURE\"")]).await;
    let refused = refused.events();
    assert_eq!(refused.len(), 6, "three for each name, as many as were looked at");
    assert_eq!(refused[0]["outcome"]["reason"], "INVALID_CREDENTIALS");
    assert_eq!(refused[0]["actor"]["alternateId"], "alice@example.com");
    assert_eq!(refused[5]["actor"]["id"], "unknown");
    assert_eq!(refused[5]["client"]["ipAddress"], "127.0.0.1");
    assert!(!Value::from(refused).to_string().contains("wrong"), "neither passwords nor names that are nobody's");
}

#[tokio::test]
async fn an_administrators_ending_of_a_user_is_told_session_by_session() {
    let world = world(Engine::Sqlite).await;
    let app = &world.app;
    let body = serde_json::json!({ "scope": "user", "user": "alice", "reason": "left the company" });
    let (_, receipt) = app.api(http::Method::POST, "/api/v1/logouts", Some(&body)).await;
    let filter = format!("transaction.id eq \"{}\"", receipt["id"].as_str().unwrap());
    let events = logs(app, &[("filter", &filter)]).await.events();
    let of = |name: &str| events.iter().filter(|event| event["eventType"] == name).collect::<Vec<_>>();
    let ends = of(ENDS);
    assert_eq!(ends.len(), 2);
    for end in ends {
        assert_eq!(end["debugContext"]["debugData"]["TotalOidcLogoutRequests"], "2");
        assert_eq!((&end["actor"]["type"], &end["actor"]["id"]), (&"ApiToken".into(), &"ops".into()));
    }
    let clear = of("user.session.clear");
    assert_eq!(clear[0]["outcome"]["reason"], "left the company");
    assert_eq!(clear[0]["debugContext"]["debugData"]["TotalOidcLogoutRequests"], "4");
}

#[tokio::test]
async fn events_go_when_their_retention_is_over() {
    let app = Setup::on(Engine::Sqlite).with("[log]\nretention = \"30d\"\n").start(&[]).await;
    let made = logs(&app, &[]).await.events();
    assert!(made.iter().any(|event| event["eventType"] == "acquit.key.rotate"), "{made:#?}");
    let since = app.runs.clock_text(Duration::ZERO);
    app.runs.advance(Duration::from_secs(29 * 86_400));
    sweep::clean(&app.runs.app).await.unwrap();
    assert_eq!(logs(&app, &[("since", &since)]).await.events(), made);
    app.runs.advance(Duration::from_secs(2 * 86_400));
    sweep::clean(&app.runs.app).await.unwrap();
    assert_eq!(logs(&app, &[("since", &since)]).await.events(), Vec::<Value>::new());
}
