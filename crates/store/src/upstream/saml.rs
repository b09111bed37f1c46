//! Which sessions a LogoutRequest of a SAML identity provider may mean.

use acquit_core::{
    ConnectionId, LogoutId, SessionId, UserId,
    upstream::{SamlUpstream, UpstreamChannels},
};

use crate::{Store, StoreError, tx::Tx, value::params};

/// The most sign-ins that are looked at; those of live sessions come first.
const MOST: u32 = 1000;

/// A sign-in at a SAML identity provider, with how its session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlSignIn {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The provider and what qualifies its name for the person.
    pub saml: SamlUpstream,
    /// The provider's SessionIndex, if it gave one.
    pub index: Option<String>,
    /// The logout that ended the session, if it was ended.
    pub ended: Option<LogoutId>,
}

impl Store {
    /// The sign-ins through a SAML connection whose NameID has this value, those of live sessions first. What qualifies the
    /// name, and which indexes are meant, is the caller's to compare.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn saml_sign_ins(&self, connection: &ConnectionId, subject: &str) -> Result<Vec<SamlSignIn>, StoreError> {
        let args = (connection.clone(), subject.to_owned());
        self.read(args, |tx, (connection, subject)| Box::pin(find(tx, connection, subject))).await
    }
}

async fn find(tx: &mut Tx, connection: &ConnectionId, subject: &str) -> Result<Vec<SamlSignIn>, StoreError> {
    let sql = "SELECT t.session_id, s.user_id, t.channels, t.sid, s.logout_id FROM upstreams t \
               JOIN sessions s ON s.id = t.session_id \
               WHERE t.connection = $1 AND t.subject = $2 AND t.protocol = 'saml' \
               ORDER BY CASE WHEN s.ended_at IS NULL THEN 0 ELSE 1 END, t.signed_in_at DESC, t.id LIMIT $3";
    let mut found = Vec::new();
    for row in tx.query(sql, &params![connection, subject, MOST]).await? {
        let mut row = row.read();
        let (session, user) = (row.session_id()?, row.user_id()?);
        let channels: UpstreamChannels = row.json()?;
        let (index, ended) = (row.opt_text()?, row.opt_logout_id()?);
        let Some(saml) = channels.saml else { continue };
        found.push(SamlSignIn { session, user, saml, index, ended });
    }
    Ok(found)
}
