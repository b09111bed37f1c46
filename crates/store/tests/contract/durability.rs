//! What survives, and what is refused at the start.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use acquit_core::plan::Scope;
use acquit_store::{Store, StoreError};
use tokio::task::JoinSet;

use crate::{
    postgres_server::Postgres,
    world::{LIFETIMES, World, at, back, lease},
};

/// The path of a world's SQLite file.
fn file(world: &World) -> &str {
    world.url.strip_prefix("sqlite://").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writes_at_once_take_far_fewer_commits() {
    let world = Arc::new(World::sqlite().await);
    let ann = world.user("ann").await;
    let sessions: Vec<_> = {
        let mut begun = Vec::new();
        for _ in 0..10 {
            begun.push(world.begin(&ann, 0).await.id);
        }
        begun
    };
    let before = world.commits();
    let mut writes = JoinSet::new();
    for index in 0..1000 {
        let (world, id) = (Arc::clone(&world), sessions[index % 10].clone());
        writes.spawn(async move { world.touch_session(&id, at(1)).await.unwrap() });
    }
    assert!(writes.join_all().await.into_iter().all(|touched| touched));
    let commits = world.commits() - before;
    assert!(commits <= 250, "{commits} commits for 1000 writes");
}

#[tokio::test]
async fn one_bad_write_in_a_group_does_not_take_the_others_along() {
    let world = Arc::new(World::sqlite().await);
    let ann = world.user("ann").await;
    let same = world.new_session(&ann, 0);
    let mut begins = JoinSet::new();
    for index in 0..40 {
        let new = if index % 2 == 0 { same.clone() } else { world.new_session(&ann, 0) };
        let world = Arc::clone(&world);
        begins.spawn(async move { world.begin_session(new).await });
    }
    let (mut begun, mut duplicates) = (0, 0);
    for result in begins.join_all().await {
        match result {
            Ok(Ok(_)) => begun += 1,
            Err(StoreError::Duplicate(_)) => duplicates += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((begun, duplicates), (21, 19));
    // Nothing is left of those that failed: no event of a session that did not begin.
    assert_eq!(world.events(0, 100).await.unwrap().len(), 21);
}

#[tokio::test]
async fn of_a_write_that_fails_half_way_nothing_stays() {
    let world = Arc::new(World::sqlite().await);
    let ann = world.user("ann").await;
    let session = world.begin(&ann, 0).await;
    let (used, _) = world.join(&session.id, "wiki", 0).await;
    let mut writes = JoinSet::new();
    for index in 0..20 {
        let (world, session) = (Arc::clone(&world), session.clone());
        writes.spawn(async move {
            // Every other code is one that exists, which shows only after the participant was written.
            let (name, code) = (format!("app{index:02}"), if index % 2 == 0 { world.hash() } else { used });
            let participant = world.participant(&session.id, &name, back(&name), 1);
            let grant = world.grant(&session.id, &name, 1);
            matches!(world.issue_code(&code, grant, participant, LIFETIMES).await, Ok(Ok(_)))
        });
    }
    assert_eq!(writes.join_all().await.into_iter().filter(|issued| *issued).count(), 10);
    let joined = world.session(&session.id).await.unwrap().unwrap().participants;
    assert_eq!(joined.len(), 11, "{joined:?}");
}

#[tokio::test]
async fn an_acknowledged_logout_is_in_the_file_when_the_process_is_gone() {
    let world = World::sqlite().await;
    let ann = world.user("ann").await;
    let session = world.begin(&ann, 0).await;
    let tokens = world.tokens(&session.id, "wiki", false, 0).await;
    let mut order = world.order(Scope::Session(session.id.clone()), 10);
    order.lease = Some(lease("gone", 40));
    let logout = world.log_out(order, |_| None).await.unwrap().unwrap();
    // What a crash leaves behind: the files as they are, without a checkpoint and without the shared memory.
    let after = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(format!("{}{suffix}", file(&world)), after.path().join(format!("acquit.db{suffix}"))).unwrap();
    }
    let store = Store::open(&format!("sqlite://{}", after.path().join("acquit.db").display())).await.unwrap();
    let ended = store.session(&session.id).await.unwrap().unwrap();
    assert_eq!(ended.session.ended.unwrap().logout, logout.logout);
    assert!(!store.access_token(&tokens.access).await.unwrap().unwrap().live(at(11), LIFETIMES));
    // The lease of the node that is gone runs out, and its step is sent by another.
    assert_eq!(store.claim_due(at(39), lease("next", 70), 10, &[]).await.unwrap(), []);
    assert_eq!(store.claim_due(at(40), lease("next", 70), 10, &[]).await.unwrap(), logout.steps);
}

#[tokio::test]
async fn an_existing_file_opens_fast() {
    let world = World::sqlite().await;
    let begin = Instant::now();
    Store::open(&world.url).await.unwrap();
    let took = begin.elapsed();
    assert!(took.as_millis() < 100, "{took:?}");
}

#[tokio::test]
async fn a_file_can_be_opened_by_many_at_once_also_when_it_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let mut opens = JoinSet::new();
    for index in 0..24 {
        let url = format!("sqlite://{}", folder.path().join(format!("acquit{}.db", index / 6)).display());
        opens.spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(async { Store::open(&url).await.map(|_| ()) })
        });
    }
    for opened in opens.join_all().await {
        opened.unwrap();
    }
}

#[tokio::test]
async fn a_url_of_no_database_is_refused() {
    for url in ["", "mysql://x", "sqlite://", "sqlite:///nowhere/at/all/acquit.db", "postgres://[", "acquit.db"] {
        assert!(matches!(Store::open(url).await, Err(StoreError::Url(_))), "{url:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable() {
    let refused = Store::open("postgres://acquit@127.0.0.1:1/acquit").await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_sync_its_commits_is_refused() {
    let world = World::postgres().await;
    let database = world.url.rsplit('/').next().unwrap();
    world.server().sql("postgres", &format!("ALTER DATABASE {database} SET synchronous_commit = off")).unwrap();
    assert!(matches!(Store::open(&world.url).await, Err(StoreError::Unsafe(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_acquit_is_refused() {
    let world = World::postgres().await;
    let database = world.url.rsplit('/').next().unwrap();
    let later = "INSERT INTO refinery_schema_history VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    world.server().sql(database, later).unwrap();
    assert!(matches!(Store::open(&world.url).await, Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_may_start_on_a_new_database_at_once() {
    let world = World::postgres().await;
    let url = world.server().database().unwrap();
    let mut opens = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        opens.spawn(async move { Store::open(&url).await.map(|_| ()) });
    }
    for opened in opens.join_all().await {
        opened.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_no_half_done_logout() {
    for world in [World::sqlite().await, World::postgres().await] {
        let ann = world.user("ann").await;
        for _ in 0..10 {
            let session = world.begin(&ann, 0).await;
            world.join(&session.id, "wiki", 0).await;
            let order = world.order(Scope::Session(session.id.clone()), 10);
            let store = world.store.clone();
            let logout = tokio::spawn(async move { store.log_out(order, |_| None).await });
            tokio::task::yield_now().await;
            logout.abort();
            let _ = logout.await;
            // Done or not done; asked again, it is one logout with its step.
            let again = world.end(&session.id, 11).await;
            let receipt = world.receipt(&again.logout).await.unwrap().unwrap();
            assert_eq!((receipt.steps.len(), receipt.sessions), (1, vec![session.id]));
        }
        world.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_to_be_written_is_refused() {
    let world = World::postgres().await;
    let name = world.url.rsplit('/').next().unwrap();
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    world.server().sql("postgres", &set).unwrap();
    let Err(error) = Store::open(&world.url).await else { panic!("it opened") };
    assert!(matches!(&error, StoreError::Unsafe(why) if why.contains("default_transaction_read_only")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_that_names_no_database_or_nobody_is_the_operators_to_correct() {
    let world = World::postgres().await;
    let (server, _) = world.url.rsplit_once('/').unwrap();
    for wrong in [format!("{server}/nowhere"), world.url.replace("acquit@", "nobody@")] {
        let Err(error) = Store::open(&wrong).await else { panic!("it opened") };
        assert!(matches!(error, StoreError::Url(_)), "{wrong}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_too_long_for_a_row_is_told_to_try_again() {
    let world = World::postgres().await;
    let ann = world.user("ann").await;
    let name = world.url.rsplit('/').next().unwrap().to_owned();
    let server = Postgres::shared().unwrap();
    let holder = tokio::task::spawn_blocking(move || {
        server.sql(&name, "BEGIN; SELECT 1 FROM users FOR UPDATE; SELECT pg_sleep(8); COMMIT").unwrap();
    });
    // Whoever is not yet too late: until the row is held, this goes through.
    let begun = Instant::now();
    loop {
        let asked = Instant::now();
        match world.set_disabled(&ann.id, true, at(1)).await {
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(5), "the row is never held"),
            Err(StoreError::Unavailable(why)) => {
                assert!(why.contains("55P03") && asked.elapsed() < Duration::from_secs(7), "{why}");
                break;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    holder.await.unwrap();
    world.set_disabled(&ann.id, true, at(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_not_waited_for_and_is_used_again_when_it_goes_on() {
    let server = tokio::task::spawn_blocking(Postgres::start).await.unwrap().unwrap();
    let store = Store::open(&server.database().unwrap()).await.unwrap();
    store.ping().await.unwrap();
    let frozen = server.freeze().unwrap();
    let begun = Instant::now();
    // More than there are connections: some on one that was open, some on a new one, some waiting for one.
    let mut tries = JoinSet::new();
    for number in 0..40_u8 {
        let store = store.clone();
        tries.spawn(async move {
            match number % 3 {
                0 => store.ping().await,
                1 => store.remember_once("test", &[number; 32], at(1)).await.map(drop),
                _ => store.overdue(at(1), LIFETIMES, 10).await.map(drop),
            }
        });
    }
    for result in tries.join_all().await {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(13), "{:?}", begun.elapsed());
    drop(frozen);
    for number in 100..140 {
        assert!(store.remember_once("test", &[number; 32], at(1)).await.unwrap());
    }
}
