//! Recording attempts. The attempt is always kept; what it makes of the step counts only from the node that holds the
//! lease, except that a confirmation is never lost.

use std::collections::BTreeSet;

use acquit_core::{
    LogoutId, StepId, Timestamp,
    delivery::StepUpdate,
    event::{Facts, Kind},
    receipt::Attempt,
    step::{Outcome, Step},
};

use super::{read_step, step_columns};
use crate::{
    Store, StoreError,
    event::Event,
    receipt::refresh_states,
    tx::{Batch, Tx},
    value::params,
};

/// What came of a claimed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The step.
    pub step: StepId,
    /// Its logout.
    pub logout: LogoutId,
    /// The node that had claimed it.
    pub node: String,
    /// The attempt; none when the step was put off or given up without one.
    pub attempt: Option<Attempt>,
    /// What it makes of the step.
    pub update: StepUpdate,
    /// When this is recorded.
    pub at: Timestamp,
}

impl Store {
    /// Records what came of claimed steps, in one transaction, and gives up their leases. An attempt of a node that lost
    /// its lease is kept all the same, and so is its confirmation; otherwise the step stays with its new holder. An attempt
    /// (by step, node and time) that is recorded already is left as it is, so after an error the same may be sent again.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere; then nothing is recorded, and the steps are attempted again when the leases run out.
    pub async fn record_attempts(&self, records: Vec<AttemptRecord>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        self.write(records, |tx, records| Box::pin(record(tx, records))).await
    }
}

async fn record(tx: &mut Tx, records: &[AttemptRecord]) -> Result<(), StoreError> {
    // Logouts by id come before steps in the lock order, and a logout's state is only right under its lock.
    let logouts: BTreeSet<_> = records.iter().map(|record| &record.logout).collect();
    tx.lock_logouts(&logouts).await?;
    let keys: Vec<_> = records.iter().map(|record| params![&record.step, &record.logout].to_vec()).collect();
    let tried: Vec<_> = records
        .iter()
        .map(|record| params![&record.step, &record.node, record.attempt.as_ref().map(|attempt| attempt.at)].to_vec())
        .collect();
    let known = "SELECT id FROM attempts WHERE step_id = $1 AND node = $2 AND at = $3";
    let known = tx.query_each(known, &tried).await?;
    let sql = concat!("SELECT ", step_columns!(), ", lease_node FROM steps WHERE id = $1 AND logout_id = $2");
    let mut batch = Batch::default();
    let mut seen = BTreeSet::new();
    for ((rows, record), known) in tx.query_each(sql, &keys).await?.into_iter().zip(records).zip(known) {
        let Some(row) = rows.into_iter().next() else { continue };
        if !known.is_empty() {
            continue;
        }
        let mut row = row.read();
        let step = read_step(&mut row)?;
        // Two records of one step in a batch: the lease is given up by the first.
        let holds = row.opt_text()?.as_deref() == Some(record.node.as_str()) && seen.insert(step.id.clone());
        batch.record(&step, record, holds);
    }
    tx.execute_all(&batch).await?;
    let now = records.iter().map(|record| record.at).max().unwrap_or_default();
    let logouts: Vec<_> = logouts.into_iter().collect();
    refresh_states(tx, &logouts, now).await
}

impl Batch {
    fn record(&mut self, step: &Step, record: &AttemptRecord, holds: bool) {
        let StepUpdate { outcome, detail, next_attempt_at, again, key_retried } = &record.update;
        if let Some(attempt) = &record.attempt {
            if !holds {
                self.count_attempt(step);
            }
            self.evidence(step, &record.node, attempt);
            self.step_event(step, attempt.status, *outcome, attempt.detail.as_deref(), attempt.at);
        } else if holds && *outcome == Outcome::Failed && step.outcome != Outcome::Confirmed {
            self.gave_up(step, detail.as_deref().unwrap_or("given up"), record.at);
        }
        if holds {
            // A confirmation that came in late from a lost lease stands, whatever came after it.
            self.push(
                "UPDATE steps SET outcome = CASE WHEN outcome = 'confirmed' THEN outcome ELSE $1 END, \
                 detail = CASE WHEN outcome = 'confirmed' THEN detail ELSE $2 END, \
                 next_attempt_at = CASE WHEN outcome = 'confirmed' AND $1 <> 'confirmed' THEN NULL ELSE CAST($3 AS BIGINT) END, \
                 due_at = CASE WHEN outcome = 'confirmed' AND $1 <> 'confirmed' THEN NULL ELSE CAST($3 AS BIGINT) END, \
                 tell_again = $4, key_retried = $5, attempts = attempts + $6, lease_node = NULL, lease_until = NULL \
                 WHERE id = $7",
                params![
                    outcome.as_str(),
                    detail.as_ref(),
                    *next_attempt_at,
                    *again,
                    *key_retried,
                    record.attempt.is_some(),
                    &step.id
                ],
            );
        } else if *outcome == Outcome::Confirmed {
            self.push(
                "UPDATE steps SET outcome = 'confirmed', detail = NULL, next_attempt_at = NULL, \
                 due_at = CASE WHEN lease_node IS NULL THEN NULL ELSE due_at END \
                 WHERE id = $1 AND outcome <> 'confirmed'",
                params![&step.id],
            );
        }
    }

    /// Adds an attempt to the step's evidence, and to the log.
    pub(crate) fn attempt(&mut self, step: &Step, node: &str, attempt: &Attempt, outcome: Outcome) {
        self.attempt_alone(step, node, attempt);
        self.step_event(step, attempt.status, outcome, attempt.detail.as_deref(), attempt.at);
    }

    /// Adds an attempt to the step's evidence only.
    pub(crate) fn attempt_alone(&mut self, step: &Step, node: &str, attempt: &Attempt) {
        self.count_attempt(step);
        self.evidence(step, node, attempt);
    }

    fn count_attempt(&mut self, step: &Step) {
        self.push("UPDATE steps SET attempts = attempts + 1 WHERE id = $1", params![&step.id]);
    }

    fn evidence(&mut self, step: &Step, node: &str, attempt: &Attempt) {
        self.push(
            "INSERT INTO attempts (step_id, logout_id, node, at, status, ms, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            params![
                &step.id,
                &step.logout,
                node,
                attempt.at,
                attempt.status.map(u32::from),
                attempt.ms,
                attempt.detail.as_ref(),
            ],
        );
    }

    /// Logs that a step was given up without an attempt.
    pub(crate) fn gave_up(&mut self, step: &Step, why: &str, at: Timestamp) {
        self.step_event(step, None, Outcome::Failed, Some(why), at);
    }

    /// Logs how a step stands. `words` are the party's own where it answered: those stay in the detail, and only what we
    /// say ourselves gets into the facts.
    pub(crate) fn step_event(
        &mut self,
        step: &Step,
        status: Option<u16>,
        outcome: Outcome,
        words: Option<&str>,
        at: Timestamp,
    ) {
        let reason = match (status, words) {
            (Some(status), _) => Some(format!("answered {status}")),
            (None, words) => words.map(str::to_owned),
        };
        self.event(&Event {
            user: Some(step.user.clone()),
            session: step.session.clone(),
            logout: Some(step.logout.clone()),
            party: Some(step.party.as_str().to_owned()),
            detail: Some(match (words, &reason) {
                (Some(words), _) => format!("{}: {words}", outcome.as_str()),
                (None, Some(reason)) => format!("{}: {reason}", outcome.as_str()),
                (None, None) => outcome.as_str().to_owned(),
            }),
            facts: Facts {
                protocol: Some(step.protocol.as_str().to_owned()),
                channel: step.channel.map(|channel| channel.as_str().to_owned()),
                outcome: Some(outcome.as_str().to_owned()),
                status,
                reason,
                ..Facts::NONE
            },
            ..Event::new(Kind::StepAttempted, at)
        });
    }
}
