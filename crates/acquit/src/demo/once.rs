//! The demo driven by itself: two browsers sign in, one signs out at one application; then somebody of a customer comes with a
//! third one, and signs out too; then once
//! more, and signs out at another application than the first. What became of everything is compared with what should have.

use std::time::Duration;

use acquit_core::{
    receipt::Receipt,
    step::{Channel, Outcome},
};
use acquit_store::{StoreError, receipt::LogoutFilter};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Demo, PASSWORD, USERNAME,
    browser::BrowserError,
    kind::{ARCHIVE, CALENDAR, NOTES, WIKI},
};

pub mod acme;
mod check;
pub mod dashboard;
pub mod elsewhere;
mod visitor;

pub use check::{AppState, Check, Observed, checks};
use visitor::Visitor;

/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(60);
/// How long the receipt is waited for.
const RECEIPT_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why the run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// A browser did not get on.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// A page is not the one that should come.
    #[error("{0}: this should be {1}")]
    Page(String, &'static str),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no logout.
    #[error("signing out left no receipt")]
    NoReceipt,
    /// It took too long.
    #[error("it did not come to its end within {} seconds", WITHIN.as_secs())]
    Time,
}

/// Drives the demo, and observes: what became of alice, of erin after her, and of erin again.
///
/// # Errors
/// [`OnceError`].
pub async fn drive(demo: &Demo) -> Result<(Observed, acme::Observed, elsewhere::Observed), OnceError> {
    let all = async { Ok((story(demo).await?, acme::story(demo).await?, elsewhere::story(demo).await?)) };
    timeout(WITHIN, all).await.unwrap_or(Err(OnceError::Time))
}

async fn story(demo: &Demo) -> Result<Observed, OnceError> {
    let mut first = Visitor::new(demo, "Mozilla/5.0 (X11; Linux x86_64) first browser of the demo");
    let mut second = Visitor::new(demo, "Mozilla/5.0 (Macintosh) second browser of the demo");
    first.sign_in(CALENDAR, (USERNAME, PASSWORD)).await?;
    first.open(NOTES).await?;
    first.open(WIKI).await?;
    first.open(ARCHIVE).await?;
    let held = first.hold().await?;
    second.sign_in(CALENDAR, (USERNAME, PASSWORD)).await?;
    second.open(WIKI).await?;
    first.sign_out_and_back(NOTES).await?;
    let (receipt, logouts) = settled(demo).await?;
    Ok(Observed {
        receipt,
        logouts,
        first: [
            first.state(CALENDAR).await?,
            first.state(NOTES).await?,
            first.state(WIKI).await?,
            first.state(ARCHIVE).await?,
        ],
        first_at_acquit: first.is_signed_in().await?,
        second: [second.state(CALENDAR).await?, second.state(WIKI).await?],
        second_at_acquit: second.is_signed_in().await?,
        dashboard: held.see().await?,
        dashboard_at: demo.dashboard().trim_start_matches("http://").to_owned(),
    })
}

/// The receipt of the newest logout, once everything that can happen soon has happened, and how many logouts there are.
async fn settled(demo: &Demo) -> Result<(Receipt, usize), OnceError> {
    let until = Instant::now() + RECEIPT_WITHIN;
    loop {
        let logouts = demo.acquit().store.logouts(&LogoutFilter::default(), None, 10).await?.data;
        let count = logouts.len();
        let receipt = logouts.into_iter().next().ok_or(OnceError::NoReceipt)?;
        let waits = receipt.steps.iter().any(|line| match (line.channel, line.outcome) {
            (_, Outcome::Pending) => line.attempts.is_empty(),
            // What the page's script reports comes after what the page itself proves.
            (Some(Channel::Frontchannel), Outcome::Sent) => line.detail.as_deref() != Some("loaded"),
            _ => false,
        });
        if !waits || Instant::now() >= until {
            return Ok((receipt, count));
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests;
