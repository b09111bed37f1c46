//! The receipt (`data-page="receipt"`): what happened at each app, with the evidence.

pub mod step;

use askama::Template;

use super::{
    Csp, Moment, Outcome, Page,
    outcome::{apps_in_words, names_in_words},
};
pub use step::{Attempt, Step};

/// A logout's record as a person reads it. The page renews itself while anything is pending.
#[derive(Clone, Debug, Template)]
#[template(path = "receipt.html")]
pub struct ReceiptPage {
    /// The logout's id.
    pub id: String,
    /// Who asked.
    pub asked_by: AskedBy,
    /// When.
    pub at: Moment,
    /// From which address, where that is known.
    pub ip: Option<String>,
    /// What was to end.
    pub scope: Scope,
    /// The sessions that ended.
    pub sessions: Vec<EndedSession>,
    /// A line for each step.
    pub steps: Vec<Step>,
    /// When the last JWT access token that an app holds expires: servers that do not ask Acquit accept it until then.
    pub tokens_until: Option<Moment>,
    /// When the steps that are pending are given up.
    pub deadline: Option<Moment>,
}

/// Who asked for a logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// An application, by name.
    Application(String),
    /// The person.
    User,
    /// An identity provider, by name.
    Upstream(String),
    /// An administrator.
    Administrator,
    /// A rule of Acquit's own: expiry, idleness, a changed password; in words where known.
    Policy(Option<String>),
}

impl AskedBy {
    /// In words, to follow "Asked by".
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Application(name) => name.clone(),
            Self::User => "you".to_owned(),
            Self::Upstream(name) => format!("{name} (identity provider)"),
            Self::Administrator => "an administrator".to_owned(),
            Self::Policy(Some(reason)) => format!("a rule: {reason}"),
            Self::Policy(None) => "a rule".to_owned(),
        }
    }
}

/// What a logout was to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One session.
    Session,
    /// All sessions of the user.
    User,
    /// All sessions at an application.
    Application,
    /// All sessions of a connection.
    Connection,
    /// All sessions of an organization.
    Organization,
    /// Everything.
    All,
}

impl Scope {
    /// In words, to follow "What ended".
    #[must_use]
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Session => "one browser",
            Self::User => "every browser of this user",
            Self::Application => "everybody at one application",
            Self::Connection => "everybody of one identity provider",
            Self::Organization => "everybody of one organization",
            Self::All => "everybody",
        }
    }
}

/// A session that ended.
#[derive(Clone, Debug)]
pub struct EndedSession {
    /// Its id.
    pub id: String,
    /// The browser, in words, where known.
    pub device: Option<String>,
}

/// How far a logout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A step is pending.
    InProgress,
    /// All confirmed or sent.
    Complete,
    /// One failed or was unsupported.
    Incomplete,
}

impl State {
    /// The value of `data-state`.
    #[must_use]
    pub fn mark(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
        }
    }
}

impl ReceiptPage {
    /// How far the logout has come, by its steps.
    #[must_use]
    pub fn state(&self) -> State {
        let any = |outcomes: &[Outcome]| self.steps.iter().any(|step| outcomes.contains(&step.outcome));
        if any(&[Outcome::Pending]) {
            State::InProgress
        } else if any(&[Outcome::Failed, Outcome::Unsupported]) {
            State::Incomplete
        } else {
            State::Complete
        }
    }

    fn pending(&self) -> bool {
        self.state() == State::InProgress
    }

    /// How many steps have each outcome; outcomes without any are left out.
    fn totals(&self) -> Vec<(Outcome, usize)> {
        let count = |outcome| self.steps.iter().filter(|step| step.outcome == outcome).count();
        Outcome::ALL.into_iter().map(|outcome| (outcome, count(outcome))).filter(|(_, count)| *count > 0).collect()
    }

    /// The sentence that matters, first.
    fn headline(&self) -> String {
        let names = |outcomes: &[Outcome]| {
            names_in_words(
                self.steps.iter().filter(|step| outcomes.contains(&step.outcome)).map(|step| step.name.as_str()),
            )
        };
        match self.state() {
            State::InProgress => format!("Signed out, but not of {} yet", names(&[Outcome::Pending])),
            State::Incomplete => format!("Signed out, but not of {}", names(&[Outcome::Failed, Outcome::Unsupported])),
            State::Complete => "Signed out".to_owned(),
        }
    }

    fn parties(&self) -> String {
        let mut parties: Vec<&str> = self.steps.iter().map(|step| step.party.as_str()).collect();
        parties.sort_unstable();
        parties.dedup();
        apps_in_words(parties.len())
    }
}

impl Page for ReceiptPage {
    fn csp(&self) -> String {
        Csp::page().connecting().value()
    }
}
