//! Hops: LogoutRequests that the user's browser carries, and the answers that it brings back. They are nobody's to claim.

use acquit_core::{
    LogoutId, SessionId, StepId, Timestamp,
    receipt::Attempt,
    step::{Outcome, Step},
};

use crate::{
    Store, StoreError,
    outbox::{read_step, step_columns},
    receipt::refresh_state,
    tx::{Batch, Tx},
    value::params,
};

/// What an application's LogoutResponse said, which was verified and answers the very request of the hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HopAnswer {
    /// Its session ended; with what the receipt must add.
    Confirmed(Option<String>),
    /// It did not end, in the application's own words.
    Failed(String),
}

/// What becomes of a hop that was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It waits for the browser to come again.
    Waits,
    /// It is given up.
    Failed,
}

/// What is to be written down of a hop.
#[derive(Clone, Debug)]
enum Report {
    Sent(Option<String>),
    Answered(HopAnswer),
    Skipped(String, Skipped),
}

impl Store {
    /// The hops and SAML frames of a session that still wait for its browser, in the order of the receipt.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn pending_hops(&self, session: &SessionId) -> Result<Vec<Step>, StoreError> {
        self.read(session.clone(), |tx, session| Box::pin(pending(tx, session))).await
    }

    /// A hop of a logout, however it stands; none when that logout has no such hop.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn hop(&self, logout: &LogoutId, step: &StepId) -> Result<Option<Step>, StoreError> {
        self.read((logout.clone(), step.clone()), |tx, (logout, step)| Box::pin(hop(tx, logout, step))).await
    }

    /// Records that the browser was sent to the application: an attempt, after which the step counts as sent, with what the
    /// receipt must add. False when there is no such hop, or it does not wait any more.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn record_hop(
        &self,
        logout: &LogoutId,
        step: &StepId,
        at: Timestamp,
        note: Option<String>,
    ) -> Result<bool, StoreError> {
        self.report(logout, step, at, Report::Sent(note)).await
    }

    /// Records what the application answered. The same again changes nothing, and nothing changes a confirmation. False
    /// when there is no such hop, or it says so already.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn answer_hop(
        &self,
        logout: &LogoutId,
        step: &StepId,
        at: Timestamp,
        answer: HopAnswer,
    ) -> Result<bool, StoreError> {
        self.report(logout, step, at, Report::Answered(answer)).await
    }

    /// Leaves out a hop that waits, because the application cannot be reached, with the reason. False when there is no such
    /// hop, or it does not wait any more.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn skip_hop(
        &self,
        logout: &LogoutId,
        step: &StepId,
        at: Timestamp,
        why: &str,
        then: Skipped,
    ) -> Result<bool, StoreError> {
        self.report(logout, step, at, Report::Skipped(why.to_owned(), then)).await
    }

    async fn report(
        &self,
        logout: &LogoutId,
        step: &StepId,
        at: Timestamp,
        report: Report,
    ) -> Result<bool, StoreError> {
        let args = (logout.clone(), step.clone(), at, report);
        self.write(args, |tx, (logout, step, at, report)| Box::pin(write(tx, logout, step, *at, report))).await
    }
}

async fn pending(tx: &mut Tx, session: &SessionId) -> Result<Vec<Step>, StoreError> {
    let sql = concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE session_id = $1 AND channel IN ('saml-redirect', 'saml-post', 'end-session') AND outcome = 'pending' \
         ORDER BY logout_id, number"
    );
    tx.query(sql, &params![session]).await?.into_iter().map(|row| read_step(&mut row.read())).collect()
}

async fn hop(tx: &mut Tx, logout: &LogoutId, step: &StepId) -> Result<Option<Step>, StoreError> {
    let sql = concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE id = $1 AND logout_id = $2 AND channel IN ('saml-redirect', 'saml-post', 'end-session')"
    );
    tx.query_opt(sql, &params![step, logout]).await?.map(|row| read_step(&mut row.read())).transpose()
}

async fn write(
    tx: &mut Tx,
    logout: &LogoutId,
    step: &StepId,
    at: Timestamp,
    report: &Report,
) -> Result<bool, StoreError> {
    if !tx.lock_logout(logout).await? {
        return Ok(false);
    }
    let Some(step) = hop(tx, logout, step).await? else { return Ok(false) };
    use Outcome::{Confirmed, Failed, Pending, Sent};
    // An answer that comes after the hop was given up still proves what it says.
    let (outcome, detail) = match (report, step.outcome) {
        (Report::Sent(note), Pending) => (Sent, note.clone()),
        (Report::Answered(HopAnswer::Confirmed(note)), Pending | Sent | Failed) => (Confirmed, note.clone()),
        (Report::Answered(HopAnswer::Failed(why)), Pending | Sent) => (Failed, Some(why.clone())),
        (Report::Skipped(why, Skipped::Waits), Pending) if step.detail.as_ref() != Some(why) => {
            (Pending, Some(why.clone()))
        }
        (Report::Skipped(why, Skipped::Failed), Pending) => (Failed, Some(why.clone())),
        _ => return Ok(false),
    };
    let mut batch = Batch::default();
    batch.push(
        "UPDATE steps SET outcome = $1, detail = $2 WHERE id = $3",
        params![outcome.as_str(), detail.as_ref(), &step.id],
    );
    match report {
        Report::Sent(_) => {
            let attempt = Attempt { at, status: None, ms: 0, detail: Some("the browser was sent there".to_owned()) };
            batch.attempt(&step, "browser", &attempt, outcome);
        }
        Report::Answered(_) => {
            let words = if outcome == Confirmed { "answered Success" } else { detail.as_deref().unwrap_or_default() };
            let attempt = Attempt { at, status: None, ms: 0, detail: Some(words.to_owned()) };
            batch.attempt_alone(&step, "browser", &attempt);
            // The application's own words stay in the receipt.
            batch.step_event(&step, None, outcome, Some("answered in the browser"), at);
        }
        Report::Skipped(why, _) if outcome == Failed => batch.gave_up(&step, why, at),
        Report::Skipped(..) => {}
    }
    tx.execute_all(&batch).await?;
    refresh_state(tx, logout, at).await?;
    Ok(true)
}
