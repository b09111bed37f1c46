//! Users: the people whom Acquit knows. Their epoch is what a logout of all of a user raises.

mod named;

use std::fmt;

use acquit_core::{Timestamp, UserId, event::Kind};

use crate::{
    Store, StoreError,
    column::to_json,
    event::Event,
    page::{Page, rows_for},
    tx::{Batch, Tx, locking},
    upstream::Origin,
    value::{Columns, Row, params},
};

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Their identifier: the subject of their tokens.
    pub id: UserId,
    /// What they type to sign in; unique among the users that were not deleted.
    pub username: String,
    /// Their address, if known.
    pub email: Option<String>,
    /// Whether that address was proved to be theirs.
    pub email_verified: bool,
    /// Their full name, if known.
    pub name: Option<String>,
    /// The PHC string of their password; none for who cannot sign in by password.
    pub password_hash: Option<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// Whether they may not sign in.
    pub disabled: bool,
    /// Whether the configuration's file of users defines them.
    pub from_file: bool,
    /// Sessions and offline grants of a lower epoch are dead. The store alone changes it.
    pub epoch: i64,
    /// Which description of them this is: counted up with each change of what they are called, their address or their
    /// groups. The store alone changes it.
    pub version: i64,
    /// When they became known.
    pub created_at: Timestamp,
    /// Where they come from, if an identity provider vouches for them. [`Store::recognise`] alone writes it.
    pub origin: Option<Origin>,
}

impl User {
    /// Whether `other` says the same of them to those whom they sign in to.
    pub(crate) fn is_described_as(&self, other: &Self) -> bool {
        self.username == other.username
            && self.email == other.email
            && self.email_verified == other.email_verified
            && self.name == other.name
            && self.groups == other.groups
    }

    /// What people call them: somebody from upstream has no username that anybody typed.
    #[must_use]
    pub fn label(&self) -> &str {
        let said = self.origin.as_ref().and_then(|origin| origin.profile.email.as_deref().or(self.name.as_deref()));
        said.unwrap_or(&self.username)
    }
}

/// The password's hash is left out.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("username", &self.username)
            .field("disabled", &self.disabled)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// A user whose epoch was raised by no logout, and of whom none has told the applications since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overtaken {
    /// Who.
    pub user: UserId,
    /// Why their epoch was raised.
    pub why: String,
}

/// Why an epoch is raised outside of a logout, as [`Overtaken::why`] says it.
const PASSWORD_CHANGED: &str = "the password changed";
const DISABLED: &str = "the user was disabled";
const DELETED: &str = "the user was deleted";

/// Another user has this username; the caller must choose another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another user has this username")]
pub struct UsernameTaken;

/// The columns of a user, for statements that read one as `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.username, u.email, u.email_verified, u.name, u.password_hash, u.group_names, u.disabled, u.from_file, \
         u.epoch, u.version, u.created_at, u.connection, u.issuer, u.idp_id, u.profile"
    };
}
pub(crate) use user_columns;

impl User {
    pub(crate) fn read(row: &mut Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.user_id()?,
            username: row.text()?,
            email: row.opt_text()?,
            email_verified: row.bool()?,
            name: row.opt_text()?,
            password_hash: row.opt_text()?,
            groups: row.json()?,
            disabled: row.bool()?,
            from_file: row.bool()?,
            epoch: row.int()?,
            version: row.int()?,
            created_at: row.time()?,
            origin: Origin::read(row)?,
        })
    }
}

impl Tx {
    /// Takes the row of a user, deleted ones too, until the transaction ends.
    pub(crate) async fn lock_user(&mut self, id: &UserId) -> Result<Option<User>, StoreError> {
        let sql = locking!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1");
        self.query_opt(sql, &params![id]).await?.map(|row| User::read(&mut row.read())).transpose()
    }
}

impl Store {
    /// Writes a user: a new one, or all but `epoch`, `version`, `created_at` and `disabled` of the one with that id. Another password
    /// raises the epoch, as [`Store::set_password_hash`] does; of a user who is there already, `created_at` is only read as
    /// the time of that change.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn put_user(&self, user: User) -> Result<Result<(), UsernameTaken>, StoreError> {
        match self.write(user, |tx, user| Box::pin(put(tx, user))).await {
            Ok(()) => Ok(Ok(())),
            Err(StoreError::Duplicate(_)) => Ok(Err(UsernameTaken)),
            Err(error) => Err(error),
        }
    }

    /// The user with this id, unless deleted.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.read(id.clone(), |tx, id| Box::pin(by_id(tx, id))).await
    }

    /// The user with this username, unless deleted.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn user_by_username(&self, username: &str) -> Result<Option<User>, StoreError> {
        self.read(username.to_owned(), |tx, username| Box::pin(by_username(tx, username))).await
    }

    /// Users by username, after a username.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn users(&self, after: Option<&str>, limit: u32) -> Result<Page<User>, StoreError> {
        let after = after.unwrap_or_default().to_owned();
        self.read((after, limit), |tx, (after, limit)| Box::pin(list(tx, after, *limit))).await
    }

    /// Users who were disabled or deleted or got another password, and whose logout did not follow, as when the process died
    /// in between: each wants one.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn overtaken(&self, limit: u32) -> Result<Vec<Overtaken>, StoreError> {
        self.read(limit.clamp(1, 1000), |tx, limit| Box::pin(overtaken(tx, *limit))).await
    }

    /// Changes a user's password; whether there is such a user. It raises the epoch, so that whoever signed in by the old
    /// one is out on this commit; the logout that tells the applications follows.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn set_password_hash(&self, id: &UserId, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
        let args = (id.clone(), hash.to_owned(), now);
        self.write(args, |tx, (id, hash, now)| Box::pin(set_password(tx, id, hash, *now))).await
    }

    /// Disables a user, or enables them again; whether there is such a user. Disabling raises the epoch, so that all
    /// that they hold is dead on this commit; the logout that tells the applications follows.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn set_disabled(&self, id: &UserId, disabled: bool, now: Timestamp) -> Result<bool, StoreError> {
        self.write((id.clone(), disabled, now), |tx, (id, disabled, now)| Box::pin(disable(tx, id, *disabled, *now)))
            .await
    }

    /// Deletes a user; whether there was such a user. What is known of them is wiped and their epoch raised; the empty
    /// row stays, so that a logout can still tell the applications.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn delete_user(&self, id: &UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.write((id.clone(), now), |tx, (id, now)| Box::pin(delete(tx, id, *now))).await
    }
}

async fn put(tx: &mut Tx, user: &User) -> Result<(), StoreError> {
    let known = tx.lock_user(&user.id).await?;
    let described = known.as_ref().is_some_and(|known| !known.is_described_as(user));
    let written = tx.execute(
        "INSERT INTO users (id, username, email, email_verified, name, password_hash, group_names, disabled, from_file, \
         epoch, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10) ON CONFLICT (id) DO UPDATE SET \
         username = excluded.username, email = excluded.email, email_verified = excluded.email_verified, \
         name = excluded.name, password_hash = excluded.password_hash, group_names = excluded.group_names, \
         from_file = excluded.from_file, version = users.version + $12, epoch = users.epoch + \
         CASE WHEN users.password_hash IS NOT DISTINCT FROM excluded.password_hash THEN 0 ELSE 1 END, \
         overtaken = CASE WHEN users.password_hash IS NOT DISTINCT FROM excluded.password_hash THEN users.overtaken \
         ELSE $11 END WHERE users.deleted_at IS NULL",
        &params![
            &user.id,
            &user.username,
            user.email.as_ref(),
            user.email_verified,
            user.name.as_ref(),
            user.password_hash.as_ref(),
            &to_json(&user.groups)?,
            user.disabled,
            user.from_file,
            user.created_at,
            PASSWORD_CHANGED,
            described,
        ],
    )
    .await?;
    if described {
        let mut batch = Batch::default();
        batch.described_anew(&user.id, user.created_at);
        tx.execute_all(&batch).await?;
    }
    let changed = written > 0 && known.is_some_and(|known| known.password_hash != user.password_hash);
    note(tx, changed, Kind::PasswordChanged, &user.id, user.created_at, None).await?;
    Ok(())
}

async fn by_id(tx: &mut Tx, id: &UserId) -> Result<Option<User>, StoreError> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1 AND u.deleted_at IS NULL");
    tx.query_opt(sql, &params![id]).await?.map(|row| User::read(&mut row.read())).transpose()
}

async fn by_username(tx: &mut Tx, username: &str) -> Result<Option<User>, StoreError> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.username = $1 AND u.deleted_at IS NULL");
    tx.query_opt(sql, &params![username]).await?.map(|row| User::read(&mut row.read())).transpose()
}

async fn list(tx: &mut Tx, after: &str, limit: u32) -> Result<Page<User>, StoreError> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.username > $1 AND u.deleted_at IS NULL ORDER BY u.username LIMIT $2"
    );
    let rows = tx.query(sql, &params![after, rows_for(limit)]).await?;
    let users = rows.into_iter().map(|row| User::read(&mut row.read())).collect::<Result<_, _>>()?;
    Ok(Page::cut(users, limit, |user: &User| user.username.clone()))
}

async fn overtaken(tx: &mut Tx, limit: u32) -> Result<Vec<Overtaken>, StoreError> {
    let sql = "SELECT id, overtaken FROM users WHERE overtaken IS NOT NULL ORDER BY id LIMIT $1";
    let rows = tx.query(sql, &params![limit]).await?;
    let read = |row: Row| {
        let mut row = row.read();
        Ok(Overtaken { user: row.user_id()?, why: row.text()? })
    };
    rows.into_iter().map(read).collect()
}

async fn set_password(tx: &mut Tx, id: &UserId, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE users SET password_hash = $1, epoch = epoch + 1, overtaken = $3 \
               WHERE id = $2 AND deleted_at IS NULL";
    let changed = tx.execute(sql, &params![hash, id, PASSWORD_CHANGED]).await? > 0;
    note(tx, changed, Kind::PasswordChanged, id, now, None).await
}

async fn disable(tx: &mut Tx, id: &UserId, disabled: bool, now: Timestamp) -> Result<bool, StoreError> {
    if tx.lock_user(id).await?.is_none() {
        return Ok(false);
    }
    let sql = "UPDATE users SET disabled = $1, epoch = epoch + $1, overtaken = COALESCE($3, overtaken) \
               WHERE id = $2 AND deleted_at IS NULL";
    let changed = tx.execute(sql, &params![disabled, id, disabled.then_some(DISABLED)]).await? > 0;
    note(tx, changed && disabled, Kind::UserDisabled, id, now, Some("disabled")).await?;
    Ok(changed)
}

async fn delete(tx: &mut Tx, id: &UserId, now: Timestamp) -> Result<bool, StoreError> {
    if tx.lock_user(id).await?.is_none() {
        return Ok(false);
    }
    let changed = tx
        .execute(
            "UPDATE users SET deleted_at = $1, disabled = 1, epoch = epoch + 1, overtaken = $3, username = id, \
             profile = NULL, connection = NULL, issuer = '', idp_id = NULL, email = NULL, email_verified = 0, name = NULL, password_hash = NULL, group_names = '[]' \
             WHERE id = $2 AND deleted_at IS NULL",
            &params![now, id, DELETED],
        )
        .await?
        > 0;
    tx.execute("DELETE FROM consents WHERE user_id = $1", &params![id]).await?;
    note(tx, changed, Kind::UserDisabled, id, now, Some("deleted")).await
}

async fn note(
    tx: &mut Tx,
    happened: bool,
    kind: Kind,
    user: &UserId,
    now: Timestamp,
    detail: Option<&str>,
) -> Result<bool, StoreError> {
    if happened {
        let mut batch = Batch::default();
        let detail = detail.map(ToOwned::to_owned);
        batch.event(&Event { user: Some(user.clone()), detail, ..Event::new(kind, now) });
        if matches!(kind, Kind::UserDisabled | Kind::PasswordChanged) {
            batch.revoked_user(user, now);
        }
        tx.execute_all(&batch).await?;
    }
    Ok(happened)
}
