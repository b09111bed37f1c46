//! What is open right now: each request, upgrade and stream that passes registers under its session, so that the end of the
//! session ends it too. They are counted by host, for the receipt.

use std::{
    collections::HashMap,
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use acquit_core::{SessionId, UserId};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::identity::Identity;

/// Tables, so that requests of different sessions seldom wait for each other.
const SHARDS: usize = 32;

/// Why a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its session ended.
    SignedOut,
    /// This node cannot learn whether its session lives.
    Unsure,
}

/// The streams that are open, by session. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    hasher: RandomState,
    shards: [Mutex<HashMap<SessionId, Open>>; SHARDS],
    generation: AtomicU64,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            generation: AtomicU64::default(),
        }
    }
}

/// How much was open at which host.
pub type Counts = Vec<(Arc<str>, usize)>;

/// What one session has open.
#[derive(Debug)]
struct Open {
    user: UserId,
    epoch: i64,
    counts: Counts,
    generation: u64,
    end: Arc<End>,
}

impl Open {
    fn count(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

/// The end of what a session has open, which is to come.
#[derive(Debug, Default)]
pub(crate) struct End {
    token: CancellationToken,
    why: OnceLock<Cut>,
}

impl End {
    /// Cuts all that waits for it.
    pub(crate) fn cut(&self, why: Cut) {
        // Said first: who was woken looks here.
        let _ = self.why.set(why);
        self.token.cancel();
    }

    /// Watches for it.
    pub(crate) fn watch(self: &Arc<Self>) -> Watch {
        Watch { end: self.clone(), waiting: Box::pin(self.token.clone().cancelled_owned()), asked: None }
    }

    /// Looks whether it has come. `waiting` is asked once for each task, not whenever something else moves in the task: it
    /// takes locks, and wakes the task after `why` was said.
    fn poll(
        &self,
        waiting: Pin<&mut impl Future<Output = ()>>,
        asked: &mut Option<Waker>,
        cx: &mut Context<'_>,
    ) -> Poll<Cut> {
        if let Some(why) = self.why.get() {
            return Poll::Ready(*why);
        }
        if asked.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        *asked = Some(cx.waker().clone());
        waiting.poll(cx).map(|()| self.why.get().copied().unwrap_or(Cut::SignedOut))
    }
}

/// Waits for the end of what a session has open, and outlives what waits there.
#[derive(Debug)]
pub(crate) struct Watch {
    end: Arc<End>,
    waiting: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whom the token wakes.
    asked: Option<Waker>,
}

impl Watch {
    /// Ready when it has come, and then always.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        self.end.poll(self.waiting.as_mut(), &mut self.asked, cx)
    }
}

impl Tables {
    fn shard(&self, session: &SessionId) -> &Mutex<HashMap<SessionId, Open>> {
        let hash = usize::try_from(self.hasher.hash_one(session) % SHARDS as u64).unwrap_or_default();
        &self.shards[hash]
    }
}

impl Live {
    /// Registers something that is open in a session at a host, until the result is dropped. Ask [`Standing`](crate::standing::Standing)
    /// after it, not before: what ended in between would be missed by both.
    #[must_use]
    pub fn open(&self, identity: &Identity, host: &Arc<str>) -> Stream {
        let mut shard = self.0.shard(&identity.session).lock().unwrap_or_else(PoisonError::into_inner);
        let open = shard.entry(identity.session.clone()).or_insert_with(|| Open {
            user: identity.user.clone(),
            epoch: identity.epoch,
            counts: Counts::new(),
            generation: self.0.generation.fetch_add(1, Ordering::Relaxed),
            end: Arc::default(),
        });
        match open.counts.iter_mut().find(|(known, _)| known == host) {
            Some((_, count)) => *count += 1,
            None => open.counts.push((host.clone(), 1)),
        }
        let (generation, end) = (open.generation, open.end.clone());
        drop(shard);
        Stream { tables: self.0.clone(), session: identity.session.clone(), host: host.clone(), generation, end }
    }

    /// Cuts what a session has open; how much that was.
    pub fn cut(&self, session: &SessionId, why: Cut) -> Counts {
        let open = self.0.shard(session).lock().unwrap_or_else(PoisonError::into_inner).remove(session);
        let Some(open) = open else { return Counts::new() };
        open.end.cut(why);
        open.counts
    }

    /// Cuts what sessions of a user have open that began below an epoch; how much that was, by session.
    pub fn cut_user(&self, user: &UserId, below: i64, why: Cut) -> Vec<(SessionId, Counts)> {
        self.cut_where(why, |open| open.user == *user && open.epoch < below)
    }

    /// Cuts everything; how much that was, by session.
    pub fn cut_all(&self, why: Cut) -> Vec<(SessionId, Counts)> {
        self.cut_where(why, |_| true)
    }

    fn cut_where(&self, why: Cut, goes: impl Fn(&Open) -> bool) -> Vec<(SessionId, Counts)> {
        let mut cut = Vec::new();
        for shard in &self.0.shards {
            let gone = shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extract_if(|_, open| goes(open))
                .collect::<Vec<_>>();
            for (session, open) in gone {
                open.end.cut(why);
                cut.push((session, open.counts));
            }
        }
        cut
    }

    /// The sessions that have something open.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        let shards = self.0.shards.iter();
        shards
            .flat_map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// How much is open.
    #[must_use]
    pub fn count(&self) -> usize {
        let of = |shard: &Mutex<HashMap<SessionId, Open>>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).values().map(Open::count).sum::<usize>()
        };
        self.0.shards.iter().map(of).sum()
    }
}

/// Something that is open. It is over when this is dropped.
#[derive(Debug)]
pub struct Stream {
    tables: Arc<Tables>,
    session: SessionId,
    host: Arc<str>,
    generation: u64,
    end: Arc<End>,
}

impl Stream {
    /// Returns when it is to be cut, and why.
    pub async fn cut(&self) -> Cut {
        let (mut waiting, mut asked) = (pin!(self.end.token.cancelled()), None);
        poll_fn(|cx| self.end.poll(waiting.as_mut(), &mut asked, cx)).await
    }

    /// The same for what outlives a borrow of this.
    pub(crate) fn watch(&self) -> Watch {
        self.end.watch()
    }

    /// Why it was cut, if it was.
    #[must_use]
    pub fn why(&self) -> Option<Cut> {
        self.end.why.get().copied()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut shard = self.tables.shard(&self.session).lock().unwrap_or_else(PoisonError::into_inner);
        // What was cut is no longer there; the session's place may be taken by a later one.
        if let Some(open) = shard.get_mut(&self.session).filter(|open| open.generation == self.generation) {
            if let Some((_, count)) = open.counts.iter_mut().find(|(host, _)| *host == self.host) {
                *count -= 1;
            }
            open.counts.retain(|(_, count)| *count > 0);
            if open.counts.is_empty() {
                shard.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::Timestamp;

    use super::*;
    use crate::identity::Person;

    fn identity(session: u8, user: u8, epoch: i64) -> Identity {
        let of = (SessionId::from_random([session; 16]), UserId::from_random([user; 16]), epoch);
        Identity::new(of, Person::default(), Timestamp::default()..Timestamp::from_seconds(1))
    }

    fn host(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    #[tokio::test]
    async fn the_end_of_a_session_cuts_all_that_it_has_open_and_nothing_else() {
        let live = Live::default();
        let (one, two, other) = (identity(1, 1, 0), identity(1, 1, 0), identity(2, 1, 0));
        let (first, second, third) =
            (live.open(&one, &host("a")), live.open(&two, &host("b")), live.open(&other, &host("a")));
        assert_eq!((live.count(), live.sessions().len()), (3, 2));
        assert_eq!(live.cut(&one.session, Cut::SignedOut), [(host("a"), 1), (host("b"), 1)]);
        assert_eq!((first.cut().await, second.cut().await), (Cut::SignedOut, Cut::SignedOut));
        assert_eq!(third.why(), None);
        assert_eq!(live.cut(&one.session, Cut::SignedOut), [], "once");
    }

    #[test]
    fn an_epoch_cuts_the_users_older_sessions_only() {
        let live = Live::default();
        let (old, new, other) = (identity(1, 1, 0), identity(2, 1, 1), identity(3, 2, 0));
        let streams = [&old, &new, &other].map(|identity| live.open(identity, &host("a")));
        assert_eq!(live.cut_user(&old.user, 1, Cut::SignedOut), [(old.session.clone(), vec![(host("a"), 1)])]);
        assert_eq!(streams.map(|stream| stream.why()), [Some(Cut::SignedOut), None, None]);
    }

    #[test]
    fn what_is_over_is_forgotten_and_what_was_cut_does_not_count_against_what_came_later() {
        let live = Live::default();
        let one = identity(1, 1, 0);
        let before = live.open(&one, &host("a"));
        live.cut(&one.session, Cut::Unsure);
        let after = live.open(&one, &host("a"));
        drop(before);
        assert_eq!((live.count(), after.why()), (1, None));
        drop(after);
        assert_eq!((live.count(), live.sessions().len()), (0, 0));
        let streams = [live.open(&one, &host("a")), live.open(&identity(2, 2, 0), &host("a"))];
        assert_eq!(live.cut_all(Cut::Unsure).len(), 2);
        assert!(streams.iter().all(|stream| stream.why() == Some(Cut::Unsure)));
    }
}
