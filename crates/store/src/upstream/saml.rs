//! Which sessions a LogoutRequest of a SAML identity provider may mean.

use acquit_core::{
    ConnectionId, LogoutId, SessionId, UserId,
    upstream::{SamlUpstream, UpstreamChannels},
};

use crate::{Store, StoreError, tx::Tx, value::params};

/// The most sign-ins of ended sessions that are looked at. Of live ones all are: one that is not found would stay.
const MOST_ENDED: u32 = 1000;

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
    macro_rules! sql {
        ($of:literal) => {
            concat!(
                "SELECT t.session_id, s.user_id, t.channels, t.sid, s.logout_id FROM upstreams t \
                 JOIN sessions s ON s.id = t.session_id \
                 WHERE t.connection = $1 AND t.subject = $2 AND t.protocol = 'saml' AND s.ended_at IS ",
                $of
            )
        };
    }
    let live = sql!("NULL ORDER BY t.signed_in_at DESC, t.id");
    let ended = sql!("NOT NULL ORDER BY t.signed_in_at DESC, t.id LIMIT $3");
    // In this order what ends between the two is found twice, and not lost.
    let mut rows = tx.query(live, &params![connection, subject]).await?;
    rows.extend(tx.query(ended, &params![connection, subject, MOST_ENDED]).await?);
    let mut found = Vec::new();
    for row in rows {
        let mut row = row.read();
        let (session, user) = (row.session_id()?, row.user_id()?);
        let channels: UpstreamChannels = row.json()?;
        let (index, ended) = (row.opt_text()?, row.opt_logout_id()?);
        let Some(saml) = channels.saml else { continue };
        found.push(SamlSignIn { session, user, saml, index, ended });
    }
    Ok(found)
}
