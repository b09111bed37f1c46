//! Which sessions a LogoutRequest of an application means.

use acquit_core::{LogoutId, SessionId, UserId, participant::NameIdForm};

use crate::{Store, StoreError, tx::Tx, value::params};

/// The most ended sessions that are looked at. Of live ones all are: one that is not found would stay.
const MOST_ENDED: u32 = 1000;

/// Whom an application's verified LogoutRequest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlAsked {
    /// The application: the issuer of the request, whose signature was checked.
    pub entity_id: String,
    /// The value of the NameID.
    pub subject: String,
    /// What qualifies it.
    pub form: NameIdForm,
    /// The SessionIndexes; with none, all of the user's sessions in which this application takes part.
    pub indexes: Vec<String>,
    /// Our own entity ID, which an absent qualifier stands for.
    pub identity_provider: String,
}

/// A session that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlSession {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The application's SessionIndex.
    pub index: String,
    /// The logout that ended it, if it was ended.
    pub ended: Option<LogoutId>,
}

impl Store {
    /// The sessions that an application's LogoutRequest means, live ones first: those in which this application itself
    /// takes part under exactly that name. Another application's name or index finds nothing. Those of several users are
    /// possible where a name was passed on, such as an address; they are separate logouts.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn saml_sessions(&self, asked: SamlAsked) -> Result<Vec<SamlSession>, StoreError> {
        self.read(asked, |tx, asked| Box::pin(find(tx, asked))).await
    }
}

async fn find(tx: &mut Tx, asked: &SamlAsked) -> Result<Vec<SamlSession>, StoreError> {
    macro_rules! sql {
        ($of:literal) => {
            concat!(
                "SELECT p.session_id, p.user_id, p.sid, p.name_id, s.logout_id FROM participants p \
                 JOIN sessions s ON s.id = p.session_id \
                 WHERE p.client_id = $1 AND p.subject = $2 AND p.protocol = 'saml' AND s.ended_at IS ",
                $of
            )
        };
    }
    let live = sql!("NULL ORDER BY s.began_at DESC, s.id");
    let ended = sql!("NOT NULL ORDER BY s.began_at DESC, s.id LIMIT $3");
    // In this order what ends between the two is found twice, and not lost.
    let mut rows = tx.query(live, &params![&asked.entity_id, &asked.subject]).await?;
    rows.extend(tx.query(ended, &params![&asked.entity_id, &asked.subject, MOST_ENDED]).await?);
    let mut found = Vec::new();
    for row in rows {
        let mut row = row.read();
        let (session, user, index) = (row.session_id()?, row.user_id()?, row.text()?);
        let form: NameIdForm = row.opt_json()?.unwrap_or_default();
        let ended = row.opt_logout_id()?;
        let named = asked.indexes.is_empty() || asked.indexes.contains(&index);
        if named && form.matches(&asked.form, &asked.identity_provider, &asked.entity_id) {
            found.push(SamlSession { session, user, index, ended });
        }
    }
    Ok(found)
}
