use super::*;
use crate::{
    AppId, LogoutId, SessionId, StepId, UserId,
    delivery::Trouble,
    participant::Protocol,
    step::{Channel, Target},
};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
/// The jitter that spreads nothing.
const EVEN: u64 = 200;

fn step() -> Step {
    let logout = LogoutId::from_random([3; 16]);
    Step {
        id: StepId::of(&logout, 0),
        logout,
        party: AppId::new("a"),
        protocol: Protocol::Oidc,
        channel: Some(Channel::Backchannel),
        user: UserId::from_random([7; 16]),
        session: Some(SessionId::from_random([1; 16])),
        target: Target::Nothing,
        outcome: Outcome::Pending,
        detail: None,
        attempts: 0,
        next_attempt_at: Some(NOW),
        deadline: NOW.plus(Duration::from_secs(72 * 3600)),
        first: false,
        again: false,
        key_retried: false,
    }
}

fn status(code: u16) -> Answer {
    Answer::Status { code, retry_after: None, key_age: None, words: None }
}

fn asking(seconds: u64) -> Answer {
    Answer::Status { code: 429, retry_after: Some(Duration::from_secs(seconds)), key_age: None, words: None }
}

fn refusal_with_key_of(age: Option<Duration>) -> Answer {
    Answer::Status { code: 400, retry_after: None, key_age: age, words: None }
}

fn wait(update: &StepUpdate) -> Duration {
    update.next_attempt_at.unwrap().since(NOW)
}

#[test]
fn the_waits_are_those_of_the_design_and_then_six_hours() {
    let waits: Vec<u64> = (0..11)
        .map(|attempts| wait(&settle(&Step { attempts, ..step() }, &status(500), NOW, EVEN)).as_secs())
        .collect();
    assert_eq!(waits, [1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 21_600, 21_600]);
}

#[test]
fn jitter_spreads_a_wait_by_a_fifth_either_way_and_no_further() {
    for jitter in (0..1000).chain([u64::MAX]) {
        let wait = wait(&settle(&Step { attempts: 3, ..step() }, &status(503), NOW, jitter));
        assert!((Duration::from_secs(48)..=Duration::from_secs(72)).contains(&wait), "{jitter}: {wait:?}");
    }
    let ends = [0, 400].map(|jitter| wait(&settle(&step(), &status(503), NOW, jitter)).as_millis());
    assert_eq!(ends, [800, 1200]);
}

#[test]
fn a_retry_after_is_honoured_up_to_twice_the_slot() {
    let fourth = Step { attempts: 3, ..step() };
    for (asked, waits) in [(0, 60), (59, 60), (61, 61), (119, 119), (120, 120), (121, 120), (u64::MAX, 120)] {
        assert_eq!(wait(&settle(&fourth, &asking(asked), NOW, EVEN)).as_secs(), waits, "{asked}");
    }
    assert_eq!(wait(&settle(&fourth, &asking(999), NOW, 400)).as_secs(), 120, "jitter does not widen it");
}

#[test]
fn an_answer_that_confirms_ends_the_step() {
    let tried = Step { detail: Some("answered 500".to_owned()), attempts: 2, ..step() };
    let update = settle(&tried, &status(200), NOW, EVEN);
    let expected = StepUpdate {
        outcome: Outcome::Confirmed,
        detail: None,
        next_attempt_at: None,
        again: false,
        key_retried: false,
    };
    assert_eq!(update, expected);
}

#[test]
fn a_party_that_may_still_have_been_signing_in_is_told_exactly_once_more_five_seconds_later() {
    let young = Step { again: true, ..step() };
    let first = settle(&young, &status(204), NOW, EVEN);
    assert_eq!((first.outcome, wait(&first)), (Outcome::Confirmed, Duration::from_secs(5)));
    let confirmed =
        Step { outcome: first.outcome, again: first.again, next_attempt_at: first.next_attempt_at, ..young };
    let second = settle(&confirmed, &status(200), NOW, EVEN);
    assert_eq!((second.outcome, second.next_attempt_at), (Outcome::Confirmed, None));
}

#[test]
fn a_retry_keeps_in_mind_that_the_party_is_to_be_told_once_more() {
    assert!(settle(&Step { again: true, ..step() }, &status(500), NOW, EVEN).again);
}

#[test]
fn nobody_is_told_once_more_after_the_deadline() {
    let late = Step { again: true, deadline: NOW.plus(Duration::from_secs(4)), ..step() };
    let update = settle(&late, &status(200), NOW, EVEN);
    assert_eq!((update.outcome, update.next_attempt_at), (Outcome::Confirmed, None));
}

#[test]
fn no_later_answer_takes_a_confirmation_back() {
    let confirmed = Step { outcome: Outcome::Confirmed, next_attempt_at: Some(NOW), ..step() };
    let timeout = Answer::Nothing { trouble: Trouble::Timeout, words: "did not answer in time".to_owned() };
    for answer in [status(400), status(500), status(302), timeout] {
        let update = settle(&confirmed, &answer, NOW, EVEN);
        assert_eq!((update.outcome, update.detail, update.next_attempt_at), (Outcome::Confirmed, None, None));
    }
}

#[test]
fn nothing_that_the_worker_does_changes_what_a_browser_was_sent_or_what_cannot_be_told() {
    for outcome in [Outcome::Sent, Outcome::Unsupported] {
        let step = Step { outcome, detail: Some("loaded".to_owned()), next_attempt_at: None, ..step() };
        for update in
            [settle(&step, &status(400), NOW, EVEN), postponed(&step, NOW, "busy"), give_up(&step, SUPERSEDED)]
        {
            assert_eq!(
                (update.outcome, update.detail.as_deref(), update.next_attempt_at),
                (outcome, Some("loaded"), None)
            );
        }
    }
}

#[test]
fn a_refusal_ends_the_step_with_the_partys_own_words() {
    let answer =
        Answer::Status { code: 400, retry_after: None, key_age: None, words: Some("invalid_request".to_owned()) };
    let update = settle(&step(), &answer, NOW, EVEN);
    assert_eq!((update.outcome, update.next_attempt_at), (Outcome::Failed, None));
    assert!(update.detail.unwrap().contains("invalid_request"));
}

#[test]
fn a_refusal_of_a_token_by_a_young_key_is_retried_once_after_five_minutes() {
    let answer = refusal_with_key_of(Some(Duration::from_secs(3599)));
    let first = settle(&step(), &answer, NOW, EVEN);
    assert_eq!((first.outcome, wait(&first), first.key_retried), (Outcome::Pending, Duration::from_secs(300), true));
    let second = settle(&Step { key_retried: true, attempts: 1, ..step() }, &answer, NOW, EVEN);
    assert_eq!((second.outcome, second.next_attempt_at), (Outcome::Failed, None));
}

#[test]
fn no_other_refusal_is_blamed_on_the_key() {
    let not_found = Answer::Status { code: 404, retry_after: None, key_age: Some(Duration::ZERO), words: None };
    for answer in [refusal_with_key_of(Some(Duration::from_secs(3600))), refusal_with_key_of(None), not_found] {
        assert_eq!(settle(&step(), &answer, NOW, EVEN).outcome, Outcome::Failed);
    }
}

#[test]
fn a_step_is_tried_for_the_last_time_at_its_deadline_and_fails_only_then() {
    let deadline = NOW.plus(Duration::from_secs(90));
    let step = Step { attempts: 7, deadline, ..step() };
    let update = settle(&step, &asking(1_000_000), NOW, EVEN);
    assert_eq!((update.outcome, update.next_attempt_at), (Outcome::Pending, Some(deadline)));
    let last = settle(&step, &status(500), deadline, EVEN);
    assert_eq!((last.outcome, last.next_attempt_at), (Outcome::Failed, None));
    assert_eq!(last.detail.as_deref(), Some("gave up at its deadline; last: answered 500: had an error"));
    assert_eq!(settle(&step, &status(200), deadline.plus(FINAL_SLOT), EVEN).outcome, Outcome::Confirmed);
}

#[test]
fn a_step_is_put_off_with_all_that_it_knows() {
    let step = Step { again: true, key_retried: true, ..step() };
    let until = NOW.plus(Duration::from_secs(9));
    let expected = StepUpdate {
        outcome: Outcome::Pending,
        detail: Some("is being left alone".to_owned()),
        next_attempt_at: Some(until),
        again: true,
        key_retried: true,
    };
    assert_eq!(postponed(&step, until, "is being left alone"), expected);
}

#[test]
fn a_step_put_off_past_its_deadline_fails() {
    let step = Step { deadline: NOW.plus(Duration::from_secs(9)), ..step() };
    let update = postponed(&step, NOW.plus(Duration::from_secs(10)), "is being left alone");
    assert_eq!((update.outcome, update.next_attempt_at), (Outcome::Failed, None));
}

#[test]
fn a_confirmed_step_put_off_stays_confirmed_and_is_forgotten_past_its_deadline() {
    let step = Step { outcome: Outcome::Confirmed, deadline: NOW.plus(Duration::from_secs(9)), ..step() };
    for (seconds, next) in [(9, Some(NOW.plus(Duration::from_secs(9)))), (10, None)] {
        let update = postponed(&step, NOW.plus(Duration::from_secs(seconds)), "is being left alone");
        assert_eq!((update.outcome, update.detail, update.next_attempt_at), (Outcome::Confirmed, None, next));
    }
}

#[test]
fn giving_up_fails_a_pending_step_with_the_reason_and_leaves_a_confirmed_one_alone() {
    let given_up = give_up(&step(), SUPERSEDED);
    assert_eq!((given_up.outcome, given_up.detail.as_deref()), (Outcome::Failed, Some(SUPERSEDED)));
    let confirmed = Step { outcome: Outcome::Confirmed, next_attempt_at: Some(NOW), ..step() };
    let update = give_up(&confirmed, SUPERSEDED);
    assert_eq!((update.outcome, update.detail, update.next_attempt_at), (Outcome::Confirmed, None, None));
}

#[test]
fn a_failed_step_that_is_retried_by_hand_may_still_be_confirmed() {
    let failed = Step { outcome: Outcome::Failed, attempts: 3, ..step() };
    assert_eq!(settle(&failed, &status(200), NOW, EVEN).outcome, Outcome::Confirmed);
    assert_eq!(settle(&failed, &status(500), NOW, EVEN).outcome, Outcome::Pending);
}
