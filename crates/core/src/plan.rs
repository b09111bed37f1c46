//! Planning a logout: from what stands (a snapshot), what was asked (a request) and a time, to what must be done.
//!
//! Every door ends here; no door has logout logic of its own. Planning is pure: the store calls it inside the
//! transaction that holds the rows of the snapshot, so a participant cannot be added between the reading and the plan.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    AppId, SessionId, StepId, UserId,
    participant::{Participant, Preference, Protocol},
    step::{Channel, Outcome, Step, Target},
    upstream::Upstream,
};

mod gateway;
mod request;
mod saml;
mod upstream;
mod webhook;

pub use request::{By, Request, Scope, Tell};

/// An application that joined less than this before the logout may not have stored its session yet.
pub const YOUNG: Duration = Duration::from_secs(10);

const NOT_ASKED: &str = "not asked";
const NOT_OF_EXPIRY: &str = "not to be told of expiry";

/// A session in scope with the applications that may still have to be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionShare {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Whether no logout ended it yet, so that this one does (idle, expired and overtaken ones too); an ended one appears
    /// only for participants that nobody told yet.
    pub live: bool,
    /// Its participants that no step was planned for.
    pub participants: Vec<Participant>,
    /// Its sign-ins at identity providers, oldest first. Of a session that has ended nothing is told to the providers.
    pub upstreams: Vec<Upstream>,
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
    /// What is due once none of the steps is pending any more; no part of the receipt.
    pub notices: Vec<Step>,
    /// The participants that are told by a step, so that no later plan tells them again.
    pub close: Vec<(SessionId, AppId)>,
    /// Whether there are offline grants in scope, which are revoked.
    pub revoke_offline: bool,
}

impl Plan {
    /// Whether nothing is left to do: everything in scope was ended and told before.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.is_empty() && self.steps.is_empty() && !self.revoke_offline
    }
}

/// Plans a logout.
#[must_use]
pub fn plan(snapshot: &Snapshot, request: &Request) -> Plan {
    let mut planner = Planner { request, steps: Vec::new(), notices: Vec::new(), close: Vec::new() };
    let mut listed = BTreeSet::new();
    for share in &snapshot.sessions {
        if request.tell == Tell::NobodyElse && !share.live {
            // The receipt of the logout that ended it says already that they were not asked.
            continue;
        }
        planner.tell_authorities(share);
        for participant in &share.participants {
            planner.tell(share, participant);
            listed.insert((&share.user, &participant.app));
        }
        planner.tell_upstream(share);
    }
    for grant in &snapshot.offline {
        if listed.insert((&grant.user, &grant.participant.app)) {
            planner.tell_of_user(grant);
        }
    }
    let Planner { mut steps, mut notices, close, .. } = planner;
    steps.sort_by_key(|step| !request.is_from(&step.party));
    for (index, step) in steps.iter_mut().chain(&mut notices).enumerate() {
        step.id = StepId::of(&request.id, index);
    }
    Plan {
        end: snapshot.sessions.iter().filter(|share| share.live).map(|share| share.session.clone()).collect(),
        steps,
        notices,
        close,
        revoke_offline: matches!(request.scope, Scope::User(_)) && !snapshot.offline.is_empty(),
    }
}

struct Planner<'a> {
    request: &'a Request,
    steps: Vec<Step>,
    notices: Vec<Step>,
    close: Vec<(SessionId, AppId)>,
}

impl Planner<'_> {
    /// Plans what one participant is told.
    fn tell(&mut self, share: &SessionShare, participant: &Participant) {
        let asked = self.request.is_from(&participant.app);
        let session = Some(&share.session);
        if participant.protocol == Protocol::Gateway {
            self.evict(share, participant);
            return;
        }
        if self.request.tell == Tell::NobodyElse {
            if asked {
                // It knows; Login.gov's clients end their own session before they ask.
                self.close(share, participant);
            } else {
                self.push_untold(&share.user, session, participant, NOT_ASKED);
            }
            return;
        }
        if !self.spared(participant) && self.is_out_of_reach(share, participant) {
            return;
        }
        self.close(share, participant);
        if self.spared(participant) {
            self.push_untold(&share.user, session, participant, NOT_OF_EXPIRY);
            return;
        }
        if participant.protocol == Protocol::Saml {
            self.tell_saml(share, participant);
            return;
        }
        let channels = &participant.channels;
        let (back, front) = match (&channels.back, &channels.front, channels.preference) {
            (Some(back), Some(_), Preference::BackChannel) => (Some(back), None),
            (Some(_), Some(front), Preference::FrontChannel) => (None, Some(front)),
            (back, front, _) => (back.as_ref(), front.as_ref()),
        };
        let hears = channels.webhooks.iter().any(|webhook| webhook.started);
        if back.is_none() && front.is_none() && !hears && !asked {
            // The application that asked knows already; it gets a step only over a channel of its own.
            self.push_untold(&share.user, session, participant, "has no logout channel");
        }
        if let Some(back) = back {
            let target = Target::Backchannel {
                uri: back.uri.clone(),
                client_id: participant.client_id.clone(),
                alg: back.alg.clone(),
                subject: participant.subject.clone(),
                sid: Some(participant.sid.clone()),
                ended_sid: None,
            };
            let again = self.is_young(participant);
            let step = self.step(&share.user, session, participant.party(), Some(Channel::Backchannel), target);
            self.steps.push(Step { first: asked, again, ..step });
        }
        self.tell_by_webhook(share, participant);
        // A frame without a name is an extra beside a webhook: it is loaded where the browser is here, and never waited for.
        if let Some(front) = front.filter(|_| !hears || self.is_here(share)) {
            let sid = front.session_required.then(|| participant.sid.clone());
            let target = Target::Frontchannel { uri: front.uri.clone(), sid };
            self.push_for_browser(share, participant, Channel::Frontchannel, target);
        }
    }

    /// Plans a step that the browser makes, not the worker.
    fn push_for_browser(&mut self, share: &SessionShare, participant: &Participant, channel: Channel, target: Target) {
        let step = self.step(&share.user, Some(&share.session), participant.party(), Some(channel), target);
        self.push_browsers(share, step);
    }

    fn push_browsers(&mut self, share: &SessionShare, step: Step) {
        let detail = self.browser_detail(share);
        self.steps.push(Step { detail: Some(detail.to_owned()), next_attempt_at: None, ..step });
    }

    /// Whether the session's own browser is here and can be sent on.
    fn is_here(&self, share: &SessionShare) -> bool {
        self.request.browser.as_ref() == Some(&share.session)
    }

    /// What a step of the browser waits for.
    fn browser_detail(&self, share: &SessionShare) -> &'static str {
        if self.is_here(share) { "to be opened in the browser" } else { "waits for its browser" }
    }

    /// Whether it may still have been signing the user in.
    fn is_young(&self, participant: &Participant) -> bool {
        self.request.at.since(participant.joined_at) < YOUNG
    }

    /// Plans the step for an application that holds an offline grant but no open share in a session.
    fn tell_of_user(&mut self, grant: &OfflineGrant) {
        let OfflineGrant { user, participant } = grant;
        let asked = self.request.is_from(&participant.app);
        let back = match &participant.channels.back {
            _ if self.request.tell == Tell::NobodyElse => {
                if !asked {
                    self.push_untold(user, None, participant, NOT_ASKED);
                }
                return;
            }
            _ if self.spared(participant) => {
                self.push_untold(user, None, participant, NOT_OF_EXPIRY);
                return;
            }
            None if asked => return,
            None => {
                self.push_untold(user, None, participant, "has no logout channel that reaches it without a browser");
                return;
            }
            Some(back) => back,
        };
        let target = Target::Backchannel {
            uri: back.uri.clone(),
            client_id: participant.client_id.clone(),
            alg: back.alg.clone(),
            subject: participant.subject.clone(),
            sid: None,
            ended_sid: Some(participant.sid.clone()),
        };
        let step = self.step(user, None, participant.party(), Some(Channel::Backchannel), target);
        self.steps.push(Step { first: asked, ..step });
    }

    /// Whether nobody asked for this ending and the application does not want to hear of such.
    fn spared(&self, participant: &Participant) -> bool {
        self.request.tell == Tell::Expiry
            && !participant.channels.tell_on_expiry
            && !self.request.is_from(&participant.app)
    }

    fn close(&mut self, share: &SessionShare, participant: &Participant) {
        self.close.push((share.session.clone(), participant.app.clone()));
    }

    fn push_untold(&mut self, user: &UserId, session: Option<&SessionId>, participant: &Participant, why: &str) {
        let step = self.step(user, session, participant.party(), None, Target::Nothing);
        self.steps.push(Step {
            outcome: Outcome::Unsupported,
            detail: Some(why.to_owned()),
            next_attempt_at: None,
            ..step
        });
    }

    fn step(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        (party, protocol): (&AppId, Protocol),
        channel: Option<Channel>,
        target: Target,
    ) -> Step {
        Step {
            id: StepId::of(&self.request.id, 0),
            logout: self.request.id.clone(),
            party: party.clone(),
            protocol,
            channel,
            user: user.clone(),
            session: session.cloned(),
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
