//! The page at the end of a sign-out (`data-page="signed-out"`): out, or out of what not?

use askama::Template;

use super::{
    Csp, Moment, Outcome, Page,
    outcome::{apps_in_words, names_in_words},
};

/// What a tired person on a phone must see within two seconds.
#[derive(Template)]
#[template(path = "signed-out.html")]
pub struct SignedOut {
    /// What happened.
    pub ending: Ending,
    /// When the session ended; none when there was none.
    pub at: Option<Moment>,
    /// One entry per app of the session: the worst of its steps.
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

/// One app and what became of it.
#[derive(Clone, Debug)]
pub struct App {
    /// The party's id (`data-party`).
    pub party: String,
    /// Its name.
    pub name: String,
    /// The worst of its steps' outcomes.
    pub outcome: Outcome,
}

impl SignedOut {
    fn names(&self, outcomes: &[Outcome]) -> String {
        names_in_words(self.apps.iter().filter(|app| outcomes.contains(&app.outcome)).map(|app| app.name.as_str()))
    }

    fn not_yet(&self) -> String {
        self.names(&[Outcome::Pending])
    }

    fn never(&self) -> String {
        self.names(&[Outcome::Failed, Outcome::Unsupported])
    }

    fn cannot_say(&self) -> String {
        self.names(&[Outcome::Sent])
    }

    fn confirmed(&self) -> String {
        let count = self.apps.iter().filter(|app| app.outcome == Outcome::Confirmed).count();
        if count == 0 { String::new() } else { apps_in_words(count) }
    }

    /// Whether the headline can be short and glad.
    fn all_out(&self) -> bool {
        self.ending == Ending::SignedOut && self.not_yet().is_empty() && self.never().is_empty()
    }
}

impl Page for SignedOut {
    fn csp(&self) -> String {
        Csp::page().value()
    }
}
