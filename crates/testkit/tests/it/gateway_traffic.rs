//! Apps with no login of their own, behind the gateway's socket: who reaches them, and what a logout that begins anywhere leaves
//! of that.

use acquit_testkit::{Browser, Engine, Page, Registration, Setup, TestApp, TestRp, acquit::InProcess};
use http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    routes::{LONG, Routes},
    world::{only_receipt, settled, until},
};

struct World {
    acquit: TestApp<InProcess>,
    payroll: TestRp,
    routes: Routes,
    browser: Browser,
}

/// Acquit with two routes to an app with no login, and an application of OpenID Connect besides.
async fn world(engine: Engine) -> World {
    let payroll = Registration::new("payroll").start().await;
    let routes = Routes::start().await;
    let setup = Setup::on(engine).host("id.localhost").with(&routes.configuration("users = [\"alice\"]"));
    let acquit = setup.start(&[&payroll]).await;
    World { acquit, payroll, routes, browser: Browser::new() }
}

impl World {
    fn at(&self, host: &str, path: &str) -> String {
        self.routes.at(host, path)
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
        self.routes.cookie(&self.browser, host)
    }

    async fn status(&self, host: &str, cookie: &str) -> String {
        self.routes.status(host, cookie).await
    }
}

/// Waits until a receipt is complete.
async fn complete(world: &World) -> Value {
    until(LONG, "there is a receipt", async || world.acquit.receipts().await.pop()).await;
    let id = only_receipt(&world.acquit).await["id"].as_str().unwrap().to_owned();
    settled(&world.acquit, &id, LONG).await
}

#[tokio::test]
async fn an_app_is_reached_after_a_sign_in_by_whom_it_allows_and_hears_who_it_is() {
    let world = world(Engine::Sqlite).await;
    let (_, answer) = world.routes.ask("grafana", "GET /health HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "a public path: {answer}");
    assert_eq!(world.status("grafana", "a=b").await, "401", "a program is told so");
    let page = world.enter("grafana", "bob").await;
    assert_eq!(page.url.as_str(), world.at("grafana", "/dash?panel=1"), "{page}");
    assert!(page.body.contains("GET /dash?panel=1"), "{page}");
    let seen = world.routes.app.last();
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
            let held = world.routes.hold(&world.browser).await;
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
            held.has_ended(begun).await;
            let receipt = complete(&world).await;
            assert_eq!(receipt["state"], "complete", "{begun}: {receipt:#}");
            world.routes.confirmed(&receipt, begun);
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
