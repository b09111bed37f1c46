//! Access and refresh tokens. One is good only while its family is and its session lives; one of an offline grant hangs on
//! its user instead. All of that is a join at every look, so a logout never has to find tokens.

mod refresh;

use acquit_core::{
    AppId, Timestamp,
    session::{Life, Lifetimes, Session},
};

use crate::{
    Hash, Store, StoreError,
    session::read_session,
    tx::{Batch, Tx},
    user::User,
    value::{Columns, params},
};

pub use refresh::RefreshFailure;

/// The grant that a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The family's name.
    pub family: String,
    /// The application.
    pub app: AppId,
    /// Its client identifier.
    pub client_id: String,
    /// The `sid` by which it knows the session.
    pub sid: String,
    /// The scope that was granted, space-separated.
    pub scope: String,
    /// The `claims` parameter, as JSON.
    pub claims: Option<String>,
    /// When the user had last proved who they are.
    pub auth_time: Timestamp,
    /// How.
    pub acr: Option<String>,
    /// Whether the grant has `offline_access`.
    pub offline: bool,
    /// The user's epoch when it was given.
    pub epoch: i64,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The session that it was given in; that of an offline grant may have ended.
    pub session: Session,
    /// Whose it is; `user.epoch` is the present epoch.
    pub user: User,
}

impl Grant {
    /// Whether the grant is good for what hangs on the user (`offline`) or on the session.
    fn live(&self, offline: bool, now: Timestamp, lifetimes: Lifetimes) -> bool {
        let holds = if offline {
            self.epoch >= self.user.epoch
        } else {
            self.session.life(now, lifetimes, self.user.epoch) == Life::Live
        };
        holds && !self.revoked && !self.user.disabled
    }
}

/// An access token with all that decides on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessView {
    /// Its scope, space-separated.
    pub scope: String,
    /// Whom it is for.
    pub aud: Vec<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// Whether it hangs on the user, not on the session.
    pub offline: bool,
    /// Whether it, by itself, was revoked.
    pub revoked: bool,
    /// What it belongs to.
    pub grant: Grant,
}

impl AccessView {
    /// Whether the token is good at `now`.
    #[must_use]
    pub fn live(&self, now: Timestamp, lifetimes: Lifetimes) -> bool {
        now < self.expires_at && !self.revoked && self.grant.live(self.offline, now, lifetimes)
    }
}

/// A refresh token with all that decides on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshView {
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// When it was exchanged for its successor, if it was.
    pub rotated_at: Option<Timestamp>,
    /// What it belongs to.
    pub grant: Grant,
}

impl RefreshView {
    /// Whether the token is good at `now`; one that has a successor is not.
    #[must_use]
    pub fn live(&self, now: Timestamp, lifetimes: Lifetimes) -> bool {
        now < self.expires_at && self.rotated_at.is_none() && self.grant.live(self.grant.offline, now, lifetimes)
    }
}

/// The columns of a grant, for statements that read its family as `f`, session as `s` and user as `u`.
macro_rules! grant_columns {
    () => {
        concat!(
            "f.id, f.app, f.client_id, f.sid, f.scope, f.claims, f.auth_time, f.acr, f.offline, f.epoch, f.revoked_at, ",
            $crate::session::session_columns!(),
            ", ",
            $crate::user::user_columns!()
        )
    };
}

impl Grant {
    fn read(row: &mut Columns) -> Result<Self, StoreError> {
        Ok(Self {
            family: row.text()?,
            app: row.app_id()?,
            client_id: row.text()?,
            sid: row.text()?,
            scope: row.text()?,
            claims: row.opt_text()?,
            auth_time: row.time()?,
            acr: row.opt_text()?,
            offline: row.bool()?,
            epoch: row.int()?,
            revoked: row.opt_time()?.is_some(),
            session: read_session(row)?,
            user: User::read(row)?,
        })
    }
}

impl Store {
    /// An access token, good or not: [`AccessView::live`] decides.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn access_token(&self, hash: &Hash) -> Result<Option<AccessView>, StoreError> {
        self.read(*hash, |tx, hash| Box::pin(access(tx, hash))).await
    }

    /// A refresh token, good or not: [`RefreshView::live`] decides.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn refresh_token(&self, hash: &Hash) -> Result<Option<RefreshView>, StoreError> {
        self.read(*hash, |tx, hash| Box::pin(refresh_view(tx, hash))).await
    }

    /// Revokes one access token; false when there is none, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn revoke_access(&self, hash: &Hash, now: Timestamp) -> Result<bool, StoreError> {
        self.write((*hash, now), |tx, (hash, now)| Box::pin(revoke_access(tx, hash, *now))).await
    }

    /// Revokes all that came of one authorization; false when there is nothing, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn revoke_family(&self, family: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write((family.to_owned(), now), |tx, (family, now)| Box::pin(revoke_family(tx, family, *now))).await
    }
}

async fn access(tx: &mut Tx, hash: &Hash) -> Result<Option<AccessView>, StoreError> {
    let sql = concat!(
        "SELECT t.scope, t.aud, t.issued_at, t.expires_at, t.offline, t.revoked_at, ",
        grant_columns!(),
        " FROM access_tokens t JOIN families f ON f.id = t.family JOIN sessions s ON s.id = f.session_id \
         JOIN users u ON u.id = f.user_id WHERE t.hash = $1"
    );
    let Some(row) = tx.query_opt(sql, &params![hash]).await? else { return Ok(None) };
    let mut row = row.read();
    Ok(Some(AccessView {
        scope: row.text()?,
        aud: row.json()?,
        issued_at: row.time()?,
        expires_at: row.time()?,
        offline: row.bool()?,
        revoked: row.opt_time()?.is_some(),
        grant: Grant::read(&mut row)?,
    }))
}

async fn refresh_view(tx: &mut Tx, hash: &Hash) -> Result<Option<RefreshView>, StoreError> {
    let sql = concat!(
        "SELECT t.issued_at, t.expires_at, t.rotated_at, ",
        grant_columns!(),
        " FROM refresh_tokens t JOIN families f ON f.id = t.family JOIN sessions s ON s.id = f.session_id \
         JOIN users u ON u.id = f.user_id WHERE t.hash = $1"
    );
    let Some(row) = tx.query_opt(sql, &params![hash]).await? else { return Ok(None) };
    let mut row = row.read();
    Ok(Some(RefreshView {
        issued_at: row.time()?,
        expires_at: row.time()?,
        rotated_at: row.opt_time()?,
        grant: Grant::read(&mut row)?,
    }))
}

async fn revoke_access(tx: &mut Tx, hash: &Hash, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE access_tokens SET revoked_at = $1 WHERE hash = $2 AND revoked_at IS NULL";
    Ok(tx.execute(sql, &params![now, hash]).await? > 0)
}

async fn revoke_family(tx: &mut Tx, family: &str, now: Timestamp) -> Result<bool, StoreError> {
    let mut batch = Batch::default();
    batch.revoke_family(family, now);
    Ok(tx.execute_all(&batch).await?.first().is_some_and(|&rows| rows > 0))
}
