//! The page at the end of a sign-out (`data-page="signed-out"`): out, or out of what not?

use askama::Template;

use super::{
    Csp, Moment, Outcome, Page,
    outcome::{self, App},
};

/// What a tired person on a phone must see within two seconds.
#[derive(Template)]
#[template(path = "signed-out.html")]
pub struct SignedOut {
    /// What happened.
    pub ending: Ending,
    /// When the session ended; none when there was none.
    pub at: Option<Moment>,
    /// One entry per app of the session, with the worst of its steps: [`outcome::apps`] of the receipt.
    pub apps: Vec<App>,
    /// The receipt's page, with its key.
    pub receipt: Option<String>,
    /// Where to sign in again.
    pub sign_in: String,
}

/// How a person came to this page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Their session at Acquit ended, and apps were told.
    SignedOut,
    /// Their session at Acquit ended, and other apps were not to be told (`single_logout = "none"`).
    HereOnly,
    /// This browser had no session.
    NobodyWasSignedIn,
    /// This browser has no session, but the one that a hint named lives elsewhere: never say "signed out".
    LivesElsewhere,
}

impl Ending {
    /// The value of `data-ending`.
    #[must_use]
    pub fn mark(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::HereOnly => "here-only",
            Self::NobodyWasSignedIn => "nobody",
            Self::LivesElsewhere => "lives-elsewhere",
        }
    }
}

impl SignedOut {
    /// What was not reached; none when the headline can be short and glad.
    fn but(&self) -> Option<String> {
        outcome::but(&self.apps)
    }

    /// Whether every app said that the person is out: only then is the headline glad.
    fn all_out(&self) -> bool {
        matches!(self.ending, Ending::SignedOut | Ending::NobodyWasSignedIn)
            && self.apps.iter().all(|app| app.outcome == Outcome::Confirmed)
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.apps.iter().any(|app| app.outcome == outcome)
    }

    /// Whether a person can do something about an app themselves.
    fn by_hand(&self) -> bool {
        self.has(Outcome::Failed) || self.has(Outcome::Unsupported)
    }
}

impl Page for SignedOut {
    fn csp(&self) -> String {
        Csp::page().value()
    }
}
