//! `httpx` and `websockets` of Python, as clients of the gateway, with apps of their own behind it.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{first_line, free_port, programs};
use crate::acquit::PASSWORD;

/// The clients, in one process with the apps.
pub struct Clients {
    /// The ports of the apps: of the one that speaks HTTP, and of the one that speaks WebSocket.
    pub ports: [u16; 2],
    begin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Clients {
    /// Starts the apps; the gateway's routes `http` and `ws`, origins without a scheme, will lead to them.
    ///
    /// # Panics
    /// They are not installed, or do not start.
    pub async fn start(http: &str, ws: &str, username: &str) -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python/bin/python");
        assert!(
            python.exists(),
            "the Python clients are missing: `./check` installs tests/peers/requirements.txt there"
        );
        let ports = [free_port(), free_port()];
        let options = json!({
            "login": format!("http://{http}/dash"), "http": format!("http://{http}"), "ws": format!("ws://{ws}/live"),
            "username": username, "password": PASSWORD, "ports": ports,
        });
        let mut child = Command::new(python)
            .arg(programs().join("gateway_clients.py"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("python");
        let (line, lines) = first_line(&mut child).await.expect("the apps start");
        assert_eq!(line, "ready");
        let begin = child.stdin.take().expect("its standard input");
        Self { ports, begin, lines, _child: child }
    }

    /// Has the clients begin, and gives what they saw, with everything open that stays so.
    ///
    /// # Panics
    /// One of them fails.
    pub async fn begin(&mut self) -> Value {
        self.begin.write_all(b"go\n").await.expect("it listens");
        self.next().await
    }

    /// How everything ended, once it has.
    ///
    /// # Panics
    /// One of them fails.
    pub async fn ended(&mut self) -> Value {
        self.next().await
    }

    async fn next(&mut self) -> Value {
        let line = self.lines.next_line().await.expect("it says something").expect("it did not fail");
        serde_json::from_str(&line).expect("JSON")
    }
}
