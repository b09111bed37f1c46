//! What is open right now: each request, upgrade and stream that passes registers under its session, so that the end of the
//! session ends it too, and with what it was let in for, so that it ends when it would not be let in any more. They are counted by
//! host, for the receipt.

mod end;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use acquit_core::{SessionId, UserId};

pub use self::end::Cut;
pub(crate) use self::end::{End, Watch};
use crate::{
    identity::Identity,
    keyed::{Hasher, Map},
    route::Route,
};

/// Tables, so that requests of different sessions seldom wait for each other.
const SHARDS: usize = 32;

/// What something that is open was opened for: by this it is judged again.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Whose it is, in the session that it ends with; nobody's on a public path.
    pub identity: Option<Arc<Identity>>,
    /// The route, as it was then.
    pub route: Arc<Route>,
    /// The path, as it went on. A copy: a part of the request would keep all that was read with it.
    pub path: Box<str>,
}

/// What is open, by session. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    hasher: Hasher,
    shards: [Mutex<Shard>; SHARDS],
    /// Where the next one goes that is nobody's.
    next: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    sessions: Map<SessionId, Slots>,
    nobody: Slots,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            hasher: Hasher::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            next: AtomicUsize::default(),
        }
    }
}

/// How much was open at which host.
pub type Counts = Vec<(Arc<str>, usize)>;

/// Streams of one session, or of nobody. Each knows its place here, so that one of many goes as fast as one of few.
#[derive(Debug, Default)]
struct Slots(Vec<(Opened, Arc<End>)>);

impl Slots {
    fn add(&mut self, opened: Opened, end: Arc<End>) {
        end.place.set(Some(self.0.len()));
        self.0.push((opened, end));
    }

    fn remove(&mut self, place: usize) -> (Opened, Arc<End>) {
        let (opened, end) = self.0.swap_remove(place);
        end.place.set(None);
        if let Some((_, moved)) = self.0.get(place) {
            moved.place.set(Some(place));
        }
        (opened, end)
    }

    /// Takes those out that `goes` says.
    fn take(&mut self, goes: &impl Fn(&Opened) -> bool, taken: &mut Vec<(Opened, Arc<End>)>) {
        // From the end: what takes a place was looked at already.
        for place in (0..self.0.len()).rev() {
            if goes(&self.0[place].0) {
                taken.push(self.remove(place));
            }
        }
    }
}

/// Cuts what was taken out of its table; how much that was, by session.
fn cut_all(taken: Vec<(Opened, Arc<End>)>, why: Cut) -> HashMap<SessionId, Counts> {
    let mut cut: HashMap<SessionId, Counts> = HashMap::new();
    for (opened, end) in taken {
        end.cut(why);
        let Some(identity) = opened.identity else { continue };
        let counts = match cut.get_mut(&identity.session) {
            Some(counts) => counts,
            None => cut.entry(identity.session.clone()).or_default(),
        };
        let host = opened.route.from.host();
        match counts.iter_mut().find(|(known, _)| known == host) {
            Some((_, count)) => *count += 1,
            None => counts.push((host.clone(), 1)),
        }
    }
    cut
}

impl Tables {
    fn shard(&self, number: usize) -> MutexGuard<'_, Shard> {
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, session: &SessionId) -> usize {
        usize::try_from(self.hasher.hash_one(session) % SHARDS as u64).unwrap_or_default()
    }
}

impl Live {
    /// Registers something that is open, until the result is dropped. Ask [`Standing`](crate::standing::Standing), and what the rules
    /// are, after it, not before: what changed in between would be missed by both.
    #[must_use]
    pub fn open(&self, opened: Opened) -> Stream {
        let (identity, end) = (opened.identity.clone(), Arc::<End>::default());
        let number = match &identity {
            Some(identity) => self.0.of(&identity.session),
            None => self.0.next.fetch_add(1, Ordering::Relaxed) % SHARDS,
        };
        let mut shard = self.0.shard(number);
        let slots = match &identity {
            None => &mut shard.nobody,
            Some(identity) => shard.sessions.entry(identity.session.clone()).or_default(),
        };
        slots.add(opened, end.clone());
        drop(shard);
        Stream { tables: self.0.clone(), shard: number, identity, end }
    }

    /// Cuts what a session has open; how much that was.
    pub fn cut(&self, session: &SessionId, why: Cut) -> Counts {
        self.cut_of(session, why, |_| true)
    }

    /// Cuts what of a session `goes`; how much that was.
    pub(crate) fn cut_of(&self, session: &SessionId, why: Cut, goes: impl Fn(&Opened) -> bool) -> Counts {
        let mut taken = Vec::new();
        let mut shard = self.0.shard(self.0.of(session));
        if let Some(slots) = shard.sessions.get_mut(session) {
            slots.take(&goes, &mut taken);
            if slots.0.is_empty() {
                shard.sessions.remove(session);
            }
        }
        drop(shard);
        cut_all(taken, why).remove(session).unwrap_or_default()
    }

    /// Cuts what sessions of a user have open that began below an epoch; how much that was, by session.
    pub fn cut_user(&self, user: &UserId, below: i64, why: Cut) -> HashMap<SessionId, Counts> {
        let overtaken = |identity: &Identity| identity.user == *user && identity.epoch < below;
        self.cut_where(why, |opened| opened.identity.as_deref().is_some_and(overtaken))
    }

    /// Cuts all that is open in sessions; how much that was, by session.
    pub fn cut_all(&self, why: Cut) -> HashMap<SessionId, Counts> {
        self.cut_where(why, |opened| opened.identity.is_some())
    }

    /// Cuts what `goes`, in sessions or not; how much of it was in sessions.
    pub(crate) fn cut_where(&self, why: Cut, goes: impl Fn(&Opened) -> bool) -> HashMap<SessionId, Counts> {
        let mut taken = Vec::new();
        for number in 0..SHARDS {
            let mut shard = self.0.shard(number);
            shard.nobody.take(&goes, &mut taken);
            shard.sessions.retain(|_, slots| {
                slots.take(&goes, &mut taken);
                !slots.0.is_empty()
            });
        }
        cut_all(taken, why)
    }

    /// One of each session that `is` so of.
    pub(crate) fn find(&self, is: impl Fn(&Opened) -> bool) -> Vec<Opened> {
        let mut found = Vec::new();
        for number in 0..SHARDS {
            let shard = self.0.shard(number);
            let of_each =
                shard.sessions.values().filter_map(|slots| slots.0.iter().map(|slot| &slot.0).find(|one| is(one)));
            found.extend(of_each.cloned());
        }
        found
    }

    /// The person of a session is described anew: what is open there is theirs from now on.
    pub(crate) fn describe(&self, identity: &Arc<Identity>) {
        let mut shard = self.0.shard(self.0.of(&identity.session));
        for (opened, _) in shard.sessions.get_mut(&identity.session).into_iter().flat_map(|slots| &mut slots.0) {
            if opened.identity.as_ref().is_some_and(|old| old.version < identity.version) {
                opened.identity = Some(identity.clone());
            }
        }
    }

    /// The sessions that have something open.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        (0..SHARDS).flat_map(|number| self.0.shard(number).sessions.keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// How much is open in sessions.
    #[must_use]
    pub fn count(&self) -> usize {
        (0..SHARDS).map(|number| self.0.shard(number).sessions.values().map(|slots| slots.0.len()).sum::<usize>()).sum()
    }
}

/// Something that is open. It is over when this is dropped.
#[derive(Debug)]
pub struct Stream {
    tables: Arc<Tables>,
    shard: usize,
    identity: Option<Arc<Identity>>,
    end: Arc<End>,
}

impl Stream {
    /// Returns when it is to be cut, and why.
    pub async fn cut(&self) -> Cut {
        self.end.come().await
    }

    /// The same for what outlives a borrow of this.
    pub(crate) fn watch(&self) -> Watch {
        self.end.watch()
    }

    /// Cuts it.
    pub(crate) fn end(&self, why: Cut) {
        self.end.cut(why);
    }

    /// Why it was cut, if it was.
    #[must_use]
    pub fn why(&self) -> Option<Cut> {
        self.end.why()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut shard = self.tables.shard(self.shard);
        // What was cut is no longer there; the session's place may be taken by what came later.
        let Some(place) = self.end.place.get() else { return };
        let Some(identity) = &self.identity else {
            shard.nobody.remove(place);
            return;
        };
        if let Some(slots) = shard.sessions.get_mut(&identity.session) {
            slots.remove(place);
            if slots.0.is_empty() {
                shard.sessions.remove(&identity.session);
            }
        }
    }
}
