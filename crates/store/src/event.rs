//! The append-only log: who did what to whom, on what evidence. Rows are added with what they tell of, in the same
//! transaction, and never changed.

use acquit_core::{LogoutId, SessionId, Timestamp, UserId, event::Kind};

use crate::{
    Store, StoreError,
    tx::{Batch, Tx},
    value::params,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// To which user.
    pub user: Option<UserId>,
    /// In which session.
    pub session: Option<SessionId>,
    /// In which logout.
    pub logout: Option<LogoutId>,
    /// Which application, destination or operator's token had a part in it.
    pub party: Option<String>,
    /// From which address.
    pub ip: Option<String>,
    /// More, in words.
    pub detail: Option<String>,
}

impl Event {
    /// An event of which only the kind and the time are known yet.
    #[must_use]
    pub const fn new(kind: Kind, at: Timestamp) -> Self {
        Self { kind, at, user: None, session: None, logout: None, party: None, ip: None, detail: None }
    }
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place in the log. On PostgreSQL a lower number may become visible after a higher one.
    pub seq: i64,
    /// The name of its kind.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// To which user.
    pub user: Option<String>,
    /// In which session.
    pub session: Option<String>,
    /// In which logout.
    pub logout: Option<String>,
    /// Which party had a part in it.
    pub party: Option<String>,
    /// From which address.
    pub ip: Option<String>,
    /// More, in words.
    pub detail: Option<String>,
}

impl Batch {
    /// Adds an event to what is written.
    pub(crate) fn event(&mut self, event: &Event) {
        self.push(
            "INSERT INTO events (at, kind, user_id, session_id, logout_id, party, ip, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            params![
                event.at,
                event.kind.as_str(),
                event.user.as_ref(),
                event.session.as_ref(),
                event.logout.as_ref(),
                event.party.as_ref(),
                event.ip.as_ref(),
                event.detail.as_ref(),
            ],
        );
    }
}

impl Store {
    /// Appends an event that belongs to no other write.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn append_event(&self, event: Event) -> Result<(), StoreError> {
        self.write(event, |tx, event| Box::pin(append(tx, event))).await
    }

    /// The events after a place in the log, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
        self.read((after, limit.clamp(1, 1000)), |tx, (after, limit)| Box::pin(list(tx, *after, *limit))).await
    }
}

async fn append(tx: &mut Tx, event: &Event) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.event(event);
    tx.execute_all(&batch).await?;
    Ok(())
}

async fn list(tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
    let rows = tx
        .query(
            "SELECT seq, kind, at, user_id, session_id, logout_id, party, ip, detail FROM events \
             WHERE seq > $1 ORDER BY seq LIMIT $2",
            &params![after, limit],
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            let mut row = row.read();
            Ok(EventRecord {
                seq: row.int()?,
                kind: row.text()?,
                at: row.time()?,
                user: row.opt_text()?,
                session: row.opt_text()?,
                logout: row.opt_text()?,
                party: row.opt_text()?,
                ip: row.opt_text()?,
                detail: row.opt_text()?,
            })
        })
        .collect()
}
