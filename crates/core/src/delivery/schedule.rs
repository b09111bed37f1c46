//! The delivery schedule: a logout's value decays fast at first, so tries are close together, then further apart.

use std::time::Duration;

use super::verdict::{Answer, Said, StepUpdate, Verdict, judge};
use crate::{
    Timestamp,
    step::{Outcome, Step},
};

/// The waits after the first attempts; the first attempt itself is made at once.
pub const SLOTS: [Duration; 8] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(3 * 3600),
];

/// The wait after all later attempts, to the deadline.
pub const FINAL_SLOT: Duration = Duration::from_secs(6 * 3600);

/// How long a claimed step belongs to the node that claimed it: longer than any attempt can take.
pub const LEASE: Duration = Duration::from_secs(30);

/// How long after a confirmation a party that may still have been signing the user in is told once more.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A key that has signed for less than this may not have reached the party's cache yet.
const YOUNG_KEY: Duration = Duration::from_secs(3600);

/// When a refusal of a token that a young key signed is retried.
const YOUNG_KEY_RETRY: Duration = Duration::from_secs(5 * 60);

/// The detail of a step that a newer sign-in overtook where the protocol cannot name the ended session.
pub const SUPERSEDED: &str = "superseded by a newer sign-in";

/// The wait before the attempt after `attempts` attempts, before it is spread.
fn slot(attempts: u32) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    SLOTS.get(index).copied().unwrap_or(FINAL_SLOT)
}

/// `slot` spread by `jitter` (any number) over ±20 %.
fn spread(slot: Duration, jitter: u64) -> Duration {
    // 800 to 1200 thousandths.
    let thousandths = 800 + u32::try_from(jitter % 401).unwrap_or(200);
    slot * thousandths / 1000
}

/// Settles an attempt: what the answer makes of the step. `jitter` is any random number.
#[must_use]
pub fn settle(step: &Step, answer: &Answer, now: Timestamp, jitter: u64) -> StepUpdate {
    let done = StepUpdate { next_attempt_at: None, again: false, ..as_it_stands(step) };
    let Some(channel) = step.channel.filter(|_| !is_final(step)) else {
        // Told once more: whatever the answer, the confirmation stands.
        return done;
    };
    match judge(channel, answer) {
        Verdict::Confirmed { note } => StepUpdate {
            outcome: Outcome::Confirmed,
            detail: note,
            next_attempt_at: Some(now.plus(AGAIN_AFTER)).filter(|at| step.again && *at <= step.deadline),
            ..done
        },
        Verdict::Retry { after, why } => {
            let slot = slot(step.attempts.saturating_add(1));
            let wait = spread(slot, jitter);
            // Asked to wait longer: up to twice the slot, so that nobody can put a logout off for ever.
            let wait = after.map_or(wait, |asked| asked.clamp(wait, slot * 2));
            retry_after(step, wait, now, &why)
        }
        Verdict::Refused { why } => {
            let young = match answer {
                Answer::Status { code: 400, key_age: Some(age), .. }
                | Answer::Said { said: Said::Refused { .. }, key_age: Some(age), .. } => *age < YOUNG_KEY,
                _ => false,
            };
            if young && !step.key_retried {
                return StepUpdate { key_retried: true, ..retry_after(step, YOUNG_KEY_RETRY, now, &why) };
            }
            StepUpdate { outcome: Outcome::Failed, detail: Some(why), ..done }
        }
    }
}

/// Puts a step off without an attempt, because its destination is being left alone. One whose deadline comes first fails.
#[must_use]
pub fn postponed(step: &Step, until: Timestamp, why: &str) -> StepUpdate {
    if is_final(step) {
        let next_attempt_at = Some(until).filter(|_| step.outcome == Outcome::Confirmed && until <= step.deadline);
        return StepUpdate { next_attempt_at, ..as_it_stands(step) };
    }
    if until > step.deadline { out_of_time(step, why) } else { pending(step, until, why) }
}

/// Ends a step as failed, with the reason. One that is told once more stays confirmed.
#[must_use]
pub fn give_up(step: &Step, why: &str) -> StepUpdate {
    let done = StepUpdate { next_attempt_at: None, again: false, ..as_it_stands(step) };
    if is_final(step) { done } else { StepUpdate { outcome: Outcome::Failed, detail: Some(why.to_owned()), ..done } }
}

/// Whether no later answer may change the outcome. A failed step may still be confirmed: it can be retried by hand.
fn is_final(step: &Step) -> bool {
    matches!(step.outcome, Outcome::Confirmed | Outcome::Sent | Outcome::Unsupported)
}

fn as_it_stands(step: &Step) -> StepUpdate {
    StepUpdate {
        outcome: step.outcome,
        detail: step.detail.clone(),
        next_attempt_at: step.next_attempt_at,
        again: step.again,
        key_retried: step.key_retried,
    }
}

/// Tries again after `wait`, or for the last time at the deadline: a step fails only when that has come.
fn retry_after(step: &Step, wait: Duration, now: Timestamp, why: &str) -> StepUpdate {
    if now >= step.deadline {
        return out_of_time(step, why);
    }
    pending(step, now.plus(wait).min(step.deadline), why)
}

fn pending(step: &Step, at: Timestamp, why: &str) -> StepUpdate {
    StepUpdate {
        outcome: Outcome::Pending,
        detail: Some(why.to_owned()),
        next_attempt_at: Some(at),
        ..as_it_stands(step)
    }
}

fn out_of_time(step: &Step, why: &str) -> StepUpdate {
    let detail = Some(format!("gave up at its deadline; last: {why}"));
    StepUpdate { outcome: Outcome::Failed, detail, next_attempt_at: None, again: false, ..as_it_stands(step) }
}

#[cfg(test)]
mod tests;
