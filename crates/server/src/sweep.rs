//! What happens by itself: sessions that are idle or too old end by a logout like any other, and what has expired is
//! deleted.

use std::time::Duration;

use acquit_core::plan::{By, Scope, Tell};
use acquit_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    broker::made::end_owed,
    logout::{LogoutError, Order, log_out},
    start::end_all_of,
};

/// How often sessions are looked at.
const SESSIONS_EVERY: Duration = Duration::from_secs(15);
/// How many rounds lie between two cleanings.
const CLEAN_EVERY: u32 = 40;
/// How many sessions end in one round before others get their turn at the store.
const BATCH: u32 = 200;

/// Sweeps until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut round: u32 = 0;
    loop {
        // At once after a start: what the process before this one left undone has waited long enough.
        if let Err(error) = retry_failed(&app).await {
            tracing::warn!(%error, "a logout still is not durable; what it is to end stays denied here");
        }
        if let Err(error) = end_overtaken(&app).await {
            tracing::warn!(%error, "users who may not sign in could not be signed out; trying again soon");
        }
        if let Err(error) = end_owed(&app).await {
            tracing::warn!(%error, "sessions of connections that are gone could not be ended; trying again soon");
        }
        if let Err(error) = end_overdue(&app).await {
            tracing::warn!(%error, "overdue sessions could not be ended; trying again soon");
        }
        if let Err(error) = wipe(&app).await {
            tracing::warn!(%error, "tokens of sessions that are over could not be wiped; trying again soon");
        }
        round = round.wrapping_add(1);
        if round.is_multiple_of(CLEAN_EVERY) {
            app.limits().forget_quiet();
            if let Err(error) = clean(&app).await {
                tracing::warn!(%error, "what has expired could not be deleted; trying again later");
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(SESSIONS_EVERY)).await.is_none() {
            return;
        }
    }
}

/// Tries the logouts again that the store did not take. Until then this node denies what they are to end.
///
/// # Errors
/// [`LogoutError`]; those that are left follow in the next round.
pub async fn retry_failed(app: &App) -> Result<(), LogoutError> {
    for order in app.denials.failed() {
        match log_out(app, order).await {
            Ok(_) | Err(LogoutError::UnknownTarget) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Signs out every user whose epoch was raised without the logout that was to follow: they are out already, and their
/// applications hear of it now. Returns how many users.
///
/// # Errors
/// [`LogoutError`]; those that are left follow in the next round.
pub async fn end_overtaken(app: &App) -> Result<usize, LogoutError> {
    let mut ended = 0;
    loop {
        let overtaken = app.store.overtaken(BATCH).await?;
        let more = overtaken.len() == BATCH as usize;
        for one in overtaken {
            end_all_of(app, &one.user, &one.why).await?;
            ended += 1;
        }
        if !more {
            return Ok(ended);
        }
    }
}

/// Ends every session that is idle or too old, by a logout that tells its applications. Returns how many.
///
/// # Errors
/// [`LogoutError`]; the sessions that are left are refused anyway, and ended in the next round.
pub async fn end_overdue(app: &App) -> Result<usize, LogoutError> {
    let mut ended = 0;
    loop {
        let now = app.clock.now();
        let lifetimes = app.settings().lifetimes.session();
        let overdue = app.store.overdue(now, lifetimes, BATCH).await?;
        let more = overdue.len() == BATCH as usize;
        for session in overdue {
            let order = Order {
                scope: Scope::Session(session),
                by: By::Policy,
                party: None,
                reason: Some("the session was unused for too long, or too old".to_owned()),
                tell: Tell::Expiry,
                ip: None,
                browser: None,
                named: Vec::new(),
            };
            match log_out(app, order).await {
                // Another node was faster.
                Ok(_) | Err(LogoutError::UnknownTarget) => ended += 1,
                Err(error) => return Err(error),
            }
        }
        if !more {
            return Ok(ended);
        }
    }
}

/// Wipes the tokens of providers that no step needs any more.
///
/// # Errors
/// [`StoreError`].
pub async fn wipe(app: &App) -> Result<(), StoreError> {
    while app.store.wipe_upstreams().await? > 0 {}
    Ok(())
}

/// Deletes what has expired, in batches.
///
/// # Errors
/// [`StoreError`].
pub async fn clean(app: &App) -> Result<(), StoreError> {
    while app.store.sweep(app.clock.now(), app.settings().lifetimes.session()).await?.more {}
    while app.store.sweep_events(app.clock.now().minus(app.settings().log.retention)).await? {}
    Ok(())
}
