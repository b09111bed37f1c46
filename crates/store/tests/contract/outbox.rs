//! The outbox: claims, attempts, leases.

use acquit_core::{
    Timestamp,
    delivery::StepUpdate,
    receipt::{Attempt, Line, State},
    step::{Outcome, Step},
};
use acquit_store::{logout::LoggedOut, outbox::AttemptRecord};

use crate::world::{World, app, at, lease};

pub(crate) fn update(outcome: Outcome, next: Option<Timestamp>) -> StepUpdate {
    StepUpdate { outcome, detail: None, next_attempt_at: next, again: false, key_retried: false }
}

pub(crate) fn attempt(step: &Step, node: &str, now: i64, status: u16, update: StepUpdate) -> AttemptRecord {
    let attempt = Attempt { at: at(now), status: Some(status), ms: 12, detail: None };
    AttemptRecord {
        step: step.id.clone(),
        logout: step.logout.clone(),
        node: node.to_owned(),
        attempt: Some(attempt),
        update,
        at: at(now),
    }
}

/// A logout that tells the applications named, at second 10.
async fn logout(world: &World, names: &[&str]) -> LoggedOut {
    let ann = world.user("ann").await;
    let session = world.begin(&ann, 0).await;
    for name in names {
        world.join(&session.id, name, 0).await;
    }
    world.end(&session.id, 10).await
}

async fn lines(world: &World, logout: &LoggedOut) -> (State, Vec<Line>) {
    let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
    (receipt.state, receipt.steps)
}

contract! {
    async fn a_claimed_step_is_nobody_elses_until_its_lease_runs_out(world: World) {
        let logout = logout(&world, &["wiki", "mail"]).await;
        assert_eq!(world.next_due(&[]).await.unwrap(), Some(at(10)));
        assert_eq!(world.claim_due(at(9), lease("a", 40), 10, &[]).await.unwrap(), []);
        let claimed = world.claim_due(at(10), lease("a", 40), 10, &[]).await.unwrap();
        assert_eq!(claimed, logout.steps);
        assert_eq!(world.claim_due(at(39), lease("b", 70), 10, &[]).await.unwrap(), []);
        assert_eq!(world.next_due(&[]).await.unwrap(), Some(at(40)));
        assert_eq!(world.claim_due(at(40), lease("b", 70), 10, &[]).await.unwrap().len(), 2);
    }

    async fn claims_are_bounded_and_leave_out_the_destinations_named(world: World) {
        logout(&world, &["a", "b", "c", "d"]).await;
        let excluded = ["https://b.example:443".to_owned(), "https://x.example:443".to_owned()];
        let first = world.claim_due(at(10), lease("n", 40), 2, &excluded).await.unwrap();
        let second = world.claim_due(at(10), lease("n", 40), 10, &excluded).await.unwrap();
        assert_eq!((first.len(), second.len()), (2, 1));
        assert!(first.iter().chain(&second).all(|step| step.party != app("b")));
        assert_eq!(world.next_due(&[]).await.unwrap(), Some(at(10)));
        assert_eq!(world.next_due(&excluded).await.unwrap(), Some(at(40)));
        assert_eq!(world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap()[0].party, app("b"));
    }

    async fn attempts_are_the_evidence_of_the_receipt(world: World) {
        let logout = logout(&world, &["wiki", "mail"]).await;
        let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
        let retry = StepUpdate { detail: Some("had an error".to_owned()), ..update(Outcome::Pending, Some(at(12))) };
        world
            .record_attempts(vec![
                attempt(&steps[0], "n", 11, 500, retry),
                attempt(&steps[1], "n", 11, 200, update(Outcome::Confirmed, None)),
            ])
            .await
            .unwrap();
        let (state, now) = lines(&world, &logout).await;
        assert_eq!(state, State::InProgress);
        assert_eq!((now[0].outcome, now[0].next_attempt_at), (Outcome::Pending, Some(at(12))));
        assert_eq!(now[0].attempts, [Attempt { at: at(11), status: Some(500), ms: 12, detail: None }]);
        assert_eq!((now[1].outcome, now[1].attempts.len()), (Outcome::Confirmed, 1));
        let again = world.claim_due(at(12), lease("n", 42), 10, &[]).await.unwrap();
        assert_eq!((again.len(), again[0].attempts), (1, 1));
        world.record_attempts(vec![attempt(&again[0], "n", 13, 200, update(Outcome::Confirmed, None))]).await.unwrap();
        let (state, now) = lines(&world, &logout).await;
        assert_eq!((state, now[0].attempts.len()), (State::Complete, 2));
        assert_eq!(world.next_due(&[]).await.unwrap(), None);
        let events = world.events(0, 100).await.unwrap();
        assert_eq!(events.iter().filter(|event| event.kind == "step-attempted").count(), 3);
    }

    async fn a_record_without_an_attempt_puts_a_step_off(world: World) {
        let logout = logout(&world, &["wiki"]).await;
        let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
        let record = AttemptRecord { attempt: None, ..attempt(&steps[0], "n", 11, 0, update(Outcome::Pending, Some(at(30)))) };
        world.record_attempts(vec![record]).await.unwrap();
        let (_, now) = lines(&world, &logout).await;
        assert_eq!((now[0].attempts.len(), now[0].next_attempt_at), (0, Some(at(30))));
        assert_eq!(world.next_due(&[]).await.unwrap(), Some(at(30)));
    }

    async fn a_step_that_is_given_up_without_an_attempt_is_logged_once(world: World) {
        logout(&world, &["wiki"]).await;
        let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
        let given_up = StepUpdate { detail: Some("its deadline passed".to_owned()), ..update(Outcome::Failed, None) };
        let record = AttemptRecord { attempt: None, ..attempt(&steps[0], "n", 11, 0, given_up) };
        world.record_attempts(vec![record.clone()]).await.unwrap();
        world.record_attempts(vec![record]).await.unwrap();
        let events = world.events(0, 100).await.unwrap();
        let logged: Vec<_> = events.iter().filter(|event| event.kind == "step-attempted").collect();
        assert_eq!(logged.len(), 1, "the lease is gone with the first");
        let facts = &logged[0].facts;
        assert_eq!((facts.outcome.as_deref(), facts.reason.as_deref()), (Some("failed"), Some("its deadline passed")));
    }

    async fn an_attempt_that_is_recorded_twice_counts_once(world: World) {
        let logout = logout(&world, &["wiki"]).await;
        let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
        let record = attempt(&steps[0], "n", 11, 500, update(Outcome::Pending, Some(at(12))));
        world.record_attempts(vec![record.clone()]).await.unwrap();
        // The answer to that was lost; meanwhile the same node holds the step again.
        assert_eq!(world.claim_due(at(12), lease("n", 42), 10, &[]).await.unwrap().len(), 1);
        world.record_attempts(vec![record]).await.unwrap();
        assert_eq!(lines(&world, &logout).await.1[0].attempts.len(), 1);
        assert_eq!(world.next_due(&[]).await.unwrap(), Some(at(42)));
    }

    async fn a_confirmed_step_may_be_told_once_more(world: World) {
        let logout = logout(&world, &["wiki"]).await;
        let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
        world.record_attempts(vec![attempt(&steps[0], "n", 11, 200, update(Outcome::Confirmed, Some(at(16))))]).await.unwrap();
        assert_eq!(lines(&world, &logout).await.0, State::Complete);
        let again = world.claim_due(at(16), lease("n", 46), 10, &[]).await.unwrap();
        assert_eq!((again.len(), again[0].outcome), (1, Outcome::Confirmed));
        // Whatever comes back now, the confirmation stands.
        world.record_attempts(vec![attempt(&again[0], "n", 17, 400, update(Outcome::Failed, None))]).await.unwrap();
        let (state, now) = lines(&world, &logout).await;
        assert_eq!((state, now[0].outcome, now[0].attempts.len()), (State::Complete, Outcome::Confirmed, 2));
        assert_eq!(world.next_due(&[]).await.unwrap(), None);
    }

    async fn a_record_after_the_lease_was_lost_keeps_its_attempt_and_nothing_more(world: World) {
        let logout = logout(&world, &["wiki"]).await;
        let slow = world.claim_due(at(10), lease("slow", 40), 10, &[]).await.unwrap();
        let quick = world.claim_due(at(40), lease("quick", 70), 10, &[]).await.unwrap();
        world.record_attempts(vec![attempt(&slow[0], "slow", 41, 400, update(Outcome::Failed, None))]).await.unwrap();
        let (state, now) = lines(&world, &logout).await;
        assert_eq!((state, now[0].outcome, now[0].attempts.len()), (State::InProgress, Outcome::Pending, 1));
        // The new holder still holds it.
        assert_eq!(world.claim_due(at(69), lease("third", 99), 10, &[]).await.unwrap(), []);
        world.record_attempts(vec![attempt(&quick[0], "quick", 42, 200, update(Outcome::Confirmed, None))]).await.unwrap();
        let (state, now) = lines(&world, &logout).await;
        assert_eq!((state, now[0].attempts.len()), (State::Complete, 2));
    }

    async fn a_confirmation_is_never_lost(world: World) {
        let logout = logout(&world, &["wiki"]).await;
        let slow = world.claim_due(at(10), lease("slow", 40), 10, &[]).await.unwrap();
        let quick = world.claim_due(at(40), lease("quick", 70), 10, &[]).await.unwrap();
        world.record_attempts(vec![attempt(&slow[0], "slow", 41, 200, update(Outcome::Confirmed, None))]).await.unwrap();
        assert_eq!(lines(&world, &logout).await.1[0].outcome, Outcome::Confirmed);
        let retry = update(Outcome::Pending, Some(at(50)));
        world.record_attempts(vec![attempt(&quick[0], "quick", 42, 503, retry)]).await.unwrap();
        assert_eq!(lines(&world, &logout).await.1[0].outcome, Outcome::Confirmed);
        assert_eq!(world.next_due(&[]).await.unwrap(), None);
    }

    async fn a_confirmation_after_the_step_was_given_up_counts(world: World) {
        let logout = logout(&world, &["wiki"]).await;
        let slow = world.claim_due(at(10), lease("slow", 40), 10, &[]).await.unwrap();
        let quick = world.claim_due(at(40), lease("quick", 70), 10, &[]).await.unwrap();
        world.record_attempts(vec![attempt(&quick[0], "quick", 42, 400, update(Outcome::Failed, None))]).await.unwrap();
        assert_eq!(lines(&world, &logout).await.0, State::Incomplete);
        world.record_attempts(vec![attempt(&slow[0], "slow", 43, 200, update(Outcome::Confirmed, None))]).await.unwrap();
        assert_eq!(lines(&world, &logout).await.0, State::Complete);
    }

    async fn a_destination_that_came_back_gets_its_backlog_at_once(world: World) {
        logout(&world, &["wiki", "mail"]).await;
        let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
        let records = steps.iter().map(|step| attempt(step, "n", 11, 503, update(Outcome::Pending, Some(at(3000)))));
        world.record_attempts(records.collect()).await.unwrap();
        assert_eq!(world.make_due("https://wiki.example:443", at(100)).await.unwrap(), 1);
        assert_eq!(world.make_due("https://wiki.example:443", at(100)).await.unwrap(), 0);
        let due = world.claim_due(at(100), lease("n", 130), 10, &[]).await.unwrap();
        assert_eq!((due.len(), &due[0].party), (1, &app("wiki")));
        // One that is being sent is left alone.
        assert_eq!(world.make_due("https://wiki.example:443", at(101)).await.unwrap(), 0);
    }

    async fn pending_and_failed_steps_can_be_retried_by_hand(world: World) {
        let logout = logout(&world, &["wiki", "mail", "chat"]).await;
        let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
        world
            .record_attempts(vec![
                attempt(&steps[0], "n", 11, 503, update(Outcome::Pending, Some(at(3000)))),
                attempt(&steps[1], "n", 11, 400, update(Outcome::Failed, None)),
                attempt(&steps[2], "n", 11, 200, update(Outcome::Confirmed, None)),
            ])
            .await
            .unwrap();
        assert_eq!(world.retry_now(&logout.logout, at(50)).await.unwrap(), 2);
        let due = world.claim_due(at(50), lease("n", 80), 10, &[]).await.unwrap();
        assert_eq!(due.len(), 2);
        assert_eq!(world.retry_now(&logout.logout, at(51)).await.unwrap(), 0);
        let unknown = acquit_core::LogoutId::from_random([9; 16]);
        assert_eq!(world.retry_now(&unknown, at(51)).await.unwrap(), 0);
    }

    async fn a_newer_sign_in_at_the_application_is_seen(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 5).await;
        let newer = async |after| world.newer_participant(&ann.id, &app("wiki"), at(after)).await.unwrap();
        assert!(newer(4).await);
        assert!(!newer(5).await);
        assert!(!world.newer_participant(&ann.id, &app("mail"), at(0)).await.unwrap());
        world.end(&session.id, 6).await;
        assert!(!newer(4).await);
    }
}
