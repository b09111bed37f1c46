//! The delivery schedule: a logout's value decays fast at first, so tries are close together, then further apart.

use std::time::Duration;

use super::verdict::{Answer, StepUpdate, Verdict, judge};
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

/// The wait before the attempt after `attempts` attempts, spread by `jitter` (any number) over ±20 %.
fn slot(attempts: u32, jitter: u64) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let base = SLOTS.get(index).copied().unwrap_or(FINAL_SLOT);
    // 800 to 1200 thousandths.
    let thousandths = 800 + u32::try_from(jitter % 401).unwrap_or(200);
    base * thousandths / 1000
}

/// Settles an attempt: what the answer makes of the step. `jitter` is any random number.
#[must_use]
pub fn settle(step: &Step, answer: &Answer, now: Timestamp, jitter: u64) -> StepUpdate {
    let same = StepUpdate {
        outcome: step.outcome,
        detail: step.detail.clone(),
        next_attempt_at: None,
        again: false,
        key_retried: step.key_retried,
    };
    let Some(channel) = step.channel else { return same };
    let verdict = judge(channel, answer);
    if step.outcome == Outcome::Confirmed {
        // Told once more: whatever the answer, the confirmation stands.
        return same;
    }
    match verdict {
        Verdict::Confirmed => StepUpdate {
            outcome: Outcome::Confirmed,
            detail: None,
            next_attempt_at: step.again.then(|| now.plus(AGAIN_AFTER)),
            ..same
        },
        Verdict::Retry { after, why } => {
            let wait = slot(step.attempts + 1, jitter);
            // Asked to wait longer: up to twice the slot, so that nobody can put a logout off for ever.
            let wait = after.map_or(wait, |asked| asked.clamp(wait, wait * 2));
            retry_at(step, now.plus(wait), &why, same)
        }
        Verdict::Refused { why } => {
            let young = matches!(answer, Answer::Status { code: 400, key_age: Some(age), .. } if *age < YOUNG_KEY);
            if young && !step.key_retried {
                let update = retry_at(step, now.plus(YOUNG_KEY_RETRY), &why, same);
                return StepUpdate { key_retried: true, ..update };
            }
            StepUpdate { outcome: Outcome::Failed, detail: Some(why), ..same }
        }
    }
}

/// Puts a step off without an attempt, because its destination is being left alone.
#[must_use]
pub fn postponed(step: &Step, until: Timestamp, why: &str) -> StepUpdate {
    let same = StepUpdate {
        outcome: step.outcome,
        detail: step.detail.clone(),
        next_attempt_at: None,
        again: step.again,
        key_retried: step.key_retried,
    };
    if step.outcome == Outcome::Confirmed {
        return StepUpdate { next_attempt_at: Some(until), ..same };
    }
    retry_at(step, until, why, same)
}

/// Ends a step as failed, with the reason.
#[must_use]
pub fn give_up(step: &Step, why: &str) -> StepUpdate {
    StepUpdate {
        outcome: if step.outcome == Outcome::Confirmed { Outcome::Confirmed } else { Outcome::Failed },
        detail: Some(why.to_owned()),
        next_attempt_at: None,
        again: false,
        key_retried: step.key_retried,
    }
}

fn retry_at(step: &Step, at: Timestamp, why: &str, same: StepUpdate) -> StepUpdate {
    if at > step.deadline {
        let detail = Some(format!("gave up at its deadline; last: {why}"));
        return StepUpdate { outcome: Outcome::Failed, detail, ..same };
    }
    StepUpdate {
        outcome: Outcome::Pending,
        detail: Some(why.to_owned()),
        next_attempt_at: Some(at),
        again: step.again,
        ..same
    }
}

#[cfg(test)]
mod tests;
