//! Looking sessions up: one with its applications, lists of them, and those that nobody used for too long.

use std::collections::HashMap;

use acquit_core::{AppId, SessionId, Timestamp, UserId, session::Lifetimes};

use super::{Joined, SessionView, session_columns};
use crate::{
    Store, StoreError,
    page::{Page, newest_first, rows_for},
    tx::Tx,
    user::user_columns,
    value::{Row, params},
};

/// Which sessions a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Those of one user.
    pub user: Option<UserId>,
    /// Those that live, or have ended.
    pub state: SessionState,
    /// Those in which this application takes part.
    pub app: Option<AppId>,
}

/// How sessions stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionState {
    /// Either.
    #[default]
    Any,
    /// Not ended yet.
    Live,
    /// Ended.
    Ended,
}

impl Store {
    /// A session with the applications in it.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn session(&self, id: &SessionId) -> Result<Option<SessionView>, StoreError> {
        self.snapshot(id.clone(), |tx, id| Box::pin(one(tx, id))).await
    }

    /// Sessions with the applications in them, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] for an `after` that no such list ended with; otherwise as everywhere.
    pub async fn sessions(
        &self,
        filter: &SessionFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<SessionView>, StoreError> {
        let args = (filter.clone(), newest_first(after, |id| SessionId::parse(id).is_ok())?, limit);
        self.snapshot(args, |tx, (filter, after, limit)| Box::pin(list(tx, filter, after, *limit))).await
    }

    /// Sessions that nobody has ended, and that are idle or too old, the longest overdue first: each wants a logout.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn overdue(
        &self,
        now: Timestamp,
        lifetimes: Lifetimes,
        limit: u32,
    ) -> Result<Vec<SessionId>, StoreError> {
        let bounds = [now.minus(lifetimes.idle), now.minus(lifetimes.max), now, now.minus(lifetimes.program)];
        self.snapshot((bounds, limit.clamp(1, 1000)), |tx, (bounds, limit)| Box::pin(overdue(tx, *bounds, *limit)))
            .await
    }
}

async fn one(tx: &mut Tx, id: &SessionId) -> Result<Option<SessionView>, StoreError> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", s.ip, s.user_agent, ",
        user_columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1"
    );
    let rows = tx.query(sql, &params![id]).await?;
    Ok(with_participants(tx, rows).await?.pop())
}

/// The statement of a list: with the conditions on user, application and state where they are asked for, so that each
/// one uses the index that fits.
macro_rules! list_sql {
    ($from:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            session_columns!(),
            ", s.ip, s.user_agent, ",
            user_columns!(),
            " FROM ",
            $from,
            " JOIN users u ON u.id = s.user_id WHERE ",
            $condition,
            " AND (s.began_at < $2 OR (s.began_at = $2 AND s.id < $3)) \
             AND CASE CAST($4 AS BIGINT) WHEN 1 THEN s.ended_at IS NULL WHEN 2 THEN s.ended_at IS NOT NULL ELSE $4 = 0 END \
             ORDER BY s.began_at DESC, s.id DESC LIMIT $5"
        )
    };
}

async fn list(
    tx: &mut Tx,
    filter: &SessionFilter,
    (at, id): &(i64, String),
    limit: u32,
) -> Result<Page<SessionView>, StoreError> {
    let state: i64 = match filter.state {
        SessionState::Any => 0,
        SessionState::Live => 1,
        SessionState::Ended => 2,
    };
    let rows = rows_for(limit);
    let found = match (&filter.user, &filter.app) {
        (None, None) => {
            tx.query(list_sql!("sessions s", "CAST($1 AS TEXT) IS NULL"), &params![None::<&str>, *at, id, state, rows])
                .await?
        }
        (Some(user), None) => {
            tx.query(list_sql!("sessions s", "s.user_id = $1"), &params![user, *at, id, state, rows]).await?
        }
        (None, Some(app)) => {
            let sql = list_sql!("participants p JOIN sessions s ON s.id = p.session_id", "p.app = $1");
            tx.query(sql, &params![app, *at, id, state, rows]).await?
        }
        (Some(user), Some(app)) => {
            let sql =
                list_sql!("participants p JOIN sessions s ON s.id = p.session_id", "p.user_id = $1 AND p.app = $6");
            tx.query(sql, &params![user, *at, id, state, rows, app]).await?
        }
    };
    let views = with_participants(tx, found).await?;
    Ok(Page::cut(views, limit, |view: &SessionView| {
        format!("{}.{}", view.session.began_at.as_micros(), view.session.id)
    }))
}

async fn with_participants(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<SessionView>, StoreError> {
    let mut views =
        rows.into_iter().map(|row| SessionView::read(&mut row.read())).collect::<Result<Vec<_>, StoreError>>()?;
    let keys: Vec<_> = views.iter().map(|view| params![&view.session.id].to_vec()).collect();
    let sql = "SELECT app, sid, joined_at, closed_at FROM participants WHERE session_id = $1 ORDER BY joined_at, app";
    for (view, rows) in views.iter_mut().zip(tx.query_each(sql, &keys).await?) {
        for row in rows {
            let mut row = row.read();
            view.participants.push(Joined {
                app: row.app_id()?,
                sid: row.text()?,
                joined_at: row.time()?,
                told: row.opt_time()?.is_some(),
            });
        }
    }
    Ok(views)
}

async fn overdue(
    tx: &mut Tx,
    [idle, old, now, old_program]: [Timestamp; 4],
    limit: u32,
) -> Result<Vec<SessionId>, StoreError> {
    let mut found = HashMap::new();
    // So many queries, so that each runs along its own index.
    for (sql, bound) in [
        (
            "SELECT id, began_at FROM sessions WHERE ended_at IS NULL AND began_at <= $1 AND lives_until IS NULL \
             ORDER BY began_at LIMIT $2",
            old,
        ),
        (
            "SELECT id, last_seen_at FROM sessions WHERE ended_at IS NULL AND last_seen_at <= $1 AND lives_until IS NULL \
             ORDER BY last_seen_at LIMIT $2",
            idle,
        ),
        (
            "SELECT id, lives_until FROM sessions WHERE ended_at IS NULL AND lives_until <= $1 ORDER BY lives_until LIMIT $2",
            now,
        ),
        (
            "SELECT id, began_at FROM sessions WHERE ended_at IS NULL AND began_at <= $1 AND lives_until IS NOT NULL \
             ORDER BY began_at LIMIT $2",
            old_program,
        ),
    ] {
        for row in tx.query(sql, &params![bound, limit]).await? {
            let mut row = row.read();
            let (id, since) = (row.session_id()?, row.time()?);
            let overdue_for = bound.since(since);
            found.entry(id).and_modify(|longest| overdue_for.max(*longest).clone_into(longest)).or_insert(overdue_for);
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|(a, longest_a), (b, longest_b)| longest_b.cmp(longest_a).then_with(|| a.cmp(b)));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found.into_iter().map(|(id, _)| id).collect())
}
