//! Reading the log a page at a time, in the order in which it was written or in the order of its times.

use std::time::Duration;

use acquit_core::{LogoutId, Timestamp};

use super::{EventRecord, event_columns};
use crate::{Store, StoreError, tx::Tx, value::params};

/// The most rows at a time: on SQLite a read holds its thread.
const MOST: u32 = 1001;
/// How far the clock of a node may be off, or a delivery take to be recorded.
const SLACK: Duration = Duration::from_secs(3600);
/// How many of the first events after a time are looked at for the one that was written first.
const LOOKED_AT: i64 = 1000;

/// A place in the order of the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When.
    pub at: Timestamp,
    /// Which of the events of that time.
    pub seq: i64,
}

/// Which events, in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// In the order in which they were written; for polling.
    Written {
        /// Not those of an earlier time.
        since: Timestamp,
        /// Those after this number.
        after: i64,
        /// Those up to this number: a [`Store::log_horizon`], or rows may be missed for good.
        until: i64,
    },
    /// By time. What is written later with a time in the range may be missed by who has read past it.
    Timed {
        /// Not those of an earlier time.
        since: Timestamp,
        /// Not those of this time or a later one.
        until: Timestamp,
        /// The newest first.
        descending: bool,
        /// Those beyond this place.
        after: Option<Place>,
    },
}

impl Store {
    /// A page of the log, of all events or of one logout's.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn log(
        &self,
        range: Range,
        logout: Option<&LogoutId>,
        limit: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let args = (range, logout.cloned(), limit.clamp(1, MOST));
        self.read(args, |tx, (range, logout, limit)| Box::pin(page(tx, *range, logout.as_ref(), *limit))).await
    }

    /// The number after which to read what was written `since` a time, at most `horizon`. It relies on the clocks of all
    /// nodes being less than an hour apart; what follows a place that was read relies on no clock.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn log_start(&self, since: Timestamp, horizon: i64) -> Result<i64, StoreError> {
        let first = self.read(since.minus(SLACK), |tx, since| Box::pin(first(tx, *since))).await?;
        Ok(first.map_or(horizon, |first| horizon.min(first - 1)))
    }
}

/// The statement of a page; the condition narrows it down, the order is that of the index which it runs along.
macro_rules! page_sql {
    ($condition:literal, $order:literal) => {
        concat!("SELECT ", event_columns!(), " FROM events WHERE ", $condition, " ORDER BY ", $order, " LIMIT $1")
    };
}

async fn page(
    tx: &mut Tx,
    range: Range,
    logout: Option<&LogoutId>,
    limit: u32,
) -> Result<Vec<EventRecord>, StoreError> {
    // SQLite takes one bound of the times to the index, so both are as narrow as they can be. Each statement has its condition on the logout or has it not, so that each uses the index that fits.
    let (all, of_logout, bounds) = match range {
        Range::Written { since, after, until } => (
            page_sql!("seq > $2 AND seq <= $3 AND at >= $4", "seq"),
            page_sql!("seq > $2 AND seq <= $3 AND at >= $4 AND logout_id = $5", "seq"),
            params![limit, after, until, since].to_vec(),
        ),
        Range::Timed { since, until, descending: false, after } => {
            let Place { at, seq } = after.unwrap_or(Place { at: since, seq: i64::MIN });
            (
                page_sql!("at >= $2 AND at < $3 AND (at, seq) > ($4, $5)", "at, seq"),
                page_sql!("at >= $2 AND at < $3 AND (at, seq) > ($4, $5) AND logout_id = $6", "at, seq"),
                params![limit, since.max(at), until, at, seq].to_vec(),
            )
        }
        Range::Timed { since, until, descending: true, after } => {
            let Place { at, seq } = after.unwrap_or(Place { at: until, seq: i64::MIN });
            (
                page_sql!("at >= $2 AND at < $3 AND (at, seq) < ($4, $5)", "at DESC, seq DESC"),
                page_sql!("at >= $2 AND at < $3 AND (at, seq) < ($4, $5) AND logout_id = $6", "at DESC, seq DESC"),
                params![limit, since, until.min(at.plus(Duration::from_micros(1))), at, seq].to_vec(),
            )
        }
    };
    let rows = match logout {
        None => tx.query(all, &bounds).await?,
        Some(logout) => tx.query(of_logout, &[&bounds[..], &params![logout]].concat()).await?,
    };
    rows.into_iter().map(EventRecord::read).collect()
}

/// The lowest number among the first events after a time; the numbers follow the times but loosely.
async fn first(tx: &mut Tx, since: Timestamp) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT MIN(e.seq) FROM (SELECT seq FROM events WHERE at >= $1 ORDER BY at, seq LIMIT $2) e";
    match tx.query_opt(sql, &params![since, LOOKED_AT]).await? {
        Some(row) => row.read().opt_int(),
        None => Ok(None),
    }
}
