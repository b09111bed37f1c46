//! Sick destinations, a database that goes away, crashes.

use super::*;

#[tokio::test]
async fn a_backlog_of_one_sick_app_does_not_delay_another() {
    let sick = Receiver::start(|_, _| Act::Hang).await;
    let well = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let backlog: Vec<_> = (0..10_000).map(|number| step(number, &sick.url("/"))).collect();
    memory.plan(&backlog, false);
    let due = step(20_000, &well.url("/due"));
    memory.plan(std::slice::from_ref(&due), false);
    let began = Instant::now();
    let worker = start(&memory, quick());
    memory.until_outcome(&due, Outcome::Confirmed).await;
    let found = began.elapsed();
    assert!(found < HANG, "a due step behind 10,000 others is found at once: {found:?}");

    let fresh = step(20_001, &well.url("/fresh"));
    memory.plan(std::slice::from_ref(&fresh), true);
    let began = Instant::now();
    assert!(worker.dispatch(vec![fresh]).wait(Duration::ZERO, Duration::from_secs(5)).await);
    assert!(began.elapsed() < HANG / 2, "{:?}", began.elapsed());
    assert!(sick.connections() <= 8, "the lane's cap");
}

#[tokio::test]
async fn a_sick_app_is_left_alone_then_probed_and_its_backlog_drained() {
    let well = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answer = Arc::clone(&well);
    let app =
        Receiver::start(move |_, _| if answer.load(Ordering::SeqCst) { ok() } else { reply("503 Busy", "", "") }).await;
    let memory = Memory::new();
    let worker = start(&memory, Settings { lane_in_flight: 1, ..quick() });
    let steps: Vec<_> = (0..20).map(|number| step(number, &app.url("/"))).collect();
    memory.plan(&steps, true);
    worker.dispatch(steps.clone()).wait(Duration::from_secs(10), Duration::from_secs(10)).await;
    for step in &steps {
        memory.until(step, |row| row.due == row.step.next_attempt_at && row.step.detail.is_some()).await;
    }
    assert_eq!(app.requests().len(), 5, "five failures open the breaker");
    let untried = steps.iter().map(|step| memory.row(step)).filter(|row| row.attempts.is_empty());
    let untried: Vec<_> = untried.collect();
    assert_eq!(untried.len(), 15);
    for row in untried {
        assert_eq!((row.step.outcome, row.step.attempts), (Outcome::Pending, 0));
        assert!(row.step.detail.unwrap().contains("left alone"));
        assert!(row.step.next_attempt_at.is_some(), "recorded with its time");
    }

    memory.put_forward(Duration::from_secs(6));
    worker.wake();
    app.seen(6).await;
    memory.until(&steps[0], |row| row.attempts.len() == 2).await;
    assert_eq!(app.requests().len(), 6, "exactly one probe, the oldest");

    well.store(true, Ordering::SeqCst);
    // Past the doubled pause, but before many of the steps' own next times.
    memory.put_forward(Duration::from_secs(45));
    worker.wake();
    for step in &steps {
        memory.until_outcome(step, Outcome::Confirmed).await;
    }
    assert_eq!(memory.0.drained.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn one_success_makes_the_whole_backlog_due_at_once() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let mut backlog: Vec<_> = (0..50).map(|number| step(number, &app.url("/"))).collect();
    memory.plan(&backlog, false);
    // All failed long ago, before this process began: their next tries are hours away.
    {
        let records: Vec<_> = backlog
            .iter_mut()
            .map(|step| {
                step.attempts = 9;
                let next_attempt_at = Some(memory.now().plus(Duration::from_secs(6 * 3600)));
                let update = acquit_core::delivery::StepUpdate {
                    outcome: Outcome::Pending,
                    detail: None,
                    next_attempt_at,
                    again: false,
                    key_retried: false,
                };
                Attempted { step: step.clone(), attempt: None, operator_detail: None, update }
            })
            .collect();
        memory.record(&records).await.unwrap();
    }
    let worker = start(&memory, quick());
    let fresh = step(1000, &app.url("/"));
    memory.plan(std::slice::from_ref(&fresh), true);
    worker.dispatch(vec![fresh]);
    for step in &backlog {
        memory.until_outcome(step, Outcome::Confirmed).await;
    }
}

#[tokio::test]
async fn confirmations_survive_a_database_that_is_away() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let steps: Vec<_> = (0..100).map(|number| step(number, &app.url("/"))).collect();
    memory.plan(&steps, true);
    memory.0.down.store(true, Ordering::SeqCst);
    let told = worker.dispatch(steps.clone()).wait(Duration::from_secs(10), Duration::from_secs(10)).await;
    assert!(told, "the apps are told meanwhile");
    memory.0.down.store(false, Ordering::SeqCst);
    for step in &steps {
        assert_eq!(memory.until_outcome(step, Outcome::Confirmed).await.attempts.len(), 1);
    }
    assert_eq!(app.requests().len(), 100, "once each");
    let batches = memory.0.batches.lock().unwrap().clone();
    assert_eq!(batches.iter().sum::<usize>(), 100);
    assert!(batches.len() < 20, "written in batches: {batches:?}");
}

#[tokio::test]
async fn one_record_that_is_refused_does_not_take_others_with_it() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let steps: Vec<_> = (0..20).map(|number| step(number, &app.url("/"))).collect();
    memory.plan(&steps, true);
    *memory.0.poison.lock().unwrap() = Some(steps[7].id.clone());
    worker.dispatch(steps.clone());
    for (number, step) in steps.iter().enumerate().filter(|(number, _)| *number != 7) {
        assert_eq!(memory.until_outcome(step, Outcome::Confirmed).await.attempts.len(), 1, "{number}");
    }
    assert_eq!(worker.stop(Duration::from_secs(5)).await, Stopped::default());
    assert_eq!(memory.row(&steps[7]).step.outcome, Outcome::Pending);
}

#[tokio::test]
async fn a_stop_finishes_and_records_what_is_under_way_and_begins_nothing_more() {
    let app = Receiver::start(|_, _| {
        Act::Trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec(), b'a', Duration::from_millis(20))
    })
    .await;
    let memory = Memory::new();
    let worker = start(&memory, Settings { lane_in_flight: 2, ..quick() });
    let steps: Vec<_> = (0..5).map(|number| step(number, &app.url("/"))).collect();
    memory.plan(&steps, true);
    worker.dispatch(steps.clone());
    app.seen(2).await;
    assert_eq!(worker.stop(Duration::from_secs(5)).await, Stopped::default());
    let outcomes: Vec<_> = steps.iter().map(|step| memory.row(step).step.outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Confirmed).count(), 2);
    assert_eq!(app.requests().len(), 2);
    worker.dispatch(vec![step(99, &app.url("/"))]).wait(Duration::from_secs(5), Duration::from_secs(5)).await;
    assert_eq!(app.requests().len(), 2);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever_and_says_what_is_left() {
    let hanging = Receiver::start(|_, _| Act::Hang).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let one = step(1, &hanging.url("/"));
    memory.plan(std::slice::from_ref(&one), true);
    worker.dispatch(vec![one]);
    hanging.seen(1).await;
    let stopped = worker.stop(Duration::from_millis(50)).await;
    assert_eq!(stopped, Stopped { unfinished: 1, unrecorded: 0 });

    let app = Receiver::start(|_, _| ok()).await;
    let worker = start(&memory, quick());
    memory.0.down.store(true, Ordering::SeqCst);
    let two = step(2, &app.url("/"));
    memory.plan(std::slice::from_ref(&two), true);
    worker.dispatch(vec![two]).wait(Duration::from_secs(5), Duration::from_secs(5)).await;
    let stopped = worker.stop(Duration::from_millis(200)).await;
    assert_eq!(stopped, Stopped { unfinished: 0, unrecorded: 1 });
}

/// A crash: the runtime with all of the worker's tasks is torn down in the middle of an attempt.
#[test]
fn after_a_crash_in_the_middle_of_an_attempt_the_step_is_delivered_again() {
    let outside = tokio::runtime::Runtime::new().unwrap();
    let memory = Memory::new();
    let (app, one) = outside.block_on(async {
        let app = Receiver::start(|n, _| if n == 0 { Act::Hang } else { ok() }).await;
        let one = step(1, &app.url("/"));
        memory.plan(std::slice::from_ref(&one), true);
        (app, one)
    });

    let doomed = tokio::runtime::Runtime::new().unwrap();
    let worker = doomed.block_on(async {
        let worker = start(&memory, quick());
        worker.dispatch(vec![one.clone()]);
        app.seen(1).await;
        worker
    });
    doomed.shutdown_background();
    drop(worker);
    assert!(memory.row(&one).attempts.is_empty(), "the app has it, nobody wrote it down");

    outside.block_on(async {
        let worker = start(&memory, quick());
        let claims = memory.0.claims.load(Ordering::SeqCst);
        while memory.0.claims.load(Ordering::SeqCst) < claims + 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(app.requests().len(), 1, "while the lease runs it is the dead node's");
        memory.put_forward(LEASE);
        worker.wake();
        memory.until_outcome(&one, Outcome::Confirmed).await;
        assert_eq!(app.requests().len(), 2);
        assert_eq!(app.requests()[0], app.requests()[1]);
        worker.stop(Duration::from_secs(5)).await;
    });
}

#[tokio::test]
async fn a_resting_worker_asks_the_outbox_no_more_often_than_it_must() {
    let memory = Memory::new();
    let far = step(1, "http://127.0.0.1:1/");
    memory.plan(std::slice::from_ref(&far), true);
    let worker = start(&memory, Settings::default());
    tokio::time::sleep(Duration::from_millis(700)).await;
    let claims = memory.0.claims.load(Ordering::SeqCst);
    assert!((1..=3).contains(&claims), "{claims}");
    drop(worker);
}

#[tokio::test]
async fn due_steps_of_a_destination_that_is_left_alone_do_not_keep_the_worker_busy() {
    let memory = Memory::new();
    memory.0.blind.store(true, Ordering::SeqCst);
    let (_held, gone) = nobody();
    let steps: Vec<_> = (0..100).map(|number| step(number, &format!("http://{gone}/"))).collect();
    memory.plan(&steps, false);
    let worker = start(&memory, Settings::default());
    // The breaker is open as soon as the first five are written down.
    memory.until(&steps[99], |_| memory.0.batches.lock().unwrap().iter().sum::<usize>() >= 5).await;
    assert_eq!(worker.load().left_alone, 1);
    let claims = memory.0.claims.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let more = memory.0.claims.load(Ordering::SeqCst) - claims;
    assert!(more <= 4, "{more}");
}

#[tokio::test]
async fn whoever_waits_waits_for_the_app_and_not_for_the_books() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    memory.0.slow.store(true, Ordering::SeqCst);
    let worker = start(&memory, quick());
    let one = step(1, &app.url("/"));
    memory.plan(std::slice::from_ref(&one), true);
    assert!(worker.dispatch(vec![one]).wait(Duration::ZERO, Duration::from_secs(10)).await);
}
