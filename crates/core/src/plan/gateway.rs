//! Routes behind the gateway. They are Acquit's own, so every logout ends them: the one that nobody else hears of, and
//! expiry too. Nothing is sent; each node of the gateway refuses the session and says how much it cut.

use super::{Planner, SessionShare};
use crate::{
    participant::Participant,
    step::{Channel, Step, Target},
};

/// What the receipt says until every node has said that it refuses the session.
const TO_BE_ACKNOWLEDGED: &str = "to be acknowledged by the gateway";

impl Planner<'_> {
    pub(super) fn evict(&mut self, share: &SessionShare, participant: &Participant) {
        self.close(share, participant);
        let target = Target::Gateway { host: participant.client_id.clone() };
        let channel = Some(Channel::Gateway);
        let step = self.step(&share.user, Some(&share.session), participant.party(), channel, target);
        self.steps.push(Step { detail: Some(TO_BE_ACKNOWLEDGED.to_owned()), next_attempt_at: None, ..step });
    }
}
