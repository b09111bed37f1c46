//! Ways in, and ways to stay in, that were tried on purpose.

use std::time::{Duration, Instant};

use acquit_server::{reload::reload, settings::Settings, sweep};
use acquit_store::revocation::{Revocation, Revoked};
use acquit_testkit::{Engine, Setup, postgres::Postgres, wire};
use futures_util::future::join_all;
use http::{HeaderValue, Request, header};
use hyper::body::Bytes;

use super::{World, end_all, made, world, world_on};
use crate::{failing_store::sql, world::until};

/// Less than four tries of the store one after the other.
const LONG: Duration = Duration::from_secs(35);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Has the operator shorten the life of sessions, and this server forget what it then need not know any more.
async fn shorten(world: &World, longest: Duration, after: Duration) {
    let app = &world.app.runs.app;
    let mut settings = Settings::clone(&app.settings());
    settings.lifetimes.session_max = longest;
    reload(app, settings).await.unwrap();
    world.app.runs.advance(after);
    sweep::end_overdue(app).await.unwrap();
    sweep::clean(app).await.unwrap();
    app.gate.standing().forget(app.clock.now().minus(longest + DAY));
}

#[tokio::test]
async fn who_signed_out_stays_out_where_sessions_may_live_for_a_shorter_time_since() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        world.enter(&world.browser, "grafana", "alice").await;
        let kept = world.cookie(&world.browser, "grafana").unwrap();
        end_all(&world.app).await;
        assert_eq!(world.user("grafana", &kept).await.status(), 401);
        shorten(&world, HOUR, 2 * DAY).await;
        assert_eq!(world.user("grafana", &kept).await.status(), 401);
    }
}

#[tokio::test]
async fn a_session_that_is_too_old_by_new_settings_is_over_at_the_routes_at_once() {
    let world = world().await;
    world.enter(&world.browser, "grafana", "alice").await;
    let cookie = world.cookie(&world.browser, "grafana").unwrap();
    world.app.runs.advance(2 * HOUR);
    assert_eq!(world.user("grafana", &cookie).await.status(), 200);
    let app = &world.app.runs.app;
    let mut settings = Settings::clone(&app.settings());
    settings.lifetimes.session_max = HOUR;
    reload(app, settings).await.unwrap();
    assert_eq!(world.user("grafana", &cookie).await.status(), 401);
}

/// A `Cookie` header with one of another host of the domain in it that is no ASCII.
fn beside(other: &str, name: &str, value: &str) -> HeaderValue {
    HeaderValue::from_bytes(format!("{other}; {name}={value}; {other}").as_bytes()).unwrap()
}

#[tokio::test]
async fn a_cookie_that_another_host_plants_keeps_nobody_out_nor_in() {
    for other in ["who=José", "\u{2003}acquit-route=x", "é"] {
        let world = world().await;
        world.enter(&world.browser, "grafana", "alice").await;
        let route = world.cookie(&world.browser, "grafana").unwrap();
        let own = world.browser.cookie(&world.app.url("/"), "acquit").unwrap();

        let ask = Request::get(world.app.url("/account")).header(header::COOKIE, beside(other, "acquit", &own));
        let answer = wire::exchange(ask.body(Bytes::new()).unwrap(), None).await.unwrap();
        assert_eq!(answer.status(), 200, "{other}");
        let ask = Request::get(world.at("grafana", "/.pomerium/user"));
        let ask = ask.header(header::COOKIE, beside(other, "acquit-route", &route)).body(Bytes::new()).unwrap();
        assert_eq!(wire::exchange(ask, None).await.unwrap().status(), 200, "{other}");

        let ask = Request::post(world.at("grafana", "/.pomerium/sign_out"))
            .header(header::ORIGIN, world.at("grafana", ""))
            .header(header::COOKIE, beside(other, "acquit-route", &route));
        let answer = wire::exchange(ask.body(Bytes::new()).unwrap(), None).await.unwrap();
        assert_eq!(answer.status(), 303, "{other}");
        assert!(world.app.live_sessions().await.is_empty(), "{other}: who signs out is out");
        assert_eq!(world.user("grafana", &route).await.status(), 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_store_that_stands_still_does_not_wait_for_all_who_came_before() {
    let server = tokio::task::spawn_blocking(Postgres::start).await.unwrap().unwrap();
    let world = made(Setup::on(Engine::Postgres).store(&server.database().unwrap()), &[]).await;
    world.enter(&world.browser, "grafana", "alice").await;
    let cookie = world.cookie(&world.browser, "grafana").unwrap();
    let frozen = server.freeze().unwrap();
    let standing = world.app.runs.app.gate.standing().clone();
    until(LONG, "this node knows nothing any more", async || (!standing.is_fresh()).then_some(())).await;
    let begun = Instant::now();
    let asked = (0..8).map(|_| world.user("grafana", &cookie));
    for answer in join_all(asked).await {
        assert_eq!(answer.status(), 503);
    }
    // One try of ten seconds that was under way, and one of their own.
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    drop(frozen);
    until(LONG, "it goes on", async || (world.user("grafana", &cookie).await.status() == 200).then_some(())).await;
}

#[tokio::test]
async fn a_sign_out_of_a_session_that_the_store_has_lost_ends_it_all_the_same() {
    let world = world_on(Engine::Postgres).await;
    world.enter(&world.browser, "grafana", "alice").await;
    let copy = world.cookie(&world.browser, "grafana").unwrap();
    // As where a backup from before the sign-in was restored.
    sql(&world.app, "DELETE FROM participants; DELETE FROM sessions");
    assert_eq!(world.user("grafana", &copy).await.status(), 200, "nothing has ended it");
    let page = world.go("grafana", "/.pomerium/sign_out").await;
    assert!(page.status < 400, "{page}");
    assert!(world.cookie(&world.browser, "grafana").is_none(), "{page}");
    assert_eq!(world.user("grafana", &copy).await.status(), 401);
    // Other nodes, and this one after it starts again, read it in the log.
    let log = world.app.runs.app.store.revocations_since(0, 9).await.unwrap();
    assert!(matches!(log.as_slice(), [Revocation { what: Revoked::Session(_), .. }]), "{log:?}");
}
