//! After a sign-out the very next request is refused, behind each proxy.

use acquit_testkit::{Browser, acquit::outcome, browser::Load};
use http::Method;
use serde_json::json;

use super::{World, program, world};
use crate::world::only_receipt;

/// A browser that is in everywhere, and a copy of it from before the sign-out.
async fn everywhere<R>(world: &World<R>) -> (Browser, Browser) {
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
    }
    let copy = browser.copy();
    for front in &world.fronts {
        assert!(world.is_in(&copy, front).await);
    }
    (browser, copy)
}

async fn is_out<R>(world: &World<R>, browser: &Browser) {
    world.mirror.take();
    for front in &world.fronts {
        assert!(!world.is_in(browser, front).await, "{:?}", front.kind);
    }
    assert!(world.mirror.take().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_a_route_ends_it_at_all_routes_at_once() {
    let Some(world) = world().await else { return };
    for front in &world.fronts {
        let (browser, copy) = everywhere(&world).await;
        let page = browser.step(&Load::typed(&front.url("/.acquit/sign_out"))).await.unwrap();
        assert_eq!(page.status, 303, "{:?}: {page} {}", front.kind, front.log());
        is_out(&world, &copy).await;
        is_out(&world, &browser).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_that_begins_at_an_application_of_openid_connect_ends_all_routes_at_once() {
    let Some(world) = world().await else { return };
    let (browser, copy) = everywhere(&world).await;
    world.acquit.enter(&browser, &world.payroll, "alice").await;
    browser.open(&world.payroll.end_session_url(&browser, None)).await;
    is_out(&world, &copy).await;
    let receipt = only_receipt(&world.acquit).await;
    for front in &world.fronts {
        assert_ne!(outcome(&receipt, &front.host(), "gateway"), "no such step", "{receipt:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_ends_a_session_ends_all_routes_at_once() {
    let Some(world) = world().await else { return };
    let (_, copy) = everywhere(&world).await;
    let (other, _) = everywhere(&world).await;
    let session = world.acquit.live_sessions().await.last().unwrap()["id"].clone();
    let order = json!({ "scope": "session", "session": session, "reason": "x" });
    let (status, receipt) = world.acquit.api(Method::POST, "/api/v1/logouts", Some(&order)).await;
    assert_eq!(status, 202, "{receipt}");
    let (mut first, mut second) = (0, 0);
    for front in &world.fronts {
        first += usize::from(world.is_in(&copy, front).await);
        second += usize::from(world.is_in(&other, front).await);
    }
    let all = world.fronts.len();
    assert!(
        [(0, all), (all, 0)].contains(&(first, second)),
        "one of both sessions is out everywhere: {first} {second}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_that_ends_a_session_returns_when_all_routes_refuse_it() {
    let Some(world) = program().await else { return };
    let (_, copy) = everywhere(&world).await;
    let ended = world.acquit.runs.command(&["sessions", "end", "--user", "alice", "--yes"]);
    assert!(ended.status.code().is_some_and(|code| code != 2), "{ended:?}");
    is_out(&world, &copy).await;
}
