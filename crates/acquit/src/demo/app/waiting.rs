//! What is remembered for a while: a sign-in that was begun, a logout token that was seen. Bounded, so that nobody can
//! fill the memory by beginning things.

use std::{collections::HashMap, time::Duration};

use acquit_core::Timestamp;

/// The most that is remembered at a time.
const MOST: usize = 1000;

/// Values by an unguessable key, each good for a while.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    by_key: HashMap<String, (Timestamp, T)>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { by_key: HashMap::new() }
    }
}

impl<T> Waiting<T> {
    /// Remembers `value`, unless the key is known already; whether it was new.
    pub(super) fn insert(&mut self, key: String, value: T, now: Timestamp, life: Duration) -> bool {
        self.by_key.retain(|_, (until, _)| *until > now);
        if self.by_key.contains_key(&key) {
            return false;
        }
        if self.by_key.len() >= MOST {
            let oldest = self.by_key.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            oldest.map(|key| self.by_key.remove(&key));
        }
        self.by_key.insert(key, (now.plus(life), value));
        true
    }

    /// Whether a key is remembered.
    pub(super) fn holds(&self, key: &str, now: Timestamp) -> bool {
        self.by_key.get(key).is_some_and(|(until, _)| *until > now)
    }

    /// Takes a value out: it is good once.
    pub(super) fn take(&mut self, key: &str, now: Timestamp) -> Option<T> {
        self.by_key.remove(key).filter(|(until, _)| *until > now).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    #[test]
    fn a_value_is_good_once_and_for_a_while() {
        let (mut waiting, now) = (Waiting::default(), Timestamp::from_seconds(1000));
        assert!(waiting.insert("a".into(), 1, now, LIFE));
        assert!(!waiting.insert("a".into(), 2, now, LIFE));
        assert!(waiting.holds("a", now) && !waiting.holds("a", now.plus(LIFE)) && !waiting.holds("b", now));
        assert_eq!(waiting.take("a", now), Some(1));
        assert_eq!(waiting.take("a", now), None);
        waiting.insert("b".into(), 3, now, LIFE);
        assert_eq!(waiting.take("b", now.plus(LIFE)), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut waiting = Waiting::default();
        for second in 0..=1000 {
            waiting.insert(second.to_string(), (), Timestamp::from_seconds(second), Duration::from_secs(5000));
        }
        let now = Timestamp::from_seconds(2000);
        assert!(waiting.take("0", now).is_none() && waiting.take("1", now).is_some());
    }
}
