//! Sign-ins that are on their way when their provider ends them, or their connection goes.

use acquit_oidc::jose::LogoutSubject;
use acquit_testkit::postgres::Postgres;

use super::*;
use crate::world::until;

const SOON: Duration = Duration::from_secs(10);

fn sql(world: &World, statement: &str) -> bool {
    let settings = world.broker.runs.app.settings();
    let url = Url::parse(settings.store.url().expose()).unwrap();
    Postgres::shared().unwrap().sql(url.path().trim_start_matches('/'), statement).is_ok()
}

/// Whether somebody has that lock of a table, or waits for one.
fn is_locked(world: &World, table: &str, granted: bool) -> bool {
    let found = format!(
        "SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = '{table}' \
         AND l.mode IN ('ExclusiveLock', 'RowExclusiveLock') AND l.granted = {granted}"
    );
    sql(world, &format!("DO $$ BEGIN IF NOT EXISTS ({found}) THEN RAISE EXCEPTION 'no'; END IF; END $$"))
}

/// While `meanwhile` runs nobody writes to a table; what waits for it goes on then.
async fn while_locked<T>(world: &World, table: &'static str, meanwhile: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| assert!(sql(world, "CREATE TABLE IF NOT EXISTS go_on (at INTEGER)")));
    let settings = world.broker.runs.app.settings();
    let url = Url::parse(settings.store.url().expose()).unwrap();
    let database = url.path().trim_start_matches('/').to_owned();
    let holder = tokio::task::spawn_blocking(move || {
        let hold = format!(
            "DO $$ BEGIN LOCK TABLE {table} IN EXCLUSIVE MODE; \
             FOR i IN 1..800 LOOP EXIT WHEN EXISTS (SELECT 1 FROM go_on); PERFORM pg_sleep(0.01); END LOOP; END $$"
        );
        Postgres::shared().unwrap().sql(&database, &hold).unwrap();
    });
    until(SOON, "the table is locked", async || is_locked(world, table, true).then_some(())).await;
    let done = meanwhile.await;
    assert!(sql(world, "INSERT INTO go_on VALUES (1)"));
    holder.await.unwrap();
    done
}

/// Alice is signed in at her provider and out here; the name of her session there.
async fn out_here_only(engine: Engine) -> (World, String) {
    let world = world_with(engine, "logout = \"local\"").await;
    let reply = world.enter("alice").await;
    let sid = world.sids().await.remove(0);
    let url = world.logout_url(profile_id(&reply)).await;
    land(&world, &url).await;
    assert!(world.is_signed_in_upstream().await && !world.is_signed_in().await);
    (world, sid)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::async_yields_async, reason = "what waits for the lock ends only after it")]
async fn a_sign_in_that_is_written_while_its_provider_looks_for_it_does_not_survive() {
    let (world, sid) = out_here_only(Engine::Postgres).await;
    let mut url = Url::parse(&world.broker.url(&format!("/sso/oidc/idp-logout/{KEY}"))).unwrap();
    url.query_pairs_mut().append_pair("iss", &world.upstream.url("")).append_pair("sid", &sid);
    let asked = while_locked(&world, "upstream_tombstones", async {
        let asked = tokio::spawn(async move { Browser::new().try_load(Load::typed(url.as_str())).await });
        until(SOON, "it waits", async || is_locked(&world, "upstream_tombstones", false).then_some(())).await;
        world.code("alice").await;
        asked
    })
    .await;
    let end = asked.await.unwrap();
    assert!(world.broker.live_sessions().await.is_empty(), "one of the two saw the other");
    assert!(end.is_err(), "on to where the application clears its cookies");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_from_before_its_provider_ended_all_of_a_person_is_refused() {
    for engine in Engine::BOTH {
        let (world, _) = out_here_only(engine).await;
        let user = world.upstream.live_sessions().await[0]["user"].clone();
        let sub = user["id"].as_str().or(user.as_str()).unwrap().to_owned();
        let token = world.signed(&world.claims("acquit", "jti-1", LogoutSubject::User { sub }));
        assert_eq!(world.send(&token).await, 200);
        let page = world.browser.open(&world.authorize("connection=conn_01EXAMPLE")).await;
        assert_eq!((page.status, page.mark().as_deref()), (403, Some("error")), "{page}");
        assert!(world.broker.live_sessions().await.is_empty());
        // What the provider vouches for after that is another matter.
        world.upstream.runs.advance(Duration::from_secs(1));
        world.broker.runs.advance(Duration::from_secs(1));
        world.code("alice").await;
        assert_eq!(world.broker.live_sessions().await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::async_yields_async, reason = "what waits for the lock ends only after it")]
async fn a_sign_in_that_is_on_its_way_when_its_connection_goes_does_not_survive() {
    let (world, _) = out_here_only(Engine::Postgres).await;
    let (browser, url) = (&world.browser, world.authorize("connection=conn_01EXAMPLE"));
    let arriving = while_locked(&world, "sessions", async {
        let mut arriving = Box::pin(async { browser.try_load(Load::typed(&url)).await });
        let waits = until(SOON, "it waits", async || is_locked(&world, "sessions", false).then_some(()));
        tokio::select! { () = waits => {} _ = &mut arriving => panic!("it did not wait") }
        let app = &world.broker.runs.app;
        let mut settings = acquit_server::settings::Settings::clone(&app.settings());
        settings.connections.clear();
        acquit_server::reload::reload(app, settings).await.unwrap();
        arriving
    })
    .await;
    let page = arriving.await.expect("our own page");
    assert!(world.broker.live_sessions().await.is_empty());
    assert_eq!((page.status, page.mark().as_deref()), (403, Some("error")), "{page}");
}
