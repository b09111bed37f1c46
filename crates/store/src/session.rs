//! Sessions: one signed-in browser of one user, or one program that acts as them. Every write to one is an update-if-alive, never an upsert, so that none
//! goes from ended to alive.

mod begin;
mod list;

use acquit_core::{
    AppId, SessionId, Timestamp,
    event::{Facts, Kind},
    session::{Ended, Life, Lifetimes, Session},
};

use crate::{
    Hash, Store, StoreError,
    event::Event,
    tx::{Batch, Sql, Tx, locking},
    upstream::NewUpstream,
    user::{User, user_columns},
    value::{Columns, Row, Value, params},
};

pub use begin::{BeginRefusal, NewProgram, NewSession};
pub use list::{SessionFilter, SessionState};

/// A session as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The session.
    pub session: Session,
    /// Whose it is; `user.epoch` is the present epoch.
    pub user: User,
    /// The address from which it began.
    pub ip: Option<String>,
    /// The browser with which it began.
    pub user_agent: Option<String>,
    /// The applications in it, by the time they joined. Empty where the session was looked up by its cookie or a `sid`.
    pub participants: Vec<Joined>,
}

impl SessionView {
    /// What the session is worth at `now`. A disabled or deleted user has a raised epoch, so theirs count as ended.
    #[must_use]
    pub fn life(&self, now: Timestamp, lifetimes: Lifetimes) -> Life {
        self.session.life(now, lifetimes, self.user.epoch)
    }
}

/// An application in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Which.
    pub app: AppId,
    /// The `sid` that it knows this session by.
    pub sid: String,
    /// When it last got a code.
    pub joined_at: Timestamp,
    /// Whether a logout has told it.
    pub told: bool,
}

/// The columns of a session, for statements that read one as `s`.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.began_at, s.authenticated_at, s.last_seen_at, s.epoch, s.lives_until, s.ended_at, s.logout_id"
    };
}
pub(crate) use session_columns;

pub(crate) fn read_session(row: &mut Columns) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.session_id()?,
        user: row.user_id()?,
        began_at: row.time()?,
        authenticated_at: row.time()?,
        last_seen_at: row.time()?,
        epoch: row.int()?,
        until: row.opt_time()?,
        ended: match (row.opt_time()?, row.opt_logout_id()?) {
            (Some(at), Some(logout)) => Some(Ended { at, logout }),
            (None, None) => None,
            _ => return Err(StoreError::Corrupt("a session that ended by no logout".to_owned())),
        },
    })
}

impl SessionView {
    pub(crate) fn read(row: &mut Columns) -> Result<Self, StoreError> {
        Ok(Self {
            session: read_session(row)?,
            ip: row.opt_text()?,
            user_agent: row.opt_text()?,
            user: User::read(row)?,
            participants: Vec::new(),
        })
    }
}

impl Tx {
    /// Takes the row of a session until the transaction ends.
    pub(crate) async fn lock_session(&mut self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let (sql, params) = lock(id);
        self.query_opt(sql, &params).await?.map(|row| read_session(&mut row.read())).transpose()
    }

    /// Takes the row of a session and then reads its user, so that an epoch raised by whoever held the row is seen.
    pub(crate) async fn lock_session_and_user(
        &mut self,
        id: &SessionId,
    ) -> Result<Option<(Session, User)>, StoreError> {
        let [session, user] = self.look_all([lock(id), user_of(id)]).await?;
        locked(session, user)
    }

    /// The same, and then what `query` finds: in the same round trip, and as it is once the row is held.
    pub(crate) async fn lock_session_and_look(
        &mut self,
        id: &SessionId,
        query: (Sql, Vec<Value>),
    ) -> Result<Option<(Session, User, Vec<Row>)>, StoreError> {
        let [session, user, found] = self.look_all([lock(id), user_of(id), query]).await?;
        Ok(locked(session, user)?.map(|(session, user)| (session, user, found)))
    }
}

fn lock(id: &SessionId) -> (Sql, Vec<Value>) {
    (locking!("SELECT ", session_columns!(), " FROM sessions s WHERE s.id = $1"), params![id].into())
}

fn user_of(id: &SessionId) -> (Sql, Vec<Value>) {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.id = (SELECT s.user_id FROM sessions s WHERE s.id = $1)"
    );
    (sql.into(), params![id].into())
}

fn locked(session: Vec<Row>, user: Vec<Row>) -> Result<Option<(Session, User)>, StoreError> {
    let Some(session) = session.into_iter().next() else { return Ok(None) };
    let user = user.into_iter().next().ok_or_else(|| StoreError::Corrupt("a session of nobody".to_owned()))?;
    Ok(Some((read_session(&mut session.read())?, User::read(&mut user.read())?)))
}

impl Store {
    /// The session whose cookie this is. Ended ones too: a browser is recognised by its ended session's cookie.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn session_by_handle(&self, handle_hash: &Hash) -> Result<Option<SessionView>, StoreError> {
        self.read(*handle_hash, |tx, hash| Box::pin(by_handle(tx, hash))).await
    }

    /// The session that a client knows by this `sid`; ended ones too.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn session_by_sid(&self, client_id: &str, sid: &str) -> Result<Option<SessionView>, StoreError> {
        let args = (client_id.to_owned(), sid.to_owned());
        self.read(args, |tx, (client_id, sid)| Box::pin(by_sid(tx, client_id, sid))).await
    }

    /// Notes that a session was used; false when it has ended.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn touch_session(&self, id: &SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.write((id.clone(), now), |tx, (id, now)| Box::pin(touch(tx, id, *now))).await
    }

    /// Notes that the user of a session proved again who they are, here or at an identity provider, and gives it a new
    /// handle; the old one is dead. False when the session does not live, or the provider has ended that sign-in meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the handle is not new; otherwise as everywhere.
    pub async fn reauthenticate(
        &self,
        id: &SessionId,
        new_handle_hash: &Hash,
        upstream: Option<NewUpstream>,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Result<bool, StoreError> {
        let args = (id.clone(), *new_handle_hash, upstream, now, lifetimes);
        self.write(args, |tx, (id, hash, upstream, now, lifetimes)| {
            Box::pin(prove_again(tx, id, hash, upstream.as_ref(), *now, *lifetimes))
        })
        .await
    }
}

async fn by_handle(tx: &mut Tx, hash: &Hash) -> Result<Option<SessionView>, StoreError> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", s.ip, s.user_agent, ",
        user_columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.handle_hash = $1"
    );
    tx.query_opt(sql, &params![hash]).await?.map(|row| SessionView::read(&mut row.read())).transpose()
}

async fn by_sid(tx: &mut Tx, client_id: &str, sid: &str) -> Result<Option<SessionView>, StoreError> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", s.ip, s.user_agent, ",
        user_columns!(),
        " FROM participants p JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = s.user_id \
         WHERE p.client_id = $1 AND p.sid = $2"
    );
    tx.query_opt(sql, &params![client_id, sid]).await?.map(|row| SessionView::read(&mut row.read())).transpose()
}

async fn touch(tx: &mut Tx, id: &SessionId, now: Timestamp) -> Result<bool, StoreError> {
    // A node whose clock is behind must not make the session look idle.
    let sql = "UPDATE sessions SET last_seen_at = CASE WHEN last_seen_at < $1 THEN $1 ELSE last_seen_at END \
               WHERE id = $2 AND ended_at IS NULL";
    Ok(tx.execute(sql, &params![now, id]).await? > 0)
}

async fn prove_again(
    tx: &mut Tx,
    id: &SessionId,
    handle_hash: &Hash,
    upstream: Option<&NewUpstream>,
    now: Timestamp,
    lifetimes: Lifetimes,
) -> Result<bool, StoreError> {
    let Some((session, user)) = tx.lock_session_and_user(id).await? else { return Ok(false) };
    if session.life(now, lifetimes, user.epoch) != Life::Live {
        return Ok(false);
    }
    let mut batch = Batch::default();
    if let Some(upstream) = upstream {
        if tx.was_overtaken(upstream, now).await? || !tx.may_come_through(&upstream.connection).await? {
            return Ok(false);
        }
        batch.newer_sign_in_upstream(id, &upstream.connection);
        batch.signed_in_upstream(id, upstream, now)?;
        batch.vouched_for((&session.user, id), upstream, Event::new(Kind::SsoSucceeded, now));
    }
    batch.push(
        "UPDATE sessions SET authenticated_at = $1, last_seen_at = $1, handle_hash = $2 WHERE id = $3 AND ended_at IS NULL",
        params![now, handle_hash, id],
    );
    batch.event(&Event {
        user: Some(session.user),
        session: Some(session.id),
        facts: Facts { own_browser: true, ..Facts::NONE },
        ..Event::new(Kind::SessionReauthenticated, now)
    });
    tx.execute_all(&batch).await?;
    Ok(true)
}
