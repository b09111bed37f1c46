//! The program `acquit serve`, with its files in a folder of its own.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use super::{Setup, TestApp};
use crate::{
    TestRp,
    rp::{issuer::system_clock, lock},
    wire,
};

/// How long a start may take.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A program that runs until this is dropped.
pub struct Program {
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
    ready: String,
    child: Mutex<Option<Child>>,
}

/// The program, built from the sources as they are now. `ACQUIT_BIN` names another.
///
/// # Panics
/// It does not build.
#[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
pub(crate) fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        if let Ok(given) = std::env::var("ACQUIT_BIN") {
            return PathBuf::from(given);
        }
        // The same selection as `cargo test --workspace`, so that nothing is built twice with other features.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let built = Command::new(cargo)
            .args(["build", "--workspace", "--bin", "acquit", "--test", "it", "--quiet", "--locked"])
            .current_dir(&root)
            .status();
        assert!(built.expect("cargo").success(), "the program does not build");
        // tests run from target/<profile>/deps
        let deps = std::env::current_exe().expect("this test");
        deps.ancestors().nth(2).expect("the target folder").join("acquit")
    };
    BINARY.get_or_init(find).clone()
}

impl Program {
    pub(super) fn prepare(setup: Setup, applications: &[&TestRp]) -> TestApp<Self> {
        // Chosen free; the server binds it a moment later.
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).unwrap().port();
        let folder = tempfile::Builder::new().prefix("acquit-program-").tempdir().unwrap();
        fs::write(folder.path().join("acquit.toml"), setup.configuration(port, applications)).unwrap();
        let issuer = format!("http://{}:{port}", setup.host);
        let ready = format!("http://127.0.0.1:{port}/readyz");
        let program = Self { folder, env: setup.env, ready, child: Mutex::new(None) };
        TestApp::new(issuer, system_clock(), applications, program)
    }

    /// Starts it, with these variables besides, and waits until it serves.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn launch(&self, env: &[(&str, &str)]) {
        self.spawn(env);
        let begun = Instant::now();
        loop {
            if wire::get(&self.ready).await.is_ok_and(|response| response.status() == 200) {
                return;
            }
            if let Some(status) = self.exited() {
                panic!("the program ended with {status}: {}", self.log());
            }
            assert!(begun.elapsed() < START_WITHIN, "the program does not become ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Starts it, with these variables besides, and waits for nothing: it may end by itself.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn spawn(&self, env: &[(&str, &str)]) {
        let path = self.folder.path();
        let log = fs::OpenOptions::new().create(true).append(true).open(path.join("log")).unwrap();
        let mut command = Command::new(binary());
        command.args(["serve", "--config", "acquit.toml"]).current_dir(path);
        command.envs(self.env.iter().cloned()).envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        *lock(&self.child) = Some(command.spawn().expect("the program starts"));
    }

    /// Runs another command of the program beside it, with the same configuration.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn command(&self, args: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.args(args).args(["--config", "acquit.toml"]).current_dir(self.folder.path());
        command.envs(self.env.iter().cloned()).stdin(Stdio::null());
        command.output().expect("the program starts")
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Panics
    /// It is gone already.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Changes its configuration, and has it read that again (SIGHUP).
    ///
    /// # Panics
    /// It is gone, or its file.
    pub fn reconfigure(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.path().join("acquit.toml");
        let text = fs::read_to_string(&path).expect("its configuration");
        fs::write(&path, change(text)).expect("its configuration");
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let id = lock(&self.child).as_ref().expect("it runs").id();
        let status = Command::new("kill").arg(signal).arg(id.to_string()).status();
        assert!(status.expect("kill").success());
    }

    fn exited(&self) -> Option<ExitStatus> {
        lock(&self.child).as_mut().and_then(|child| child.try_wait().unwrap())
    }

    /// Kills it (SIGKILL) and waits until it is gone. One that is gone already is left alone.
    pub fn kill(&self) {
        if let Some(mut child) = lock(&self.child).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Waits until it ends by itself, as at a failpoint.
    ///
    /// # Panics
    /// It does not within `limit`.
    pub async fn ended(&self, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                lock(&self.child).take();
                return status;
            }
            assert!(begun.elapsed() < limit, "the program goes on: {}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Its folder, with `acquit.toml` and, on SQLite, the database.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged, the end of it.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let skip = log.lines().count().saturating_sub(60);
        log.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }

    /// Everything that it has logged.
    #[must_use]
    pub fn whole_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "the program's log ends with:\n{}", self.log());
        }
        self.kill();
    }
}
