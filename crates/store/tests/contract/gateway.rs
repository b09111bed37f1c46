//! The gateway: its hosts in a session, and what its nodes acknowledge.

use std::{sync::Arc, time::Duration};

use acquit_core::{
    Timestamp,
    participant::{Channels, Participant, Protocol},
    receipt::State,
    session::Lifetimes,
    step::{Channel, Outcome},
};
use acquit_store::{
    code::SessionEnded,
    gateway::Acknowledgement,
    logout::LoggedOut,
    revocation::{Reader, Revoked},
    user::User,
};

use crate::world::{LIFETIMES, World, at, lease};

const HOST: &str = "grafana.example.com";

fn host(world: &World, session: &acquit_core::SessionId, now: i64) -> Participant {
    let participant = world.participant(session, HOST, Channels::default(), now);
    Participant { protocol: Protocol::Gateway, ..participant }
}

async fn ended(world: &World) -> LoggedOut {
    let ann = world.user("ann").await;
    let session = world.begin(&ann, 0).await;
    world.join_gateway(host(world, &session.id, 1), LIFETIMES).await.unwrap().unwrap();
    world.end(&session.id, 10).await
}

/// A node says that it refuses what the first step is about.
async fn acknowledge(world: &World, logout: &LoggedOut, node: &str, streams: u32, (now, since): (i64, i64)) {
    let said = Acknowledgement { step: logout.steps[0].id.clone(), logout: logout.logout.clone(), streams };
    world.acknowledge(node, vec![said], at(now), at(since)).await.unwrap();
}

contract! {
    async fn a_host_joins_a_session_that_lives_and_only_such(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let first = host(&world, &session.id, 1);
        for again in 0..2 {
            let participant = Participant { joined_at: at(again), ..host(&world, &session.id, 1) };
            world.join_gateway(if again == 0 { first.clone() } else { participant }, LIFETIMES).await.unwrap().unwrap();
        }
        let joined = world.session(&session.id).await.unwrap().unwrap().participants;
        assert_eq!(joined.iter().map(|joined| (joined.app.as_str(), &joined.sid)).collect::<Vec<_>>(), [(HOST, &first.sid)]);
        world.end(&session.id, 10).await;
        assert_eq!(world.join_gateway(host(&world, &session.id, 11), LIFETIMES).await.unwrap(), Err(SessionEnded));
    }

    async fn an_eviction_is_nobodys_to_send_and_confirmed_by_every_node_that_is_there(world: World) {
        world.gateway_node("one", at(5)).await.unwrap();
        world.gateway_node("two", at(6)).await.unwrap();
        world.gateway_node("long gone", at(-100)).await.unwrap();
        let logout = ended(&world).await;
        assert_eq!(logout.steps[0].channel, Some(Channel::Gateway));
        assert_eq!(world.claim_due(Timestamp::MAX, lease("n", 40), 10, &[]).await.unwrap(), []);
        let waits = world.evictions("one", 10).await.unwrap();
        assert_eq!(waits.iter().map(|one| (&one.step, one.acknowledged)).collect::<Vec<_>>(), [(&logout.steps[0].id, false)]);
        for _ in 0..2 {
            acknowledge(&world, &logout, "one", 3, (11, 0)).await;
            let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
            assert_eq!((receipt.state, receipt.steps[0].outcome), (State::InProgress, Outcome::Pending), "two has not said so");
            assert_eq!(receipt.steps[0].attempts.len(), 1, "said twice, counted once");
        }
        assert!(world.evictions("one", 10).await.unwrap()[0].acknowledged);
        assert!(!world.evictions("two", 10).await.unwrap()[0].acknowledged);
        acknowledge(&world, &logout, "two", 1, (12, 0)).await;
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Complete, Outcome::Confirmed));
        assert_eq!(receipt.steps[0].detail.as_deref(), Some("4 open streams were closed on 2 nodes"));
        assert_eq!(receipt.steps[0].attempts.iter().map(|attempt| attempt.ms).collect::<Vec<_>>(), [1000, 2000]);
        assert_eq!(world.evictions("one", 10).await.unwrap(), []);
    }

    async fn a_node_that_is_gone_is_not_waited_for(world: World) {
        for node in ["one", "two", "three"] {
            world.gateway_node(node, at(5)).await.unwrap();
        }
        let logout = ended(&world).await;
        acknowledge(&world, &logout, "one", 0, (11, 0)).await;
        world.gateway_node_gone("two").await.unwrap();
        acknowledge(&world, &logout, "one", 0, (12, 0)).await;
        assert_eq!(world.receipt(&logout.logout).await.unwrap().unwrap().state, State::InProgress, "three is there");
        acknowledge(&world, &logout, "one", 0, (30, 20)).await;
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].detail.as_deref()), (State::Complete, Some("nothing was open")));
    }

    async fn the_word_of_a_node_that_touches_no_step_is_taken_over_by_the_next_that_does(world: World) {
        for node in ["server", "alone"] {
            world.gateway_node(node, at(5)).await.unwrap();
        }
        let logout = ended(&world).await;
        let said = || vec![Acknowledgement { step: logout.steps[0].id.clone(), logout: logout.logout.clone(), streams: 2 }];
        for _ in 0..2 {
            world.say_refused("alone", said(), at(11)).await.unwrap();
        }
        assert!(world.evictions("alone", 10).await.unwrap()[0].acknowledged);
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].attempts.len()), (State::InProgress, 0), "it touches no step");
        acknowledge(&world, &logout, "server", 1, (13, 0)).await;
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Complete, Outcome::Confirmed));
        assert_eq!(receipt.steps[0].detail.as_deref(), Some("3 open streams were closed on 2 nodes"));
        assert_eq!(receipt.steps[0].attempts.iter().map(|attempt| attempt.ms).collect::<Vec<_>>(), [1000, 3000]);
        world.say_refused("late", said(), at(14)).await.unwrap();
        assert_eq!(world.receipt(&logout.logout).await.unwrap().unwrap(), receipt, "nothing waits for it any more");
    }

    async fn a_server_takes_over_a_word_that_comes_after_its_own(world: World) {
        for node in ["server", "alone"] {
            world.gateway_node(node, at(5)).await.unwrap();
        }
        let logout = ended(&world).await;
        acknowledge(&world, &logout, "server", 0, (11, 0)).await;
        let said = Acknowledgement { step: logout.steps[0].id.clone(), logout: logout.logout.clone(), streams: 1 };
        // By a clock that is ahead: nothing in the receipt is of later than now.
        world.say_refused("alone", vec![said], at(900)).await.unwrap();
        acknowledge(&world, &logout, "server", 0, (13, 0)).await;
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Complete, Outcome::Confirmed));
        assert_eq!(receipt.steps[0].attempts.iter().map(|attempt| attempt.ms).collect::<Vec<_>>(), [1000, 3000]);
    }

    async fn endings_that_a_node_has_not_acknowledged_come_before_those_that_wait_for_another(world: World) {
        world.gateway_node("other", at(5)).await.unwrap();
        let first = ended(&world).await;
        acknowledge(&world, &first, "one", 0, (11, 0)).await;
        let bob = world.user("bob").await;
        let session = world.begin(&bob, 0).await;
        world.join_gateway(host(&world, &session.id, 1), LIFETIMES).await.unwrap().unwrap();
        let second = world.end(&session.id, 12).await;
        let waiting = world.evictions("one", 1).await.unwrap();
        assert_eq!(waiting.iter().map(|one| &one.logout).collect::<Vec<_>>(), [&second.logout]);
        assert_eq!(world.evictions("one", 10).await.unwrap().len(), 2);
    }

    async fn what_is_to_be_acknowledged_is_in_the_log_that_is_read_with_it(world: World) {
        let mut reader = Reader::default();
        let logout = ended(&world).await;
        let (evictions, log) = reader.read_with_evictions(&world, "one", 10).await.unwrap();
        let session = evictions[0].session.clone();
        assert_eq!((&evictions[0].logout, log.len()), (&logout.logout, 1));
        assert_eq!(log[0].what, Revoked::Session(session));
        let (evictions, log) = reader.read_with_evictions(&world, "one", 10).await.unwrap();
        assert_eq!((evictions.len(), log.len()), (1, 0), "it is read once, and asked for until it is acknowledged");
    }

    async fn the_log_says_where_it_begins(world: World) {
        assert_eq!(world.revocations_begin().await.unwrap(), None);
        ended(&world).await;
        assert_eq!(world.revocations_begin().await.unwrap(), Some(at(10)));
    }

    async fn use_that_other_nodes_saw_is_taken_over_once_and_is_never_of_later_than_now(world: World) {
        let ann = world.user("ann").await;
        let (one, two, gone) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        world.end(&gone.id, 10).await;
        let used = [(&one, 20), (&one, 50), (&two, 900), (&gone, 50)].map(|(session, when)| (session.id.clone(), at(when)));
        world.note_used(used.to_vec()).await.unwrap();
        let seen = async |id| world.session(id).await.unwrap().unwrap().session.last_seen_at;
        assert_eq!(seen(&one.id).await, at(0), "nobody has taken it over");
        assert!(!world.take_noted(at(60)).await.unwrap());
        assert_eq!((seen(&one.id).await, seen(&two.id).await, seen(&gone.id).await), (at(50), at(60), at(0)));
        assert!(!world.take_noted(at(900)).await.unwrap());
        assert_eq!(seen(&two.id).await, at(60), "once");
    }

    async fn nodes_learn_how_long_what_ended_is_kept_before_it_is_deleted(world: World) {
        assert_eq!(world.gateway_terms().await.unwrap(), None);
        for longest in [LIFETIMES.max, LIFETIMES.max / 2, LIFETIMES.max * 2] {
            let lifetimes = Lifetimes { max: longest, program: longest, ..LIFETIMES };
            world.sweep(at(10), lifetimes).await.unwrap();
            assert_eq!(world.gateway_terms().await.unwrap(), Some(longest));
        }
    }

    async fn notes_are_taken_over_so_many_at_a_time_also_where_all_are_the_same(world: World) {
        let ann = world.user("ann").await;
        let one = world.begin(&ann, 0).await;
        world.note_used(vec![(one.id.clone(), at(20)); 2500]).await.unwrap();
        let mut more = Vec::new();
        for _ in 0..3 {
            more.push(world.take_noted(at(60)).await.unwrap());
        }
        assert_eq!(more, [true, true, false]);
        assert_eq!(world.session(&one.id).await.unwrap().unwrap().session.last_seen_at, at(20));
    }

    async fn nodes_that_are_long_gone_are_forgotten(world: World) {
        world.gateway_node("long gone", at(5)).await.unwrap();
        world.gateway_node("there", at(5 + 86_400)).await.unwrap();
        world.gateway_node("went", at(5 + 86_400)).await.unwrap();
        world.gateway_node_gone("went").await.unwrap();
        assert_eq!(world.sweep(at(10 + 86_400), LIFETIMES).await.unwrap().deleted, 2);
    }

    async fn what_no_node_acknowledges_fails_at_its_deadline(world: World) {
        let logout = ended(&world).await;
        assert_eq!(world.sweep(at(10 + 4 * 86_400), LIFETIMES).await.unwrap().given_up, 1);
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!(receipt.steps[0].outcome, Outcome::Failed);
        assert_eq!(receipt.steps[0].detail.as_deref(), Some("no node of the gateway acknowledged it before the deadline"));
        assert_eq!(world.retry_now(&logout.logout, at(20)).await.unwrap(), 0, "there is nothing to send");
    }

    async fn what_is_said_of_another_step_or_logout_changes_nothing(world: World) {
        let logout = ended(&world).await;
        let bob = world.user("bob").await;
        let session = world.begin(&bob, 0).await;
        world.join(&session.id, "wiki", 1).await;
        let other = world.end(&session.id, 12).await;
        acknowledge(&world, &other, "one", 0, (13, 0)).await;
        let receipt = world.receipt(&other.logout).await.unwrap().unwrap();
        assert_eq!((receipt.steps[0].outcome, receipt.steps[0].attempts.len()), (Outcome::Pending, 0), "a back channel");
        assert_eq!(world.evictions("one", 10).await.unwrap().len(), 1);
        assert_eq!(world.receipt(&logout.logout).await.unwrap().unwrap().state, State::InProgress);
    }

    async fn a_change_of_a_person_is_a_version_in_the_log_and_ends_nothing(world: World) {
        let ann = world.user("ann").await;
        let mut reader = Reader::default();
        assert_eq!(reader.read(&world).await.unwrap(), []);
        world.put_user(ann.clone()).await.unwrap().unwrap();
        assert_eq!(reader.read(&world).await.unwrap(), [], "nothing changed");
        world.put_user(User { groups: vec!["ops".to_owned()], ..ann.clone() }).await.unwrap().unwrap();
        let log = reader.read(&world).await.unwrap();
        let changed = Revoked::Changed { user: ann.id.clone(), version: 1 };
        assert_eq!(log.iter().map(|row| &row.what).collect::<Vec<_>>(), [&changed]);
        let now = world.user_by_username("ann").await.unwrap().unwrap();
        assert_eq!((now.version, now.epoch), (1, ann.epoch));
    }

    async fn a_reader_of_the_log_gets_each_row_once_in_order(world: World) {
        let ann = world.user("ann").await;
        let mut reader = Reader::default();
        let mut ended = Vec::new();
        for round in 0..3 {
            let session = world.begin(&ann, round).await;
            world.end(&session.id, round + 1).await;
            ended.push(Revoked::Session(session.id));
            let log: Vec<_> = reader.read(&world).await.unwrap().into_iter().map(|row| row.what).collect();
            assert_eq!(Some(log.as_slice()), ended.last().map(std::slice::from_ref));
        }
        let all: Vec<_> = Reader::default().read(&world).await.unwrap().into_iter().map(|row| row.what).collect();
        assert_eq!(all, ended);
    }

    async fn a_session_that_the_store_has_lost_can_be_ended(world: World) {
        let lost = acquit_core::SessionId::from_random([7; 16]);
        let mut reader = Reader::default();
        world.revoke_unknown(&lost, at(1)).await.unwrap();
        let log = reader.read(&world).await.unwrap();
        assert_eq!(log.into_iter().map(|row| (row.what, row.at)).collect::<Vec<_>>(), [(Revoked::Session(lost), at(1))]);
    }

    async fn after_a_restored_backup_everything_before_is_worthless_and_its_people_are_owed_a_logout(world: World) {
        let (ann, bob, cid) = (world.user("ann").await, world.user("bob").await, world.user("cid").await);
        let (of_ann, of_bob) = (world.begin(&ann, 0).await, world.begin(&bob, 0).await);
        world.end(&of_bob.id, 1).await;
        // A node that knows the log as it was before.
        let mut reader = Reader::default();
        reader.read(&world).await.unwrap();
        let last = world.revocations_since(0, 10).await.unwrap().last().unwrap().seq;
        let done = world.outdate_everything(at(5)).await.unwrap();
        assert_eq!((done.users, done.sessions), (3, 1));
        for user in [&ann, &bob, &cid] {
            assert_eq!(world.user_by_username(&user.username).await.unwrap().unwrap().epoch, user.epoch + 1);
        }
        assert_eq!(world.session(&of_ann.id).await.unwrap().unwrap().life(at(6), LIFETIMES), acquit_core::session::Life::Ended);
        let owed: Vec<_> = world.overtaken(10).await.unwrap().into_iter().map(|one| one.user).collect();
        assert_eq!(owed, [ann.id.clone()], "who has no session is owed nothing");
        let log = reader.read(&world).await.unwrap();
        let of_ann = Revoked::User { user: ann.id.clone(), epoch: ann.epoch + 1 };
        assert_eq!(log.iter().map(|row| (&row.what, row.at)).collect::<Vec<_>>(), [(&Revoked::Everything, at(5)), (&of_ann, at(5))]);
        assert!(log[0].seq > last + 1_000_000, "past all that was lost: {}", log[0].seq);
        // The log goes on from there.
        let later = world.begin(&ann, 6).await;
        assert_eq!(world.session(&later.id).await.unwrap().unwrap().life(at(7), LIFETIMES), acquit_core::session::Life::Live);
        world.end(&later.id, 7).await;
        let log = reader.read(&world).await.unwrap();
        assert_eq!(log.iter().map(|row| &row.what).collect::<Vec<_>>(), [&Revoked::Session(later.id)]);
    }

    async fn whoever_has_a_grant_beyond_their_session_is_owed_a_logout_after_a_restored_backup(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        for (user, offline) in [(&ann, true), (&bob, false)] {
            let session = world.begin(user, 0).await;
            world.tokens(&session.id, "mail", offline, 0).await;
            world.end(&session.id, 1).await;
        }
        world.outdate_everything(at(5)).await.unwrap();
        let owed: Vec<_> = world.overtaken(10).await.unwrap().into_iter().map(|one| one.user).collect();
        assert_eq!(owed, [ann.id]);
    }

    async fn a_log_that_never_had_a_row_says_it_too(world: World) {
        world.outdate_everything(at(5)).await.unwrap();
        let log = Reader::default().read(&world).await.unwrap();
        assert_eq!(log.into_iter().map(|row| row.what).collect::<Vec<_>>(), [Revoked::Everything]);
    }

    async fn use_is_noted_for_many_sessions_at_once_and_never_backwards(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        world.touch_sessions(vec![(one.id.clone(), at(50)), (two.id.clone(), at(-5))]).await.unwrap();
        let seen = async |id| world.session(id).await.unwrap().unwrap().session.last_seen_at;
        assert_eq!((seen(&one.id).await, seen(&two.id).await), (at(50), at(0)));
        world.end(&one.id, 60).await;
        world.touch_sessions(vec![(one.id.clone(), at(70))]).await.unwrap();
        assert_eq!(seen(&one.id).await, at(50), "it has ended");
    }
}

/// The first row of a log, too, may be numbered before another one and show up after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_row_that_becomes_visible_late_is_not_lost() {
    let world = World::postgres().await;
    let ann = world.user("ann").await;
    let (late, other) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
    let mut reader = Reader::default();
    assert_eq!(reader.read(&world).await.unwrap(), []);

    let (mut slow, connection) = tokio_postgres::connect(&world.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let transaction = slow.transaction().await.unwrap();
    let insert = "INSERT INTO revocations (at, session_id) VALUES ($1, $2)";
    transaction.execute(insert, &[&at(1).as_micros(), &late.id.as_str()]).await.unwrap();
    world.end(&other.id, 2).await;
    let what = async |reader: &mut Reader| -> Vec<Revoked> {
        reader.read(&world).await.unwrap().into_iter().map(|row| row.what).collect()
    };
    assert_eq!(what(&mut reader).await, [Revoked::Session(other.id.clone())]);
    assert_eq!(what(&mut reader).await, []);

    transaction.commit().await.unwrap();
    assert_eq!(what(&mut reader).await, [Revoked::Session(late.id.clone())]);
    assert_eq!(what(&mut reader).await, []);
}

/// A logout of several sessions and the note of their use must not each hold what the other waits for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_use_of_sessions_is_noted_in_the_order_in_which_a_logout_locks_them() {
    let world = Arc::new(World::postgres().await);
    let ann = world.user("ann").await;
    let mut ids = [world.begin(&ann, 0).await.id, world.begin(&ann, 0).await.id];
    ids.sort();
    let [first, last] = ids;
    let connect = async || {
        let (client, connection) = tokio_postgres::connect(&world.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    };
    let (mut other, watching) = (connect().await, connect().await);
    let transaction = other.transaction().await.unwrap();
    let lock = async |id: &str, wait: &str| {
        transaction.execute(&format!("SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE {wait}"), &[&id]).await
    };
    lock(first.as_str(), "").await.unwrap();
    let (noting, used) = (world.clone(), vec![(last.clone(), at(9)), (first.clone(), at(9))]);
    let noted = tokio::spawn(async move { noting.touch_sessions(used).await });
    let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async { while watching.query_opt(waits, &[]).await.unwrap().is_none() {} };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it waits for the first");
    lock(last.as_str(), "NOWAIT").await.expect("it is not held by who waits");
    transaction.commit().await.unwrap();
    noted.await.unwrap().unwrap();
    assert_eq!(world.session(&last).await.unwrap().unwrap().session.last_seen_at, at(9));
}

/// Servers are to be stopped before, but a session that begins while everything is made worthless must not be left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_begins_while_everything_is_outdated_is_outdated_too() {
    let world = Arc::new(World::postgres().await);
    let ann = world.user("ann").await;
    let connect = async || {
        let (client, connection) = tokio_postgres::connect(&world.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    };
    let (mut slow, watching) = (connect().await, connect().await);
    let beginning = slow.transaction().await.unwrap();
    beginning.execute("SELECT 1 FROM users WHERE id = $1 FOR UPDATE", &[&ann.id.as_str()]).await.unwrap();
    let (id, began) = (acquit_core::SessionId::from_random(world.bits()), at(9).as_micros());
    let insert = "INSERT INTO sessions (id, handle_hash, user_id, epoch, began_at, authenticated_at, last_seen_at) \
                  VALUES ($1, $2, $3, $4, $5, $5, $5)";
    beginning
        .execute(insert, &[&id.as_str(), &world.hash().as_slice(), &ann.id.as_str(), &ann.epoch, &began])
        .await
        .unwrap();
    let outdating = tokio::spawn({
        let world = world.clone();
        // By a clock that is behind the server's.
        async move { world.outdate_everything(at(5)).await.unwrap() }
    });
    let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async { while watching.query_opt(waits, &[]).await.unwrap().is_none() {} };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it waits for the user");
    beginning.commit().await.unwrap();
    assert_eq!(outdating.await.unwrap().sessions, 1);
    let owed: Vec<_> = world.overtaken(10).await.unwrap().into_iter().map(|one| one.user).collect();
    assert_eq!(owed, [ann.id.clone()], "its applications are to be told");
    let log: Vec<_> = Reader::default().read(&world).await.unwrap().into_iter().map(|row| row.what).collect();
    let over = Revoked::User { user: ann.id, epoch: ann.epoch + 1 };
    assert!(log.contains(&over), "what was sealed for it is worthless on this commit: {log:?}");
}
