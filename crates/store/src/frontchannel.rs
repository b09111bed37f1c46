//! Front-channel steps: frames that the user's browser loads. They are nobody's to claim; the browser reports them.

use acquit_core::{
    LogoutId, SessionId, StepId, Timestamp,
    receipt::Attempt,
    step::{Outcome, Step, Target},
};

use crate::{
    Store, StoreError,
    outbox::{read_step, step_columns},
    receipt::refresh_state,
    tx::{Batch, Tx},
    value::params,
};

/// What is known of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The page with the frame went to the browser.
    Rendered,
    /// The browser said that the frame had loaded.
    Loaded,
}

impl Shown {
    const fn detail(self) -> &'static str {
        match self {
            Self::Rendered => "rendered",
            Self::Loaded => "loaded",
        }
    }
}

impl Store {
    /// The front-channel steps of a session that still wait for its browser, in the order of the receipt.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn pending_frontchannel(&self, session: &SessionId) -> Result<Vec<Step>, StoreError> {
        self.read(session.clone(), |tx, session| Box::pin(pending(tx, session))).await
    }

    /// Records that a frame was shown: the step counts as sent, never as confirmed. That it loaded only betters the
    /// detail. False when there is no such step of that logout, or it says so already, or has failed.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn record_frontchannel(
        &self,
        logout: &LogoutId,
        step: &StepId,
        at: Timestamp,
        shown: Shown,
    ) -> Result<bool, StoreError> {
        let args = (logout.clone(), step.clone(), at, shown);
        self.write(args, |tx, (logout, step, at, shown)| Box::pin(record(tx, logout, step, *at, *shown))).await
    }

    /// Fails the front-channel steps that wait for a session's browser and carry no `sid`, because a new session begins
    /// there: without a `sid` they would end that one. How many that are.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn fail_frontchannel(&self, session: &SessionId, why: &str, now: Timestamp) -> Result<u64, StoreError> {
        let args = (session.clone(), why.to_owned(), now);
        self.write(args, |tx, (session, why, now)| Box::pin(fail(tx, session, why, *now))).await
    }
}

async fn pending(tx: &mut Tx, session: &SessionId) -> Result<Vec<Step>, StoreError> {
    let sql = concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE session_id = $1 AND channel = 'frontchannel' AND outcome = 'pending' ORDER BY logout_id, number"
    );
    tx.query(sql, &params![session]).await?.into_iter().map(|row| read_step(&mut row.read())).collect()
}

async fn record(
    tx: &mut Tx,
    logout: &LogoutId,
    step: &StepId,
    at: Timestamp,
    shown: Shown,
) -> Result<bool, StoreError> {
    if !tx.lock_logout(logout).await? {
        return Ok(false);
    }
    let sql = concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE id = $1 AND logout_id = $2 AND channel = 'frontchannel'"
    );
    let Some(row) = tx.query_opt(sql, &params![step, logout]).await? else { return Ok(false) };
    let step = read_step(&mut row.read())?;
    let better = match step.outcome {
        Outcome::Pending => true,
        Outcome::Sent => shown == Shown::Loaded && step.detail.as_deref() != Some(shown.detail()),
        Outcome::Confirmed | Outcome::Failed | Outcome::Unsupported => false,
    };
    if !better {
        return Ok(false);
    }
    let mut batch = Batch::default();
    batch.push("UPDATE steps SET outcome = 'sent', detail = $1 WHERE id = $2", params![shown.detail(), &step.id]);
    let attempt = Attempt { at, status: None, ms: 0, detail: Some(shown.detail().to_owned()) };
    batch.attempt(&step, "browser", &attempt, Outcome::Sent);
    tx.execute_all(&batch).await?;
    refresh_state(tx, logout, at).await?;
    Ok(true)
}

async fn fail(tx: &mut Tx, session: &SessionId, why: &str, now: Timestamp) -> Result<u64, StoreError> {
    let without_sid = |step: &Step| matches!(step.target, Target::Frontchannel { sid: None, .. });
    let steps: Vec<_> = pending(tx, session).await?.into_iter().filter(without_sid).collect();
    give_up(tx, &steps, why, now).await
}

/// Fails front-channel steps that are still pending; how many that are.
pub(crate) async fn give_up(tx: &mut Tx, steps: &[Step], why: &str, now: Timestamp) -> Result<u64, StoreError> {
    let mut logouts: Vec<_> = steps.iter().map(|step| &step.logout).collect();
    logouts.sort();
    logouts.dedup();
    let mut failed = 0;
    for logout in logouts {
        tx.lock_logout(logout).await?;
        for step in steps.iter().filter(|step| step.logout == *logout) {
            let sql = "UPDATE steps SET outcome = 'failed', detail = $1 WHERE id = $2 AND outcome = 'pending'";
            let changed = tx.execute(sql, &params![why, &step.id]).await?;
            if changed > 0 {
                let mut batch = Batch::default();
                batch.gave_up(step, why, now);
                tx.execute_all(&batch).await?;
            }
            failed += changed;
        }
        refresh_state(tx, logout, now).await?;
    }
    Ok(failed)
}
