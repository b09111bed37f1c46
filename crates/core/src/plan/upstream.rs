//! What an identity provider is told.

use super::{Planner, SessionShare, Tell, saml::reason};
use crate::{
    participant::{HopBinding, Protocol},
    step::{Channel, Outcome, SamlNamed, Step, Target},
    upstream::{SamlUpstream, TokenKind, Upstream},
};

const NOT_PROPAGATED: &str = "is not told of logouts here, as its operator chose";
const NO_REVOCATION: &str = "takes no tokens back (no revocation_endpoint)";
const NO_END_SESSION: &str = "has no sign-out for other sites (no end_session_endpoint)";
const NO_SINGLE_LOGOUT: &str = "takes no LogoutRequests (no SingleLogoutService)";

impl Planner<'_> {
    /// Plans what the SAML identity providers of a session are told: an authority before its participants (Core section
    /// 3.7.3.2).
    pub(super) fn tell_authorities(&mut self, share: &SessionShare) {
        self.each_upstream(share, Protocol::Saml, |planner, upstream, is_last| {
            if let Some(saml) = &upstream.channels.saml {
                planner.tell_authority(share, upstream, saml, is_last);
            }
        });
    }

    /// Plans what the OpenID providers of a session are told.
    pub(super) fn tell_upstream(&mut self, share: &SessionShare) {
        self.each_upstream(share, Protocol::Oidc, |planner, upstream, is_last| {
            planner.give_tokens_back(share, upstream);
            // One browser has one session there, whichever of its sign-ins is named.
            if is_last {
                planner.end_session(share, upstream);
            }
        });
    }

    /// Goes through the providers of a protocol that are told of this session, with whether it is the last sign-in there. The
    /// one that asked for the logout is never asked again; of those that are not told the receipt says why.
    fn each_upstream(
        &mut self,
        share: &SessionShare,
        protocol: Protocol,
        mut tell: impl FnMut(&mut Self, &Upstream, bool),
    ) {
        for (index, upstream) in share.upstreams.iter().enumerate() {
            if !share.live || upstream.protocol != protocol || self.request.is_from_upstream(&upstream.connection) {
                continue;
            }
            let is_last = !share.upstreams[index + 1..].iter().any(|later| later.connection == upstream.connection);
            let nobody = self.request.tell == Tell::NobodyElse;
            if nobody || !upstream.channels.propagate {
                if is_last {
                    self.push_lacking(share, upstream, None, if nobody { super::NOT_ASKED } else { NOT_PROPAGATED });
                }
                continue;
            }
            tell(self, upstream, is_last);
        }
    }

    /// A LogoutRequest: from the server, which is durable, for each of the sign-ins; else by the browser for the last, since one
    /// browser has one session there.
    fn tell_authority(&mut self, share: &SessionShare, upstream: &Upstream, saml: &SamlUpstream, is_last: bool) {
        if self.request.tell == Tell::Expiry {
            // Nobody asked: the person's session with their own provider is theirs.
            return;
        }
        let named = SamlNamed {
            entity_id: saml.entity_id.clone(),
            connection: Some(upstream.connection.clone()),
            subject: upstream.subject.clone(),
            form: saml.name_id.clone(),
            session_index: upstream.sid.clone(),
            ended_index: None,
            not_on_or_after: None,
            reason: Some(reason(self.request)),
        };
        if let Some(uri) = &saml.soap {
            let target = Target::SamlSoap { uri: uri.clone(), named };
            let said =
                self.steps.iter().any(|step| step.session.as_ref() == Some(&share.session) && step.target == target);
            if !said {
                let step = self.upstream_step(share, upstream, Some(Channel::SamlSoap), target);
                self.steps.push(step);
            }
            return;
        }
        if !is_last {
            return;
        }
        if let Some(hop) = &saml.hop {
            let channel = match hop.binding {
                HopBinding::Redirect => Channel::SamlRedirect,
                HopBinding::Post => Channel::SamlPost,
            };
            let target = Target::SamlHop { binding: hop.binding, uri: hop.uri.clone(), frame: false, named };
            let step = self.upstream_step(share, upstream, Some(channel), target);
            self.push_browsers(share, step);
        } else {
            self.push_lacking(share, upstream, None, NO_SINGLE_LOGOUT);
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
        self.push_browsers(share, step);
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
