//! The receipt: the logout's record, every step with its evidence. It claims no more than its attempts prove.

use serde::{Serialize, Serializer};

use crate::{
    AppId, LogoutId, SessionId, Timestamp,
    participant::Protocol,
    plan::By,
    step::{Channel, Outcome, Step},
};

/// How a logout stands as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every step is confirmed or sent.
    Complete,
    /// A step is pending.
    InProgress,
    /// No step is pending, and one failed or could not be made.
    Incomplete,
}

impl State {
    /// Its name in receipts and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::InProgress => "in_progress",
            Self::Incomplete => "incomplete",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Complete, Self::InProgress, Self::Incomplete].into_iter().find(|state| state.as_str() == name)
    }

    /// The state that follows from the steps' outcomes.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        outcomes.into_iter().fold(Self::Complete, |state, outcome| match (state, outcome) {
            (Self::InProgress, _) | (_, Outcome::Pending) => Self::InProgress,
            (_, Outcome::Failed | Outcome::Unsupported) => Self::Incomplete,
            (state, Outcome::Confirmed | Outcome::Sent) => state,
        })
    }
}

/// Who asked, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requested {
    /// Who.
    pub by: By,
    /// The application or operator's token, by id.
    pub party: Option<String>,
    /// Why, where it is not plain from `by`.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub ip: Option<String>,
}

/// One try of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// The HTTP status that came back, if one did.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: u32,
    /// What went wrong, or the party's own words.
    pub detail: Option<String>,
}

/// A step as the receipt shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Whom it tells.
    pub party: AppId,
    /// In which protocol.
    pub protocol: Protocol,
    /// Over which channel; null when the party has none.
    pub channel: Option<Channel>,
    /// Which session ended; null when the party is told of the user as a whole.
    pub session: Option<SessionId>,
    /// How it stands.
    pub outcome: Outcome,
    /// Why.
    pub detail: Option<String>,
    /// Every try, oldest first.
    pub attempts: Vec<Attempt>,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
}

/// A logout's record, in the shape of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The logout.
    pub id: LogoutId,
    /// How it stands.
    pub state: State,
    /// What it ended.
    #[serde(serialize_with = "scope_name")]
    pub scope: &'static str,
    /// Who asked.
    pub requested: Requested,
    /// The sessions that ended.
    pub sessions: Vec<SessionId>,
    /// A line for each step.
    pub steps: Vec<Line>,
}

fn scope_name<S: Serializer>(name: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}

impl Receipt {
    /// Folds a logout's steps and their attempts into its receipt.
    #[must_use]
    pub fn fold(
        id: LogoutId,
        scope: &'static str,
        requested: Requested,
        sessions: Vec<SessionId>,
        steps: Vec<(Step, Vec<Attempt>)>,
    ) -> Self {
        let state = State::of(steps.iter().map(|(step, _)| step.outcome));
        let steps = steps
            .into_iter()
            .map(|(step, attempts)| Line {
                party: step.party,
                protocol: step.protocol,
                channel: step.channel,
                session: step.session,
                outcome: step.outcome,
                detail: step.detail,
                attempts,
                // A confirmed step that is told once more is not waiting for anything.
                next_attempt_at: step.next_attempt_at.filter(|_| step.outcome == Outcome::Pending),
            })
            .collect();
        Self { id, state, scope, requested, sessions, steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logout_is_complete_only_when_every_step_is_confirmed_or_sent() {
        use Outcome::{Confirmed, Failed, Pending, Sent, Unsupported};
        for (outcomes, state) in [
            (vec![], State::Complete),
            (vec![Confirmed, Sent], State::Complete),
            (vec![Confirmed, Pending, Failed], State::InProgress),
            (vec![Pending, Failed], State::InProgress),
            (vec![Failed, Confirmed], State::Incomplete),
            (vec![Confirmed, Unsupported, Sent], State::Incomplete),
        ] {
            assert_eq!(State::of(outcomes.iter().copied()), state, "{outcomes:?}");
        }
    }
}
