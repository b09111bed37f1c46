//! Everything that an application was told, in order, kept outside of Acquit: the truth that receipts are held against.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{lock, token::LogoutToken};

/// By what way it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A logout token.
    Back,
    /// A frame.
    Front,
    /// The browser came back after a logout.
    Landing,
}

/// Something that an application received.
#[derive(Clone, Debug)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// By what way.
    pub way: Way,
    /// The query as it came.
    pub query: String,
    /// Names and values of the headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The logout token, or the rule that it breaks.
    pub token: Option<Result<LogoutToken, String>>,
    /// How many sessions of its own it ended.
    pub ended: usize,
    /// The status that it answered with; none when it never did.
    pub status: Option<u16>,
}

impl Received {
    /// A parameter of the query.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The logout token.
    ///
    /// # Panics
    /// There is none, or it breaks a rule.
    #[must_use]
    pub fn good_token(&self) -> &LogoutToken {
        match &self.token {
            Some(Ok(token)) => token,
            other => panic!("no good logout token: {other:?}"),
        }
    }
}

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    entries: Mutex<Vec<Received>>,
    changed: watch::Sender<usize>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { entries: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Ledger {
    pub(crate) fn write(&self, entry: Received) {
        let count = {
            let mut entries = lock(&self.entries);
            entries.push(entry);
            entries.len()
        };
        self.changed.send_replace(count);
    }

    /// All entries.
    #[must_use]
    pub fn all(&self) -> Vec<Received> {
        lock(&self.entries).clone()
    }

    /// The entries that came by this way.
    #[must_use]
    pub fn by(&self, way: Way) -> Vec<Received> {
        self.all().into_iter().filter(|entry| entry.way == way).collect()
    }

    /// The `sid`s of the good logout tokens that were answered with 2xx.
    #[must_use]
    pub fn sids(&self) -> Vec<String> {
        let confirmed = self.by(Way::Back).into_iter().filter(|entry| matches!(entry.status, Some(200..=204)));
        confirmed.filter_map(|entry| entry.token?.ok()?.sid).collect()
    }

    /// Waits until `count` entries have come by this way, and gives them.
    ///
    /// # Panics
    /// They have not within `limit`.
    pub async fn wait(&self, way: Way, count: usize, limit: Duration) -> Vec<Received> {
        let mut changed = self.changed.subscribe();
        let enough = async {
            loop {
                changed.borrow_and_update();
                let found = self.by(way);
                if found.len() >= count {
                    return found;
                }
                let _ = changed.changed().await;
            }
        };
        let outcome = tokio::time::timeout(limit, enough).await;
        outcome
            .unwrap_or_else(|_| panic!("{count} entries by {way:?} did not come within {limit:?}: {:#?}", self.all()))
    }
}
