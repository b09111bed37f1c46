//! Planning a logout: from what stands (a snapshot), what was asked (a request) and a time, to what must be done.
//!
//! Every door ends here; no door has logout logic of its own. Planning is pure: the store calls it inside the
//! transaction that holds the rows of the snapshot, so a participant cannot be added between the reading and the plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AppId, LogoutId, SessionId, StepId, Timestamp, UserId,
    participant::{Participant, Preference, Protocol},
    step::{Channel, Outcome, Step, Target},
};

/// An application that joined less than this before the logout may not have stored its session yet.
pub const YOUNG: Duration = Duration::from_secs(10);

/// What a logout ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", content = "id", rename_all = "kebab-case")]
pub enum Scope {
    /// One session.
    Session(SessionId),
    /// All sessions of a user, and the grants with `offline_access`.
    User(UserId),
}

impl Scope {
    /// Its name in receipts.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::User(_) => "user",
        }
    }
}

/// Who asked for a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// An application in the user's browser.
    Application,
    /// The user at Acquit itself.
    User,
    /// An upstream identity provider.
    Upstream,
    /// An administrator, by API or command.
    Administrator,
    /// A rule: expiry, idleness, a changed password, a disabled user.
    Policy,
}

impl By {
    /// Its name in receipts and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::User => "user",
            Self::Upstream => "upstream",
            Self::Administrator => "administrator",
            Self::Policy => "policy",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Application, Self::User, Self::Upstream, Self::Administrator, Self::Policy]
            .into_iter()
            .find(|by| by.as_str() == name)
    }
}

/// Whom a logout tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Every participant.
    Everyone,
    /// Nobody beyond Acquit's own (`single_logout = "none"`): the participants stay open, so that a later logout of the
    /// user still tells them.
    NobodyElse,
    /// Every participant that wants to know of endings that nobody asked for.
    Expiry,
}

/// What was asked, by whom and by what right; the door has checked the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The logout's identifier, drawn by the door.
    pub id: LogoutId,
    /// What ends.
    pub scope: Scope,
    /// Who asked.
    pub by: By,
    /// The application or the operator's token that asked, by id.
    pub party: Option<String>,
    /// Why, in a few words, where it is not plain from `by`.
    pub reason: Option<String>,
    /// Whom to tell.
    pub tell: Tell,
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub ip: Option<String>,
    /// The session of the browser that is here and can load frames, if one is.
    pub browser: Option<SessionId>,
    /// How long a step is tried.
    pub deadline: Duration,
}

/// A session in scope with the applications that may still have to be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionShare {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Whether it lives and is to be ended; an ended one appears only for participants that nobody told yet.
    pub live: bool,
    /// Its participants that no step was planned for.
    pub participants: Vec<Participant>,
}

/// A grant with `offline_access`: it hangs on the user, outlives sessions, and dies with the user's logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineGrant {
    /// Whose it is.
    pub user: UserId,
    /// The participant through which it was given; its session may have ended long ago.
    pub participant: Participant,
}

/// What stands, read under the locks of the transaction that applies the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The sessions in scope, in the order of their identifiers.
    pub sessions: Vec<SessionShare>,
    /// The live offline grants in scope (empty unless the scope is wider than a session).
    pub offline: Vec<OfflineGrant>,
}

/// What a logout does. The store applies all of it or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The sessions that end.
    pub end: Vec<SessionId>,
    /// The steps, the application that asked first.
    pub steps: Vec<Step>,
    /// The participants that are told by a step, so that no later plan tells them again.
    pub close: Vec<(SessionId, AppId)>,
    /// Whether the offline grants in scope are revoked.
    pub revoke_offline: bool,
}

impl Plan {
    /// Whether nothing is left to do: everything in scope was ended and told before.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.is_empty() && self.steps.is_empty()
    }
}

/// Plans a logout.
#[must_use]
pub fn plan(snapshot: &Snapshot, request: &Request) -> Plan {
    let mut planner = Planner { request, steps: Vec::new(), close: Vec::new() };
    let mut told_apps = Vec::new();
    for share in &snapshot.sessions {
        for participant in &share.participants {
            if planner.tell(share, participant) {
                told_apps.push((share.user.clone(), participant.app.clone()));
            }
        }
    }
    for grant in &snapshot.offline {
        let key = (grant.user.clone(), grant.participant.app.clone());
        if !told_apps.contains(&key) {
            planner.tell_of_user(grant);
            told_apps.push(key);
        }
    }
    let Planner { mut steps, close, .. } = planner;
    steps.sort_by_key(|step| !step.first);
    for (index, step) in steps.iter_mut().enumerate() {
        step.id = StepId::of(&request.id, index);
    }
    Plan {
        end: snapshot.sessions.iter().filter(|share| share.live).map(|share| share.session.clone()).collect(),
        steps,
        close,
        revoke_offline: matches!(request.scope, Scope::User(_)),
    }
}

struct Planner<'a> {
    request: &'a Request,
    steps: Vec<Step>,
    close: Vec<(SessionId, AppId)>,
}

impl Planner<'_> {
    /// Plans the steps of one participant; whether it counts as told.
    fn tell(&mut self, share: &SessionShare, participant: &Participant) -> bool {
        let asked =
            self.request.by == By::Application && self.request.party.as_deref() == Some(participant.app.as_str());
        match self.request.tell {
            Tell::NobodyElse if asked => {
                // It knows; Login.gov's clients end their own session before they ask.
                self.close.push((share.session.clone(), participant.app.clone()));
                return true;
            }
            Tell::NobodyElse => {
                self.push_untold(share, participant, "not asked");
                return false;
            }
            Tell::Expiry if !participant.channels.tell_on_expiry => {
                self.push_untold(share, participant, "not to be told of expiry");
                self.close.push((share.session.clone(), participant.app.clone()));
                return true;
            }
            Tell::Everyone | Tell::Expiry => {}
        }
        self.close.push((share.session.clone(), participant.app.clone()));
        let channels = &participant.channels;
        let (back, front) = match (&channels.back, &channels.front, channels.preference) {
            (Some(back), Some(_), Preference::BackChannel) => (Some(back), None),
            (Some(_), Some(front), Preference::FrontChannel) => (None, Some(front)),
            (back, front, _) => (back.as_ref(), front.as_ref()),
        };
        if back.is_none() && front.is_none() {
            // The application that asked knows already; it gets a step only over a channel of its own.
            if !asked {
                self.push_untold(share, participant, "has no logout channel");
            }
            return true;
        }
        let young = self.request.at.since(participant.joined_at) < YOUNG;
        if let Some(back) = back {
            let target = Target::Backchannel {
                uri: back.uri.clone(),
                client_id: participant.client_id.clone(),
                alg: back.alg.clone(),
                subject: participant.subject.clone(),
                sid: Some(participant.sid.clone()),
            };
            let step = self.step(share, participant, Some(Channel::Backchannel), target);
            self.steps.push(Step { first: asked, again: young, ..step });
        }
        if let Some(front) = front {
            let sid = front.session_required.then(|| participant.sid.clone());
            let target = Target::Frontchannel { uri: front.uri.clone(), sid };
            let mut step = self.step(share, participant, Some(Channel::Frontchannel), target);
            let here = self.request.browser.as_ref() == Some(&share.session);
            step.detail = Some(if here { "to be opened in the browser" } else { "waits for its browser" }.to_owned());
            // Frames are loaded by the browser, not by the worker.
            step.next_attempt_at = None;
            self.steps.push(step);
        }
        true
    }

    /// Plans the step for an application that holds an offline grant but no open share in a session.
    fn tell_of_user(&mut self, grant: &OfflineGrant) {
        let participant = &grant.participant;
        let share = SessionShare {
            session: participant.session.clone(),
            user: grant.user.clone(),
            live: false,
            participants: Vec::new(),
        };
        let Some(back) = &participant.channels.back else {
            self.push_untold(&share, participant, "has no logout channel that reaches it without a browser");
            return;
        };
        let target = Target::Backchannel {
            uri: back.uri.clone(),
            client_id: participant.client_id.clone(),
            alg: back.alg.clone(),
            subject: participant.subject.clone(),
            sid: None,
        };
        let step = self.step(&share, participant, Some(Channel::Backchannel), target);
        self.steps.push(Step { session: None, ..step });
    }

    fn push_untold(&mut self, share: &SessionShare, participant: &Participant, why: &str) {
        let step = self.step(share, participant, None, Target::Nothing);
        self.steps.push(Step {
            outcome: Outcome::Unsupported,
            detail: Some(why.to_owned()),
            next_attempt_at: None,
            ..step
        });
    }

    fn step(&self, share: &SessionShare, participant: &Participant, channel: Option<Channel>, target: Target) -> Step {
        Step {
            id: StepId::of(&self.request.id, 0),
            logout: self.request.id.clone(),
            party: participant.app.clone(),
            protocol: Protocol::Oidc,
            channel,
            user: share.user.clone(),
            session: Some(share.session.clone()),
            target,
            outcome: Outcome::Pending,
            detail: None,
            attempts: 0,
            next_attempt_at: Some(self.request.at),
            deadline: self.request.at.plus(self.request.deadline),
            first: false,
            again: false,
            key_retried: false,
        }
    }
}

#[cfg(test)]
mod tests;
