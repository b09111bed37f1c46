//! Receipts: a logout with its steps and their attempts, as `acquit_core::receipt` folds them.

mod list;
mod settle;

use acquit_core::{
    LogoutId, Timestamp,
    plan::By,
    receipt::{Attempt, Receipt, Requested},
};
use std::{collections::BTreeSet, time::Duration};

use crate::{
    Hash, Store, StoreError,
    outbox::{read_step, step_columns},
    tx::{Tx, locking},
    value::{Columns, Row, params},
};

pub use list::LogoutFilter;
pub use settle::Settled;
pub(crate) use settle::{Through, refresh_state, refresh_states, settled};

/// How long the key of a receipt's page is good.
pub const KEY_LIFE: Duration = Duration::from_secs(30 * 86_400);

/// The columns of a logout, for statements that read one as `l`.
macro_rules! logout_columns {
    () => {
        "l.id, l.scope, l.requested_by, l.party, l.reason, l.at, l.ip, l.sessions"
    };
}
use logout_columns;

impl Tx {
    /// Takes the row of a logout until the transaction ends; false when there is none.
    pub(crate) async fn lock_logout(&mut self, id: &LogoutId) -> Result<bool, StoreError> {
        Ok(self.query_opt(locking!("SELECT id FROM logouts WHERE id = $1"), &params![id]).await?.is_some())
    }

    /// Takes the rows of logouts, which are in the order of their ids, until the transaction ends.
    pub(crate) async fn lock_logouts(&mut self, ids: &BTreeSet<&LogoutId>) -> Result<(), StoreError> {
        let keys: Vec<_> = ids.iter().map(|id| params![*id].to_vec()).collect();
        self.query_each(locking!("SELECT id FROM logouts WHERE id = $1"), &keys).await.map(drop)
    }
}

impl Store {
    /// A logout's receipt.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn receipt(&self, logout: &LogoutId) -> Result<Option<Receipt>, StoreError> {
        self.snapshot(logout.clone(), |tx, logout| Box::pin(one(tx, logout))).await
    }

    /// A logout's receipt for who has the key of its page; the key is good for [`KEY_LIFE`].
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn receipt_by_key(
        &self,
        logout: &LogoutId,
        key_hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<Receipt>, StoreError> {
        let args = (logout.clone(), *key_hash, now.minus(KEY_LIFE));
        self.snapshot(args, |tx, (logout, key, since)| Box::pin(by_key(tx, logout, key, *since))).await
    }
}

async fn one(tx: &mut Tx, logout: &LogoutId) -> Result<Option<Receipt>, StoreError> {
    let sql = concat!("SELECT ", logout_columns!(), " FROM logouts l WHERE l.id = $1");
    let rows = tx.query(sql, &params![logout]).await?;
    Ok(with_steps(tx, rows).await?.pop())
}

async fn by_key(tx: &mut Tx, logout: &LogoutId, key: &Hash, since: Timestamp) -> Result<Option<Receipt>, StoreError> {
    // The hash of a random key may be compared in any time: it gives nothing away.
    let sql =
        concat!("SELECT ", logout_columns!(), " FROM logouts l WHERE l.id = $1 AND l.key_hash = $2 AND l.at > $3");
    let rows = tx.query(sql, &params![logout, key, since]).await?;
    Ok(with_steps(tx, rows).await?.pop())
}

/// Completes rows of [`logout_columns`] to receipts.
async fn with_steps(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Receipt>, StoreError> {
    let heads = rows.into_iter().map(|row| Head::read(&mut row.read())).collect::<Result<Vec<_>, StoreError>>()?;
    let keys: Vec<_> = heads.iter().map(|head| params![&head.id].to_vec()).collect();
    let sql = concat!("SELECT ", step_columns!(), " FROM steps WHERE logout_id = $1 AND notice = 0 ORDER BY number");
    let steps = tx.query_each(sql, &keys).await?;
    // Those of notices find no step.
    let sql = "SELECT step_id, at, status, ms, detail FROM attempts WHERE logout_id = $1 ORDER BY id";
    let attempts = tx.query_each(sql, &keys).await?;
    heads.into_iter().zip(steps).zip(attempts).map(|((head, steps), attempts)| head.complete(steps, attempts)).collect()
}

struct Head {
    id: LogoutId,
    scope: &'static str,
    requested: Requested,
    sessions: Vec<acquit_core::SessionId>,
}

impl Head {
    fn read(row: &mut Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.logout_id()?,
            scope: row.named(|name| ["session", "user"].into_iter().find(|known| *known == name))?,
            requested: Requested {
                by: row.named(By::parse)?,
                party: row.opt_text()?,
                reason: row.opt_text()?,
                at: row.time()?,
                ip: row.opt_text()?,
            },
            sessions: row.json()?,
        })
    }

    fn complete(self, steps: Vec<Row>, attempts: Vec<Row>) -> Result<Receipt, StoreError> {
        let mut steps = steps
            .into_iter()
            .map(|row| Ok((read_step(&mut row.read())?, Vec::new())))
            .collect::<Result<Vec<_>, StoreError>>()?;
        for row in attempts {
            let mut row = row.read();
            let step = row.step_id()?;
            let attempt = Attempt {
                at: row.time()?,
                status: row.opt_int()?.and_then(|status| u16::try_from(status).ok()),
                ms: row.small()?,
                detail: row.opt_text()?,
            };
            if let Some((_, attempts)) = steps.iter_mut().find(|(known, _)| known.id == step) {
                attempts.push(attempt);
            }
        }
        Ok(Receipt::fold(self.id, self.scope, self.requested, self.sessions, steps))
    }
}
