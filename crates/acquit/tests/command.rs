//! The `acquit` binary itself, on a store of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use acquit_core::{
    AppId, SessionId,
    participant::{BackChannel, Channels, Participant, Protocol},
    session::Lifetimes,
};
use acquit_store::{
    Store,
    code::{CodeGrant, NewCode},
    session::NewSession,
    user::User,
};
use serde_json::Value;
use tempfile::TempDir;

const CONFIGURATION: &str = r#"
[server]
public_url = "http://localhost:8080"

[egress]
allow = ["127.0.0.0/8"]

[[users]]
username = "carol"
password = "correct horse"

[[applications]]
id = "payroll"
protocol = "oidc"
client_id = "payroll"
public = true
redirect_uris = ["http://localhost:9001/callback"]
backchannel_logout_uri = "http://localhost:9001/backchannel"
"#;

struct House {
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("acquit.toml"), CONFIGURATION).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_acquit"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("ACQUIT_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input has closed it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        said(&self.run_with(arguments, ""))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (_, out, err) = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
    }

    fn add_user(&self, name: &str) -> String {
        let (code, _, err) = said(&self.run_with(&["users", "add", name, "--group", "ops"], "correct horse\n"));
        assert_eq!(code, 0, "{err}");
        let users = self.json(&["users", "list"]);
        let user = users["data"].as_array().unwrap().iter().find(|user| user["username"] == name).unwrap();
        user["id"].as_str().unwrap().to_owned()
    }

    /// Signs a user in at payroll, as the server does.
    async fn sign_in(&self, name: &str, seed: u8) -> SessionId {
        let store = Store::open(&format!("sqlite://{}", self.file("acquit.db").display())).await.unwrap();
        let user: User = store.user_by_username(name).await.unwrap().unwrap();
        let now = user.created_at;
        let id = SessionId::from_random([seed; 16]);
        let new = NewSession {
            id: id.clone(),
            handle_hash: [seed; 32],
            user: user.id.clone(),
            user_epoch: user.epoch,
            now,
            ip: Some("127.0.0.1".into()),
            user_agent: Some("a browser \u{1b}[31m".into()),
            program: None,
            upstream: None,
        };
        store.begin_session(new).await.unwrap().unwrap();
        let app = AppId::new("payroll");
        let grant = CodeGrant {
            session: id.clone(),
            app: app.clone(),
            client_id: "payroll".into(),
            redirect_uri: "http://localhost:9001/callback".into(),
            scope: "openid".into(),
            nonce: None,
            pkce: None,
            claims: None,
            auth_time: now,
            acr: None,
            family: format!("family-{seed}"),
            issued_at: now,
            expires_at: now.plus(std::time::Duration::from_secs(60)),
        };
        let back = BackChannel { uri: "http://localhost:9001/backchannel".into(), alg: "RS256".into() };
        let participant = Participant {
            session: id.clone(),
            app,
            protocol: Protocol::Oidc,
            client_id: "payroll".into(),
            sid: format!("sid-{seed}"),
            subject: user.id.to_string(),
            joined_at: now,
            channels: Channels { back: Some(back), tell_on_expiry: true, ..Channels::default() },
            name_id: None,
            not_on_or_after: None,
        };
        let day = std::time::Duration::from_secs(86_400);
        let lifetimes = Lifetimes { idle: day, max: day, program: day };
        let code = NewCode { hash: [seed + 100; 32], grant, participant };
        store.issue_code(code, lifetimes).await.unwrap().unwrap();
        id
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn without_a_verb_it_says_what_there_is() {
    let (code, _, err) = House::new().run(&[]);
    assert_eq!(code, 2);
    for verb in ["check", "doctor", "schema", "users", "keys", "gateway", "sessions", "logouts", "Exit codes"] {
        assert!(err.contains(verb), "{verb} in {err}");
    }
}

#[test]
fn every_help_has_an_example_and_fits_a_terminal() {
    let house = House::new();
    for verb in [
        "check",
        "schema",
        "doctor app",
        "users add",
        "users passwd",
        "users list",
        "users disable",
        "users enable",
        "users remove",
        "programs add",
        "keys list",
        "keys rotate",
        "restored",
        "gateway keys",
        "gateway role",
        "sessions list",
        "sessions show",
        "sessions end",
        "logouts list",
        "logouts show",
        "logouts retry",
    ] {
        let arguments: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
        let (code, out, _) = house.run(&arguments);
        assert_eq!(code, 0, "{verb}");
        assert!(out.contains("Example") && out.contains("  acquit "), "{verb}: {out}");
        assert!(out.lines().all(|line| line.chars().count() <= 100), "{verb}: {out}");
    }
}

#[test]
fn a_right_configuration_passes_and_a_wrong_one_is_told() {
    let house = House::new();
    assert_eq!(house.run(&["check"]).0, 0);
    std::fs::write(house.file("acquit.toml"), CONFIGURATION.replace("redirect_uris", "redirect_uri")).unwrap();
    let (code, out, _) = house.run(&["check"]);
    assert_eq!(code, 2);
    assert!(out.contains("--> acquit.toml:17:1") && out.contains("did you mean `redirect_uris`?"), "{out}");
    let report = house.json(&["check"]);
    assert_eq!((&report["ok"], &report["mistakes"][0]["line"]), (&Value::Bool(false), &Value::from(17)));
    let (code, _, err) = house.run(&["users", "list"]);
    assert!(code == 2 && err.contains("did you mean"), "{err}");
    assert_eq!(house.run(&["check", "--config", "no-such-file"]).0, 2);
}

#[test]
fn the_schema_is_json() {
    let house = House::new();
    let (code, out, _) = house.run(&["schema"]);
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &schema["additionalProperties"]), (0, &Value::Bool(false)));
}

#[test]
fn a_user_is_added_changed_and_removed() {
    let house = House::new();
    house.add_user("alice");
    let again = said(&house.run_with(&["users", "add", "alice"], "correct horse\n"));
    assert!(again.0 == 1 && again.2.contains("already"), "{}", again.2);
    assert_eq!(said(&house.run_with(&["users", "passwd", "alice"], "battery staple\n")).0, 0);
    assert_eq!(house.run(&["users", "disable", "alice"]).0, 0);
    assert_eq!(house.json(&["users", "list"])["data"][0]["disabled"], true);
    assert_eq!(house.run(&["users", "enable", "alice"]).0, 0);
    assert_eq!(house.run(&["users", "remove", "alice"]).0, 2, "nobody was asked");
    assert_eq!(house.run(&["users", "remove", "alice", "--yes"]).0, 0);
    assert_eq!(house.json(&["users", "list"])["data"], Value::Array(vec![]));
}

#[test]
fn a_password_that_may_not_be_one_is_refused() {
    let house = House::new();
    for password in ["short\n", "", &"x".repeat(2000)] {
        let (code, _, err) = said(&house.run_with(&["users", "add", "alice"], password));
        assert!(code == 2 && err.contains("a password has"), "{err}");
    }
    assert!(house.json(&["users", "list"])["data"].as_array().unwrap().is_empty());
}

#[test]
fn a_user_of_the_file_is_changed_in_the_file() {
    let house = House::new();
    for verb in [["users", "disable", "carol"], ["users", "passwd", "carol"], ["users", "remove", "carol"]] {
        let (code, _, err) = said(&house.run_with(&verb, "battery staple\n"));
        assert!(code == 2 && err.contains("configuration file"), "{err}");
    }
    assert_eq!(said(&house.run_with(&["users", "add", "carol"], "battery staple\n")).0, 1);
}

#[tokio::test]
async fn the_sessions_of_a_user_end_and_what_is_not_told_yet_is_pending() {
    let house = House::new();
    house.add_user("alice");
    let (first, second) = (house.sign_in("alice", 1).await, house.sign_in("alice", 2).await);
    let listed = house.json(&["sessions", "list", "--user", "alice", "--application", "payroll"]);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let (_, shown, _) = house.run(&["sessions", "show", first.as_str()]);
    assert!(shown.contains("payroll") && !shown.contains('\u{1b}'), "{shown:?}");

    let (code, _, err) = house.run(&["sessions", "end", "--user", "alice"]);
    assert!(code == 2 && err.contains("2 sessions of alice") && err.contains("--yes"), "{err}");
    assert_eq!(house.json(&["sessions", "list"])["data"].as_array().unwrap().len(), 2, "nothing was done");

    let end = ["sessions", "end", "--user", "alice", "--yes", "--wait", "0s", "--reason", "lost laptop"];
    let (code, out, err) = house.run(&end);
    assert_eq!(code, 3, "{out}{err}");
    for words in
        ["ended 2 sessions", "in progress", "payroll", "backchannel", "[pending]", "lost laptop", "acquit serve"]
    {
        assert!(out.contains(words), "{words} in {out}");
    }
    assert!(house.json(&["sessions", "list"])["data"].as_array().unwrap().is_empty());
    let ended = house.json(&["sessions", "show", second.as_str()]);
    assert_eq!(ended["state"], "ended");

    let logout = house.json(&["logouts", "list", "--user", "alice"])["data"][0].clone();
    assert_eq!((&logout["state"], &logout["requested"]["by"]), (&"in_progress".into(), &"administrator".into()));
    let id = logout["id"].as_str().unwrap();
    let (code, shown, _) = house.run(&["logouts", "show", id]);
    assert!(code == 3 && shown.contains("payroll"), "{shown}");
    let (code, _, err) = house.run(&["logouts", "retry", id]);
    assert!(code == 3 && err.contains("due now"), "{err}");
}

#[tokio::test]
async fn one_session_ends_and_the_others_live() {
    let house = House::new();
    house.add_user("alice");
    let (first, second) = (house.sign_in("alice", 1).await, house.sign_in("alice", 2).await);
    let ended = house.json(&["sessions", "end", "--session", first.as_str(), "--yes", "--wait", "0s"]);
    assert_eq!((&ended["sessions"], &ended["logouts"][0]["scope"]), (&Value::from(1), &"session".into()));
    let listed = house.json(&["sessions", "list"]);
    assert_eq!(listed["data"][0]["id"], second.as_str());
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn everybody_is_signed_out() {
    let house = House::new();
    house.add_user("alice");
    house.add_user("bob");
    house.sign_in("alice", 1).await;
    house.sign_in("bob", 2).await;
    let (code, out, _) = house.run(&["sessions", "end", "--all", "--yes", "--wait", "0s"]);
    assert!(code == 3 && out.contains("ended 2 sessions"), "{out}");
    assert!(house.json(&["sessions", "list"])["data"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_disabled_user_is_signed_out_and_the_applications_are_to_be_told() {
    let house = House::new();
    house.add_user("alice");
    house.sign_in("alice", 1).await;
    let (code, out, _) = house.run(&["users", "disable", "alice"]);
    assert!(code == 0 && out.contains("ended 1 session"), "{out}");
    let logout = house.json(&["logouts", "list"])["data"][0].clone();
    assert_eq!(logout["requested"]["reason"], "the user was disabled");
    assert_eq!(logout["steps"][0]["outcome"], "pending");
}

#[test]
fn what_does_not_exist_is_told_apart_from_what_is_no_name() {
    let house = House::new();
    for (arguments, expected) in [
        (&["logouts", "show", "lgo_nothing"][..], 1),
        (&["logouts", "show", "ses_nothing"], 2),
        (&["sessions", "show", "ses_nothing"], 1),
        (&["sessions", "end", "--session", "nothing", "--yes"], 2),
        (&["sessions", "end", "--user", "nobody", "--yes"], 1),
        (&["sessions", "end", "--all", "--user", "alice"], 2),
        (&["sessions", "end", "--yes"], 2),
        (&["sessions", "list", "--limit", "0"], 2),
        (&["users", "disable", "nobody"], 1),
        (&["frobnicate"], 2),
    ] {
        let (code, _, err) = house.run(arguments);
        assert_eq!(code, expected, "{arguments:?}: {err}");
        assert!(err.starts_with("error: "), "{arguments:?}: {err}");
    }
}

#[test]
fn a_node_that_is_only_a_gateway_runs_on_its_own_configuration_and_a_server_on_its_own() {
    let house = House::new();
    let (code, _, err) = house.run(&["serve", "--gateway-only"]);
    assert!(code == 2 && err.contains("configuration of a server"), "{code}: {err}");
    let (code, _, err) = house.run(&["gateway", "keys", "gateway.keys"]);
    assert!(code == 1 && err.contains("SQLite") && !house.file("gateway.keys").exists(), "{code}: {err}");
    let text = CONFIGURATION.replace("[server]", "[store]\nurl = \"postgres://127.0.0.1:1/x\"\n\n[server]");
    let text = text.replace("[server]\n", &format!("[server]\nmaster_key = \"{}\"\n", "a5".repeat(32)));
    std::fs::write(house.file("acquit.toml"), text).unwrap();
    let (code, _, err) = house.run(&["gateway", "keys", "gateway.keys"]);
    assert_eq!(code, 0, "{err}");
    let keys = std::fs::read_to_string(house.file("gateway.keys")).unwrap();
    assert!(keys.starts_with("acquit-gateway-v1.") && !keys.contains("a5a5"), "{keys}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&house.file("gateway.keys").metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(house.run(&["gateway", "keys", "gateway.keys"]).0, 1, "it is not written over");
    let alone = "[server]\npublic_url = \"http://localhost:8080\"\n[store]\nurl = \"postgres://127.0.0.1:1/x\"\n\
                 [gateway]\nlisten = \"127.0.0.1:0\"\nkeys = { file = \"gateway.keys\" }\n";
    std::fs::write(house.file("acquit.toml"), alone).unwrap();
    assert_eq!(house.run(&["check"]).0, 0);
    for arguments in [&["serve"][..], &["sessions", "list"], &["keys", "rotate"], &["gateway", "keys", "more.keys"]] {
        let (code, _, err) = house.run(arguments);
        assert!(code == 2 && err.contains("acquit serve --gateway-only"), "{arguments:?}: {code}: {err}");
    }
    let (code, sql, _) = house.run(&["gateway", "role", "nodes"]);
    assert!(code == 0 && sql.contains("CREATE ROLE nodes;"), "{sql}");
    assert_eq!(house.run(&["gateway", "role", "no;des"]).0, 2);
}

#[test]
fn rotated_keys_are_published_before_they_sign() {
    let house = House::new();
    assert!(house.json(&["keys", "list"])["data"].as_array().unwrap().is_empty());
    let rotated = house.json(&["keys", "rotate"]);
    let made = rotated["made"].as_array().unwrap().len();
    assert_eq!(house.run(&["keys", "rotate"]).0, 0);
    let keys = house.json(&["keys", "list"])["data"].clone();
    let keys = keys.as_array().unwrap();
    // Those of tokens, two of SAML (the one that signs and the one that decrypts), and the gateway's.
    assert_eq!(keys.len(), 2 * (made + 3));
    assert!(keys.iter().all(|key| key["state"] == "published"), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key["retired_at"].is_null()).count(), made + 3);
}

#[test]
fn a_program_is_let_in_at_a_route_and_its_session_is_listed_and_ended() {
    let house = House::new();
    let route = "[gateway]\nlisten = \"127.0.0.1:8443\"\n\n[[gateway.routes]]\nfrom = \"http://wiki.localhost:8443\"\nto = \"http://127.0.0.1:3000\"\nallow = { everyone = true }\n";
    std::fs::write(house.file("acquit.toml"), format!("{CONFIGURATION}\n{route}")).unwrap();
    house.add_user("alice");
    let add = ["programs", "add", "ci", "--user", "alice", "--route", "http://wiki.localhost:8443/", "--for", "2d"];
    let (code, out, err) = house.run(&add);
    assert_eq!(code, 0, "{err}");
    // Nothing but the token where a script reads it.
    assert!(out.starts_with("acquit_program_") && out.lines().count() == 1, "{out}");
    assert!(err.contains("ses_") && !err.contains("acquit_program_"), "{err}");
    let listed = house.json(&["sessions", "list"]);
    let session = &listed["data"][0];
    assert_eq!((&session["program"], &session["state"]), (&Value::from("ci"), &Value::from("live")), "{listed:#}");
    assert!(session["user_agent"].is_null(), "it is no browser: {listed:#}");
    let table = house.run(&["sessions", "list"]).1;
    assert!(table.contains("program ci") && !table.contains("a browser"), "{table}");
    let (code, out, _) =
        house.run(&["sessions", "end", "--session", session["id"].as_str().unwrap(), "--yes", "--wait", "0s"]);
    assert_eq!(code, 3, "the gateway has not said yet that it refuses it: {out}");
    for (wrong, expected) in [
        (["--user", "alice", "--route", "http://other.localhost:8443"], 1),
        (["--user", "nobody", "--route", "http://wiki.localhost:8443"], 1),
    ] {
        assert_eq!(house.run(&[&["programs", "add", "ci"][..], &wrong].concat()).0, expected, "{wrong:?}");
    }
    let long = house.run(&[
        "programs",
        "add",
        "ci",
        "--user",
        "alice",
        "--route",
        "http://wiki.localhost:8443",
        "--for",
        "8d",
    ]);
    assert!(long.0 == 2 && long.2.contains("program_max"), "{long:?}");
    assert_eq!(house.json(&["sessions", "list"])["data"].as_array().unwrap().len(), 0);
}
