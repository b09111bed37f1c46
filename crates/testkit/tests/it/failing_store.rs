//! Promise 3 where the store does not take a logout, and where the browser does not wait for it.

use std::time::{Duration, Instant};

use acquit_server::sweep;
use acquit_testkit::{
    Browser, Engine, Registration, Setup, TestApp, TestRp, acquit::InProcess, browser::Load, postgres::Postgres,
};
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::world::until;

struct World {
    app: TestApp<InProcess>,
    payroll: TestRp,
    browser: Browser,
}

async fn world() -> World {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Postgres).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    World { app, payroll, browser }
}

fn database(app: &TestApp<InProcess>) -> String {
    let settings = app.runs.app.settings();
    let url = Url::parse(settings.store.url().expose()).unwrap();
    url.path().trim_start_matches('/').to_owned()
}

pub(crate) fn sql(app: &TestApp<InProcess>, statement: &str) {
    Postgres::shared().unwrap().sql(&database(app), statement).unwrap();
}

/// From now on no logout can be written down, as when the disk is full.
pub(crate) fn fill_the_disk(app: &TestApp<InProcess>) {
    refuse_inserts(app, "logouts");
}

pub(crate) fn make_room(app: &TestApp<InProcess>) {
    take_inserts(app, "logouts");
}

/// From now on nothing can be added to a table.
pub(crate) fn refuse_inserts(app: &TestApp<InProcess>, table: &str) {
    let function = "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
                    $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$";
    let trigger =
        format!("CREATE TRIGGER full_disk BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION full_disk()");
    sql(app, &format!("{function}; {trigger}"));
}

pub(crate) fn take_inserts(app: &TestApp<InProcess>, table: &str) {
    sql(app, &format!("DROP TRIGGER full_disk ON {table}"));
}

impl World {
    fn database(&self) -> String {
        database(&self.app)
    }

    fn sql(&self, statement: &str) {
        sql(&self.app, statement);
    }

    fn sql_ok(&self, statement: &str) -> bool {
        Postgres::shared().unwrap().sql(&self.database(), statement).is_ok()
    }

    fn fill_the_disk(&self) {
        fill_the_disk(&self.app);
    }

    fn make_room(&self) {
        make_room(&self.app);
    }

    fn logout(&self) -> String {
        self.payroll.end_session_url(&self.browser, Some("state"))
    }
}

#[tokio::test]
async fn a_logout_that_is_not_durable_is_never_called_done_however_often_it_is_asked_for() {
    let world = world().await;
    let logout = world.logout();
    world.fill_the_disk();
    for url in [&logout, &logout, &world.app.url("/sign-out"), &world.app.url("/signed-out"), &logout] {
        let page = world.browser.open(url).await;
        assert_eq!((page.status, page.mark().as_deref()), (503, Some("error")), "{url}: {page}");
        assert!(page.header("set-login").is_none(), "{url}: {page}");
    }
    // The node denies the session meanwhile.
    let page = world.browser.open(&world.app.url("/account")).await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
    assert_eq!(world.app.live_sessions().await.len(), 1, "the store could not end it");
    // Nor can a sign-in make the browser forget the session that is to end.
    let page = world
        .browser
        .submit(
            &page,
            page.form_with("username").fill("username", "alice").fill("password", acquit_testkit::acquit::PASSWORD),
        )
        .await;
    assert_eq!(page.status, 503, "{page}");

    world.make_room();
    let page = world.browser.step(&Load::typed(&logout)).await.unwrap();
    assert_eq!(page.location().map(String::from), Some(format!("{}?state=state", world.payroll.url("/bye"))), "{page}");
    assert_eq!(world.app.live_sessions().await.len(), 0);
    assert_eq!(world.app.receipts().await.len(), 1);
}

#[tokio::test]
async fn a_logout_that_failed_is_tried_again_without_anybody_asking() {
    let world = world().await;
    world.fill_the_disk();
    assert_eq!(world.browser.open(&world.logout()).await.status, 503);
    assert!(sweep::retry_failed(&world.app.runs.app).await.is_err());
    assert_eq!(world.app.live_sessions().await.len(), 1);
    world.make_room();
    sweep::retry_failed(&world.app.runs.app).await.unwrap();
    assert_eq!(world.app.live_sessions().await.len(), 0);
    let receipt = crate::world::only_receipt(&world.app).await;
    assert_eq!(
        (&receipt["requested"]["by"], &receipt["requested"]["party"]),
        (&"application".into(), &"payroll".into())
    );
}

#[tokio::test]
async fn a_browser_that_leaves_during_its_sign_out_everywhere_may_sign_in_again() {
    let world = world().await;
    let account = world.app.url("/account");
    let page = world.browser.open(&account).await;
    let body = format!("scope=user&csrf={}", page.form_with("csrf").value("csrf").unwrap());
    let cookie = world.browser.cookie(&account, "acquit").unwrap();
    let address = account.trim_start_matches("http://").split('/').next().unwrap();
    let request = format!(
        "POST /account/sign-out HTTP/1.1\r\nHost: {address}\r\nCookie: acquit={cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // The store is slow: the logout waits for a lock that somebody else holds.
    world.sql(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$; \
         CREATE TRIGGER hold BEFORE INSERT ON logouts FOR EACH ROW EXECUTE FUNCTION hold()",
    );
    let database = world.database();
    let holder = tokio::task::spawn_blocking(move || {
        Postgres::shared().unwrap().sql(&database, "SELECT pg_advisory_lock(7), pg_sleep(2)").unwrap();
    });
    let held = async || world.sql_ok("DO $$ BEGIN ASSERT NOT pg_try_advisory_lock(7); END $$").then_some(());
    until(Duration::from_secs(10), "the lock is held", held).await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let denied = async || (world.browser.open(&account).await.mark().as_deref() == Some("sign-in")).then_some(());
    until(Duration::from_secs(10), "the session is denied", denied).await;
    drop(stream);
    holder.await.unwrap();
    let ended = async || world.app.live_sessions().await.is_empty().then_some(());
    until(Duration::from_secs(10), "the sign-out everywhere is durable", ended).await;
    let fresh = Browser::new();
    let page = fresh.open(&world.app.url("/sign-in")).await;
    let page = world.app.sign_in(&fresh, &page, "alice").await;
    assert_eq!((page.status, page.mark().as_deref()), (200, Some("account")), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_stands_still_every_door_says_to_try_again_and_afterwards_all_goes_on() {
    let server = tokio::task::spawn_blocking(Postgres::start).await.unwrap().unwrap();
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Postgres).store(&server.database().unwrap()).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    let refresh = payroll.session(&browser).unwrap().refresh_token.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let logout = payroll.end_session_url(&browser, Some("state"));

    let frozen = server.freeze().unwrap();
    let begun = Instant::now();
    let (account, ready) = (Load::typed(&app.url("/account")), Load::typed(&app.url("/readyz")));
    let (page, ready, api, token) = tokio::join!(
        browser.step(&account),
        browser.step(&ready),
        app.api(http::Method::GET, "/api/v1/sessions", None),
        payroll.token(&form),
    );
    let page = page.unwrap();
    assert_eq!((page.status, page.mark().as_deref()), (503, Some("error")), "{page}");
    assert_eq!(ready.unwrap().status, 503);
    assert_eq!(api.0, 503, "{}", api.1);
    assert_eq!((token.0, &token.1["error"]), (503, &"temporarily_unavailable".into()), "{}", token.1);
    let page = browser.open(&logout).await;
    assert_eq!((page.status, page.mark().as_deref()), (503, Some("error")), "{page}");
    // Each door asks the store once or twice; each time it is given up on within ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    drop(frozen);

    let token = payroll.token(&form).await;
    assert!(token.0 == 200 || token.1["error"] == "invalid_grant", "{}", token.1);
    let page = browser.step(&Load::typed(&logout)).await.unwrap();
    assert!(page.status == 303 || page.status == 302, "{page}");
    let ended = async || app.live_sessions().await.is_empty().then_some(());
    until(Duration::from_secs(10), "the logout is durable", ended).await;
}
