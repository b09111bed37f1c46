//! What a broker application is told by webhook: that a session ended, and later how the logout came out.

use super::{Planner, SessionShare};
use crate::{
    participant::{Participant, WebhookChannel},
    step::{Channel, Moment, Notice, Step, Target},
};

impl Planner<'_> {
    /// Plans a step for each endpoint that is told of the end of a session, and one notice for each that is told how the
    /// logout came out, however many sessions it ends.
    pub(super) fn tell_by_webhook(&mut self, share: &SessionShare, participant: &Participant) {
        for webhook in &participant.channels.webhooks {
            if webhook.started {
                let target = self.event(share, webhook, Moment::Started);
                let channel = Some(Channel::Webhook);
                let again = self.is_young(participant);
                let first = self.request.is_from(&participant.app);
                let step = self.step(&share.user, Some(&share.session), participant.party(), channel, target);
                self.steps.push(Step { first, again, ..step });
            }
            if webhook.completed && !self.has_notice(participant, webhook) {
                let target = self.event(share, webhook, Moment::Completed);
                let step = self.step(&share.user, None, participant.party(), Some(Channel::Webhook), target);
                self.notices.push(Step { next_attempt_at: None, ..step });
            }
        }
    }

    fn has_notice(&self, participant: &Participant, webhook: &WebhookChannel) -> bool {
        self.notices.iter().any(|notice| {
            let same = matches!(&notice.target, Target::Webhook { endpoint, .. } if *endpoint == webhook.endpoint);
            same && notice.party == participant.app
        })
    }

    fn event(&self, share: &SessionShare, webhook: &WebhookChannel, moment: Moment) -> Target {
        let upstream = share.upstreams.last();
        Target::Webhook {
            uri: webhook.uri.clone(),
            endpoint: webhook.endpoint.clone(),
            notice: Notice {
                moment,
                at: self.request.at,
                by: self.request.by,
                scope: self.request.scope.as_str().to_owned(),
                connection: upstream.map(|upstream| upstream.connection.clone()),
                organization: upstream.and_then(|upstream| upstream.organization.clone()),
            },
        }
    }
}
