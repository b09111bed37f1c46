//! PostgreSQL: a pool of connections; each write is a transaction of its own, run to its end even when the caller goes
//! away, and again when it conflicted with another.

mod connection;
mod listen;

use std::{str::FromStr, sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use futures_util::future::BoxFuture;
use tokio_postgres::{Config, NoTls};

use tokio::{sync::oneshot, time::timeout};

pub(crate) use self::connection::Connection;
pub use self::listen::Hints;
use self::{connection::Stage, listen::Dial};
use crate::{
    StoreError, migrate,
    tx::{Body, Tx},
};

/// How often a transaction that conflicted is run again.
const RETRIES: usize = 8;
/// Connections of one node.
const CONNECTIONS: usize = 16;
/// How long a caller waits for a connection, old or new.
const WAIT: Duration = Duration::from_secs(5);
/// How long a caller waits for a read or a write as a whole. The server's own bounds below end what it is at before that,
/// so this one is for a server that answers nothing at all: its kernel goes on acknowledging, so TCP does not notice.
const ANSWER: Duration = Duration::from_secs(10);
/// What the server itself ends: a statement that takes too long, a wait for a lock, a transaction that nobody goes on with.
/// Each comes back as [`StoreError::Unavailable`]. A URL with `options` of its own has the last word.
const BOUNDS: &str = "-c statement_timeout=8s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s";
/// How long a peer may leave what was sent to it unacknowledged, and how it is asked whether it is still there.
const GONE: Duration = Duration::from_secs(15);

/// The PostgreSQL engine.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    dial: Arc<Dial>,
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
        let engine = Self::connect(url)?;
        let mut object = engine.pool.get().await?;
        answered(refuse_unsafe(&object)).await?;
        // A migration may take its time, and wait for another node's. The connection is not used for anything else.
        answered(async { Ok(object.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?) }).await?;
        migrate::postgres(&mut object).await?;
        drop(Object::take(object));
        Ok(engine)
    }

    /// Connects to a database that somebody else migrates.
    pub(crate) async fn attach(url: &str) -> Result<Self, StoreError> {
        let engine = Self::connect(url)?;
        let object = engine.pool.get().await?;
        answered(refuse_unsafe(&object)).await?;
        answered(migrate::same(&object)).await?;
        drop(object);
        Ok(engine)
    }

    fn connect(url: &str) -> Result<Self, StoreError> {
        let mut config = Config::from_str(url).map_err(|error| StoreError::Url(describe(&error)))?;
        config.application_name("acquit").connect_timeout(WAIT).tcp_user_timeout(GONE);
        config.keepalives_idle(GONE).keepalives_interval(WAIT).keepalives_retries(3);
        let options = config.get_options().map_or_else(|| BOUNDS.to_owned(), |own| format!("{BOUNDS} {own}"));
        config.options(options);
        let by_tls = url.contains("sslmode=require") || url.contains("sslmode=prefer");
        let dial = Dial { config: config.clone(), tls: by_tls.then(listen::tls).transpose()? };
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &dial.tls {
            Some(tls) => Manager::from_config(config, tls.clone(), recycling),
            None => Manager::from_config(config, NoTls, recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .build()
            .map_err(|error| StoreError::Url(error.to_string()))?;
        Ok(Self { pool, dial: Arc::new(dial) })
    }

    /// Listens for hints of others than `node`.
    pub(crate) async fn listen(&self, node: &str) -> Result<Hints, StoreError> {
        answered(self.dial.listen(node)).await
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        Ok(Connection::new(self.pool.get().await?))
    }

    /// Runs a write transaction to its end, in a task of its own: a caller that goes away never leaves it half done.
    pub(crate) async fn write<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let engine = self.clone();
        let (reply, answer) = oneshot::channel();
        let task: BoxFuture<'static, ()> = Box::pin(async move {
            let mut work = Call { args, body, result: None };
            let over = engine.run_to_the_end(&mut work).await;
            // A caller that went away does not undo what was done for it.
            let _ = reply.send(work.answer(over));
        });
        let task = tokio::spawn(task);
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Corrupt(match task.await {
                Err(error) => format!("a transaction did not end: {error}"),
                Ok(()) => "a transaction did not end".to_owned(),
            })),
        }
    }

    /// Runs one read outside of a transaction.
    pub(crate) async fn read<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync,
        T: Send,
    {
        let mut work = Call { args, body, result: None };
        let over = self.look(&mut work).await;
        work.answer(over)
    }

    /// Runs several reads on one state of the database.
    pub(crate) async fn snapshot<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync,
        T: Send,
    {
        let mut work = Call { args, body, result: None };
        let over = answered(self.transaction(Begin::Snapshot, &mut work)).await;
        work.answer(over)
    }

    async fn run_to_the_end(&self, work: &mut dyn Work) -> Result<(), StoreError> {
        answered(async {
            let mut conflict = StoreError::Conflict(String::new());
            for _ in 0..=RETRIES {
                match self.transaction(Begin::Write, work).await {
                    Err(error @ StoreError::Conflict(_)) => conflict = error,
                    result => return result,
                }
            }
            Err(conflict)
        })
        .await
    }

    async fn look(&self, work: &mut dyn Work) -> Result<(), StoreError> {
        answered(async {
            let mut tx = Tx::Postgres(self.connection().await?);
            let result = work.run(&mut tx).await;
            if let Tx::Postgres(mut connection) = tx {
                connection.busy = false;
            }
            result
        })
        .await
    }

    async fn transaction(&self, begin: Begin, work: &mut dyn Work) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        connection.stage = Stage::Before(match begin {
            Begin::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Begin::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        });
        let mut tx = Tx::Postgres(connection);
        let result = work.run(&mut tx).await;
        if let Tx::Postgres(connection) = tx {
            connection.end(result.is_ok()).await?;
        }
        result
    }
}

/// What is to be done with a connection, whatever it takes and gives: pool, retries, bounds and tasks are compiled once for all
/// and not once for each.
trait Work: Send {
    /// Does it, perhaps again after it was taken back.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Result<(), StoreError>>;
}

struct Call<A, T> {
    args: A,
    body: Body<A, T>,
    result: Option<T>,
}

impl<A: Send + Sync, T: Send> Work for Call<A, T> {
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.result = Some((self.body)(tx, &self.args).await?);
            Ok(())
        })
    }
}

impl<A, T> Call<A, T> {
    fn answer(self, over: Result<(), StoreError>) -> Result<T, StoreError> {
        over?;
        self.result.ok_or_else(|| StoreError::Corrupt("a transaction gave nothing".to_owned()))
    }
}

/// Gives up on what takes too long. A connection that was in use for it is closed; whether a commit that was under way
/// happened is not known.
async fn answered<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| Err(StoreError::Unavailable(format!("no answer within {} s", ANSWER.as_secs())));
    timeout(ANSWER, work).await.unwrap_or_else(late)
}

/// Without synchronous commit a crash may lose what was acknowledged; a replica may lag and cannot be written.
async fn refuse_unsafe(object: &Object) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('synchronous_commit'), pg_is_in_recovery()::text, \
               current_setting('default_transaction_read_only')";
    let row = object.query_one(sql, &[]).await?;
    if row.try_get::<_, &str>(0)? == "off" {
        return Err(StoreError::Unsafe(
            "synchronous_commit is off: a crash could lose acknowledged logouts".to_owned(),
        ));
    }
    if row.try_get::<_, &str>(1)? == "true" {
        return Err(StoreError::Unsafe("it is a read-only replica: name the primary".to_owned()));
    }
    if row.try_get::<_, &str>(2)? == "on" {
        return Err(StoreError::Unsafe(
            "default_transaction_read_only is on: it is not meant to be written; name the primary".to_owned(),
        ));
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
