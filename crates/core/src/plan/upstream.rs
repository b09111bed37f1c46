//! What an identity provider is told.

use super::{Planner, SessionShare, Tell};
use crate::{
    participant::Protocol,
    step::{Channel, Outcome, Step, Target},
    upstream::{TokenKind, Upstream},
};

const NOT_PROPAGATED: &str = "is not told of logouts here, as its operator chose";
const NO_REVOCATION: &str = "takes no tokens back (no revocation_endpoint)";
const NO_END_SESSION: &str = "has no sign-out for other sites (no end_session_endpoint)";

impl Planner<'_> {
    /// Plans what the identity providers of a session are told. The one that asked for the logout is never asked again.
    pub(super) fn tell_upstream(&mut self, share: &SessionShare) {
        for (index, upstream) in share.upstreams.iter().enumerate() {
            if !share.live || self.request.is_from_upstream(&upstream.connection) {
                continue;
            }
            let is_last = !share.upstreams[index + 1..].iter().any(|later| later.connection == upstream.connection);
            if self.request.tell == Tell::NobodyElse || !upstream.channels.propagate {
                if is_last {
                    let nobody = self.request.tell == Tell::NobodyElse;
                    self.push_lacking(share, upstream, None, if nobody { super::NOT_ASKED } else { NOT_PROPAGATED });
                }
                continue;
            }
            if upstream.protocol != Protocol::Oidc {
                continue;
            }
            self.give_tokens_back(share, upstream);
            // One browser has one session there, whichever of its sign-ins is named.
            if is_last {
                self.end_session(share, upstream);
            }
        }
    }

    /// Tokens are given back from the server, whether or not a browser is here. The refresh token goes first: most
    /// providers take all that hangs on it back with it (RFC 7009 section 2.1).
    fn give_tokens_back(&mut self, share: &SessionShare, upstream: &Upstream) {
        let held = [(upstream.held.refresh, TokenKind::Refresh), (upstream.held.access, TokenKind::Access)];
        for token in held.into_iter().filter_map(|(held, token)| held.then_some(token)) {
            let Some(uri) = &upstream.channels.revocation else {
                self.push_lacking(share, upstream, Some(Channel::Revocation), NO_REVOCATION);
                return;
            };
            let target = Target::Revocation {
                uri: uri.clone(),
                connection: upstream.connection.clone(),
                upstream: upstream.id.clone(),
                token,
            };
            let step = self.upstream_step(share, upstream, Some(Channel::Revocation), target);
            self.steps.push(step);
        }
    }

    fn end_session(&mut self, share: &SessionShare, upstream: &Upstream) {
        if self.request.tell == Tell::Expiry {
            // Nobody asked: what we hold is given back, and the person's session with their own provider is theirs.
            return;
        }
        let Some(uri) = &upstream.channels.end_session else {
            self.push_lacking(share, upstream, Some(Channel::EndSession), NO_END_SESSION);
            return;
        };
        let target = Target::EndSession {
            uri: uri.clone(),
            connection: upstream.connection.clone(),
            upstream: upstream.id.clone(),
        };
        let step = self.upstream_step(share, upstream, Some(Channel::EndSession), target);
        self.steps.push(Step { detail: Some(self.browser_detail(share).to_owned()), next_attempt_at: None, ..step });
    }

    fn push_lacking(&mut self, share: &SessionShare, upstream: &Upstream, channel: Option<Channel>, why: &str) {
        let step = self.upstream_step(share, upstream, channel, Target::Nothing);
        self.steps.push(Step {
            outcome: Outcome::Unsupported,
            detail: Some(why.to_owned()),
            next_attempt_at: None,
            ..step
        });
    }

    fn upstream_step(
        &self,
        share: &SessionShare,
        upstream: &Upstream,
        channel: Option<Channel>,
        target: Target,
    ) -> Step {
        let party = upstream.connection.party();
        self.step(&share.user, Some(&share.session), (&party, upstream.protocol), channel, target)
    }
}
