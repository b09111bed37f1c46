//! Upstream: people whom an identity provider vouches for, and the sign-ins of their sessions there.

mod person;
mod revalidate;
mod saml;
mod sessions;
mod tombstone;
mod wipe;

use acquit_core::{
    ConnectionId, OrganizationId, SessionId, Timestamp, UpstreamId, UserId,
    event::Facts,
    participant::Protocol,
    upstream::{Held, Upstream, UpstreamChannels},
};

use crate::{
    Store, StoreError,
    column::to_json,
    event::Event,
    tx::{Batch, Tx},
    value::{Columns, params},
};

pub use person::{Origin, Person, Profile};
pub use revalidate::{Asked, Due};
pub use saml::SamlSignIn;
pub use sessions::UpstreamName;
pub use tombstone::{Graves, Tombstone};

/// A sign-in at an identity provider, as it becomes part of a session.
#[derive(Clone, Debug)]
pub struct NewUpstream {
    /// Its name.
    pub id: UpstreamId,
    /// Through which connection.
    pub connection: ConnectionId,
    /// Whose connection that is; none for a provider of the operator's own.
    pub organization: Option<OrganizationId>,
    /// When the browser left for the provider, if that is known.
    pub left_at: Option<Timestamp>,
    /// Its protocol.
    pub protocol: Protocol,
    /// The provider's name for the person.
    pub subject: String,
    /// The provider's name for its session, if it gave one.
    pub sid: Option<String>,
    /// What tokens there are.
    pub held: Held,
    /// How the provider can be told now.
    pub channels: UpstreamChannels,
    /// The tokens, sealed by the caller: the store never sees one in the clear.
    pub sealed: Vec<u8>,
    /// When the provider is asked for the first time whether the person is still welcome there, if it is at all.
    pub revalidate_at: Option<Timestamp>,
    /// Under which names a logout was remembered that came before the sign-in, if one did.
    pub graves: Graves,
}

/// The columns of a sign-in, for statements that read one as `t`.
macro_rules! upstream_columns {
    () => {
        "t.id, t.session_id, t.connection, t.protocol, t.subject, t.sid, t.has_access, t.has_refresh, t.channels, \
         t.organization"
    };
}
pub(crate) use upstream_columns;

pub(crate) fn read_upstream(row: &mut Columns) -> Result<Upstream, StoreError> {
    Ok(Upstream {
        id: row.upstream_id()?,
        session: row.session_id()?,
        connection: row.connection_id()?,
        protocol: row.named(Protocol::parse)?,
        subject: row.text()?,
        sid: row.opt_text()?,
        held: Held { access: row.bool()?, refresh: row.bool()? },
        channels: row.json()?,
        organization: row.opt_organization_id()?,
    })
}

impl Batch {
    /// Makes a sign-in part of a session that is known to live.
    pub(crate) fn signed_in_upstream(
        &mut self,
        session: &SessionId,
        new: &NewUpstream,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.push(
            "INSERT INTO upstreams (id, session_id, connection, protocol, subject, sid, has_access, has_refresh, channels, \
             sealed, signed_in_at, organization, revalidate_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            params![
                &new.id,
                session,
                &new.connection,
                new.protocol.as_str(),
                &new.subject,
                new.sid.as_ref(),
                new.held.access,
                new.held.refresh,
                &to_json(&new.channels)?,
                new.sealed.as_slice(),
                now,
                new.organization.as_ref(),
                new.revalidate_at,
            ],
        );
        Ok(())
    }

    /// Asks about the earlier sign-ins of a session no more: a newer one speaks for the person, and providers may let go of
    /// the tokens of the older.
    pub(crate) fn newer_sign_in_upstream(&mut self, session: &SessionId, connection: &ConnectionId) {
        self.push(
            "UPDATE upstreams SET revalidate_at = NULL, revalidate_lease = NULL WHERE session_id = $1 AND connection = $2",
            params![session, connection],
        );
    }
}

impl Batch {
    /// Logs that a provider vouched for somebody.
    pub(crate) fn vouched_for(&mut self, (user, session): (&UserId, &SessionId), new: &NewUpstream, event: Event) {
        self.event(&Event {
            user: Some(user.clone()),
            session: Some(session.clone()),
            connection: Some(new.connection.clone()),
            organization: new.organization.clone(),
            facts: Facts { left_at: new.left_at.map(Timestamp::as_micros), own_browser: true, ..event.facts.clone() },
            ..event
        });
    }
}

impl Tx {
    /// The sign-ins of a session, oldest first.
    pub(crate) async fn upstreams_of(&mut self, session: &SessionId) -> Result<Vec<Upstream>, StoreError> {
        let sql = concat!(
            "SELECT ",
            upstream_columns!(),
            " FROM upstreams t WHERE t.session_id = $1 ORDER BY t.signed_in_at, t.id"
        );
        self.query(sql, &params![session]).await?.into_iter().map(|row| read_upstream(&mut row.read())).collect()
    }
}

impl Store {
    /// What is sealed of a sign-in: its tokens, and what they are given back with.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn upstream_secrets(&self, id: &UpstreamId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(id.clone(), |tx, id| Box::pin(secrets(tx, id))).await
    }

    /// The sign-ins of a session at identity providers, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn upstreams(&self, session: &SessionId) -> Result<Vec<Upstream>, StoreError> {
        self.read(session.clone(), |tx, session| Box::pin(tx.upstreams_of(session))).await
    }
}

async fn secrets(tx: &mut Tx, id: &UpstreamId) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT sealed FROM upstreams WHERE id = $1";
    tx.query_opt(sql, &params![id]).await?.map(|row| row.read().blob()).transpose()
}
