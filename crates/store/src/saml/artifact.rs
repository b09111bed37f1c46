//! Artifacts: a Response that waits, for a short time, until its application fetches it, once, and while its session lives.

use acquit_core::{
    SessionId, Timestamp,
    session::{Life, Lifetimes},
};

use crate::{Hash, Store, StoreError, replay::Once, tx::Tx, value::params};

/// A message that waits for its application.
#[derive(Clone, Debug)]
pub struct NewArtifact {
    /// The hash of the artifact's handle.
    pub hash: Hash,
    /// The entity ID of the application that it is for.
    pub entity_id: String,
    /// The session that it signs in to; none for a refusal.
    pub session: Option<SessionId>,
    /// The message, sealed by the caller: the store never sees one in the clear.
    pub message: Vec<u8>,
    /// When.
    pub now: Timestamp,
    /// Until when it can be fetched.
    pub expires_at: Timestamp,
    /// The request that it answers, where that is answered once.
    pub once: Option<Once>,
}

/// The request was answered before: nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request was answered before")]
pub struct Answered;

/// The most messages that wait for one application and one session.
const MOST: i64 = 50;
/// The most refusals that wait for one application: anybody may cause them.
const MOST_REFUSALS: i64 = 1000;
/// The most that give way at once.
const AT_ONCE: i64 = 100;

impl Store {
    /// Keeps a message until it is fetched or expires. Where too many of the same application and session wait, the oldest
    /// gives way: who makes many wait turns away nobody who fetches theirs at once.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the hash is not new; otherwise as everywhere: then the artifact must not be given.
    pub async fn put_saml_artifact(&self, new: NewArtifact) -> Result<Result<(), Answered>, StoreError> {
        self.write(new, |tx, new| Box::pin(put(tx, new))).await
    }

    /// Takes an application's message: it works once, and only while the session that it signs in to lives, under that
    /// session's lock. Another application's is not touched.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then no message may be given.
    pub async fn take_saml_artifact(
        &self,
        hash: &Hash,
        entity_id: &str,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let args = (*hash, entity_id.to_owned(), now, lifetimes);
        self.write(args, |tx, (hash, entity, now, lifetimes)| Box::pin(take(tx, hash, entity, *now, *lifetimes))).await
    }
}

async fn put(tx: &mut Tx, new: &NewArtifact) -> Result<Result<(), Answered>, StoreError> {
    if let Some(once) = &new.once
        && !once.take(tx).await?
    {
        return Ok(Err(Answered));
    }
    let session = new.session.as_ref().map(SessionId::as_str).unwrap_or_default();
    let most = if new.session.is_some() { MOST } else { MOST_REFUSALS };
    // Some that come at the same time may pass the limit by as many: it bounds, it does not count.
    let oldest = "DELETE FROM saml_artifacts WHERE hash IN (SELECT hash FROM saml_artifacts WHERE entity_id = $1 \
                  AND session_id = $2 ORDER BY expires_at DESC, hash LIMIT $4 OFFSET $3)";
    tx.execute(oldest, &params![&new.entity_id, session, most - 1, AT_ONCE]).await?;
    let sql =
        "INSERT INTO saml_artifacts (hash, entity_id, session_id, message, expires_at) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, &params![&new.hash, &new.entity_id, session, new.message.as_slice(), new.expires_at]).await?;
    Ok(Ok(()))
}

async fn take(
    tx: &mut Tx,
    hash: &Hash,
    entity_id: &str,
    now: Timestamp,
    lifetimes: Lifetimes,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT session_id FROM saml_artifacts WHERE hash = $1 AND entity_id = $2";
    let Some(row) = tx.query_opt(sql, &params![hash, entity_id]).await? else { return Ok(None) };
    let session = row.read().text()?;
    // The session first, as everywhere: a logout that holds it commits before this reads on, or after this is done.
    let lives = if session.is_empty() {
        true
    } else {
        let session = SessionId::parse(&session).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let locked = tx.lock_session_and_user(&session).await?;
        locked.is_some_and(|(session, user)| session.life(now, lifetimes, user.epoch) == Life::Live)
    };
    // Whoever comes second finds nothing to delete.
    let sql = "DELETE FROM saml_artifacts WHERE hash = $1 AND entity_id = $2 RETURNING message, expires_at";
    let Some(row) = tx.query_opt(sql, &params![hash, entity_id]).await? else { return Ok(None) };
    let mut row = row.read();
    let (message, expires_at) = (row.blob()?, row.time()?);
    Ok(Some(message).filter(|_| lives && now < expires_at))
}
