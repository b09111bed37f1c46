//! Starting before the database does: waited for, unless waiting cannot help.

use std::time::{Duration, Instant};

use acquit_testkit::{Engine, Setup, TestApp, acquit::Program, postgres::Postgres};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::world::until;

const SOON: Duration = Duration::from_secs(20);

/// What PostgreSQL says to everybody while it starts.
const STARTING: &[u8] = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn at_rest(url: &str) -> TestApp<Program> {
    Setup::on(Engine::Postgres).store(url).program_at_rest(&[])
}

async fn logs(app: &TestApp<Program>, words: &str) {
    until(SOON, words, async || app.runs.whole_log().contains(words).then_some(())).await;
}

async fn accepted(listener: &TcpListener) -> TcpStream {
    tokio::time::timeout(SOON, listener.accept()).await.expect("it connects").unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_yet_or_still_starts_is_waited_for() {
    let server = tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap();
    let (database, port) = (server.database().unwrap(), free_port());
    let there = url::Url::parse(&database).unwrap().port().unwrap();
    let app = at_rest(&database.replace(&there.to_string(), &port.to_string()));
    app.runs.spawn(&[]);
    // Nobody listens.
    logs(&app, &format!("waiting for PostgreSQL at 127.0.0.1:{port}")).await;
    // It listens, and takes nobody yet.
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let mut early = accepted(&listener).await;
    let startup = early.read_u32().await.unwrap();
    early.read_exact(&mut vec![0; startup as usize - 4]).await.unwrap();
    early.write_all(b"E").await.unwrap();
    early.write_u32(u32::try_from(STARTING.len()).unwrap() + 4).await.unwrap();
    early.write_all(STARTING).await.unwrap();
    drop(early);
    logs(&app, "57P03").await;
    // It is there.
    let relay = tokio::spawn(async move {
        loop {
            let (mut here, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut there = TcpStream::connect(("127.0.0.1", there)).await.unwrap();
                let _ = copy_bidirectional(&mut here, &mut there).await;
            });
        }
    });
    until(SOON, "it serves", async || app.runs.whole_log().contains("acquit serves").then_some(())).await;
    assert!(app.live_sessions().await.is_empty());
    app.runs.kill();
    relay.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_it_while_it_waits_does_not_wait_too() {
    let app = at_rest(&format!("postgres://acquit@127.0.0.1:{}/x", free_port()));
    app.runs.spawn(&[]);
    logs(&app, "waiting for PostgreSQL").await;
    app.runs.terminate();
    let status = app.runs.ended(Duration::from_secs(2)).await;
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_operator_can_correct_fails_at_once() {
    let server = tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap();
    let database = server.database().unwrap();
    let name = database.rsplit('/').next().unwrap();
    server.sql("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).unwrap();
    for (url, words) in [
        (database.replace(name, "nowhere"), "nowhere"),
        (database.replace("acquit@", "nobody@"), "nobody"),
        (database.clone(), "default_transaction_read_only"),
    ] {
        let app = at_rest(&url);
        let begun = Instant::now();
        app.runs.spawn(&[]);
        let status = app.runs.ended(SOON).await;
        assert_eq!(status.code(), Some(1), "{url}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        let log = app.runs.whole_log();
        assert!(log.contains(words) && !log.contains("waiting"), "{url}: {log}");
    }
}
