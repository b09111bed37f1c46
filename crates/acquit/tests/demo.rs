//! `acquit demo`, as somebody runs it who has just cloned the repository.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The command, with a folder for temporary files that is looked at afterwards.
fn demo(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acquit"));
    command.arg("demo").args(arguments).env("TMPDIR", temporary).env_remove("ACQUIT_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (Output, TempDir) {
    let temporary = tempfile::tempdir().unwrap();
    (demo(arguments, temporary.path()).output().unwrap(), temporary)
}

fn assert_empty(folder: &TempDir) {
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn once_ends_with_three_receipts_as_they_should_be_and_leaves_nothing_behind() {
    let (output, temporary) = run(&["--once"]);
    let (said, complained) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{said}{complained}");
    // alice's: Calendar, Wiki and Dashboard's stream, Notes, Archive. erin's: Calendar, Wiki, Acme's webhook and two tokens, Acme's frame and the way
    // to the provider. Her second: the same without Wiki.
    for (stamp, times) in [("[confirmed]", 3 + 5 + 4), ("[sent]", 1 + 2 + 2), ("[pending]", 1)] {
        assert_eq!(said.matches(stamp).count(), times, "{said}");
    }
    assert!(said.contains("no session lives"), "{said}");
    assert!(said.contains("second browser: its session at Acquit lives"), "{said}");
    assert!(said.ends_with("Everything is as it should be.\n"), "{said}");
    assert_empty(&temporary);
}

#[test]
fn once_as_json_is_the_receipt_with_what_was_checked() {
    let (output, _temporary) = run(&["--once", "--json"]);
    let receipt: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(receipt["state"], "in_progress");
    assert_eq!(receipt["as_it_should_be"], true);
    let steps = receipt["steps"].as_array().unwrap();
    let outcome = |party: &str| steps.iter().find(|step| step["party"] == party).unwrap()["outcome"].clone();
    assert_eq!(["calendar", "wiki", "notes", "archive"].map(outcome), ["confirmed", "confirmed", "sent", "pending"]);
    let through = &receipt["through_upstream"];
    assert_eq!((&through["state"], &through["requested"]["party"]), (&json!("complete"), &json!("acme")));
    let channels: Vec<_> = through["steps"].as_array().unwrap().iter().map(|step| step["channel"].clone()).collect();
    for channel in ["revocation", "end-session", "backchannel", "saml-soap", "frontchannel", "webhook"] {
        assert!(channels.contains(&json!(channel)), "{channel}: {channels:?}");
    }
    let elsewhere = &receipt["begun_elsewhere"];
    assert_eq!(elsewhere["requested"]["party"], "calendar");
    let steps = elsewhere["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["party"] == "acme" && step["outcome"] == "confirmed"), "{elsewhere}");
    assert!(receipt["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));
}

#[test]
fn a_port_that_is_taken_is_an_error_when_it_was_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (output, temporary) = run(&["--once", "--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("cannot listen on 127.0.0.1:{port}")));
    assert_empty(&temporary);
}

/// Reads the one JSON object that the demo says when it is ready.
fn invitation(child: &mut Child) -> Value {
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said.push_str(&line.unwrap());
        if let Ok(invitation) = serde_json::from_str(&said) {
            return invitation;
        }
    }
    panic!("it ended after {said}");
}

#[cfg(unix)]
#[test]
fn it_runs_until_it_is_interrupted_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    // Somewhere where it does not meet another demo.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut child = demo(&["--json", "--port", &port], temporary.path()).spawn().unwrap();
    let invitation = invitation(&mut child);
    assert_eq!(invitation["issuer"], format!("http://localhost:{port}"));
    assert_eq!(invitation["apps"].as_array().unwrap().len(), 6);
    assert!(invitation["upstream"]["issuer"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    // It listens, and a browser that only opened a connection does not hold it up.
    let idle = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    drop(idle);
    assert_empty(&temporary);
}
