//! One attempt: compose, send, judge.

use std::{panic::AssertUnwindSafe, sync::Arc};

use acquit_core::{
    Timestamp,
    delivery::{self, Answer, Verdict, give_up, judge, settle},
    receipt::Attempt,
    step::{Outcome, Step},
};
use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::{
    Attempted, Compose, ComposeError, Heard, Inner, Outbox,
    lane::{Health, Job, Pass},
};
use crate::egress::PUBLIC;

/// What an operator reads in a receipt when the request could not be made here.
const OURS: &str = "the request could not be made here; the server's log says why";

impl<O: Outbox, C: Compose> Inner<O, C> {
    /// Makes the attempt, hands its record on, and lets the next one go.
    pub(super) async fn attempt(self: Arc<Self>, job: Job, pass: Pass) {
        let Job { step, destination, ticket, .. } = job;
        let id = step.id.clone();
        // A fault in composing must not cost the destination its place in the lane for ever.
        let tried = AssertUnwindSafe(self.try_once(step, &destination)).catch_unwind().await;
        // Whoever waits, waits for the app to be told, not for the record of it.
        drop(ticket);
        let health = match tried {
            Ok((record, health)) => {
                if self.records.send(record).await.is_err() {
                    warn!(step = %id, "stopped before an attempt could be recorded; it will be made again");
                }
                health
            }
            Err(_) => {
                error!(step = %id, "an attempt panicked; it will be made again when its lease runs out");
                Health::Unknown
            }
        };
        let after = self.lanes().finish(&pass, health, (self.clock)());
        self.pump();
        if after.drain {
            self.drain(&destination).await;
        }
        if after.claim {
            self.wake.notify_one();
        }
    }

    async fn drain(&self, destination: &str) {
        match self.outbox.drain(destination, (self.clock)()).await {
            Ok(()) => {
                debug!(destination, "its backlog is due now");
                self.wake.notify_one();
            }
            Err(error) => {
                warn!(destination, %error, "its backlog waits for its own times");
                self.lanes().not_drained(destination);
            }
        }
    }

    async fn try_once(&self, step: Step, destination: &str) -> (Attempted, Health) {
        let at = (self.clock)();
        // The schedule never goes beyond the deadline, so what is due after it was asked for by hand: one more attempt.
        let by_hand = step.next_attempt_at.is_some_and(|due| due > step.deadline);
        if step.outcome == Outcome::Pending && at > step.deadline && !by_hand {
            info!(step = %step.id, destination, "its deadline passed");
            let update = give_up(&step, "its deadline passed");
            return (unsent(step, update), Health::Unknown);
        }
        let clock = Instant::now();
        let composed = match self.compose.compose(&step, at).await {
            Ok(composed) => composed,
            Err(ComposeError::Final(why)) => {
                info!(step = %step.id, destination, why, "not sent");
                let update = give_up(&step, &why);
                return (unsent(step, update), Health::Unknown);
            }
            Err(error @ ComposeError::NotNow(_)) => {
                warn!(step = %step.id, destination, %error, "not sent");
                let answer = Answer::Nothing { trouble: delivery::Trouble::Ours, words: OURS.to_owned() };
                return (self.settled(step, at, clock, &answer, Some(error.to_string())), Health::Unknown);
            }
        };
        let (answer, operator_detail) = match self.egress.send(composed.request).await {
            Ok(answer) => {
                let code = answer.status.as_u16();
                let (retry_after, key_age) = (answer.retry_after(), composed.key_age);
                let heard = match composed.reader {
                    Some(reader) => reader.read(&answer),
                    None if matches!(code, 200 | 204) => Heard::Status { words: None },
                    None => Heard::Status { words: self.compose.words(&step, &answer) },
                };
                let answer = match heard {
                    Heard::Said(said) => Answer::Said { code, said, retry_after, key_age },
                    Heard::Status { words } => Answer::Status { code, retry_after, key_age, words },
                };
                (answer, None)
            }
            Err(trouble) => {
                let words = PUBLIC.to_owned();
                (Answer::Nothing { trouble: trouble.class(), words }, Some(trouble.to_string()))
            }
        };
        let health = health(&step, &answer);
        let record = self.settled(step, at, clock, &answer, operator_detail);
        let step = &record.step;
        if health == Health::Alive && record.update.outcome == Outcome::Confirmed {
            debug!(step = %step.id, destination, ms = record.attempt.as_ref().map(|attempt| attempt.ms), "confirmed");
        } else {
            info!(
                step = %step.id,
                destination,
                outcome = record.update.outcome.as_str(),
                status = record.attempt.as_ref().and_then(|attempt| attempt.status),
                trouble = record.operator_detail.as_deref(),
                next = record.update.next_attempt_at.map(tracing::field::display),
                "not confirmed"
            );
        }
        (record, health)
    }

    fn settled(
        &self,
        step: Step,
        at: Timestamp,
        clock: Instant,
        answer: &Answer,
        operator_detail: Option<String>,
    ) -> Attempted {
        let update = settle(&step, answer, (self.clock)(), (self.jitter)());
        let (status, detail) = match answer {
            Answer::Status { code, words, .. } => (Some(*code), words.clone()),
            Answer::Said { code, said, .. } => (Some(*code), Some(said.words().to_owned())),
            Answer::Nothing { words, .. } => (None, Some(words.clone())),
        };
        let ms = u32::try_from(clock.elapsed().as_millis()).unwrap_or(u32::MAX);
        let attempt = Some(Attempt { at, status, ms, detail });
        Attempted { step, attempt, operator_detail, update }
    }
}

fn unsent(step: Step, update: delivery::StepUpdate) -> Attempted {
    Attempted { step, attempt: None, operator_detail: None, update }
}

/// What the answer says about the destination as a whole. A refusal by the policy never reached it.
fn health(step: &Step, answer: &Answer) -> Health {
    if matches!(answer, Answer::Nothing { trouble: delivery::Trouble::Blocked | delivery::Trouble::Ours, .. }) {
        return Health::Unknown;
    }
    match step.channel.map(|channel| judge(channel, answer)) {
        Some(Verdict::Retry { .. }) => Health::Failing,
        Some(Verdict::Confirmed { .. } | Verdict::Refused { .. }) => Health::Alive,
        None => Health::Unknown,
    }
}
