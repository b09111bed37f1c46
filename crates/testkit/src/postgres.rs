//! A throw-away PostgreSQL in a temporary folder, on a loopback port, as durable as a real one.
//!
//! One server serves all tests of a binary, each with a database of its own ([`Postgres::shared`]). It ends with the last
//! test that holds it, or with the process, whatever ends that.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
};

/// A running server. Dropping it ends the process, by its id, and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    server: Child,
    port: u16,
    databases: AtomicU32,
    // Dropped last, when the server has let go of it.
    _folder: tempfile::TempDir,
}

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

impl Postgres {
    /// The server that this process shares, started if nobody holds it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the error says which.
    pub fn shared() -> io::Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// Starts a server of its own.
    ///
    /// # Errors
    /// As [`Postgres::shared`].
    pub fn start() -> io::Result<Self> {
        let bin = binaries()?;
        let folder = tempfile::Builder::new().prefix("acquit-postgres-").tempdir()?;
        let owner = owner()?;
        if let Some((uid, gid)) = owner {
            chown(folder.path(), Some(uid), Some(gid))?;
        }
        let data = folder.path().join("data");
        // What is synced here is thrown away; the server itself syncs every commit.
        let initdb = command(&bin.join("initdb"), owner)
            .args(["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "--username=acquit", "--pgdata"])
            .arg(&data)
            .output()?;
        if !initdb.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&initdb.stderr).into_owned()));
        }
        // The port is free when it is chosen; should another take it first, choose again.
        let mut last = io::Error::other("no port");
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let mut server = command(&bin.join("postgres"), owner);
            server.arg("-D").arg(&data);
            for setting in [
                "listen_addresses=127.0.0.1",
                "unix_socket_directories=",
                "fsync=on",
                "synchronous_commit=on",
                "max_connections=300",
                "shared_buffers=32MB",
                "log_statement=none",
            ] {
                server.args(["-c", setting]);
            }
            server.arg("-p").arg(port.to_string());
            match spawn(server) {
                Ok(server) => {
                    return Ok(Self { bin, server, port, databases: AtomicU32::new(0), _folder: folder });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Makes a new, empty database and returns its URL.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self) -> io::Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://acquit@127.0.0.1:{}/{name}", self.port))
    }

    /// Runs a statement in a database, as its superuser.
    ///
    /// # Errors
    /// What the server said.
    pub fn sql(&self, database: &str, statement: &str) -> io::Result<()> {
        let output = Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "acquit", "-d", database])
            .arg("-p")
            .arg(self.port.to_string())
            .args(["-c", statement])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            Ok(())
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Immediate shutdown takes the server's own children along, which killing the one process would not.
        let asked = Command::new("kill").arg("-QUIT").arg(self.server.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// The folder with `initdb`, `postgres` and `psql`: in the path, or where Debian keeps them, the newest first.
fn binaries() -> io::Result<PathBuf> {
    let complete = |bin: &Path| ["initdb", "postgres", "psql"].iter().all(|name| bin.join(name).is_file());
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((path.file_name()?.to_str()?.parse::<u32>().ok()?, path.join("bin"))))
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions
        .into_iter()
        .map(|(_, bin)| bin)
        .chain(std::env::split_paths(&path))
        .find(|bin| complete(bin))
        .ok_or_else(|| io::Error::other("PostgreSQL is not installed: apt-get install postgresql"))
}

/// PostgreSQL refuses to run as root: whom it runs as instead.
fn owner() -> io::Result<Option<(u32, u32)>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .map(Some)
        .ok_or_else(|| io::Error::other("no account to run PostgreSQL as"))
}

/// A command that dies with this process, as an account that PostgreSQL accepts.
fn command(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if let Some((uid, gid)) = owner {
        command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]);
    }
    command.arg(program).env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    command
}

/// Starts the server and returns when it takes connections.
fn spawn(mut command: Command) -> io::Result<Child> {
    let (ready, started) = mpsc::channel();
    // The death signal is tied to the thread that forks, so that thread lives as long as the process.
    thread::Builder::new().name("postgres-starter".to_owned()).spawn(move || {
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut log = match child {
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
            Ok(mut child) => match child.stderr.take() {
                None => return,
                Some(log) => (BufReader::new(log), Some(child)),
            },
        };
        let (mut said, mut line) = (String::new(), String::new());
        // Reads on after the start, too: a full pipe would stop the server.
        while log.0.read_line(&mut line).is_ok_and(|read| read > 0) {
            if log.1.is_some() {
                said.push_str(&line);
                if line.contains("ready to accept connections")
                    && let Some(child) = log.1.take()
                {
                    let _ = ready.send(Ok(child));
                }
            }
            line.clear();
        }
        if let Some(mut child) = log.1.take() {
            let _ = child.wait();
            let _ = ready.send(Err(io::Error::other(format!("PostgreSQL did not start: {said}"))));
        }
        // Ended on purpose or by itself; this thread may go.
    })?;
    started.recv().map_err(|_| io::Error::other("PostgreSQL did not start"))?
}
