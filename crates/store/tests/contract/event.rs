//! The event log as it is read: every event once, whoever writes meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use acquit_core::{
    UserId,
    event::{Facts, Kind},
    participant::Channels,
    plan::{Scope, Tell},
};
use acquit_store::event::{Event, EventRecord, Place, Range};

use crate::world::{World, at, front};

/// Appends an event that happened at this second.
async fn append(world: &World, second: i64) {
    world.append_event(Event::new(Kind::KeyRotated, at(second))).await.unwrap();
}

/// What is written from `since` on, after a number, as a polling reader gets it.
async fn poll(world: &World, since: i64, after: i64) -> (Vec<EventRecord>, i64) {
    let until = world.log_horizon().await.unwrap();
    (world.log(Range::Written { since: at(since), after, until }, None, 1000).await.unwrap(), until)
}

fn numbers(events: &[EventRecord]) -> Vec<i64> {
    events.iter().map(|event| event.seq).collect()
}

contract! {
    async fn a_page_at_a_time_gives_the_whole_in_either_order(world: World) {
        // Times go up and down and repeat; numbers only go up.
        for second in [5, 1, 3, 3, 3, 9, 2, 7] {
            append(&world, second).await;
        }
        for descending in [false, true] {
            let range = |after| Range::Timed { since: at(2), until: at(9), descending, after };
            let whole = world.log(range(None), None, 1000).await.unwrap();
            let mut seconds: Vec<_> = whole.iter().map(|event| event.at.since(at(0)).as_secs()).collect();
            assert_eq!(whole.len(), 6, "from the first time on, up to the last but not with it");
            if descending {
                seconds.reverse();
            }
            assert_eq!(seconds, [2, 3, 3, 3, 5, 7]);
            let (mut paged, mut after) = (Vec::new(), None);
            while let [event] = &world.log(range(after), None, 1).await.unwrap()[..] {
                after = Some(Place { at: event.at, seq: event.seq });
                paged.push(event.clone());
            }
            assert_eq!(paged, whole);
        }
        let (written, until) = poll(&world, 3, 0).await;
        let seconds: Vec<_> = written.iter().map(|event| event.at.since(at(0)).as_secs()).collect();
        assert_eq!(seconds, [5, 3, 3, 3, 9, 7], "as they were written");
        assert_eq!(poll(&world, 3, until).await.0, []);
        append(&world, 4).await;
        assert_eq!(poll(&world, 3, until).await.0.len(), 1, "late, and not lost");
    }

    async fn a_reader_that_starts_at_a_time_misses_nothing_of_it(world: World) {
        for second in [0, 8_000, 7_990, 8_001, 7_950] {
            append(&world, second).await;
        }
        let (all, until) = poll(&world, 0, 0).await;
        for (since, found) in [(0, 5), (7_960, 3), (8_001, 1), (9_000, 0), (90_000, 0)] {
            let start = world.log_start(at(since), until).await.unwrap();
            assert!(start <= until);
            assert_eq!(poll(&world, since, start).await.0.len(), found, "since {since} of {all:?}");
        }
        assert_eq!(world.log_start(at(90_000), until).await.unwrap(), until, "nothing to look through");
        assert!(world.log_start(at(8_000), until).await.unwrap() >= all[0].seq, "what is long past is not looked through");
    }

    async fn a_polling_reader_gets_every_event_once_while_many_write(world: World) {
        let world = Arc::new(world);
        let done = Arc::new(AtomicBool::new(false));
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..6 {
            let world = Arc::clone(&world);
            writers.spawn(async move {
                let user = world.user(&format!("user{writer}")).await;
                for round in 0..15 {
                    // Transactions of several statements, so that numbers are drawn and become visible in another order.
                    let session = world.begin(&user, round).await;
                    world.join(&session.id, "wiki", round).await;
                    world.end(&session.id, round).await;
                }
            });
        }
        let reader = {
            let (world, done) = (Arc::clone(&world), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut read, mut after) = (Vec::new(), 0);
                loop {
                    let last = done.load(Ordering::SeqCst);
                    let (events, until) = poll(&world, 0, after).await;
                    read.extend(numbers(&events));
                    assert!(until >= after, "the horizon never goes back");
                    // A full page ends at its last row, any other at the horizon.
                    after = if events.len() == 1000 { read[read.len() - 1] } else { until };
                    if last && events.is_empty() {
                        return read;
                    }
                }
            })
        };
        writers.join_all().await;
        done.store(true, Ordering::SeqCst);
        let read = reader.await.unwrap();
        let mut there = BTreeSet::new();
        loop {
            let page = world.events(there.last().copied().unwrap_or(0), 1000).await.unwrap();
            if page.is_empty() {
                break;
            }
            there.extend(numbers(&page));
        }
        assert!(there.len() >= 6 * 15 * 4);
        assert_eq!(read, there.into_iter().collect::<Vec<_>>());
    }

    async fn each_ended_session_has_its_share_of_the_requests_in_the_receipt(world: World) {
        let ann = world.user("ann").await;
        let (first, second) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        world.join(&first.id, "wiki", 1).await;
        world.join_by(&first.id, "board", front("board", true), 1).await;
        world.join_by(&first.id, "mute", Channels::default(), 1).await;
        world.join(&second.id, "wiki", 1).await;
        let out = world.log_out(world.order(Scope::User(ann.id.clone()), 5), |_| None).await.unwrap().unwrap();
        let receipt = world.receipt(&out.logout).await.unwrap().unwrap();
        let (_, until) = poll(&world, 0, 0).await;
        let range = Range::Written { since: at(0), after: 0, until };
        let events = world.log(range, Some(&out.logout), 100).await.unwrap();
        let of = |kind: Kind| events.iter().filter(move |event| event.kind == kind.as_str()).collect::<Vec<_>>();
        let ended: BTreeMap<_, _> =
            of(Kind::SessionEnded).into_iter().map(|event| (event.session.clone().unwrap(), event.facts.clone())).collect();
        assert_eq!(ended.len(), 2, "one for each");
        for (session, facts) in &ended {
            let share = receipt.steps.iter().filter(|step| {
                step.channel.is_some() && step.session.as_ref().is_some_and(|of| of.as_str() == session)
            });
            let share = u32::try_from(share.count()).unwrap();
            assert_eq!((facts.oidc_requests, facts.saml_requests), (Some(share), Some(0)));
        }
        assert_eq!(ended[first.id.as_str()].oidc_requests, Some(2));
        let planned = of(Kind::LogoutPlanned);
        assert_eq!((planned.len(), planned[0].facts.oidc_requests), (1, Some(3)), "the logout as a whole");
        let untold = of(Kind::StepAttempted);
        assert_eq!(untold.len(), 1, "the one that cannot be told has its event at once");
        assert_eq!((untold[0].party.as_deref(), untold[0].facts.outcome.as_deref()), (Some("mute"), Some("unsupported")));
    }

    async fn the_log_holds_no_sid_and_no_hash(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let (code, sid) = world.join(&session.id, "wiki", 1).await;
        world.redeem_code(&code, world.mint(true, 2), at(2), crate::world::LIFETIMES).await.unwrap().unwrap();
        let _ = world.redeem_code(&code, world.mint(true, 3), at(3), crate::world::LIFETIMES).await.unwrap();
        let mut order = world.order(Scope::Session(session.id.clone()), 5);
        order.request.tell = Tell::Everyone;
        order.receipt_key_hash = Some(world.hash());
        world.log_out(order, |_| None).await.unwrap().unwrap();
        let (events, _) = poll(&world, 0, 0).await;
        assert!(events.iter().any(|event| event.kind == Kind::TokenReused.as_str()));
        assert!(!format!("{events:?}").contains(&sid));
    }

    async fn what_events_refer_to_is_named_as_it_is_now(world: World) {
        let (ann, ben) = (world.user("ann").await, world.user("ben").await);
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        world.begin(&ben, 0).await;
        assert!(world.delete_user(&ben.id, at(2)).await.unwrap());
        let gone = UserId::from_random(world.bits());
        world.append_event(Event { user: Some(gone), ..Event::new(Kind::SignInFailed, at(3)) }).await.unwrap();
        let (events, _) = poll(&world, 0, 0).await;
        let context = world.log_context(&events).await.unwrap();
        assert_eq!(context.people[ann.id.as_str()].email.as_deref(), Some("ann@example.com"));
        assert_eq!(context.people[ben.id.as_str()].username, None, "nothing is known of who was deleted");
        assert_eq!(context.people.len(), 2);
        assert_eq!(context.browsers[session.id.as_str()], "Test/1.0");
        let began = events.iter().find(|event| event.kind == Kind::SessionBegan.as_str()).unwrap();
        assert_eq!(began.facts, Facts { user_agent: Some("Test/1.0".to_owned()), own_browser: true, ..Facts::NONE });
    }

    async fn events_past_their_retention_go_in_batches_and_others_stay(world: World) {
        for second in 0..1_200 {
            append(&world, second).await;
        }
        let (_, until) = poll(&world, 0, 0).await;
        assert!(world.sweep_events(at(1_150)).await.unwrap(), "there is more");
        assert!(!world.sweep_events(at(1_150)).await.unwrap());
        assert!(!world.sweep_events(at(1_150)).await.unwrap());
        assert_eq!(poll(&world, 0, 0).await.0.len(), 50);
        world.sweep_events(at(9_999)).await.unwrap();
        append(&world, 2_000).await;
        assert_eq!(poll(&world, 0, until).await.0.len(), 1, "a place that was read stays a place");
    }
}

/// A row that was numbered before others and shows up after them is what a reader who counts numbers would lose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_becomes_visible_late_is_waited_for() {
    let world = World::postgres().await;
    append(&world, 1).await;
    let (before, read) = poll(&world, 0, 0).await;
    assert_eq!(before.len(), 1);

    let (mut slow, connection) = tokio_postgres::connect(&world.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let transaction = slow.transaction().await.unwrap();
    let late = "INSERT INTO events (at, kind) VALUES ($1, 'key-rotated') RETURNING seq";
    let late: i64 = transaction.query_one(late, &[&at(2).as_micros()]).await.unwrap().get(0);
    append(&world, 3).await;

    let (meanwhile, until) = poll(&world, 0, read).await;
    assert_eq!((meanwhile, until), (Vec::new(), read), "nothing beyond the one who is not done");
    let timed = Range::Timed { since: at(0), until: at(9), descending: false, after: None };
    assert_eq!(world.log(timed, None, 9).await.unwrap().len(), 2, "who reads by time sees what is there");

    transaction.commit().await.unwrap();
    let (after, _) = poll(&world, 0, read).await;
    assert_eq!(numbers(&after), [late, late + 1]);
}
