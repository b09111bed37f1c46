//! The receipt (`data-page="receipt"`): what happened at each app, with the evidence.

pub mod step;

use acquit_core::{
    plan::By,
    receipt::{Receipt, State},
};
use askama::Template;

use super::{
    Csp, Moment, Outcome, Page,
    outcome::{self, App},
};
pub use step::{Attempt, Step};

/// A logout's record as a person reads it. The page renews itself while anything is pending.
#[derive(Clone, Debug, Template)]
#[template(path = "receipt.html")]
pub struct ReceiptPage {
    /// The logout's id.
    pub id: String,
    /// How it stands.
    pub state: State,
    /// Who asked, in words.
    pub asked_by: String,
    /// Why, where it is not plain from who.
    pub reason: Option<String>,
    /// When.
    pub at: Moment,
    /// From which address, where that is known.
    pub ip: Option<String>,
    /// What was to end, by its name in the API: `session`, `user` …
    pub scope: String,
    /// The sessions that ended.
    pub sessions: Vec<EndedSession>,
    /// The apps, each with the worst of its steps.
    pub apps: Vec<App>,
    /// A line for each step.
    pub steps: Vec<Step>,
    /// When the last JWT access token that an app holds expires: servers that do not ask Acquit accept it until then.
    pub tokens_until: Option<Moment>,
    /// When the steps that are pending are given up.
    pub deadline: Option<Moment>,
}

/// A session that ended.
#[derive(Clone, Debug)]
pub struct EndedSession {
    /// Its id.
    pub id: String,
    /// The browser, in words, where known.
    pub device: Option<String>,
}

/// A short, stable name for a sum that the receipt adds up.
struct Total {
    outcome: Outcome,
    words: &'static str,
    count: usize,
}

impl ReceiptPage {
    /// The page of a receipt. `name_of` gives a party's name for people (its id when it has none), `device_of` a session's
    /// browser in words.
    #[must_use]
    pub fn of(receipt: &Receipt, name_of: impl Fn(&str) -> String, device_of: impl Fn(&str) -> Option<String>) -> Self {
        let many = receipt.sessions.len() > 1;
        let label = |id: &str| device_of(id).unwrap_or_else(|| id.to_owned());
        let session = |id: &str| EndedSession { id: id.to_owned(), device: device_of(id) };
        Self {
            id: receipt.id.to_string(),
            state: receipt.state,
            asked_by: asked_by(receipt.requested.by, receipt.requested.party.as_deref().map(&name_of)),
            reason: receipt.requested.reason.clone(),
            at: receipt.requested.at.into(),
            ip: receipt.requested.ip.clone(),
            scope: receipt.scope.to_owned(),
            sessions: receipt.sessions.iter().map(|id| session(id.as_str())).collect(),
            apps: outcome::apps(&receipt.steps, &name_of),
            steps: receipt
                .steps
                .iter()
                .map(|line| {
                    let about = line.session.as_ref().filter(|_| many).map(|id| label(id.as_str()));
                    Step::of(line, name_of(line.party.as_str()), about)
                })
                .collect(),
            tokens_until: None,
            deadline: None,
        }
    }

    fn pending(&self) -> bool {
        self.state == State::InProgress
    }

    /// Whether there was nothing to do: nobody was signed in, and no application was owed word of an earlier end.
    fn nobody(&self) -> bool {
        self.sessions.is_empty() && self.steps.is_empty()
    }

    /// What was not reached, to follow "Signed out".
    fn but(&self) -> Option<String> {
        outcome::but(&self.apps)
    }

    /// The words on the receipt's own stamp.
    fn stamp(&self) -> &'static str {
        match self.state {
            State::Complete => "complete",
            State::InProgress => "in progress",
            State::Incomplete => "incomplete",
        }
    }

    /// How many steps have each outcome; outcomes without any are left out.
    fn totals(&self) -> Vec<Total> {
        let count = |outcome| self.steps.iter().filter(|step| step.outcome == outcome).count();
        outcome::ALL
            .into_iter()
            .map(|outcome| Total { outcome, words: total_words(outcome), count: count(outcome) })
            .filter(|total| total.count > 0)
            .collect()
    }

    fn scope_in_words(&self) -> &str {
        match self.scope.as_str() {
            "session" => "one browser",
            "user" => "every browser of this user",
            "application" => "everybody at one application",
            "connection" => "everybody of one identity provider",
            "organization" => "everybody of one organization",
            "all" => "everybody",
            other => other,
        }
    }
}

fn total_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unsupported => "not told",
        other => other.as_str(),
    }
}

fn asked_by(by: By, party: Option<String>) -> String {
    match (by, party) {
        (By::Application, Some(name)) => name,
        (By::Application, None) => "an application".to_owned(),
        (By::User, _) => "you".to_owned(),
        (By::Upstream, Some(name)) => format!("{name}, an identity provider"),
        (By::Upstream, None) => "an identity provider".to_owned(),
        (By::Administrator, _) => "an administrator".to_owned(),
        (By::Policy, _) => "a rule".to_owned(),
    }
}

impl Page for ReceiptPage {
    fn csp(&self) -> String {
        Csp::page().connecting().value()
    }
}
