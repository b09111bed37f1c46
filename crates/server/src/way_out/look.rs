//! Whether a browser is to be sent somewhere: a page that does not come would end its way there.

use std::time::Duration;

use acquit_store::outbox::destination;

use crate::App;

/// How long the server looks.
const LOOK: Duration = Duration::from_secs(1);
const UNREACHABLE: &str = "could not be reached, so the browser was not sent there";
const LEFT_ALONE: &str = "did not answer the last times, so the browser was not sent there";

/// Why the browser is not to be sent to an address now, if it is not. A party that failed again and again is left alone by the
/// server's own requests, and by this too. What the policy for outbound requests keeps from the server's eyes is the browser's
/// to find out.
pub async fn look(app: &App, uri: &str) -> Option<&'static str> {
    if app.worker.leaves_alone(&destination(uri)) {
        return Some(LEFT_ALONE);
    }
    (!app.egress.is_reachable(uri, LOOK).await).then_some(UNREACHABLE)
}
