//! A proxy of others in front of an app, which asks Acquit: nginx, Caddy or Envoy, with the sample configuration of the documentation.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{caddy, envoy, free_port, nginx};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// nginx with `auth_request`.
    Nginx,
    /// Caddy with `forward_auth`.
    Caddy,
    /// Envoy with `ext_authz` by HTTP.
    Envoy,
    /// Envoy with `ext_authz` by gRPC.
    EnvoyGrpc,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nginx, Self::Caddy, Self::Envoy, Self::EnvoyGrpc];

    fn host(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.localhost",
            Self::Caddy => "caddy.localhost",
            Self::Envoy => "envoy.localhost",
            Self::EnvoyGrpc => "envoy-grpc.localhost",
        }
    }
}

/// The proxy, until it is dropped.
pub struct Front {
    /// Which one.
    pub kind: Kind,
    port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

/// What a sample configuration is filled with.
pub(super) struct Words {
    /// Where the proxy listens, on 127.0.0.1.
    pub port: u16,
    /// The name of the route's host, without the port.
    pub name: &'static str,
    /// The route's host, with the port.
    pub host: String,
    /// Acquit's host, with the port.
    pub own: String,
    /// The port of Acquit.
    pub acquit: u16,
    /// The port where it answers Envoy by gRPC.
    pub grpc: u16,
    /// The port of the app.
    pub app: u16,
}

impl Front {
    /// A proxy on a port of its own; it does not run yet.
    ///
    /// # Panics
    /// No temporary folder.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::Builder::new().prefix("acquit-front-").tempdir().unwrap();
        Self { kind, port: free_port(), folder, child: None }
    }

    /// The route's host, as a `Host` header names it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("{}:{}", self.kind.host(), self.port)
    }

    /// The URL of a path of the app.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it before the app on this port, asking the Acquit at that host, or by gRPC at that port.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn start(&mut self, app: u16, own: &str, grpc: u16) {
        let words = Words {
            port: self.port,
            name: self.kind.host(),
            host: self.host(),
            own: own.to_owned(),
            acquit: own.rsplit_once(':').expect("a port").1.parse().unwrap(),
            grpc,
            app,
        };
        let root = self.folder.path();
        let mut command = match self.kind {
            Kind::Nginx => nginx::command(root, &words),
            Kind::Caddy => caddy::command(root, &words),
            Kind::Envoy => envoy::command(root, &words, false),
            Kind::EnvoyGrpc => envoy::command(root, &words, true),
        };
        let log = fs::File::create(root.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("{:?} is missing: {error}", self.kind)));
        for _ in 0..1500 {
            if TcpStream::connect(self.address()).await.is_ok() {
                return;
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert_eq!(ended, None, "{:?} ends: {}", self.kind, self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?} does not start: {}", self.kind, self.log());
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// A sample configuration with other words. Each has to be there, so that the samples are what runs.
pub(super) fn sample(name: &str, words: &[(&str, &str)]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/forward-auth").join(name);
    let mut text = fs::read_to_string(file).unwrap();
    for (from, to) in words {
        assert!(text.contains(from), "{name} has no {from:?}");
        text = text.replace(from, to);
    }
    text
}

/// A command whose configuration is in a file.
pub(super) fn with_file(root: &Path, name: &str, text: &str) -> PathBuf {
    let file = root.join(name);
    fs::write(&file, text).unwrap();
    file
}

/// A program that keeps to its folder.
pub(super) fn program(path: impl AsRef<std::ffi::OsStr>, root: &Path) -> Command {
    let mut command = Command::new(path);
    command.current_dir(root).env("HOME", root).env("XDG_DATA_HOME", root).env("XDG_CONFIG_HOME", root);
    command
}
