//! An outbox in memory, with the store's rules, and a composer of plain requests.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicI64},
};

use acquit_core::{
    AppId, LogoutId, StepId, UserId,
    participant::Protocol,
    receipt::Attempt,
    step::{Channel, Outcome, Target},
};
use http::HeaderValue;

use super::*;
use crate::egress::Outgoing;

/// The `number`-th step, pending, for an app at `uri`.
pub(crate) fn step(number: u128, uri: &str) -> Step {
    let logout = LogoutId::from_random(number.to_be_bytes());
    Step {
        id: StepId::of(&logout, 0),
        logout,
        party: AppId::new("app"),
        protocol: Protocol::Oidc,
        channel: Some(Channel::Backchannel),
        user: UserId::from_random([1; 16]),
        session: None,
        target: Target::Backchannel {
            uri: uri.to_owned(),
            client_id: "app".to_owned(),
            alg: "ES256".to_owned(),
            subject: "alice".to_owned(),
            sid: None,
            ended_sid: None,
        },
        outcome: Outcome::Pending,
        detail: None,
        attempts: 0,
        next_attempt_at: None,
        deadline: Timestamp::from_seconds(72 * 3600),
        first: false,
        again: false,
        key_retried: false,
    }
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) step: Step,
    pub(super) attempts: Vec<Attempt>,
    pub(super) due: Option<Timestamp>,
    destination: String,
}

/// What a crash does not take away: the rows and the clock.
#[derive(Default)]
pub(super) struct Durable {
    rows: Mutex<BTreeMap<StepId, Row>>,
    changed: Notify,
    /// Microseconds by which the clock was put forward.
    ahead: AtomicI64,
    began: std::sync::OnceLock<std::time::Instant>,
    pub(super) down: AtomicBool,
    pub(super) poison: Mutex<Option<StepId>>,
    pub(super) batches: Mutex<Vec<usize>>,
    pub(super) drained: Mutex<Vec<String>>,
    pub(super) claims: AtomicUsize,
    /// Makes `drain` hang.
    pub(super) slow: AtomicBool,
    /// Makes `next_due` blind to what it should leave out, as a simple store may be.
    pub(super) blind: AtomicBool,
}

#[derive(Clone)]
pub(super) struct Memory(pub(super) Arc<Durable>);

impl Memory {
    pub(super) fn new() -> Self {
        let memory = Self(Arc::default());
        memory.0.began.set(std::time::Instant::now()).unwrap();
        memory
    }

    pub(super) fn now(&self) -> Timestamp {
        let real = self.0.began.get().unwrap().elapsed();
        let ahead = self.0.ahead.load(Ordering::SeqCst);
        Timestamp::from_micros(ahead).plus(real)
    }

    pub(super) fn put_forward(&self, by: Duration) {
        self.0.ahead.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Plans steps as a logout's transaction does: leased to this node, or due for anybody.
    pub(super) fn plan(&self, steps: &[Step], leased: bool) {
        let now = self.now();
        let due = if leased { now.plus(LEASE) } else { now };
        let mut rows = self.0.rows.lock().unwrap();
        for step in steps {
            let destination = destination(step);
            let row = Row { step: step.clone(), attempts: Vec::new(), due: Some(due), destination };
            rows.insert(step.id.clone(), row);
        }
    }

    pub(super) fn row(&self, step: &Step) -> Row {
        self.0.rows.lock().unwrap()[&step.id].clone()
    }

    /// Waits until the step's row is as wanted.
    pub(super) async fn until(&self, step: &Step, wanted: impl Fn(&Row) -> bool) -> Row {
        let wait = async {
            loop {
                let mut changed = std::pin::pin!(self.0.changed.notified());
                changed.as_mut().enable();
                let row = self.row(step);
                if wanted(&row) {
                    return row;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(row) => row,
            Err(_) => panic!("the step never came to what was wanted: {:?}", self.row(step)),
        }
    }

    pub(super) async fn until_outcome(&self, step: &Step, outcome: Outcome) -> Row {
        self.until(step, |row| row.step.outcome == outcome).await
    }

    fn available(&self) -> Result<(), OutboxError> {
        if self.0.down.load(Ordering::SeqCst) {
            return Err(OutboxError::Unavailable("switched off by the test".to_owned()));
        }
        Ok(())
    }
}

impl Outbox for Memory {
    async fn claim(&self, now: Timestamp, limit: usize, exclude: &[String]) -> Result<Vec<Step>, OutboxError> {
        self.available()?;
        self.0.claims.fetch_add(1, Ordering::SeqCst);
        let mut rows = self.0.rows.lock().unwrap();
        let mut due: Vec<_> = rows
            .values_mut()
            .filter(|row| row.due.is_some_and(|due| due <= now) && !exclude.contains(&row.destination))
            .collect();
        due.sort_by_key(|row| row.due);
        Ok(due
            .into_iter()
            .take(limit)
            .map(|row| {
                row.due = Some(now.plus(LEASE));
                row.step.clone()
            })
            .collect())
    }

    async fn record(&self, batch: &[Attempted]) -> Result<(), OutboxError> {
        self.available()?;
        let poison = self.0.poison.lock().unwrap().clone();
        if batch.iter().any(|record| Some(&record.step.id) == poison.as_ref()) {
            return Err(OutboxError::Rejected("poisoned by the test".to_owned()));
        }
        let mut rows = self.0.rows.lock().unwrap();
        for record in batch {
            let row = rows.get_mut(&record.step.id).unwrap();
            row.attempts.extend(record.attempt.clone());
            row.step.attempts += u32::from(record.attempt.is_some());
            row.step.outcome = record.update.outcome;
            row.step.detail = record.update.detail.clone();
            row.step.again = record.update.again;
            row.step.key_retried = record.update.key_retried;
            row.step.next_attempt_at = record.update.next_attempt_at;
            row.due = record.update.next_attempt_at;
        }
        drop(rows);
        self.0.batches.lock().unwrap().push(batch.len());
        self.0.changed.notify_waiters();
        Ok(())
    }

    async fn drain(&self, to: &str, now: Timestamp) -> Result<(), OutboxError> {
        self.available()?;
        if self.0.slow.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        for row in self.0.rows.lock().unwrap().values_mut() {
            let waiting = row.step.outcome == Outcome::Pending && row.due == row.step.next_attempt_at;
            if waiting && row.destination == to {
                row.due = Some(now);
                row.step.next_attempt_at = Some(now);
            }
        }
        self.0.drained.lock().unwrap().push(to.to_owned());
        Ok(())
    }

    async fn next_due(&self, exclude: &[String]) -> Result<Option<Timestamp>, OutboxError> {
        self.available()?;
        let rows = self.0.rows.lock().unwrap();
        let blind = self.0.blind.load(Ordering::SeqCst);
        let seen = rows.values().filter(|row| blind || !exclude.contains(&row.destination));
        Ok(seen.filter_map(|row| row.due).min())
    }
}

/// Posts the step's id. A subject of `superseded` is final, one of `keyless` cannot be made for now.
pub(super) struct Plain;

impl Compose for Plain {
    async fn compose(&self, step: &Step, _: Timestamp) -> Result<Composed, ComposeError> {
        let Target::Backchannel { uri, subject, .. } = &step.target else { panic!("a frame") };
        match subject.as_str() {
            "superseded" => return Err(ComposeError::Final("superseded by a newer sign-in".to_owned())),
            "keyless" => return Err(ComposeError::NotNow("the key file is gone".to_owned())),
            "panic" => panic!("asked for by the test"),
            _ => {}
        }
        let body = step.id.as_str().to_owned();
        Ok(Composed {
            request: Outgoing::post(uri, HeaderValue::from_static("text/plain"), body),
            key_age: None,
            reader: None,
        })
    }
}
