//! Where a browser's way ends: at a page, or at the party that asked, with what the receipts prove by then.

use std::time::Duration;

use acquit_core::{LogoutId, step::Outcome};
use acquit_saml::message::Status;
use axum::response::Response;

use super::End;
use crate::{
    App,
    account::signed_out,
    door::DoorError,
    respond,
    saml::{answer, party::Party},
};

/// How long the answer to an application waits for what the server itself sends out.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the receipt is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The end of the way.
pub async fn reach(app: &App, logouts: &[LogoutId], end: End) -> Result<Response, DoorError> {
    match end {
        End::Url { url, .. } => Ok(respond::see_other(&url)),
        End::Answer { app: asker, request, relay_state, by_post } => {
            let status = status(app, logouts, PATIENCE).await?;
            let answered = match Party::find(app, &asker) {
                Some(party) => answer::logout(app, &party, status, &request, relay_state.as_deref(), by_post)?,
                None => None,
            };
            Ok(answered.unwrap_or_else(|| respond::see_other(&own_page(app, logouts))))
        }
    }
}

/// Our own page about a logout.
pub fn own_page(app: &App, logouts: &[LogoutId]) -> String {
    let page = logouts.first().map(|logout| signed_out::url(logout, &app.receipt_key(logout)));
    page.unwrap_or_else(|| "/signed-out".to_owned())
}

/// What the receipts prove, once what the server sends out was tried or `patience` is over: `Success` when every party said
/// that it is done, else `Success/PartialLogout` (Core section 3.7.3.2).
///
/// # Errors
/// [`DoorError`].
pub async fn status(app: &App, logouts: &[LogoutId], patience: Duration) -> Result<Status, DoorError> {
    let begun = tokio::time::Instant::now();
    loop {
        let (mut complete, mut under_way) = (true, false);
        for logout in logouts {
            let Some(receipt) = app.store.receipt(logout).await? else { continue };
            for line in &receipt.steps {
                let done = line.outcome == Outcome::Confirmed && !line.detail.as_deref().is_some_and(is_partial);
                complete &= done;
                let by_us = line.channel.is_some_and(|channel| !channel.needs_browser());
                under_way |= by_us && line.outcome == Outcome::Pending && line.attempts.is_empty();
            }
        }
        if complete {
            return Ok(Status::success());
        }
        if !under_way || begun.elapsed() >= patience {
            return Ok(Status::partial_logout());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether an application ended its own session, but not all that hang on it.
fn is_partial(detail: &str) -> bool {
    detail.contains(crate::outbox::PARTIAL)
}
