//! A sign-out begun anywhere closes what the routes have open, and their cookies are refused: by SAML applications, by the
//! command, by Apache. Those of a customer's provider are in the `routes` of `broker`, `broker_saml` and `broker_upstream`.

use std::{process::Output, time::Duration};

use acquit_testkit::{
    Browser, Engine, Registration, Setup, SpRegistration, TestApp, TestSp,
    acquit::{Program, outcome},
    peers::{self, Apache, SamlPeer, apache::Told},
    sp::{Binding, ride},
};
use serde_json::Value;

use crate::{
    routes::{LONG, Routes},
    world::{only_receipt, settled, until},
};

/// How long a test with software of others may take, with the build of the program by whoever comes first.
const LIMIT: Duration = Duration::from_secs(600);

/// The only receipt, once it is there and nothing of it is pending: a node refuses a session before it writes that it is over.
async fn receipt<R>(app: &TestApp<R>) -> Value {
    until(LONG, "there is a receipt", async || app.receipts().await.pop()).await;
    let id = only_receipt(app).await["id"].as_str().unwrap().to_owned();
    settled(app, &id, LONG).await
}

/// A browser that signed in at a SAML application.
async fn signed_in<R>(app: &TestApp<R>, sp: &TestSp) -> Browser {
    let browser = Browser::new();
    let page = sp.begin(&browser, "").await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    browser
}

#[tokio::test]
async fn the_logout_request_of_a_saml_application_ends_all_routes() {
    for engine in Engine::BOTH {
        for by in [Binding::Redirect, Binding::Post, Binding::Soap] {
            let what = format!("{engine:?}, {by:?}");
            let routes = Routes::start().await;
            let sp = SpRegistration::new("wiki", by).start().await;
            let setup = Setup::on(engine).host("id.localhost").with(&sp.configuration());
            let app = setup.with(&routes.configuration("everyone = true")).start(&[]).await;
            sp.trust(app.as_issuer());
            let (browser, other) = (signed_in(&app, &sp).await, signed_in(&app, &sp).await);
            let (held, mut elsewhere) = (routes.hold(&browser).await, routes.hold(&other).await);
            if by == Binding::Soap {
                let request = sp.logout_request(&browser, by).await;
                assert_eq!(sp.sign_out_by_soap(&request).await, (200, "Success".to_owned()), "{what}");
            } else {
                let page = sp.sign_out(&browser, by, None).await;
                assert_eq!(page.mark().as_deref(), Some("landing"), "{what}: {page}");
                assert_eq!(sp.responses(), ["Success"], "{what}: the routes are done as well");
            }
            held.has_ended(&what).await;
            elsewhere.is_good().await;
            let receipt = receipt(&app).await;
            routes.confirmed(&receipt, &what);
            assert_eq!(receipt["state"], "complete", "{what}: {receipt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pysaml2_and_node_saml_end_all_routes_by_a_sign_out_of_theirs() {
    if !peers::take_part() {
        return;
    }
    let run = async {
        for (engine, peer, more) in [
            (Engine::Sqlite, SamlPeer::python("wiki").await, ""),
            (Engine::Postgres, SamlPeer::node("wiki", "post").await, "?by=post"),
        ] {
            let routes = Routes::start().await;
            let setup = Setup::on(engine).with(&peer.configuration());
            let app = setup.with(&routes.configuration("everyone = true")).program(&[]).await;
            peer.trust(&app.url("")).await;
            let browser = Browser::new();
            let page = peer.begin(&browser).await;
            let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
            assert!(peer.knows(&browser).await, "{page}\n{}", peer.log());
            let held = routes.hold(&browser).await;
            let page = peer.sign_out(&browser, more).await;
            assert_eq!(page.mark().as_deref(), Some("landing"), "{page}\n{}", peer.log());
            held.has_ended(peer.id()).await;
            routes.confirmed(&receipt(&app).await, peer.id());
        }
    };
    tokio::time::timeout(LIMIT, run).await.expect("in time");
}

/// What a command said, which must have done what it was told.
fn said(output: &Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{error}");
    out.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_that_ends_sessions_ends_all_routes_of_a_server_that_runs() {
    for engine in Engine::BOTH {
        for which in ["--session", "--user", "--all"] {
            let what = format!("{engine:?}, {which}");
            let routes = Routes::start().await;
            let payroll = Registration::new("payroll").start().await;
            let setup = Setup::on(engine).with(&routes.configuration("users = [\"alice\"]"));
            let app: TestApp<Program> = setup.program(&[&payroll]).await;
            let browser = Browser::new();
            app.enter(&browser, &payroll, "alice").await;
            let held = routes.hold(&browser).await;
            let session = app.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
            let mut command = vec!["sessions", "end", "--yes", "--json", which];
            match which {
                "--session" => command.push(&session),
                "--user" => command.push("alice"),
                _ => {}
            }
            let shown: Value = serde_json::from_str(&said(&app.runs.command(&command))).unwrap();
            // Before anything else is asked: the sessions are over when it returns.
            held.has_ended(&what).await;
            let logouts = shown["logouts"].as_array().unwrap();
            let of_alice = |one: &&Value| one["steps"].as_array().is_some_and(|steps| !steps.is_empty());
            let told = logouts.iter().find(of_alice).unwrap_or_else(|| panic!("{what}: {shown:#}"));
            assert_eq!(told["state"], "complete", "{what}: {told:#}");
            routes.confirmed(told, &what);
            assert_eq!(outcome(told, "payroll", "backchannel"), "confirmed", "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apache_and_a_route_in_one_session_end_each_other() {
    if !peers::take_part() {
        return;
    }
    for (engine, at_apache) in [(Engine::Sqlite, true), (Engine::Postgres, false)] {
        let what = format!("begun at {}", if at_apache { "Apache" } else { "the route" });
        let routes = Routes::start().await;
        let mut apache = Apache::new("apache", Told::Back);
        let setup = Setup::on(engine).with(&apache.configuration());
        let app = setup.with(&routes.configuration("everyone = true")).program(&[]).await;
        apache.start(&app.url("")).await;
        let browser = Browser::new();
        let page = apache.protected(&browser).await;
        let page = app.sign_in(&browser, &page, "alice").await;
        assert_eq!(page.mark().as_deref(), Some("protected"), "{page} {}", apache.log());
        let held = routes.hold(&browser).await;
        if at_apache {
            apache.sign_out(&browser, &page).await;
        } else {
            let url = routes.at("grafana", "/.pomerium/sign_out");
            let here = browser.open(&routes.at("grafana", "/dash")).await;
            browser.click(&here, &url).await;
        }
        held.has_ended(&what).await;
        until(LONG, "the module confirms", async || {
            (outcome(&app.receipts().await.pop()?, "apache", "backchannel") == "confirmed").then_some(())
        })
        .await;
        routes.confirmed(&receipt(&app).await, &what);
        let page = apache.protected(&browser).await;
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{what}: the page asks again: {page} {}", apache.log());
    }
}
