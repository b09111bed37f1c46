//! Nodes tell each other that the revocation log has more, after the commit and never in it. Nothing depends on that: whoever hears
//! nothing reads every half second.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::watch::Watcher;

/// How long a node that heard a hint hears no other, which bounds what hints can make it do.
const REST: Duration = Duration::from_millis(20);
/// How long to wait before listening anew.
const AGAIN: Duration = Duration::from_secs(1);

/// Tells the other nodes until `stop`; what happens while it does is one hint more.
pub(super) async fn tell(watcher: Watcher, stop: CancellationToken) {
    while stop.run_until_cancelled(watcher.gate.told.notified()).await.is_some() {
        if let Err(error) = watcher.store.hint(&watcher.node).await {
            tracing::debug!(%error, "the other nodes could not be told that something ended; they will read of it");
        }
    }
}

/// Reads the log on every hint of another node, until `stop`.
pub(super) async fn hear(watcher: Watcher, stop: CancellationToken) {
    stop.run_until_cancelled(hear_on(&watcher)).await;
}

async fn hear_on(watcher: &Watcher) {
    let mut troubled = false;
    loop {
        match watcher.store.listen(&watcher.node).await {
            Ok(None) => return,
            Ok(Some(mut hints)) => {
                troubled = false;
                // What was said before it listened.
                watcher.gate.woken.notify_one();
                while hints.next().await.is_ok() {
                    watcher.gate.woken.notify_one();
                    sleep(REST).await;
                }
            }
            Err(error) if !troubled => {
                troubled = true;
                tracing::warn!(%error, "the hints of other nodes cannot be heard; this node reads every half second until they can");
            }
            Err(_) => {}
        }
        sleep(AGAIN).await;
    }
}
