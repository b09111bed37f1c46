//! A throw-away PostgreSQL in a temporary folder, on a loopback port, as durable as a real one.
//!
//! One server serves all tests of a binary, each with a database of its own ([`Postgres::shared`]). A keeper process ends it
//! and removes its folder when this process lets go of it or ends, whatever ends it.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

/// A running server, until it is dropped.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    keeper: Child,
    /// What the keeper waits for the end of.
    input: Option<ChildStdin>,
    port: u16,
    databases: AtomicU32,
}

static SHARED: Mutex<Option<Arc<Postgres>>> = Mutex::new(None);

impl Postgres {
    /// The server that this process shares; the first call starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the error says which.
    pub fn shared() -> io::Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*shared {
            return Ok(Arc::clone(running));
        }
        let started = Arc::new(Self::start()?);
        *shared = Some(Arc::clone(&started));
        Ok(started)
    }

    /// Starts a server of its own.
    ///
    /// # Errors
    /// As [`Postgres::shared`].
    pub fn start() -> io::Result<Self> {
        let bin = binaries()?;
        let mut tries = 1;
        loop {
            // The port is free when it is chosen; should another take it first, choose again.
            match Self::start_once(&bin) {
                Err(_) if tries < 3 => tries += 1,
                result => return result,
            }
        }
    }

    fn start_once(bin: &Path) -> io::Result<Self> {
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
            .current_dir("/")
            .output()?;
        if !initdb.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&initdb.stderr).into_owned()));
        }
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut server = command(&bin.join("postgres"), owner);
        server.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=on",
            "synchronous_commit=on",
            "max_connections=300",
            "shared_buffers=32MB",
        ] {
            server.args(["-c", setting]);
        }
        let (keeper, input) = keep(&folder.keep(), &server)?;
        Ok(Self { bin: bin.to_owned(), keeper, input: Some(input), port, databases: AtomicU32::new(0) })
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

/// The server stands still until this is dropped: its kernel takes connections and acknowledges what arrives, and nobody
/// answers.
#[derive(Debug)]
pub struct Frozen(Vec<u32>);

impl Postgres {
    /// Stops the server and all that it has started (SIGSTOP).
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn freeze(&self) -> io::Result<Frozen> {
        let mut frozen = Frozen(Vec::new());
        // The server first, so that no more of its children begin.
        let mut next = children(self.keeper.id())?;
        while let Some(process) = next.pop() {
            signal("-STOP", process)?;
            frozen.0.push(process);
            next.extend(children(process)?);
        }
        Ok(frozen)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = signal("-CONT", *process);
        }
    }
}

fn signal(name: &str, process: u32) -> io::Result<()> {
    let status = Command::new("kill").arg(name).arg(process.to_string()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{process} is gone"))) }
}

/// The processes that this one has started.
fn children(parent: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.filter_map(Result::ok) {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name, which may hold anything, come the state and the parent.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        if fields.split_whitespace().nth(1).and_then(|field| field.parse().ok()) == Some(parent) {
            found.push(process);
        }
    }
    Ok(found)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.keeper.wait();
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

/// A command as an account that PostgreSQL accepts.
fn command(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let Some((uid, gid)) = owner else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]).arg(program);
    command
}

/// Runs the server and, when its own input closes, ends it and removes the folder: the kernel closes the input whichever
/// way this process ends. Immediate shutdown takes the server's children along, which killing the one process would not.
const KEEPER: &str = r#"folder=$1; shift; "$@" & server=$!; cat >&2; kill -QUIT $server; kill -CONT $server; wait $server; rm -rf "$folder""#;

/// Starts the server under its keeper and returns when it takes connections.
fn keep(folder: &Path, server: &Command) -> io::Result<(Child, ChildStdin)> {
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, "sh"])
        .arg(folder)
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir("/")
        .env("LC_ALL", "C")
        // A terminal's interrupt is not for the keeper: it has the folder to remove.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let (Some(input), Some(log)) = (keeper.stdin.take(), keeper.stderr.take()) else {
        return Err(io::Error::other("no pipes"));
    };
    let mut log = BufReader::new(log);
    let (mut said, mut line) = (String::new(), String::new());
    while log.read_line(&mut line)? > 0 {
        if line.contains("ready to accept connections") {
            // Reads on: a full pipe would stop the server.
            thread::spawn(move || io::copy(&mut log, &mut io::sink()));
            return Ok((keeper, input));
        }
        if line.contains("FATAL") {
            said.push_str(&line);
            break;
        }
        said.push_str(&line);
        line.clear();
    }
    drop(input);
    keeper.wait()?;
    Err(io::Error::other(format!("PostgreSQL did not start: {said}")))
}
