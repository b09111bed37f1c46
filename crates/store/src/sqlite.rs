//! SQLite: one file, write-ahead log with full synchronisation, one writer thread that groups the transactions waiting
//! into one commit, and a few read-only connections.
//!
//! Group commit is what makes full synchronisation affordable: many times the rate of one commit for each transaction.
//! A job is answered only after the commit that holds it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError, migrate,
    tx::{Body, Tx},
};

/// The most jobs in one commit, so that the first of them is not kept waiting for long.
const GROUP: usize = 256;
/// How many pages the log may hold before they go to the file itself. A page that many commits write goes there once; a
/// start has as much to read (16 MiB).
const CHECKPOINT_PAGES: usize = 4096;
/// How many jobs may wait before callers do.
const QUEUE: usize = 1024;
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(5);
/// How long to pause before asking again where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(10);
/// Idle read connections that are kept open.
const READERS: usize = 8;

/// The SQLite engine.
pub(crate) struct Sqlite {
    path: PathBuf,
    jobs: mpsc::Sender<Box<dyn Job>>,
    readers: Mutex<Vec<Connection>>,
    commits: Arc<AtomicU64>,
}

/// A write that waits for its turn.
trait Job: Send {
    /// Runs it, perhaps again after it was taken back; whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Tells the caller, once it is known whether the commit went through.
    fn answer(self: Box<Self>, committed: Result<(), String>);
}

struct Write<A, T> {
    args: A,
    body: Body<A, T>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<A: Send + Sync, T: Send> Job for Write<A, T> {
    fn run(&mut self, tx: &mut Tx) -> bool {
        let run = std::panic::AssertUnwindSafe(|| (self.body)(tx, &self.args).now_or_never());
        // A panic must not take the writer, and with it every later logout, along.
        let result = match std::panic::catch_unwind(run) {
            Ok(Some(result)) => result,
            Ok(None) => Err(StoreError::Corrupt("a transaction on SQLite waited for something".to_owned())),
            Err(_) => Err(StoreError::Corrupt("a transaction panicked".to_owned())),
        };
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), String>) {
        let answer = match (self.result, committed) {
            (Some(Ok(_)) | None, Err(why)) => Err(StoreError::Unavailable(why)),
            (Some(result), _) => result,
            (None, Ok(())) => Err(StoreError::Unavailable("the transaction did not run".to_owned())),
        };
        // A caller that went away does not undo what was done for it.
        let _ = self.reply.send(answer);
    }
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(128);
    // A plan holds whatever is bound to it. Otherwise SQLite makes a new one for many statements each time they run, which
    // costs several times as much as running them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;")?;
    Ok(())
}

/// Turns the write-ahead log on, which stays on for good. While another process does the same to a new file, SQLite says
/// that it is busy without waiting as it otherwise would.
fn keep_a_log(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let mut waited = Duration::ZERO;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(_) => return Err(StoreError::Unsafe(format!("{} cannot keep a write-ahead log", path.display()))),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < BUSY => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Sqlite {
    /// Opens the file, creating and migrating it where needed. Blocks for as long as that takes.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)
            .map_err(|error| StoreError::Url(format!("cannot open {}: {error}", path.display())))?;
        prepare(&connection)?;
        keep_a_log(&connection, path)?;
        connection
            .execute_batch(&format!("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"))?;
        migrate::sqlite(&mut connection)?;
        let commits = Arc::new(AtomicU64::new(0));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let counter = Arc::clone(&commits);
        std::thread::Builder::new()
            .name("acquit-sqlite".to_owned())
            .spawn(move || write_loop(Tx::Sqlite(connection), queue, &counter))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { path: path.to_owned(), jobs, readers: Mutex::new(Vec::new()), commits })
    }

    /// How many commits there were.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Runs a write in its turn and returns when it is durable.
    pub(crate) async fn write<A, T>(&self, args: A, body: Body<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let gone = || StoreError::Unavailable("the writer has stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Box::new(Write { args, body, result: None, reply })).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Runs one read at once: it takes microseconds, less than handing it to another thread.
    pub(crate) fn read<A, T>(&self, args: &A, body: Body<A, T>) -> Result<T, StoreError> {
        let mut tx = Tx::Sqlite(self.reader()?);
        let result = run(&mut tx, args, body);
        self.give_back(tx);
        result
    }

    /// Runs several reads on one state of the file.
    pub(crate) fn snapshot<A, T>(&self, args: &A, body: Body<A, T>) -> Result<T, StoreError> {
        let mut tx = Tx::Sqlite(self.reader()?);
        control(&tx, "BEGIN")?;
        let result = run(&mut tx, args, body);
        control(&tx, "COMMIT")?;
        self.give_back(tx);
        result
    }

    fn reader(&self) -> Result<Connection, StoreError> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = pooled {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        prepare(&connection)?;
        Ok(connection)
    }

    fn give_back(&self, tx: Tx) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Tx::Sqlite(connection) = tx
            && readers.len() < READERS
        {
            readers.push(connection);
        }
    }
}

fn run<A, T>(tx: &mut Tx, args: &A, body: Body<A, T>) -> Result<T, StoreError> {
    let waited = || Err(StoreError::Corrupt("a read on SQLite waited for something".to_owned()));
    body(tx, args).now_or_never().unwrap_or_else(waited)
}

/// Takes what waits, commits it as one, answers, and again. Ends when the store is gone.
fn write_loop(mut tx: Tx, mut queue: mpsc::Receiver<Box<dyn Job>>, commits: &AtomicU64) {
    while let Some(first) = queue.blocking_recv() {
        let mut jobs = vec![first];
        while jobs.len() < GROUP {
            match queue.try_recv() {
                Ok(job) => jobs.push(job),
                Err(_) => break,
            }
        }
        let committed = group(&mut tx, &mut jobs).map_err(|error| {
            // Whatever the failed commit left open must not leak into the next group.
            let _ = control(&tx, "ROLLBACK");
            error.to_string()
        });
        if committed.is_ok() {
            commits.fetch_add(1, Ordering::Relaxed);
        }
        for job in jobs {
            job.answer(committed.clone());
        }
    }
}

/// Runs the jobs and commits them as one. Nearly always each of them is kept; then none needs a savepoint, for which SQLite
/// would copy every page that a job changes. Where one is not, all are run anew, each with its own.
fn group(tx: &mut Tx, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    control(tx, "BEGIN IMMEDIATE")?;
    if !jobs.iter_mut().all(|job| job.run(tx)) {
        control(tx, "ROLLBACK")?;
        control(tx, "BEGIN IMMEDIATE")?;
        for job in jobs.iter_mut() {
            control(tx, "SAVEPOINT job")?;
            if !job.run(tx) {
                control(tx, "ROLLBACK TO job")?;
            }
            control(tx, "RELEASE job")?;
        }
    }
    control(tx, "COMMIT")
}

fn control(tx: &Tx, statement: &'static str) -> Result<(), StoreError> {
    if let Tx::Sqlite(connection) = tx {
        connection.prepare_cached(statement)?.raw_execute()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
