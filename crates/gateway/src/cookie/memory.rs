//! What cookies said that were opened lately. A sealed value says the same for ever, so this only saves opening it again: whether
//! it is too old, and whether its session lives, is asked each time.

use std::{
    fmt,
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::{identity::Identity, keyed::Hasher};

/// How many are remembered at most. Each has its one place, which the last one of that place takes.
const PLACES: usize = 4096;

/// The cookies that were opened lately.
pub(super) struct Memory {
    /// Seeded, so that nobody who sends cookies knows which place they get. Who could make some of one place that open would only
    /// have them opened anew: what does not open takes no place.
    hasher: Hasher,
    places: Box<[Mutex<Option<Arc<Opened>>>]>,
}

/// A cookie that was opened.
struct Opened {
    hash: u64,
    context: Box<str>,
    value: Box<str>,
    identity: Arc<Identity>,
}

impl Default for Memory {
    fn default() -> Self {
        let places = std::iter::repeat_with(Mutex::default).take(PLACES).collect();
        Self { hasher: Hasher::default(), places }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// What this value says that was sealed for this context: as it is remembered, or by `open`, and then it is remembered. What does not open is
    /// not.
    pub(super) fn recall(
        &self,
        context: &str,
        value: &str,
        open: impl FnOnce() -> Option<Identity>,
    ) -> Option<Arc<Identity>> {
        let hash = self.hasher.hash_one(value);
        let place = &self.places[usize::try_from(hash % PLACES as u64).unwrap_or_default()];
        let known = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = known.filter(|opened| {
            let (one, other) = (opened.value.as_bytes(), value.as_bytes());
            opened.hash == hash && *opened.context == *context && verify_slices_are_equal(one, other).is_ok()
        });
        if let Some(opened) = known {
            return Some(opened.identity.clone());
        }
        let identity = Arc::new(open()?);
        let opened = Opened { hash, context: context.into(), value: value.into(), identity: identity.clone() };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(opened));
        Some(identity)
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::{SessionId, Timestamp, UserId};

    use super::*;
    use crate::identity::Person;

    fn identity(session: u8) -> Identity {
        let of = (SessionId::from_random([session; 16]), UserId::from_random([2; 16]), 0);
        Identity::new(of, Person::default(), Timestamp::default()..Timestamp::from_seconds(1))
    }

    #[test]
    fn a_value_is_opened_once_for_each_context_and_says_the_same_again() {
        let (memory, here, there) = (Memory::default(), "a.example.com", "b.example.com");
        assert_eq!(memory.recall(here, "x", || Some(identity(1))), Some(Arc::new(identity(1))));
        assert_eq!(memory.recall(here, "x", || panic!("it is known")), Some(Arc::new(identity(1))));
        assert_eq!(memory.recall(here, "y", || None), None, "another one is another one");
        assert_eq!(memory.recall(there, "x", || None), None, "and it says nothing elsewhere");
    }

    #[test]
    fn what_does_not_open_is_not_remembered_and_drives_nothing_out() {
        let (memory, here) = (Memory::default(), "a.example.com");
        assert_eq!(memory.recall(here, "x", || Some(identity(1))), Some(Arc::new(identity(1))));
        for number in 0..2 * PLACES {
            assert_eq!(memory.recall(here, &format!("forged {number}"), || None), None);
        }
        assert_eq!(memory.recall(here, "x", || None), Some(Arc::new(identity(1))));
        assert_eq!(
            memory.recall(here, "forged 1", || Some(identity(2))),
            Some(Arc::new(identity(2))),
            "it was asked for anew"
        );
    }

    #[test]
    fn many_cookies_take_each_others_places_and_are_never_mistaken() {
        let (memory, here) = (Memory::default(), "a.example.com");
        for round in 0..2 {
            for number in 0..2 * PLACES {
                let session = u8::try_from(number % 251).unwrap();
                let found = memory.recall(here, &number.to_string(), || Some(identity(session)));
                assert_eq!(found, Some(Arc::new(identity(session))), "{number} in round {round}");
            }
        }
    }
}
