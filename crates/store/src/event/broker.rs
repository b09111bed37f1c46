//! The part of the log that the broker shows: what has a connection, in the order in which it was written.

use acquit_core::{OrganizationId, Timestamp, event::Kind};

use super::{EventRecord, event_columns};
use crate::{
    Store, StoreError,
    column::to_json,
    tx::{Sql, Tx, listed},
    value::params,
};

/// The most rows at a time.
const MOST: u32 = 1000;

/// Which way a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The oldest first.
    Ascending,
    /// The newest first.
    Descending,
}

/// Which events.
#[derive(Clone, Debug)]
pub struct BrokerQuery {
    /// Of which kinds.
    pub kinds: Vec<Kind>,
    /// Of which organizations; of every connection when not given.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Not those of an earlier time.
    pub since: Timestamp,
    /// Not those of this time or a later one.
    pub until: Timestamp,
    /// Those from this number on.
    pub from: i64,
    /// Those up to this number: at most a [`Store::log_horizon`], or a reader may miss some for good.
    pub to: i64,
    /// In which order.
    pub direction: Direction,
}

impl Store {
    /// Events that have a connection.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn broker_events(&self, query: BrokerQuery, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
        let kinds: Vec<_> = query.kinds.iter().map(|kind| kind.as_str()).collect();
        let args = (to_json(&kinds)?, query.organizations.as_ref().map(to_json).transpose()?, query, limit.min(MOST));
        self.read(args, |tx, (kinds, organizations, query, limit)| {
            Box::pin(page(tx, kinds, organizations.as_ref(), query, *limit))
        })
        .await
    }
}

macro_rules! page_sql {
    ($engine:ident, $order:literal) => {
        concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE connection IS NOT NULL AND seq >= $1 AND seq <= $2 AND at >= $3 AND at < $4 AND kind IN ",
            listed!($engine, "5"),
            " AND (CAST($6 AS TEXT) IS NULL OR organization IN ",
            listed!($engine, "6"),
            ") ORDER BY seq",
            $order,
            " LIMIT $7"
        )
    };
}

async fn page(
    tx: &mut Tx,
    kinds: &str,
    organizations: Option<&String>,
    query: &BrokerQuery,
    limit: u32,
) -> Result<Vec<EventRecord>, StoreError> {
    let sql = match query.direction {
        Direction::Ascending => Sql { sqlite: page_sql!(sqlite, ""), postgres: page_sql!(postgres, "") },
        Direction::Descending => Sql { sqlite: page_sql!(sqlite, " DESC"), postgres: page_sql!(postgres, " DESC") },
    };
    let bounds = params![query.from, query.to, query.since, query.until, kinds, organizations, limit];
    tx.query(sql, &bounds).await?.into_iter().map(EventRecord::read).collect()
}
