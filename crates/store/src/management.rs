//! Organizations and connections that applications made through the management API. Those of the configuration are not here.
//!
//! Whatever changes them counts one number up first and so holds its row: changes come one after the other, and a node that
//! finds the number changed reads everything again.

mod connection;
pub(crate) mod kept;
mod organization;

use acquit_core::{AppId, ConnectionId, DomainId, OrganizationId, Timestamp};
use serde_json::{Map, Value};

use crate::{
    Hash, Store, StoreError,
    tx::Tx,
    value::{Columns, params},
};

/// An organization.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationRecord {
    /// Its id.
    pub id: OrganizationId,
    /// Its name for people.
    pub name: String,
    /// What the application keeps with it.
    pub metadata: Map<String, Value>,
    /// The application's own name for it; unique.
    pub external_id: Option<String>,
    /// The application that made it.
    pub made_by: AppId,
    /// Its mail domains, by their names.
    pub domains: Vec<DomainRecord>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed. Each change makes it later.
    pub updated_at: Timestamp,
}

/// A mail domain of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRecord {
    /// Its id.
    pub id: DomainId,
    /// The domain, in lower case; of one organization only.
    pub domain: String,
    /// Whether it counts: one that is pending routes nobody and admits no address.
    pub verified: bool,
    /// What its owner would publish to prove that it is theirs.
    pub token: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Its id.
    pub id: ConnectionId,
    /// Whose people come through it: an organization of the configuration, or one that is kept here.
    pub organization: OrganizationId,
    /// Its name for people.
    pub name: String,
    /// What WorkOS calls its type.
    pub connection_type: String,
    /// The application's own name for it; unique in its organization.
    pub external_id: Option<String>,
    /// What stands for it in its URLs; unique and unguessable.
    pub external_key: String,
    /// Whether people may come through it.
    pub active: bool,
    /// The provider without its secrets, as JSON; the server reads it.
    pub options: String,
    /// The provider's secrets, sealed by the caller.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed. Each change makes it later.
    pub updated_at: Timestamp,
}

/// Everything, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managed {
    /// The number of the last change in it.
    pub version: i64,
    /// The organizations, by id.
    pub organizations: Vec<OrganizationRecord>,
    /// The connections that are not deleted, by id.
    pub connections: Vec<ConnectionRecord>,
}

/// Why a change is refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no such object any more.
    Gone,
    /// There is no such organization any more.
    NoOrganization,
    /// Somebody else changed it since it was read.
    Changed,
    /// Another organization has this domain, or people who sign in here have addresses in it.
    DomainTaken(String),
    /// The application has made so many organizations, which are the most.
    TooMany(u32),
    /// Another one has this name of the application's.
    ExternalIdTaken,
}

/// The answer of a call that may be tried again, kept in the transaction of what the call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The hash of who called and the name of the call.
    pub key: Hash,
    /// The hash of what was asked.
    pub request: Hash,
    /// The answer, sealed by the caller.
    pub sealed: Vec<u8>,
    /// Until when it is kept.
    pub until: Timestamp,
}

/// What a call that makes something came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is made now.
    Now,
    /// The same call was answered before; this is what was kept of it.
    Before(Kept),
}

impl Tx {
    /// Counts a change, and so comes after the changes before it and before those after it.
    async fn managing(&mut self) -> Result<(), StoreError> {
        let sql = "UPDATE management_version SET version = version + 1 WHERE id = 1";
        match self.execute(sql, &params![]).await? {
            1 => Ok(()),
            _ => Err(StoreError::Corrupt("no row in management_version".to_owned())),
        }
    }
}

impl Store {
    /// The number of the last change.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn management_version(&self) -> Result<i64, StoreError> {
        self.read((), |tx, ()| Box::pin(version(tx))).await
    }

    /// All organizations and connections that are kept here.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn managed(&self) -> Result<Managed, StoreError> {
        self.snapshot((), |tx, ()| Box::pin(everything(tx))).await
    }
}

async fn version(tx: &mut Tx) -> Result<i64, StoreError> {
    let row = tx.query_opt("SELECT version FROM management_version WHERE id = 1", &params![]).await?;
    row.ok_or_else(|| StoreError::Corrupt("no row in management_version".to_owned()))?.read().int()
}

async fn everything(tx: &mut Tx) -> Result<Managed, StoreError> {
    Ok(Managed {
        version: version(tx).await?,
        organizations: organization::all(tx).await?,
        connections: connection::all(tx).await?,
    })
}

impl Columns {
    fn organization_id(&mut self) -> Result<OrganizationId, StoreError> {
        let text = self.text()?;
        OrganizationId::parse(&text)
            .map_err(|_| StoreError::Corrupt("a column that holds no organization id".to_owned()))
    }

    fn domain_id(&mut self) -> Result<DomainId, StoreError> {
        let text = self.text()?;
        DomainId::parse(&text).map_err(|_| StoreError::Corrupt("a column that holds no domain id".to_owned()))
    }
}
