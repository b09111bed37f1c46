//! What a SAML application is told (Core section 3.7.3.2).

use super::{By, Planner, Request, SessionShare, Tell};
use crate::{
    participant::{HopBinding, Participant, Protocol},
    step::{Channel, SamlNamed, SamlReason, Step, Target},
};

/// Why a SAML application cannot be told.
const NO_ENDPOINT: &str = "has no logout endpoint";
/// Why nothing is sent to where it used to be told.
const EXPIRED: &str = "cannot be told: its metadata has expired";

/// What a LogoutRequest says of why (Core section 3.7.3.1 for the person and the operator, 3.7.3.2 for the authority's own
/// reasons).
pub(super) fn reason(request: &Request) -> SamlReason {
    match (request.tell, request.by) {
        (Tell::Expiry, _) => SamlReason::GlobalTimeout,
        (_, By::Application | By::User | By::Upstream) => SamlReason::User,
        (_, By::Administrator | By::Policy) => SamlReason::Admin,
    }
}

impl Planner<'_> {
    /// Plans what there is to say of a SAML participant whose metadata has expired; false when it has not. It stays open, so
    /// that a later logout of the user tells it once its metadata is good again; of an ended session it was said before.
    pub(super) fn is_out_of_reach(&mut self, share: &SessionShare, participant: &Participant) -> bool {
        let expired = participant.channels.saml.as_ref().is_some_and(|channel| channel.expired);
        if participant.protocol != Protocol::Saml || !expired || self.request.was_named_by(participant) {
            return false;
        }
        if share.live {
            self.push_untold(&share.user, Some(&share.session), participant, EXPIRED);
        }
        true
    }

    /// Plans what a SAML participant is told: over SOAP when it has that, which needs no browser and is durable; else
    /// through the browser. It is one or the other: an application that answers over SOAP without proving anything is asked again
    /// over SOAP to the deadline. A hop beside that would add a step to a logout whose steps and totals are final, and instead of
    /// it would trade a confirmation that may still come for a `sent` that proves less.
    pub(super) fn tell_saml(&mut self, share: &SessionShare, participant: &Participant) {
        if self.request.was_named_by(participant) {
            return;
        }
        let channel = participant.channels.saml.as_ref();
        let Some((channel, named)) = channel.map(|channel| {
            // What is named matches the registration: without the index the application ends all of the user's sessions
            // there, and the receipt says that it was asked so.
            let index = Some(participant.sid.clone());
            let (session_index, ended_index) =
                if channel.session_index_required { (index, None) } else { (None, index) };
            let named = SamlNamed {
                entity_id: participant.client_id.clone(),
                connection: None,
                subject: participant.subject.clone(),
                form: participant.name_id.clone().unwrap_or_default(),
                session_index,
                ended_index,
                not_on_or_after: participant.not_on_or_after,
                reason: Some(reason(self.request)),
            };
            (channel, named)
        }) else {
            self.push_untold(&share.user, Some(&share.session), participant, NO_ENDPOINT);
            return;
        };
        if let Some(uri) = &channel.soap {
            let target = Target::SamlSoap { uri: uri.clone(), named };
            let again = self.is_young(participant);
            let step =
                self.step(&share.user, Some(&share.session), participant.party(), Some(Channel::SamlSoap), target);
            self.steps.push(Step { first: self.request.is_from(&participant.app), again, ..step });
        } else if let Some(hop) = &channel.hop {
            let by = match hop.binding {
                HopBinding::Redirect => Channel::SamlRedirect,
                HopBinding::Post => Channel::SamlPost,
            };
            let target = Target::SamlHop { binding: hop.binding, uri: hop.uri.clone(), frame: channel.frame, named };
            self.push_for_browser(share, participant, by, target);
        } else {
            self.push_untold(&share.user, Some(&share.session), participant, NO_ENDPOINT);
        }
    }
}
