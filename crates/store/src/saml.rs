//! SAML applications: joining a session, under which name, and finding the sessions that a LogoutRequest means.

mod artifact;
mod hop;
mod sessions;
mod way;

use acquit_core::{
    Timestamp, UserId,
    participant::{NameIdForm, Participant},
    session::{Life, Lifetimes},
};

use crate::{
    Hash, Store, StoreError,
    replay::{Once, SAML_MESSAGE},
    tx::{Batch, Tx},
    value::params,
};

pub use artifact::{Answered, NewArtifact};
pub use hop::{HopAnswer, Skipped};
pub use sessions::{SamlAsked, SamlSession};

/// Where the value of the NameID comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// It is the participant's `subject`, such as an address.
    AsGiven,
    /// The user has one at this application for good; `subject` is a fresh random value, kept if they have none yet.
    Persistent,
    /// The session has one at this application; `subject` is a fresh random value, kept if it has none yet.
    Transient,
}

/// How an application knows the session that it joined: what its assertion must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlJoined {
    /// The value of the NameID.
    pub subject: String,
    /// What qualifies it: that of the first assertion of this session, whatever was asked for now.
    pub form: NameIdForm,
    /// The SessionIndex.
    pub session_index: String,
}

/// Why an application does not join: nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefusal {
    /// The session does not live (any more).
    #[error("the session has ended")]
    SessionEnded,
    /// Its request was answered before.
    #[error("the request was answered before")]
    Answered,
}

impl Store {
    /// Makes a SAML application a participant, before its assertion leaves, under the session's lock and only while it
    /// lives. `participant.sid` is a fresh SessionIndex; one that takes part already keeps the one it has, and the later of
    /// the two `not_on_or_after`. The time is `participant.joined_at`. `once` is the request that is answered so.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the SessionIndex or a persistent name is not new; otherwise as everywhere.
    pub async fn join_saml(
        &self,
        participant: Participant,
        rule: NameRule,
        lifetimes: Lifetimes,
        once: Option<Once>,
    ) -> Result<Result<SamlJoined, JoinRefusal>, StoreError> {
        let args = (participant, rule, lifetimes, once);
        self.write(args, |tx, (participant, rule, lifetimes, once)| {
            Box::pin(join(tx, participant, *rule, *lifetimes, once.as_ref()))
        })
        .await
    }

    /// How a user is called at one SAML application for good, if they ever were.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn persistent_name(&self, user: &UserId, entity_id: &str) -> Result<Option<String>, StoreError> {
        self.read((user.clone(), entity_id.to_owned()), |tx, (user, entity)| Box::pin(name(tx, user, entity))).await
    }

    /// Remembers a message by the hash of its issuer and ID, until it would be too old to be taken anyway; false when it
    /// was taken before, on any node.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be taken for new.
    pub async fn remember_saml_message(&self, issuer_and_id: &Hash, until: Timestamp) -> Result<bool, StoreError> {
        self.remember_once(SAML_MESSAGE, issuer_and_id, until).await
    }

    /// Whether a message was taken before, by the hash of its issuer and ID.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be taken for new.
    pub async fn knows_saml_message(&self, issuer_and_id: &Hash) -> Result<bool, StoreError> {
        self.was_used(SAML_MESSAGE, issuer_and_id).await
    }
}

async fn join(
    tx: &mut Tx,
    participant: &Participant,
    rule: NameRule,
    lifetimes: Lifetimes,
    once: Option<&Once>,
) -> Result<Result<SamlJoined, JoinRefusal>, StoreError> {
    let Some((session, user, known)) = tx.lock_to_join(participant).await? else {
        return Ok(Err(JoinRefusal::SessionEnded));
    };
    if session.life(participant.joined_at, lifetimes, user.epoch) != Life::Live {
        return Ok(Err(JoinRefusal::SessionEnded));
    }
    if let Some(once) = once
        && !once.take(tx).await?
    {
        return Ok(Err(JoinRefusal::Answered));
    }
    let mut participant = participant.clone();
    let same = known.as_ref().filter(|known| known.client_id == participant.client_id && known.name_id.is_some());
    match (same, rule) {
        // A logout names one person for each session: what hangs on another name would outlive it.
        (Some(known), _) => {
            participant.subject.clone_from(&known.subject);
            participant.name_id.clone_from(&known.name_id);
        }
        (None, NameRule::Persistent) => {
            let entity = &participant.client_id;
            participant.subject = draw(tx, &session.user, entity, &participant.subject, participant.joined_at).await?;
        }
        (None, NameRule::Transient | NameRule::AsGiven) => {}
    }
    // An earlier assertion may still be on its way.
    participant.not_on_or_after =
        participant.not_on_or_after.max(known.as_ref().and_then(|known| known.not_on_or_after));
    let mut batch = Batch::default();
    let session_index = batch.join(known.as_ref(), &session.user, &participant)?;
    tx.execute_all(&batch).await?;
    let form = participant.name_id.unwrap_or_default();
    Ok(Ok(SamlJoined { subject: participant.subject, form, session_index }))
}

async fn name(tx: &mut Tx, user: &UserId, entity: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT name FROM saml_names WHERE user_id = $1 AND entity_id = $2";
    tx.query_opt(sql, &params![user, entity]).await?.map(|row| row.read().text()).transpose()
}

/// The user's name at an application: `fresh` if they had none. Whoever loses a race gets the winner's.
async fn draw(tx: &mut Tx, user: &UserId, entity: &str, fresh: &str, now: Timestamp) -> Result<String, StoreError> {
    if let Some(name) = name(tx, user, entity).await? {
        return Ok(name);
    }
    let sql = "INSERT INTO saml_names (user_id, entity_id, name, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (user_id, entity_id) DO NOTHING";
    tx.execute(sql, &params![user, entity, fresh, now]).await?;
    let name = name(tx, user, entity).await?;
    name.ok_or_else(|| StoreError::Corrupt("a name that was drawn and is not there".to_owned()))
}
