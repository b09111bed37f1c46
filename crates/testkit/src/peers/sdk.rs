//! WorkOS's official SDKs, unmodified, each in a process of its own that calls what the test says.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{first_line, node, programs};

/// Which SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// `workos` of PyPI, 10.7.0.
    Python,
    /// `@workos-inc/node` 8.13.0, the newest that npm gives to Node 20.
    Node8,
    /// `@workos-inc/node` 11.0.0.
    Node11,
}

impl Package {
    /// Those of Node.
    pub const NODE: [Self; 2] = [Self::Node8, Self::Node11];
}

/// An application's server that uses the SDK.
pub struct Sdk {
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

/// An exception of the SDK.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// Its class.
    pub class: String,
    /// What an application can read from it: `status_code`, `code`, `error`, `error_description`, `request_id`, `message`.
    pub said: Value,
}

impl Sdk {
    /// Starts it for a server at this origin, with this API key, as a public client without one, and this client id.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn start(package: Package, base_url: &str, api_key: Option<&str>, client_id: &str) -> Self {
        let mut options = json!({ "base_url": base_url, "api_key": api_key, "client_id": client_id });
        let mut command = match package {
            Package::Python => python(),
            Package::Node8 | Package::Node11 => {
                options["package"] = if package == Package::Node8 { "workos-node-8" } else { "workos-node-11" }.into();
                node("workos-sdk.mjs")
            }
        };
        let mut child = command.arg(options.to_string()).spawn().expect("the SDK's interpreter");
        let (line, answers) = first_line(&mut child).await.expect("the SDK starts");
        assert_eq!(line, "ready");
        Self { calls: child.stdin.take().expect("a pipe"), answers, _child: child }
    }

    /// Calls a method, by its path from the client: `sso.get_profile`.
    ///
    /// # Errors
    /// The exception that the SDK raises.
    ///
    /// # Panics
    /// The process is gone.
    pub async fn call(&mut self, method: &str, arguments: Value) -> Result<Value, Raised> {
        let line = format!("{}\n", json!([method, arguments]));
        self.calls.write_all(line.as_bytes()).await.expect("the SDK listens");
        let answer = self.answers.next_line().await.expect("the SDK answers").expect("the SDK answers");
        let mut answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        match answer["raised"].as_str() {
            Some(class) => Err(Raised { class: class.to_owned(), said: answer["said"].clone() }),
            None => Ok(answer["gave"].take()),
        }
    }
}

/// A Python program that ends with its standard input.
fn python() -> Command {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python/bin/python");
    assert!(python.exists(), "the Python SDK is missing: `./check` installs tests/peers/requirements.txt there");
    let mut command = Command::new(python);
    command.arg(programs().join("workos-sdk.py"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    command
}
