//! Deny first: what this node refuses before it knows that the store has the logout, and while it cannot know.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use acquit_core::{SessionId, UserId, plan::Scope, session::Session};
use acquit_gateway::standing::Standing;

use crate::logout::Order;

/// The sessions and users that this node refuses. A logout that became durable lifts its own denial, because the store
/// refuses from then on; one that did not stays denied, and is tried again until it is durable or the node ends. The gateway,
/// which does not ask the store, refuses the same.
#[derive(Debug, Default)]
pub struct Denials {
    denied: RwLock<Denied>,
    gateway: Arc<Standing>,
}

#[derive(Debug, Default)]
struct Denied {
    sessions: HashMap<SessionId, Denial>,
    users: HashMap<UserId, Denial>,
}

#[derive(Debug)]
struct Denial {
    order: Order,
    /// How many orders for it are under way.
    under_way: usize,
    /// Whether the store did not take one.
    failed: bool,
}

impl Denied {
    fn get_mut(&mut self, scope: &Scope) -> Option<&mut Denial> {
        match scope {
            Scope::Session(session) => self.sessions.get_mut(session),
            // They are denied together, by one order.
            Scope::Sessions(sessions) => sessions.first().and_then(|session| self.sessions.get_mut(session)),
            Scope::User(user) => self.users.get_mut(user),
        }
    }

    fn against(&self, session: &Session) -> Option<&Denial> {
        self.users.get(&session.user).or_else(|| self.sessions.get(&session.id))
    }
}

impl Denials {
    /// Together with what the gateway knows.
    #[must_use]
    pub fn new(gateway: Arc<Standing>) -> Self {
        Self { denied: RwLock::default(), gateway }
    }

    /// Refuses what `order` is to end, from now on. An earlier order for the same stays the one to be tried again.
    pub fn deny(&self, order: &Order) {
        let mut denied = self.denied.write().unwrap_or_else(PoisonError::into_inner);
        let denial = || Denial { order: order.clone(), under_way: 0, failed: false };
        match &order.scope {
            Scope::Session(session) => denied.sessions.entry(session.clone()).or_insert_with(denial).under_way += 1,
            Scope::Sessions(sessions) => {
                for session in sessions {
                    denied.sessions.entry(session.clone()).or_insert_with(denial).under_way += 1;
                }
            }
            Scope::User(user) => denied.users.entry(user.clone()).or_insert_with(denial).under_way += 1,
        }
        drop(denied);
        match &order.scope {
            Scope::Session(session) => self.gateway.deny(session),
            Scope::Sessions(sessions) => sessions.iter().for_each(|session| self.gateway.deny(session)),
            Scope::User(user) => self.gateway.deny_user(user),
        }
    }

    /// Leaves `scope` to the store again.
    pub fn lift(&self, scope: &Scope) {
        let mut denied = self.denied.write().unwrap_or_else(PoisonError::into_inner);
        match scope {
            Scope::Session(session) => drop(denied.sessions.remove(session)),
            Scope::Sessions(sessions) => {
                for session in sessions {
                    denied.sessions.remove(session);
                }
            }
            Scope::User(user) => drop(denied.users.remove(user)),
        }
        drop(denied);
        match scope {
            Scope::Session(session) => self.gateway.lift(session),
            Scope::Sessions(sessions) => sessions.iter().for_each(|session| self.gateway.lift(session)),
            Scope::User(user) => self.gateway.lift_user(user),
        }
    }

    /// An order for `scope` turned out to do nothing: what is refused because of it alone is left to the store again.
    pub fn withdraw(&self, scope: &Scope) {
        let mut denied = self.denied.write().unwrap_or_else(PoisonError::into_inner);
        let is_done = |denial: &mut Denial| {
            denial.under_way = denial.under_way.saturating_sub(1);
            denial.under_way == 0 && !denial.failed
        };
        let done = |denials: &mut HashMap<SessionId, Denial>, session: &SessionId| {
            let done = denials.get_mut(session).is_some_and(is_done);
            done.then(|| denials.remove(session)).is_some()
        };
        match scope {
            Scope::Session(session) => {
                if done(&mut denied.sessions, session) {
                    self.gateway.lift(session);
                }
            }
            Scope::Sessions(sessions) => {
                for session in sessions {
                    if done(&mut denied.sessions, session) {
                        self.gateway.lift(session);
                    }
                }
            }
            Scope::User(user) => {
                if denied.users.get_mut(user).is_some_and(is_done) {
                    denied.users.remove(user);
                    self.gateway.lift_user(user);
                }
            }
        }
    }

    /// Notes that the store did not take the order for `scope`.
    pub fn keep(&self, scope: &Scope) {
        let mut denied = self.denied.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(denial) = denied.get_mut(scope) {
            denial.failed = true;
            denial.under_way = denial.under_way.saturating_sub(1);
        }
    }

    /// Whether this node refuses the session.
    #[must_use]
    pub fn denies(&self, session: &Session) -> bool {
        self.denied.read().unwrap_or_else(PoisonError::into_inner).against(session).is_some()
    }

    /// Whether this node refuses what was granted in the session. A grant with `offline_access` hangs on the user.
    #[must_use]
    pub fn denies_grant(&self, session: &Session, offline: bool) -> bool {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        if offline { denied.users.contains_key(&session.user) } else { denied.against(session).is_some() }
    }

    /// The order because of which this node refuses the session.
    #[must_use]
    pub fn order_against(&self, session: &Session) -> Option<Order> {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        denied.against(session).map(|denial| denial.order.clone())
    }

    /// The orders that the store did not take.
    #[must_use]
    pub fn failed(&self) -> Vec<Order> {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        let all = denied.users.values().chain(denied.sessions.values());
        all.filter(|denial| denial.failed).map(|denial| denial.order.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::{
        Timestamp,
        plan::{By, Tell},
    };

    use super::*;

    fn session() -> Session {
        Session {
            id: SessionId::from_random([1; 16]),
            user: UserId::from_random([2; 16]),
            began_at: Timestamp::default(),
            authenticated_at: Timestamp::default(),
            last_seen_at: Timestamp::default(),
            epoch: 0,
            until: None,
            ended: None,
        }
    }

    fn order(scope: Scope) -> Order {
        Order {
            scope,
            by: By::User,
            party: None,
            reason: None,
            tell: Tell::Everyone,
            ip: None,
            browser: None,
            named: Vec::new(),
        }
    }

    #[test]
    fn a_denied_session_or_user_is_refused_until_it_is_lifted() {
        let session = session();
        let denials = Denials::default();
        assert!(!denials.denies(&session));
        for scope in [Scope::Session(session.id.clone()), Scope::User(session.user.clone())] {
            denials.deny(&order(scope.clone()));
            assert!(denials.denies(&session), "{scope:?}");
            denials.lift(&scope);
            assert!(!denials.denies(&session), "{scope:?}");
        }
    }

    #[test]
    fn an_order_that_does_nothing_leaves_what_others_refuse() {
        let session = session();
        let denials = Denials::default();
        for scope in [
            Scope::Session(session.id.clone()),
            Scope::Sessions(vec![session.id.clone()]),
            Scope::User(session.user.clone()),
        ] {
            denials.deny(&order(scope.clone()));
            denials.withdraw(&scope);
            assert!(!denials.denies(&session), "{scope:?}: it was alone");

            denials.deny(&order(scope.clone()));
            denials.deny(&order(scope.clone()));
            denials.withdraw(&scope);
            assert!(denials.denies(&session), "{scope:?}: another one is under way");
            denials.keep(&scope);
            denials.deny(&order(scope.clone()));
            denials.withdraw(&scope);
            assert!(
                denials.denies(&session) && denials.failed().len() == 1,
                "{scope:?}: another one is to be tried again"
            );
            denials.lift(&scope);
            assert!(!denials.denies(&session), "{scope:?}");
        }
    }

    #[test]
    fn an_offline_grant_is_refused_with_its_user_and_not_with_its_session() {
        let session = session();
        let denials = Denials::default();
        denials.deny(&order(Scope::Session(session.id.clone())));
        assert!(denials.denies_grant(&session, false) && !denials.denies_grant(&session, true));
        denials.deny(&order(Scope::User(session.user.clone())));
        assert!(denials.denies_grant(&session, false) && denials.denies_grant(&session, true));
    }

    #[test]
    fn an_order_that_failed_is_kept_as_it_was_asked_for() {
        let session = session();
        let scope = Scope::Session(session.id.clone());
        let denials = Denials::default();
        denials.deny(&Order { reason: Some("first".to_owned()), ..order(scope.clone()) });
        assert!(denials.failed().is_empty(), "it is under way");
        denials.deny(&order(scope.clone()));
        denials.keep(&scope);
        let failed = denials.failed();
        assert_eq!(failed.iter().map(|order| order.reason.as_deref()).collect::<Vec<_>>(), [Some("first")]);
        assert!(denials.order_against(&session).is_some());
        denials.lift(&scope);
        assert!(denials.failed().is_empty() && denials.order_against(&session).is_none());
    }
}
