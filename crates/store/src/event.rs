//! The append-only log: who did what to whom, on what evidence. Rows are added with what they tell of, in the same
//! transaction, and never changed; those past their retention are swept.

mod broker;
mod context;
mod horizon;
mod log;
mod sweep;

use acquit_core::{
    ConnectionId, LogoutId, OrganizationId, SessionId, Timestamp, UserId,
    event::{Facts, Kind},
};

use crate::{
    Store, StoreError,
    tx::{Batch, Tx},
    value::{Row, params},
};

pub use broker::{BrokerQuery, Direction};
pub use context::{Context, Person};
pub use log::{Place, Range};

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
    /// Through which connection the person came, of what the broker shows.
    pub connection: Option<ConnectionId>,
    /// Whose connection that was.
    pub organization: Option<OrganizationId>,
    /// More, in words.
    pub detail: Option<String>,
    /// More, by name.
    pub facts: Facts,
}

impl Event {
    /// An event of which only the kind and the time are known yet.
    #[must_use]
    pub const fn new(kind: Kind, at: Timestamp) -> Self {
        let facts = Facts::NONE;
        Self {
            kind,
            at,
            user: None,
            session: None,
            logout: None,
            party: None,
            ip: None,
            connection: None,
            organization: None,
            detail: None,
            facts,
        }
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
    /// Through which connection the person came.
    pub connection: Option<String>,
    /// Whose connection that was.
    pub organization: Option<String>,
    /// More, in words.
    pub detail: Option<String>,
    /// More, by name.
    pub facts: Facts,
}

/// The columns of an event.
macro_rules! event_columns {
    () => {
        "seq, kind, at, user_id, session_id, logout_id, party, ip, connection, organization, detail, facts"
    };
}
use event_columns;

impl EventRecord {
    fn read(row: Row) -> Result<Self, StoreError> {
        let mut row = row.read();
        Ok(Self {
            seq: row.int()?,
            kind: row.text()?,
            at: row.time()?,
            user: row.opt_text()?,
            session: row.opt_text()?,
            logout: row.opt_text()?,
            party: row.opt_text()?,
            ip: row.opt_text()?,
            connection: row.opt_text()?,
            organization: row.opt_text()?,
            detail: row.opt_text()?,
            facts: row.opt_text()?.map(|facts| serde_json::from_str(&facts)).transpose()?.unwrap_or_default(),
        })
    }
}

impl Batch {
    /// Adds an event to what is written.
    pub(crate) fn event(&mut self, event: &Event) {
        // Text, numbers and truth by fixed names always serialize.
        let facts = (event.facts != Facts::NONE).then(|| serde_json::to_string(&event.facts).unwrap_or_default());
        self.push(
            "INSERT INTO events (at, kind, user_id, session_id, logout_id, party, ip, detail, facts, connection, organization) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                event.at,
                event.kind.as_str(),
                event.user.as_ref(),
                event.session.as_ref(),
                event.logout.as_ref(),
                event.party.as_ref(),
                event.ip.as_ref(),
                event.detail.as_ref(),
                facts.as_ref(),
                event.connection.as_ref(),
                event.organization.as_ref(),
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
    let sql = concat!("SELECT ", event_columns!(), " FROM events WHERE seq > $1 ORDER BY seq LIMIT $2");
    tx.query(sql, &params![after, limit]).await?.into_iter().map(EventRecord::read).collect()
}
