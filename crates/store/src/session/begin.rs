//! A session begins, under the lock of the user's row; with it, where the caller has one ready, the first code that is issued in it.

use acquit_core::{
    SessionId, Timestamp, UserId,
    event::{Facts, Kind},
    plan::By,
    session::Session,
};

use crate::{
    Hash, Store, StoreError,
    code::NewCode,
    event::Event,
    tx::{Batch, Tx},
    upstream::NewUpstream,
    value::params,
};

/// A session that is to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its name.
    pub id: SessionId,
    /// The hash of what its cookie holds.
    pub handle_hash: Hash,
    /// Whose it is.
    pub user: UserId,
    /// The user's epoch as it was read when they proved who they are: a logout of all of the user in between wins.
    pub user_epoch: i64,
    /// When.
    pub now: Timestamp,
    /// From which address.
    pub ip: Option<String>,
    /// With which browser; for a program, what the operator calls it.
    pub user_agent: Option<String>,
    /// More, if a program is to have it: its handle is nobody's then.
    pub program: Option<NewProgram>,
    /// The sign-in at an identity provider that it begins with, if one vouched for the user.
    pub upstream: Option<NewUpstream>,
}

/// A program that is to have a session.
#[derive(Clone, Debug)]
pub struct NewProgram {
    /// Until when the session lives, used or not.
    pub until: Timestamp,
    /// Which operator lets it in, for the log.
    pub by: String,
}

impl NewSession {
    /// The session as it begins, in the user's present epoch.
    #[must_use]
    pub fn session(&self, epoch: i64) -> Session {
        Session {
            id: self.id.clone(),
            user: self.user.clone(),
            began_at: self.now,
            authenticated_at: self.now,
            last_seen_at: self.now,
            epoch,
            until: self.program.as_ref().map(|program| program.until),
            ended: None,
        }
    }
}

/// Why a session does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginRefusal {
    /// There is no such user (any more).
    #[error("there is no such user")]
    UnknownUser,
    /// The user may not sign in.
    #[error("the user is disabled")]
    Disabled,
    /// All of the user was signed out since they proved who they are: they must do so again.
    #[error("the user was signed out everywhere in the meantime")]
    Overtaken,
    /// The identity provider ended its session before the sign-in arrived here.
    #[error("the identity provider ended this sign-in in the meantime")]
    EndedUpstream,
}

impl Store {
    /// Begins a session, under the lock of the user's row.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id or handle is not new; otherwise as everywhere.
    pub async fn begin_session(&self, new: NewSession) -> Result<Result<Session, BeginRefusal>, StoreError> {
        self.write((new, None), |tx, (new, code)| Box::pin(begin(tx, new, code.as_ref()))).await
    }

    /// Begins a session and issues a code in it, as [`Store::issue_code`] does: both or neither. The code's grant and participant
    /// name the session that begins.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id, handle, code or `sid` is not new; otherwise as everywhere.
    pub async fn begin_session_with_code(
        &self,
        new: NewSession,
        code: NewCode,
    ) -> Result<Result<Session, BeginRefusal>, StoreError> {
        self.write((new, Some(code)), |tx, (new, code)| Box::pin(begin(tx, new, code.as_ref()))).await
    }
}

async fn begin(
    tx: &mut Tx,
    new: &NewSession,
    code: Option<&NewCode>,
) -> Result<Result<Session, BeginRefusal>, StoreError> {
    let Some(user) = tx.lock_user(&new.user).await? else { return Ok(Err(BeginRefusal::UnknownUser)) };
    if user.disabled {
        return Ok(Err(BeginRefusal::Disabled));
    }
    if user.epoch != new.user_epoch {
        return Ok(Err(BeginRefusal::Overtaken));
    }
    if let Some(upstream) = &new.upstream
        && (tx.was_overtaken(upstream, new.now).await? || !tx.may_come_through(&upstream.connection).await?)
    {
        return Ok(Err(BeginRefusal::EndedUpstream));
    }
    let mut batch = Batch::default();
    batch.push(
        "INSERT INTO sessions (id, handle_hash, user_id, epoch, began_at, authenticated_at, last_seen_at, ip, user_agent, lives_until) \
         VALUES ($1, $2, $3, $4, $5, $5, $5, $6, $7, $8)",
        params![
            &new.id,
            &new.handle_hash,
            &new.user,
            user.epoch,
            new.now,
            new.ip.as_ref(),
            new.user_agent.as_ref(),
            new.program.as_ref().map(|program| program.until),
        ],
    );
    if let Some(upstream) = &new.upstream {
        batch.signed_in_upstream(&new.id, upstream, new.now)?;
    }
    batch.event(&Event {
        user: Some(new.user.clone()),
        session: Some(new.id.clone()),
        ip: new.ip.clone(),
        connection: new.upstream.as_ref().map(|upstream| upstream.connection.clone()),
        organization: new.upstream.as_ref().and_then(|upstream| upstream.organization.clone()),
        party: new.program.as_ref().map(|program| program.by.clone()),
        facts: Facts {
            user_agent: new.user_agent.clone(),
            by: new.program.as_ref().map(|_| By::Administrator.as_str().to_owned()),
            own_browser: new.program.is_none(),
            ..Facts::NONE
        },
        ..Event::new(Kind::SessionBegan, new.now)
    });
    if let Some(upstream) = &new.upstream {
        let facts = Facts { user_agent: new.user_agent.clone(), ..Facts::NONE };
        let event = Event { ip: new.ip.clone(), facts, ..Event::new(Kind::SsoSucceeded, new.now) };
        batch.vouched_for((&new.user, &new.id), upstream, event);
    }
    if let Some(code) = code {
        batch.join(None, &new.user, &code.participant)?;
        batch.code(code);
    }
    tx.finish(&batch).await?;
    Ok(Ok(new.session(user.epoch)))
}
