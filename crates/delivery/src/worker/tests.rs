//! The worker with an outbox in memory and real receivers on loopback.

mod faults;
mod memory;

use acquit_core::step::{Channel, Outcome, Target};

pub(crate) use self::memory::step;
use self::memory::{Memory, Plain};
use super::*;
use crate::{
    egress::{Limits, Options, PUBLIC, Policy},
    receiver::{Act, Receiver, nobody, ok, reply},
};

type TestWorker = Worker<Memory, Plain>;

/// How long a receiver may hang: much longer than anything that must not wait for it, however busy the machine.
const HANG: Duration = Duration::from_secs(2);

fn egress() -> Arc<Egress> {
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    let limits = Limits { first_byte: HANG, ..Limits::default() };
    Arc::new(Egress::new(Options { limits, ..Options::new(policy) }).unwrap())
}

fn start(memory: &Memory, settings: Settings) -> TestWorker {
    let clock = memory.clone();
    Worker::start(memory.clone(), Plain, egress(), Box::new(move || clock.now()), Box::new(|| 200), settings)
}

fn quick() -> Settings {
    Settings { poll: Duration::from_millis(50), ..Settings::default() }
}

#[tokio::test]
async fn five_apps_each_get_what_they_deserve_and_the_good_ones_at_once() {
    let good = Receiver::start(|_, _| ok()).await;
    let hanging = Receiver::start(|_, _| Act::Hang).await;
    let late = Receiver::start(|n, _| if n == 0 { reply("500 Oops", "", "") } else { ok() }).await;
    let refusing = Receiver::start(|_, _| {
        reply("400 Bad Request", "Content-Type: application/json\r\n", "{\"error\":\"invalid_request\"}")
    })
    .await;
    let elsewhere = Receiver::start(|_, _| ok()).await;
    let location = format!("Location: {}\r\n", elsewhere.url("/"));
    let redirecting = Receiver::start(move |_, _| reply("307 Temporary Redirect", &location, "")).await;

    let (_held, gone) = nobody();
    let uris = [
        format!("http://{gone}/"),
        hanging.url("/"),
        late.url("/"),
        refusing.url("/"),
        redirecting.url("/"),
        good.url("/"),
    ];
    let mut steps: Vec<_> = (0..).zip(&uris).map(|(number, uri)| step(number, uri)).collect();
    steps[5].first = true;
    let memory = Memory::new();
    memory.plan(&steps, true);
    let worker = start(&memory, quick());
    let began = Instant::now();
    let dispatched = worker.dispatch(steps.clone());
    let all = dispatched.wait(Duration::from_millis(300), Duration::from_millis(30)).await;
    assert!(!all, "one hangs");
    assert!(began.elapsed() < HANG / 2, "nobody waits for it: {:?}", began.elapsed());

    let told = memory.until_outcome(&steps[5], Outcome::Confirmed).await;
    assert_eq!(told.attempts[0].status, Some(200));
    assert!(began.elapsed() < HANG, "told before the hanging one gives up");

    let refused = memory.until_outcome(&steps[3], Outcome::Failed).await;
    assert_eq!(refused.attempts.len(), 1);
    assert!(refused.step.detail.unwrap().contains("invalid_request"));
    let redirected = memory.until_outcome(&steps[4], Outcome::Failed).await;
    assert_eq!(redirected.attempts[0].status, Some(307));
    assert_eq!(elsewhere.connections(), 0);

    let confirmed = memory.until_outcome(&steps[2], Outcome::Confirmed).await;
    assert_eq!(confirmed.attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [Some(500), Some(200)]);
    let gap = confirmed.attempts[1].at.since(confirmed.attempts[0].at);
    assert!(gap >= Duration::from_millis(800) && gap < Duration::from_secs(4), "after the first slot: {gap:?}");

    for pending in [&steps[0], &steps[1]] {
        let row = memory.until(pending, |row| !row.attempts.is_empty()).await;
        assert_eq!(row.step.outcome, Outcome::Pending);
        assert_eq!(row.attempts[0].detail.as_deref(), Some(PUBLIC), "the owner learns no more");
        assert!(row.step.next_attempt_at.is_some());
    }
    assert_eq!(worker.stop(Duration::from_secs(5)).await, Stopped::default());
}

#[tokio::test]
async fn the_door_waits_only_until_all_are_told() {
    let good = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let steps: Vec<_> = (0..5).map(|number| step(number, &good.url("/"))).collect();
    memory.plan(&steps, true);
    let worker = start(&memory, quick());
    let dispatched = worker.dispatch(steps);
    assert!(dispatched.wait(Duration::from_secs(10), Duration::from_secs(10)).await);
    assert_eq!(good.requests().len(), 5);
}

#[tokio::test]
async fn what_another_process_planned_is_found_and_retries_come_at_their_time() {
    let app = Receiver::start(|n, _| if n < 2 { reply("503 Busy", "", "") } else { ok() }).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let one = step(1, &app.url("/"));
    memory.plan(std::slice::from_ref(&one), false);
    memory.until(&one, |row| !row.attempts.is_empty()).await;
    memory.put_forward(Duration::from_secs(1));
    let row = memory.until(&one, |row| row.attempts.len() == 2).await;
    assert_eq!(row.step.next_attempt_at.unwrap().since(row.attempts[1].at).as_secs(), 5);
    memory.put_forward(Duration::from_secs(5));
    worker.wake();
    memory.until_outcome(&one, Outcome::Confirmed).await;
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_twice_the_slot() {
    let app = Receiver::start(|_, _| reply("429 Slow Down", "Retry-After: 3600\r\n", "")).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let one = step(1, &app.url("/"));
    memory.plan(std::slice::from_ref(&one), true);
    worker.dispatch(vec![one.clone()]);
    let row = memory.until(&one, |row| !row.attempts.is_empty()).await;
    let wait = row.step.next_attempt_at.unwrap().since(row.attempts[0].at);
    assert!(wait >= Duration::from_secs(2) && wait < Duration::from_millis(2500), "{wait:?}");
}

#[tokio::test]
async fn an_address_that_the_policy_refuses_fails_at_once_and_tells_nothing() {
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let one = step(1, "http://10.0.0.1/");
    memory.plan(std::slice::from_ref(&one), true);
    worker.dispatch(vec![one.clone()]);
    let row = memory.until_outcome(&one, Outcome::Failed).await;
    assert_eq!(row.step.detail.as_deref(), Some(PUBLIC));
    assert_eq!(row.attempts[0].detail.as_deref(), Some(PUBLIC));
}

#[tokio::test]
async fn a_step_that_must_not_be_made_any_more_fails_unsent_and_one_that_cannot_be_made_yet_waits() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let mut steps: Vec<_> = (0..4).map(|number| step(number, &app.url("/"))).collect();
    for (step, subject) in steps.iter_mut().zip(["superseded", "keyless", "panic", "alice"]) {
        let Target::Backchannel { subject: slot, .. } = &mut step.target else { unreachable!() };
        *slot = subject.to_owned();
    }
    memory.plan(&steps, true);
    worker.dispatch(steps.clone());
    let superseded = memory.until_outcome(&steps[0], Outcome::Failed).await;
    assert_eq!(superseded.step.detail.as_deref(), Some("superseded by a newer sign-in"));
    assert!(superseded.attempts.is_empty());
    let keyless = memory.until(&steps[1], |row| !row.attempts.is_empty()).await;
    assert_eq!(keyless.step.outcome, Outcome::Pending);
    assert!(!keyless.step.detail.unwrap().contains("key file"), "the reason is the operator's");
    memory.until_outcome(&steps[3], Outcome::Confirmed).await;
    assert_eq!(app.requests().len(), 1);
    assert_eq!(memory.row(&steps[2]).step.outcome, Outcome::Pending, "left to its lease");
    assert_eq!(worker.stop(Duration::from_secs(5)).await, Stopped::default());
}

#[tokio::test]
async fn a_step_past_its_deadline_is_given_up_and_a_confirmed_one_is_told_once_more() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let (mut late, mut again) = (step(1, &app.url("/late")), step(2, &app.url("/again")));
    late.deadline = memory.now();
    again.again = true;
    memory.plan(&[late.clone(), again.clone()], true);
    memory.put_forward(Duration::from_secs(1));
    worker.dispatch(vec![late.clone(), again.clone()]);
    assert!(memory.until_outcome(&late, Outcome::Failed).await.attempts.is_empty());
    memory.until_outcome(&again, Outcome::Confirmed).await;
    memory.put_forward(Duration::from_secs(5));
    worker.wake();
    let row = memory.until(&again, |row| row.attempts.len() == 2).await;
    assert_eq!((row.step.outcome, row.due), (Outcome::Confirmed, None));
    assert!(app.requests().iter().all(|request| request.starts_with("POST /again")));
}

#[tokio::test]
async fn frames_are_left_to_the_browser() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let worker = start(&memory, quick());
    let mut frame = step(1, &app.url("/"));
    frame.channel = Some(Channel::Frontchannel);
    memory.plan(std::slice::from_ref(&frame), true);
    assert!(worker.dispatch(vec![frame]).wait(Duration::from_secs(5), Duration::from_secs(5)).await);
    assert_eq!(app.connections(), 0);
}

#[tokio::test]
async fn the_app_that_asked_is_told_first() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let worker = start(&memory, Settings { lane_in_flight: 1, ..quick() });
    let mut steps: Vec<_> = (0..6).map(|number| step(number, &app.url("/"))).collect();
    steps[5].first = true;
    memory.plan(&steps, true);
    assert!(worker.dispatch(steps.clone()).wait(Duration::from_secs(10), Duration::from_secs(10)).await);
    assert!(app.requests()[0].ends_with(steps[5].id.as_str()));
}

#[tokio::test]
async fn two_nodes_share_one_outbox_without_telling_anybody_twice() {
    let app = Receiver::start(|_, _| ok()).await;
    let memory = Memory::new();
    let steps: Vec<_> = (0..300).map(|number| step(number, &app.url("/"))).collect();
    memory.plan(&steps, false);
    let nodes = [start(&memory, quick()), start(&memory, quick())];
    for step in &steps {
        memory.until_outcome(step, Outcome::Confirmed).await;
    }
    for node in &nodes {
        assert_eq!(node.stop(Duration::from_secs(5)).await, Stopped::default());
        assert_eq!((node.load().in_flight, node.load().queued), (0, 0));
    }
    assert_eq!(app.requests().len(), 300);
}
