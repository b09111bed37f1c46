//! Deny first: what this node refuses before it knows that the store has the logout, and while it cannot know.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use acquit_core::{SessionId, UserId, plan::Scope, session::Session};

/// The sessions and users that this node refuses. A logout that became durable lifts its own denial, because the store
/// refuses from then on; one that did not stays denied until the node starts again.
#[derive(Debug, Default)]
pub struct Denials(RwLock<Denied>);

#[derive(Debug, Default)]
struct Denied {
    sessions: HashSet<SessionId>,
    users: HashSet<UserId>,
}

impl Denials {
    /// Refuses what `scope` names, from now on.
    pub fn deny(&self, scope: &Scope) {
        let mut denied = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match scope {
            Scope::Session(session) => denied.sessions.insert(session.clone()),
            Scope::User(user) => denied.users.insert(user.clone()),
        };
    }

    /// Leaves `scope` to the store again.
    pub fn lift(&self, scope: &Scope) {
        let mut denied = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match scope {
            Scope::Session(session) => denied.sessions.remove(session),
            Scope::User(user) => denied.users.remove(user),
        };
    }

    /// Whether this node refuses the session.
    #[must_use]
    pub fn denies(&self, session: &Session) -> bool {
        let denied = self.0.read().unwrap_or_else(PoisonError::into_inner);
        denied.sessions.contains(&session.id) || denied.users.contains(&session.user)
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::Timestamp;

    use super::*;

    #[test]
    fn a_denied_session_or_user_is_refused_until_it_is_lifted() {
        let session = Session {
            id: SessionId::from_random([1; 16]),
            user: UserId::from_random([2; 16]),
            began_at: Timestamp::default(),
            authenticated_at: Timestamp::default(),
            last_seen_at: Timestamp::default(),
            epoch: 0,
            ended: None,
        };
        let denials = Denials::default();
        assert!(!denials.denies(&session));
        for scope in [Scope::Session(session.id.clone()), Scope::User(session.user.clone())] {
            denials.deny(&scope);
            assert!(denials.denies(&session), "{scope:?}");
            denials.lift(&scope);
            assert!(!denials.denies(&session), "{scope:?}");
        }
    }
}
