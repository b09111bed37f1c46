//! What a SAML application is told (Core section 3.7.3.2).

use super::{Planner, SessionShare};
use crate::{
    participant::{HopBinding, Participant},
    step::{Channel, SamlNamed, Step, Target},
};

/// Why a SAML application cannot be told.
const NO_ENDPOINT: &str = "has no logout endpoint";

impl Planner<'_> {
    /// Plans what a SAML participant is told: over SOAP when it has that, which needs no browser and is durable; else
    /// through the browser.
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
                subject: participant.subject.clone(),
                form: participant.name_id.clone().unwrap_or_default(),
                session_index,
                ended_index,
                not_on_or_after: participant.not_on_or_after,
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
