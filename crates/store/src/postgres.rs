//! PostgreSQL: a pool of connections; each write is a transaction of its own, run to its end even when the caller goes
//! away, and again when it conflicted with another.

use std::{str::FromStr, sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Config, NoTls, Statement, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    StoreError, migrate,
    tx::{Body, Tx},
    value::{Row, Value},
};

/// How often a transaction that conflicted is run again.
const RETRIES: usize = 8;
/// Connections of one node.
const CONNECTIONS: usize = 16;
/// How long a caller waits for a connection, old or new.
const WAIT: Duration = Duration::from_secs(5);

/// The PostgreSQL engine.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
}

/// How a transaction begins.
#[derive(Clone, Copy)]
enum Begin {
    Write,
    Snapshot,
}

impl Postgres {
    /// Connects, refuses a database that could lose a logout, and migrates.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let mut config = Config::from_str(url).map_err(|error| StoreError::Url(describe(&error)))?;
        config.application_name("acquit").connect_timeout(WAIT).keepalives_idle(Duration::from_secs(30));
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if url.contains("sslmode=require") || url.contains("sslmode=prefer") {
            Manager::from_config(config, tls()?, recycling)
        } else {
            Manager::from_config(config, NoTls, recycling)
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .build()
            .map_err(|error| StoreError::Url(error.to_string()))?;
        let engine = Self { pool };
        let mut object = engine.pool.get().await?;
        refuse_unsafe(&object).await?;
        migrate::postgres(&mut object).await?;
        Ok(engine)
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        Ok(Connection { object: Some(self.pool.get().await?), open: false })
    }

    /// Runs a write transaction to its end, in a task of its own: a caller that goes away never leaves it half done.
    pub(crate) async fn write<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let engine = self.clone();
        let task = tokio::spawn(async move {
            let mut conflict = StoreError::Conflict(String::new());
            for _ in 0..=RETRIES {
                match engine.transaction(Begin::Write, &args, body).await {
                    Err(error @ StoreError::Conflict(_)) => conflict = error,
                    result => return result,
                }
            }
            Err(conflict)
        });
        task.await.map_err(|error| StoreError::Corrupt(format!("a transaction did not end: {error}")))?
    }

    /// Runs one read outside of a transaction.
    pub(crate) async fn read<A, T>(&self, args: &A, body: Body<A, T>) -> Result<T, StoreError> {
        let mut tx = Tx::Postgres(self.connection().await?);
        body(&mut tx, args).await
    }

    /// Runs several reads on one state of the database.
    pub(crate) async fn snapshot<A, T>(&self, args: &A, body: Body<A, T>) -> Result<T, StoreError> {
        self.transaction(Begin::Snapshot, args, body).await
    }

    async fn transaction<A, T>(&self, begin: Begin, args: &A, body: Body<A, T>) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        connection.begin(begin).await?;
        let mut tx = Tx::Postgres(connection);
        let result = body(&mut tx, args).await;
        if let Tx::Postgres(connection) = tx {
            connection.end(result.is_ok()).await?;
        }
        result
    }
}

/// A connection out of the pool. If its transaction did not finish it is closed, never given back.
pub(crate) struct Connection {
    object: Option<Object>,
    open: bool,
}

impl Connection {
    fn object(&self) -> Result<&Object, StoreError> {
        self.object.as_ref().ok_or_else(|| StoreError::Unavailable("the connection is gone".to_owned()))
    }

    async fn begin(&mut self, begin: Begin) -> Result<(), StoreError> {
        self.open = true;
        let statement = match begin {
            Begin::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Begin::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.object()?.batch_execute(statement).await?)
    }

    async fn end(mut self, keep: bool) -> Result<(), StoreError> {
        self.object()?.batch_execute(if keep { "COMMIT" } else { "ROLLBACK" }).await?;
        self.open = false;
        Ok(())
    }

    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement, StoreError> {
        Ok(self.object()?.prepare_cached(sql).await?)
    }

    pub(crate) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(sql).await?;
        let rows = self.object()?.query(&statement, &as_params(params)).await?;
        rows.iter().map(Row::from_postgres).collect()
    }

    pub(crate) async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql).await?;
        Ok(self.object()?.execute(&statement, &as_params(params)).await?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.open
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}

fn as_params(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn tls() -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Url(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Without synchronous commit a crash may lose what was acknowledged; a replica may lag and cannot be written.
async fn refuse_unsafe(object: &Object) -> Result<(), StoreError> {
    let row = object.query_one("SELECT current_setting('synchronous_commit'), pg_is_in_recovery()::text", &[]).await?;
    if row.try_get::<_, &str>(0)? == "off" {
        return Err(StoreError::Unsafe(
            "synchronous_commit is off: a crash could lose acknowledged logouts".to_owned(),
        ));
    }
    if row.try_get::<_, &str>(1)? == "true" {
        return Err(StoreError::Unsafe("it is a read-only replica: name the primary".to_owned()));
    }
    Ok(())
}

/// The driver's error with its cause, which alone says what is wrong.
fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
