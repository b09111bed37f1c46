//! What several tests need.

use std::time::{Duration, Instant};

use acquit_testkit::{Browser, Page, TestApp, TestRp, TestSp, acquit::InProcess};
use serde_json::Value;

/// 90 characters of any punctuation: what `state` must survive.
pub(crate) const PUNCTUATION: &str =
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ %00%0d%0a&&==++//??##;;::  ";

/// Looks again and again until `look` gives something. The outside of a server has no event to wait for.
///
/// # Panics
/// It has not within `limit`.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until nothing of a logout is pending.
pub(crate) async fn settled<R>(app: &TestApp<R>, id: &str, limit: Duration) -> Value {
    let done = async || {
        let receipt = app.receipt(id).await;
        (receipt["state"] != "in_progress").then_some(receipt)
    };
    until(limit, "the logout is settled", done).await
}

/// The only receipt that there is.
pub(crate) async fn only_receipt<R>(app: &TestApp<R>) -> Value {
    let mut receipts = app.receipts().await;
    assert_eq!(receipts.len(), 1, "{receipts:#?}");
    receipts.remove(0)
}

/// Everybody's session at Acquit as it is used: the person enters every one of these applications.
pub(crate) async fn enter_all<R>(app: &TestApp<R>, browser: &Browser, applications: &[&TestRp], username: &str) {
    for application in applications {
        app.enter(browser, application, username).await;
    }
}

/// Moves the clock on in steps until nothing of a logout is pending.
pub(crate) async fn settle_by_clock(app: &TestApp<InProcess>, id: &str, step: Duration, limit: Duration) -> Value {
    settle(app, id, limit, || app.runs.advance(step)).await
}

/// The same, but not while an attempt is under way: on a busy machine some minutes would pass before it arrives, and its token would
/// be too old by then.
pub(crate) async fn settle_between_attempts(
    app: &TestApp<InProcess>,
    id: &str,
    step: Duration,
    limit: Duration,
) -> Value {
    settle(app, id, limit, || {
        if app.runs.is_idle() {
            app.runs.advance(step);
        }
    })
    .await
}

async fn settle(app: &TestApp<InProcess>, id: &str, limit: Duration, go_on: impl Fn()) -> Value {
    let done = async || {
        let receipt = app.receipt(id).await;
        if receipt["state"] == "in_progress" {
            go_on();
            return None;
        }
        Some(receipt)
    };
    until(limit, "the logout is settled as the clock goes on", done).await
}

/// What a SAML application's sign-in leads to, as soon as its metadata at a URL is known.
pub(crate) async fn once_known(sp: &TestSp, browser: &Browser) -> Page {
    until(Duration::from_secs(10), "the metadata is fetched", async || {
        let page = sp.begin(browser, "").await;
        (page.status == 200).then_some(page)
    })
    .await
}
