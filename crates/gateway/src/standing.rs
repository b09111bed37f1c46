//! What this node knows of endings: the sessions and users that it refuses, and how fresh that knowledge is.
//!
//! A route's cookie is good until something ends it, so only endings are kept here, and nothing is ever filled in from a
//! cache: nothing that ended can be revived. A node that has not asked the store for longer than [`BOUND`] does not know,
//! and says so.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use acquit_core::{SessionId, Timestamp, UserId};
use tokio::{sync::Notify, time::Instant};

use crate::{
    identity::Identity,
    keyed::Map,
    live::{Counts, Cut, Live},
};

/// How old a node's knowledge may be.
pub const BOUND: Duration = Duration::from_secs(2);

/// What an identity is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be used.
    Good,
    /// Its session ended.
    Over,
    /// Its session lives, but the person is described otherwise now: the cookie must be made anew.
    Changed,
    /// This node has not heard of endings for too long; ask the store.
    Unsure,
}

/// The endings that this node knows of.
#[derive(Debug)]
pub struct Standing {
    live: Live,
    known: RwLock<Known>,
    /// Somebody is described otherwise: what they have open is to be judged anew.
    pub(crate) described: Notify,
    /// How much was cut for a session that no receipt has heard of yet.
    cut: Mutex<HashMap<SessionId, Counts>>,
    base: Instant,
    /// When the store was last asked, in microseconds after `base`, and one more; zero for never.
    asked: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    /// Ended, by the log.
    sessions: Map<SessionId, Timestamp>,
    /// Whatever began until then is over.
    outdated: Option<Timestamp>,
    /// The epochs from which on sessions of a user live, and the versions from which on cookies describe them.
    users: Map<UserId, Since>,
    /// Refused ahead of the store, and since when that is left to the log again, which this node must read first.
    denied_sessions: Map<SessionId, Option<Instant>>,
    denied_users: Map<UserId, Option<Instant>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Since {
    epoch: i64,
    version: i64,
    at: Timestamp,
}

impl Default for Standing {
    fn default() -> Self {
        Self::new(Live::default())
    }
}

impl Standing {
    /// Knowing nothing yet; what ends is cut out of `live`.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self {
            live,
            known: RwLock::default(),
            described: Notify::new(),
            cut: Mutex::default(),
            base: Instant::now(),
            asked: AtomicU64::default(),
        }
    }

    /// What is open on this node.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// What an identity is worth now.
    #[must_use]
    pub fn of(&self, identity: &Identity) -> Verdict {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.denied_sessions.contains_key(&identity.session)
            || known.denied_users.contains_key(&identity.user)
            || known.sessions.contains_key(&identity.session)
            || known.outdated.is_some_and(|until| identity.began_at() <= until)
        {
            return Verdict::Over;
        }
        let since = known.users.get(&identity.user).copied().unwrap_or_default();
        if identity.epoch < since.epoch {
            Verdict::Over
        } else if !self.is_fresh() {
            Verdict::Unsure
        } else if identity.version < since.version {
            Verdict::Changed
        } else {
            Verdict::Good
        }
    }

    /// A session has ended, for good.
    pub fn ended(&self, session: &SessionId, at: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.sessions.insert(session.clone(), at);
        drop(known);
        let cut = self.live.cut(session, Cut::SignedOut);
        self.count([(session.clone(), cut)]);
    }

    /// All sessions of a user that began below an epoch have ended.
    pub fn overtaken(&self, user: &UserId, epoch: i64, at: Timestamp) {
        self.since(user, |since| Since { epoch: since.epoch.max(epoch), at: since.at.max(at), ..since });
        self.count(self.live.cut_user(user, epoch, Cut::SignedOut));
    }

    /// Whatever began until then is over, whoever knows of it.
    pub fn outdated(&self, until: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.outdated = known.outdated.max(Some(until));
        drop(known);
        let is_over = |identity: &Identity| identity.began_at() <= until;
        let cut = self.live.cut_where(Cut::SignedOut, |opened| opened.identity.as_deref().is_some_and(is_over));
        self.count(cut);
    }

    /// A user is described otherwise since this version. What they have open is judged anew by the proxy.
    pub fn changed(&self, user: &UserId, version: i64, at: Timestamp) {
        self.since(user, |since| Since { version: since.version.max(version), at: since.at.max(at), ..since });
        self.described.notify_one();
    }

    /// Whether the person is described otherwise by now than this says.
    pub(crate) fn is_outdated(&self, identity: &Identity) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.users.get(&identity.user).is_some_and(|since| identity.version < since.version)
    }

    fn since(&self, user: &UserId, change: impl FnOnce(Since) -> Since) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let since = known.users.entry(user.clone()).or_default();
        *since = change(*since);
    }

    /// Refuses a session ahead of the store, and cuts what it has open.
    pub fn deny(&self, session: &SessionId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).denied_sessions.insert(session.clone(), None);
        let cut = self.live.cut(session, Cut::SignedOut);
        self.count([(session.clone(), cut)]);
    }

    /// Refuses a user ahead of the store, and cuts what they have open.
    pub fn deny_user(&self, user: &UserId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).denied_users.insert(user.clone(), None);
        self.count(self.live.cut_user(user, i64::MAX, Cut::SignedOut));
    }

    /// Leaves a session to the log again, as soon as that was read: in between it would come back to life.
    pub fn lift(&self, session: &SessionId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = known.denied_sessions.get_mut(session) {
            *since = Some(Instant::now());
        }
    }

    /// Leaves a user to the log again, likewise.
    pub fn lift_user(&self, user: &UserId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = known.denied_users.get_mut(user) {
            *since = Some(Instant::now());
        }
    }

    fn count(&self, cut: impl IntoIterator<Item = (SessionId, Counts)>) {
        let mut counts = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        for (session, number) in cut.into_iter().filter(|(_, number)| !number.is_empty()) {
            counts.entry(session).or_default().extend(number);
        }
    }

    /// How many streams of a session were cut at a host, for its receipt.
    #[must_use]
    pub fn counted(&self, session: &SessionId, host: &str) -> usize {
        let counts = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        let of = counts.get(session).into_iter().flatten().filter(|(at, _)| &**at == host);
        of.map(|(_, number)| number).sum()
    }

    /// Everything that the log held at `asked` is known here now.
    pub fn heard(&self, asked: Instant) {
        let micros = asked.saturating_duration_since(self.base).as_micros();
        self.asked.fetch_max(u64::try_from(micros).unwrap_or(u64::MAX - 1) + 1, Ordering::Release);
        let stays = |left: &Option<Instant>| left.is_none_or(|since| since > asked);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.denied_sessions.retain(|_, left| stays(left));
        known.denied_users.retain(|_, left| stays(left));
    }

    /// Whether this node's knowledge is younger than the bound, by its own clock, from when it asked.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        match self.asked.load(Ordering::Acquire) {
            0 => false,
            asked => self.base.elapsed() < Duration::from_micros(asked - 1) + BOUND,
        }
    }

    /// Forgets endings older than every cookie that may be about: those from before `horizon`.
    pub fn forget(&self, horizon: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.sessions.retain(|_, at| *at >= horizon);
        known.users.retain(|_, since| since.at >= horizon);
        drop(known);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut counts = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|session, _| known.sessions.contains_key(session) || known.denied_sessions.contains_key(session));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::Person, live::tests::opened};

    fn identity(session: u8, epoch: i64, version: i64) -> Identity {
        let of = (SessionId::from_random([session; 16]), UserId::from_random([9; 16]), epoch);
        Identity::new(of, Person { version, ..Person::default() }, Timestamp::default()..Timestamp::from_seconds(1))
    }

    fn standing() -> Standing {
        let standing = Standing::new(Live::default());
        standing.heard(Instant::now());
        standing
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_good_until_it_is_denied_ended_or_overtaken() {
        let (standing, one) = (standing(), identity(1, 0, 0));
        assert_eq!(standing.of(&one), Verdict::Good);
        standing.deny(&one.session);
        assert_eq!(standing.of(&one), Verdict::Over);
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        standing.lift(&one.session);
        standing.heard(asked);
        assert_eq!(standing.of(&one), Verdict::Over, "the log may have held it since it was asked for");
        standing.heard(Instant::now());
        assert_eq!(standing.of(&one), Verdict::Good, "the store did not know it");
        standing.deny_user(&one.user);
        standing.lift_user(&one.user);
        standing.deny_user(&one.user);
        standing.heard(Instant::now());
        assert_eq!(standing.of(&one), Verdict::Over, "it is denied again");
        standing.lift_user(&one.user);
        standing.heard(Instant::now());
        assert_eq!(standing.of(&one), Verdict::Good);
        standing.overtaken(&one.user, 1, at(0));
        assert_eq!((standing.of(&one), standing.of(&identity(2, 1, 0))), (Verdict::Over, Verdict::Good));
        standing.overtaken(&one.user, 0, at(0));
        assert_eq!(standing.of(&one), Verdict::Over, "rows of the log come in any order");
        standing.ended(&identity(2, 1, 0).session, at(0));
        assert_eq!(standing.of(&identity(2, 1, 0)), Verdict::Over);
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_began_before_a_moment_is_over_and_what_begins_after_it_is_not() {
        let standing = standing();
        let began = |second| {
            let of = (SessionId::from_random([second; 16]), UserId::from_random([9; 16]), 7);
            Identity::new(of, Person::default(), at(second.into())..at(100))
        };
        let streams = [1, 2, 3].map(|second| standing.live().open(opened(&began(second), "a")));
        standing.outdated(at(2));
        standing.outdated(at(1));
        assert_eq!([1, 2, 3].map(|second| standing.of(&began(second))), [Verdict::Over, Verdict::Over, Verdict::Good]);
        assert_eq!(streams.map(|stream| stream.why()), [Some(Cut::SignedOut), Some(Cut::SignedOut), None]);
        standing.forget(at(99));
        assert_eq!(standing.of(&began(1)), Verdict::Over);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_the_person_asks_for_a_new_cookie() {
        let standing = standing();
        assert!(!standing.is_outdated(&identity(1, 0, 1)));
        standing.changed(&identity(1, 0, 0).user, 2, at(0));
        assert_eq!(standing.of(&identity(1, 0, 1)), Verdict::Changed);
        assert_eq!(standing.of(&identity(1, 0, 2)), Verdict::Good);
        assert!(standing.is_outdated(&identity(1, 0, 1)) && !standing.is_outdated(&identity(1, 0, 2)));
    }

    #[tokio::test(start_paused = true)]
    async fn knowledge_grows_old_from_when_it_was_asked_for() {
        let (standing, one) = (Standing::new(Live::default()), identity(1, 0, 0));
        assert_eq!(standing.of(&one), Verdict::Unsure, "nothing was ever heard");
        let asked = Instant::now();
        tokio::time::advance(BOUND - Duration::from_millis(1)).await;
        standing.heard(asked);
        assert_eq!(standing.of(&one), Verdict::Good);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(standing.of(&one), Verdict::Unsure);
        standing.deny(&one.session);
        assert_eq!(standing.of(&one), Verdict::Over, "what is known to be over needs nobody to be asked");
    }

    #[tokio::test(start_paused = true)]
    async fn an_ending_cuts_what_is_open_and_counts_it() {
        let (standing, one) = (standing(), identity(1, 0, 0));
        let streams = [(); 2].map(|()| standing.live().open(opened(&one, "a")));
        standing.deny(&one.session);
        standing.ended(&one.session, at(0));
        assert!(streams.iter().all(|stream| stream.why() == Some(Cut::SignedOut)));
        assert_eq!((standing.counted(&one.session, "a"), standing.counted(&one.session, "b")), (2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn endings_are_forgotten_once_no_cookie_can_be_about() {
        let (standing, one) = (standing(), identity(1, 0, 0));
        standing.ended(&one.session, at(10));
        standing.overtaken(&one.user, 5, at(10));
        standing.forget(at(10));
        assert_eq!(standing.of(&one), Verdict::Over);
        standing.forget(at(11));
        assert_eq!(standing.of(&one), Verdict::Good);
    }
}
