//! The store: which engine, and how reads and writes reach it.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicI64},
};

use crate::{
    StoreError,
    postgres::{Hints, Postgres},
    sqlite::Sqlite,
    tx::{Body, Tx},
    value::params,
};

/// The database. Cheap to clone; everything that it does, it does on either engine alike.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    /// The last place of the event log that was proved to be settled (`event/horizon.rs`).
    pub(crate) horizon: Arc<AtomicI64>,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Postgres),
}

impl Store {
    /// Opens `sqlite://path` or `postgres://…` and brings it to the present schema.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Newer`] and [`StoreError::Unsafe`] are for the operator;
    /// [`StoreError::Unavailable`] may pass.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err(StoreError::Url("sqlite:// needs the path of a file".to_owned()));
            }
            Ok(Self { engine: Engine::Sqlite(Arc::new(Sqlite::open(Path::new(path))?)), horizon: Arc::default() })
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self { engine: Engine::Postgres(Postgres::open(url).await?), horizon: Arc::default() })
        } else {
            Err(StoreError::Url("it must begin with sqlite:// or postgres://".to_owned()))
        }
    }

    /// Opens `postgres://…` as somebody who changes nothing of its schema, which must be the one that this program knows.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::Older`].
    pub async fn attach(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self { engine: Engine::Postgres(Postgres::attach(url).await?), horizon: Arc::default() })
        } else {
            Err(StoreError::Url("it must begin with postgres://".to_owned()))
        }
    }

    /// Tells the other nodes that the revocation log has more, in the name of `node`. It is a hint: the log is the truth. On SQLite there
    /// are no other nodes.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere; then they find it when they read next.
    pub async fn hint(&self, node: &str) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(_) => self.read(node.to_owned(), |tx, node| Box::pin(hint(tx, node))).await,
        }
    }

    /// Listens for the hints of other nodes than `node`, on a connection of its own; none on SQLite.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn listen(&self, node: &str) -> Result<Option<Hints>, StoreError> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(postgres) => postgres.listen(node).await.map(Some),
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read((), |tx, ()| Box::pin(ping(tx))).await
    }

    /// The engine's name: `sqlite` or `postgres`.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// How many commits the writer of SQLite made since the start, each for one or more writes; 0 on PostgreSQL.
    #[must_use]
    pub fn commits(&self) -> u64 {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.commits(),
            Engine::Postgres(_) => 0,
        }
    }

    /// Runs a write transaction; it is durable when this returns, and runs to its end if the caller goes away.
    pub(crate) async fn write<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(args, body).await,
            Engine::Postgres(postgres) => postgres.write(args, body).await,
        }
    }

    /// Runs one query.
    pub(crate) async fn read<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync,
        T: Send,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(&args, body),
            Engine::Postgres(postgres) => postgres.read(args, body).await,
        }
    }

    /// Runs several queries that must see one state of the database.
    pub(crate) async fn snapshot<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync,
        T: Send,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.snapshot(&args, body),
            Engine::Postgres(postgres) => postgres.snapshot(args, body).await,
        }
    }
}

async fn hint(tx: &mut Tx, node: &str) -> Result<(), StoreError> {
    tx.query("SELECT CAST(pg_notify('acquit_log', $1) AS TEXT)", &params![node]).await.map(drop)
}

async fn ping(tx: &mut Tx) -> Result<(), StoreError> {
    tx.query("SELECT CAST(1 AS BIGINT)", &params![]).await.map(|_| ())
}
