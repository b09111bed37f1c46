//! Every file in `configurations/bad` is wrong; the comments that begin with `#~` say what must be said about their line.
//!
//! `#~ error: one | two && warning: three` expects two diagnostics on that line, the first with the words `one` and `two`.
//! `#~ file: …` expects one that has no line. Nothing else may be said, and no secret shown.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{fs, path::Path};

use acquit::config::{
    self,
    diagnostic::{Diagnostic, Severity},
    environment::Environment,
    schema,
};

/// Parts of the secrets in the files; none may be shown.
const SECRETS: &[&str] = &[
    "hunter2",
    "correct horse",
    "a-client-secret",
    "operators-token",
    "another-operators",
    "initial-access-token",
    "too short",
    "1234567",
    "c2FsdHNhbHQ",
    "a-providers-secret",
    "an-api-key",
    "a-webhook-secret",
    "another-api-key",
    "sk_short",
    "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
    "a5a5",
];

struct Expected {
    line: Option<usize>,
    severity: Severity,
    words: Vec<String>,
}

fn expected(text: &str) -> Vec<Expected> {
    let mut all = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((_, marks)) = line.split_once("#~ ") else { continue };
        for mark in marks.split(" && ") {
            let (place, mark) = match mark.strip_prefix("file: ") {
                Some(mark) => (None, mark),
                None => (Some(index + 1), mark),
            };
            let (severity, words) = match mark.split_once(": ").expect(mark) {
                ("error", words) => (Severity::Error, words),
                ("warning", words) => (Severity::Warning, words),
                _ => panic!("{mark}"),
            };
            let words = words.split(" | ").map(|word| word.trim().to_owned()).collect();
            all.push(Expected { line: place, severity, words });
        }
    }
    all
}

fn fits(diagnostic: &Diagnostic, expected: &Expected) -> bool {
    let text = format!("{} {}", diagnostic.message, diagnostic.help.as_deref().unwrap_or_default());
    diagnostic.excerpt.as_ref().map(|excerpt| excerpt.line) == expected.line
        && diagnostic.severity == expected.severity
        && expected.words.iter().all(|word| text.contains(word))
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configurations")
}

fn show(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n")).collect()
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_was_meant_and_nothing_else_is() {
    let mut files = 0;
    for entry in fs::read_dir(folder().join("bad")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let loaded = config::load(&path, &Environment::default()).unwrap();
        let shown = show(&loaded.diagnostics);
        let mut rest = loaded.diagnostics.clone();
        for expected in expected(&text) {
            let found = rest.iter().position(|diagnostic| fits(diagnostic, &expected));
            let Some(found) = found else {
                panic!("{}: nothing on line {:?} says {:?}:\n{shown}", path.display(), expected.line, expected.words)
            };
            rest.remove(found);
        }
        assert!(rest.is_empty(), "{}: not expected:\n{}", path.display(), show(&rest));
        let wrong = loaded.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        assert_eq!(loaded.settings.is_none() && loaded.alone.is_none(), wrong, "{}", path.display());
        // The marks name some secrets by design, so they are taken out first.
        let unmarked = shown.lines().map(|line| line.split("#~").next().unwrap()).collect::<Vec<_>>().join("\n");
        for secret in SECRETS {
            assert!(!unmarked.contains(secret), "{} shows {secret}:\n{shown}", path.display());
        }
        files += 1;
    }
    assert!(files >= 10);
}

#[test]
fn a_good_configuration_has_settings_and_no_mistakes() {
    let loaded = config::load(&folder().join("good/sample.toml"), &Environment::default()).unwrap();
    assert!(loaded.diagnostics.is_empty(), "{}", show(&loaded.diagnostics));
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.server.issuer, "http://localhost:8080");
    assert_eq!(settings.lifetimes, acquit_server::settings::Lifetimes::default());
    assert_eq!(settings.limits, acquit_server::settings::Limits::default());
    assert_eq!(settings.egress.len(), 3);
    assert_eq!(settings.users.len(), 3);
    assert!(settings.users[1].disabled);
    let shown = format!("{settings:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_good_configuration_of_a_gateway_alone_has_settings_of_such_a_node_and_of_nothing_else() {
    for path in [
        folder().join("good/gateway-only.toml"),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gateway-only.toml"),
    ] {
        let text = fs::read_to_string(&path).unwrap();
        // The keys of the documentation's are in a file that is not there.
        let keys = text.replace("{ file = \"gateway.keys\" }", "{ env = \"KEYS\" }");
        let good = fs::read_to_string(folder().join("good/gateway-only.toml")).unwrap();
        let key = good.split("keys = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let environment = Environment::from([("KEYS", key), ("ACQUIT_STORE", "postgres://acquit_gateway@db/acquit")]);
        let loaded = config::read(&keys, "acquit.toml", &folder(), &environment);
        assert!(loaded.diagnostics.is_empty(), "{}: {}", path.display(), show(&loaded.diagnostics));
        assert!(loaded.settings.is_none());
        let alone = loaded.alone.unwrap();
        assert_eq!(alone.issuer, "https://id.example.com");
        assert_eq!(alone.house.as_str(), "https://acquit.internal.example.com/");
        let shown = format!("{alone:?}");
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn the_configuration_that_the_readme_begins_with_has_no_mistakes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/acquit.toml");
    let loaded = config::load(&path, &Environment::default()).unwrap();
    assert!(loaded.diagnostics.is_empty(), "{}", show(&loaded.diagnostics));
    assert!(loaded.settings.is_some());
}

#[test]
fn what_the_readmes_configuration_shows_in_comments_is_right_but_for_files_that_are_not_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/acquit.toml");
    let text = fs::read_to_string(path).unwrap();
    let is_toml =
        |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let uncommented = text.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_toml(rest)).unwrap_or(line));
    let text = uncommented.collect::<Vec<_>>().join("\n");
    for header in [
        "\n[[organizations]]",
        "\n[[connections]]",
        "\n[connections.attributes]",
        "\nprotocol = \"broker\"",
        "\n[[gateway.routes]]",
    ] {
        assert!(text.contains(header), "{header:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let loaded = config::read(&text, "acquit.toml", folder.path(), &Environment::default());
    let shown: Vec<&str> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    let absent = ["wiki-sp.xml", "idp.secret", "corp.pem", "corp.key"];
    assert_eq!(shown.len(), absent.len(), "{}", show(&loaded.diagnostics));
    assert!(absent.iter().all(|file| shown.iter().any(|message| message.contains(file))), "{shown:?}");
}

#[test]
fn the_sample_uses_every_key_of_the_schema() {
    let read = |name| fs::read_to_string(folder().join("good").join(name)).unwrap();
    let sample = read("sample.toml") + &read("gateway-only.toml");
    // A certificate needs the file of its private key, which nobody else may read.
    let ways_to_write_the_same = ["file", "env", "master_key", "jwks", "jwks_uri", "chain"];
    let mut missing = Vec::new();
    keys(&schema::SCHEMA, &mut |key| {
        let used = sample.contains(&format!("{key} = "))
            || sample.contains(&format!("[{key}]"))
            || sample.contains(&format!(".{key}]"));
        if !used && !ways_to_write_the_same.contains(&key) {
            missing.push(key.to_owned());
        }
    });
    assert!(missing.is_empty(), "{missing:?}");
}

fn keys(schema: &serde_json::Value, visit: &mut dyn FnMut(&str)) {
    match schema {
        serde_json::Value::Object(object) => {
            if let Some(properties) = object.get("properties").and_then(serde_json::Value::as_object) {
                properties.keys().for_each(|key| visit(key));
            }
            object.values().for_each(|value| keys(value, visit));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, visit)),
        _ => {}
    }
}
