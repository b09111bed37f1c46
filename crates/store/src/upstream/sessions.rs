//! Finding the sessions that an identity provider or a broker application means.

use acquit_core::{AppId, ConnectionId, SessionId, UserId};

use crate::{
    Store, StoreError,
    session::{SessionView, session_columns},
    tx::Tx,
    user::user_columns,
    value::{Row, params},
};

/// By what an identity provider names sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamName {
    /// One of its own sessions.
    Sid(String),
    /// All of a person.
    Subject(String),
    /// One of its own sessions, of this person and of nobody else.
    Both {
        /// The session.
        sid: String,
        /// The person.
        subject: String,
    },
}

impl Store {
    /// The sessions that have not ended and came through a connection, by what its provider calls them.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn sessions_from(
        &self,
        connection: &ConnectionId,
        name: UpstreamName,
    ) -> Result<Vec<SessionView>, StoreError> {
        self.read((connection.clone(), name), |tx, (connection, name)| Box::pin(from(tx, connection, name))).await
    }

    /// Some of the sessions that have not ended and came through a connection.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn sessions_through(&self, connection: &ConnectionId, limit: u32) -> Result<Vec<SessionId>, StoreError> {
        let args = (connection.clone(), limit);
        self.read(args, |tx, (connection, limit)| Box::pin(through(tx, connection, *limit))).await
    }

    /// Some of the sessions that have not ended of people whom another provider than this one brought through the connection.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn sessions_of_other_issuers(
        &self,
        connection: &ConnectionId,
        issuer: &str,
        limit: u32,
    ) -> Result<Vec<SessionId>, StoreError> {
        let args = (connection.clone(), issuer.to_owned(), limit);
        self.read(args, |tx, (connection, issuer, limit)| Box::pin(of_others(tx, connection, issuer, *limit))).await
    }

    /// The sessions of a user that have not ended and in which an application takes part.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn sessions_at(&self, user: &UserId, app: &AppId) -> Result<Vec<SessionView>, StoreError> {
        self.read((user.clone(), app.clone()), |tx, (user, app)| Box::pin(at(tx, user, app))).await
    }

    /// Whether an application ever received this user. It must not learn of others that they exist.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn has_received(&self, app: &AppId, user: &UserId) -> Result<bool, StoreError> {
        self.read((app.clone(), user.clone()), |tx, (app, user)| Box::pin(received(tx, app, user))).await
    }
}

fn read_views(rows: Vec<Row>) -> Result<Vec<SessionView>, StoreError> {
    rows.into_iter().map(|row| SessionView::read(&mut row.read())).collect()
}

async fn from(tx: &mut Tx, connection: &ConnectionId, name: &UpstreamName) -> Result<Vec<SessionView>, StoreError> {
    macro_rules! sql {
        ($condition:literal) => {
            concat!(
                "SELECT DISTINCT ",
                session_columns!(),
                ", s.ip, s.user_agent, ",
                user_columns!(),
                " FROM upstreams t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id \
                 WHERE t.connection = $1 AND s.ended_at IS NULL AND ",
                $condition,
                " ORDER BY s.id"
            )
        };
    }
    let rows = match name {
        UpstreamName::Sid(sid) => tx.query(sql!("t.sid = $2"), &params![connection, sid]).await?,
        UpstreamName::Subject(subject) => tx.query(sql!("t.subject = $2"), &params![connection, subject]).await?,
        UpstreamName::Both { sid, subject } => {
            tx.query(sql!("t.sid = $2 AND t.subject = $3"), &params![connection, sid, subject]).await?
        }
    };
    read_views(rows)
}

async fn through(tx: &mut Tx, connection: &ConnectionId, limit: u32) -> Result<Vec<SessionId>, StoreError> {
    let sql = "SELECT DISTINCT s.id FROM upstreams t JOIN sessions s ON s.id = t.session_id \
               WHERE t.connection = $1 AND s.ended_at IS NULL ORDER BY s.id LIMIT $2";
    let rows = tx.query(sql, &params![connection, limit]).await?;
    rows.into_iter().map(|row| row.read().session_id()).collect()
}

async fn of_others(
    tx: &mut Tx,
    connection: &ConnectionId,
    issuer: &str,
    limit: u32,
) -> Result<Vec<SessionId>, StoreError> {
    let sql = "SELECT s.id FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.connection = $1 AND u.issuer <> $2 \
               AND u.issuer <> '' AND u.deleted_at IS NULL AND s.ended_at IS NULL ORDER BY s.id LIMIT $3";
    let rows = tx.query(sql, &params![connection, issuer, limit]).await?;
    rows.into_iter().map(|row| row.read().session_id()).collect()
}

async fn at(tx: &mut Tx, user: &UserId, app: &AppId) -> Result<Vec<SessionView>, StoreError> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", s.ip, s.user_agent, ",
        user_columns!(),
        " FROM participants p JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = s.user_id \
         WHERE p.user_id = $1 AND p.app = $2 AND s.ended_at IS NULL ORDER BY s.id"
    );
    read_views(tx.query(sql, &params![user, app]).await?)
}

async fn received(tx: &mut Tx, app: &AppId, user: &UserId) -> Result<bool, StoreError> {
    let sql = "SELECT app FROM participants WHERE user_id = $1 AND app = $2 LIMIT 1";
    Ok(tx.query_opt(sql, &params![user, app]).await?.is_some())
}
