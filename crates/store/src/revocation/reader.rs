//! Reading the log without missing a row.
//!
//! On PostgreSQL a transaction draws its number first and becomes visible later, so a lower number may appear after a
//! higher one. Every number that was passed over is therefore looked for again, until no transaction can be under way any
//! more that drew it: the store ends them after ten seconds (`postgres.rs`).

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::Revocation;
use crate::{Store, StoreError, gateway::Eviction};

/// For how long a number that was passed over may still appear.
const MAY_APPEAR: Duration = Duration::from_secs(60);
/// How many numbers below one that is seen may be of transactions that are under way. Databases that are many machines leave
/// out far more than they use.
const MAY_BE_LATE: i64 = 10_000;
/// A log that spans less than this may have begun with a row that is not visible yet.
const YOUNG: Duration = Duration::from_secs(600);
/// The most rows of one read.
const PAGE: u32 = 5000;

/// A place in the log. It begins before the first row.
#[derive(Debug, Default)]
pub struct Reader {
    /// The highest number that was seen.
    last: i64,
    /// Those below it that were not, and since when they are missed.
    missed: BTreeMap<i64, Instant>,
}

impl Reader {
    /// The rows that were not read before. All that was committed when this was called is in them, or was in earlier ones.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere; then the same rows come again.
    pub async fn read(&mut self, store: &Store) -> Result<Vec<Revocation>, StoreError> {
        let (now, place) = self.begin();
        let page = store.revocations_since(place, PAGE).await?;
        self.go_on(store, page, now).await
    }

    /// The same, with the endings that the gateway has to acknowledge, which were looked for before: each of them is among the rows, or
    /// was among earlier ones.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere; then the same rows come again.
    pub async fn read_with_evictions(
        &mut self,
        store: &Store,
        node: &str,
        limit: u32,
    ) -> Result<(Vec<Eviction>, Vec<Revocation>), StoreError> {
        let (now, place) = self.begin();
        let (evictions, page) = store.evictions_and_log((node, limit), (place, PAGE)).await?;
        Ok((evictions, self.go_on(store, page, now).await?))
    }

    /// When this read begins, and after which row.
    fn begin(&mut self) -> (Instant, i64) {
        let now = Instant::now();
        self.missed.retain(|_, since| now.saturating_duration_since(*since) < MAY_APPEAR);
        (now, self.missed.first_key_value().map_or(self.last, |(seq, _)| seq - 1))
    }

    /// Reads what follows the first page.
    async fn go_on(
        &mut self,
        store: &Store,
        mut page: Vec<Revocation>,
        now: Instant,
    ) -> Result<Vec<Revocation>, StoreError> {
        let mut new = Vec::new();
        loop {
            let last = page.last().map(|row| row.seq).filter(|_| page.len() == PAGE as usize);
            new.extend(page.into_iter().filter(|row| row.seq > self.last || self.missed.contains_key(&row.seq)));
            let Some(last) = last else { break };
            page = store.revocations_since(last, PAGE).await?;
        }
        let young = new.first().zip(new.last()).is_some_and(|(first, last)| last.at.since(first.at) < YOUNG);
        self.seen(new.iter().map(|row| row.seq), young, now);
        Ok(new)
    }

    /// Notes what was seen, in ascending order, and what was passed over.
    fn seen(&mut self, numbers: impl IntoIterator<Item = i64>, young: bool, now: Instant) {
        for seq in numbers {
            self.missed.remove(&seq);
            // What was deleted as too old before the first row was never missed. Where the first one is young, some before it may
            // be on their way.
            if self.last > 0 || young {
                let from = (self.last + 1).max(seq.saturating_sub(MAY_BE_LATE));
                self.missed.extend((from..seq).map(|passed| (passed, now)));
            }
            self.last = self.last.max(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_over_is_looked_for_until_it_cannot_appear_any_more() {
        let mut reader = Reader::default();
        reader.seen([100, 101], false, Instant::now());
        assert!(reader.missed.is_empty(), "the log begins somewhere");
        reader.seen([104], false, Instant::now());
        assert_eq!(reader.missed.keys().copied().collect::<Vec<_>>(), [102, 103]);
        reader.seen([102, 105], false, Instant::now());
        assert_eq!(reader.missed.keys().copied().collect::<Vec<_>>(), [103]);
        assert_eq!(reader.last, 105);
    }

    #[test]
    fn a_log_that_has_just_begun_may_have_begun_with_a_row_that_comes_late() {
        let mut reader = Reader::default();
        reader.seen([3], true, Instant::now());
        assert_eq!(reader.missed.keys().copied().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn numbers_that_leap_are_not_all_looked_for() {
        let mut reader = Reader::default();
        reader.seen([1, i64::MAX], true, Instant::now());
        assert_eq!(reader.missed.len(), 10_000);
    }
}
