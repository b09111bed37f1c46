//! Lists of receipts.

use acquit_core::{
    LogoutId, SessionId, UserId,
    receipt::{Receipt, State},
};

use super::{logout_columns, with_steps};
use crate::{
    Store, StoreError,
    page::{Page, newest_first, rows_for},
    tx::Tx,
    value::params,
};

/// Which logouts a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutFilter {
    /// Those of one user.
    pub user: Option<UserId>,
    /// Those that ended this session or told of it.
    pub session: Option<SessionId>,
    /// Those that stand so.
    pub state: Option<State>,
}

impl Store {
    /// Receipts, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] for an `after` that no such list ended with; otherwise as everywhere.
    pub async fn logouts(
        &self,
        filter: &LogoutFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Receipt>, StoreError> {
        let args = (filter.clone(), newest_first(after, |id| LogoutId::parse(id).is_ok())?, limit);
        self.snapshot(args, |tx, (filter, after, limit)| Box::pin(list(tx, filter, after, *limit))).await
    }
}

/// The statement of a list; `$condition` is the one with an index, the others only narrow it down.
macro_rules! list_sql {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            logout_columns!(),
            " FROM logouts l WHERE ",
            $condition,
            " AND (l.at < $2 OR (l.at = $2 AND l.id < $3)) AND (CAST($4 AS TEXT) IS NULL OR l.state = $4) \
             ORDER BY l.at DESC, l.id DESC LIMIT $5"
        )
    };
}

async fn list(
    tx: &mut Tx,
    filter: &LogoutFilter,
    (at, id): &(i64, String),
    limit: u32,
) -> Result<Page<Receipt>, StoreError> {
    let state = filter.state.map(State::as_str);
    let rows = rows_for(limit);
    let found = match (&filter.session, &filter.user) {
        (Some(session), user) => {
            // A session is in few logouts, so the user only has to be checked.
            let sql = list_sql!(
                "l.id IN (SELECT t.logout_id FROM steps t WHERE t.session_id = $1 UNION \
                 SELECT s.logout_id FROM sessions s WHERE s.id = $1) AND (CAST($6 AS TEXT) IS NULL OR l.user_id = $6)"
            );
            tx.query(sql, &params![session, *at, id, state, rows, user.as_ref()]).await?
        }
        (None, Some(user)) => tx.query(list_sql!("l.user_id = $1"), &params![user, *at, id, state, rows]).await?,
        (None, None) => {
            let sql = list_sql!("CAST($1 AS TEXT) IS NULL");
            tx.query(sql, &params![None::<&str>, *at, id, state, rows]).await?
        }
    };
    let receipts = with_steps(tx, found).await?;
    Ok(Page::cut(receipts, limit, |receipt: &Receipt| format!("{}.{}", receipt.requested.at.as_micros(), receipt.id)))
}
