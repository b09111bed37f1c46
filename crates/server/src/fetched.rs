//! What others publish and we look at often (key sets, discovery documents): fetched once for all who want it at the same
//! time, used for a while, and left alone for a while when it cannot be had.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use acquit_core::Timestamp;

/// How long a document is used before it is fetched again.
pub const USED_FOR: Duration = Duration::from_secs(5 * 60);
/// How soon one is fetched again when it was not enough: its owner may have changed it, as who rotates keys does.
pub const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Documents by their addresses. Only what they say is kept, never whether anything lives.
#[derive(Debug)]
pub struct Fetched<T>(Mutex<HashMap<String, Arc<Slot<T>>>>);

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// One address.
#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    /// Held by the one who fetches; whoever else wants the document waits for what comes of it.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    document: Option<(Timestamp, Arc<T>)>,
    /// When fetching last failed.
    failed_at: Option<Timestamp>,
}

impl<T> State<T> {
    fn younger_than(&self, age: Duration, now: Timestamp) -> Option<Arc<T>> {
        self.document.as_ref().filter(|(at, _)| now.since(*at) < age).map(|(_, document)| document.clone())
    }

    fn failed_lately(&self, now: Timestamp) -> bool {
        self.failed_at.is_some_and(|at| now.since(at) < AGAIN_AFTER)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        let state = State { document: None, failed_at: None };
        Self { state: Mutex::new(state), fetching: tokio::sync::Mutex::default() }
    }
}

impl<T> Slot<T> {
    /// What is known, if that answers the question: a document that is young enough, or none while fetching has just failed.
    fn known(&self, younger_than: Duration, now: Timestamp) -> Option<Option<Arc<T>>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Anybody may write a `client_id`: what does not answer is not called for each request.
        let document = state.younger_than(younger_than, now);
        (document.is_some() || state.failed_lately(now)).then_some(document)
    }

    fn is_of_use(&self, now: Timestamp) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.younger_than(USED_FOR, now).is_some() || state.failed_lately(now)
    }

    fn keep(&self, document: Option<&Arc<T>>, now: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match document {
            Some(document) => *state = State { document: Some((now, document.clone())), failed_at: None },
            None => state.failed_at = Some(now),
        }
    }
}

impl<T> Fetched<T> {
    /// The document at `uri`, fetched by one caller at a time however many want it; none when it cannot be had.
    pub async fn get_by<F: Future<Output = Option<Arc<T>>>>(
        &self,
        uri: &str,
        younger_than: Duration,
        now: impl Fn() -> Timestamp,
        fetch: impl FnOnce() -> F,
    ) -> Option<Arc<T>> {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // One that somebody holds is being fetched for.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.is_of_use(now()));
            slots.entry(uri.to_owned()).or_default().clone()
        };
        if let Some(known) = slot.known(younger_than, now()) {
            return known;
        }
        let _alone = slot.fetching.lock().await;
        if let Some(known) = slot.known(younger_than, now()) {
            return known;
        }
        let document = fetch().await;
        slot.keep(document.as_ref(), now());
        document
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn however_many_want_one_document_it_is_fetched_once() {
        let known = Fetched::<u8>::default();
        let calls = AtomicUsize::new(0);
        let get = async |uri: &'static str, good: bool, at: i64| {
            let fetch = async || {
                calls.fetch_add(1, Ordering::Relaxed);
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                good.then(|| Arc::new(7))
            };
            known.get_by(uri, AGAIN_AFTER, || Timestamp::from_seconds(at), fetch).await.is_some()
        };
        let many = futures_util::future::join_all((0..20).map(|_| get("a", true, 0))).await;
        assert_eq!((many, calls.load(Ordering::Relaxed)), (vec![true; 20], 1));
        let many = futures_util::future::join_all((0..20).map(|_| get("b", false, 0))).await;
        assert_eq!((many, calls.load(Ordering::Relaxed)), (vec![false; 20], 2), "also what fails, fails for all");
        assert!(get("a", true, 9).await);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert!(get("a", true, 10).await && get("b", true, 10).await);
        assert_eq!(calls.load(Ordering::Relaxed), 4);
        // One that goes away while it fetches leaves it to the next.
        let gone = futures_util::FutureExt::now_or_never(get("c", true, 10));
        assert!(gone.is_none() && get("c", true, 10).await);
    }

    #[test]
    fn a_document_that_failed_is_left_alone_for_a_while_and_the_good_one_stays_in_use() {
        let at = Timestamp::from_seconds;
        let mut state = State { document: Some((at(0), Arc::new(7))), failed_at: None };
        assert!(!state.failed_lately(at(11)));
        state.failed_at = Some(at(11));
        assert!(state.failed_lately(at(20)) && !state.failed_lately(at(21)));
        assert!(state.younger_than(USED_FOR, at(20)).is_some(), "what was good before still is");
        assert!(state.younger_than(AGAIN_AFTER, at(20)).is_none());
    }
}
