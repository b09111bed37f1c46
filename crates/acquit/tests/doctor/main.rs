//! `acquit doctor`, by the program itself. One binary, so that it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

mod app;
mod idp;

/// A subcommand of the doctor in a folder; its exit code, and what it said.
fn doctor(folder: &TempDir, about: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_acquit"))
        .args(["doctor", about])
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("ACQUIT_LOG")
        .env_remove("ACQUIT_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The same as JSON, with the exit code.
fn doctor_json(folder: &TempDir, about: &str, arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = doctor(folder, about, &[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
}
