//! Overrides from the environment, and secrets that are elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{fs, path::Path};

use acquit::config::{self, Loaded, environment::Environment};
use acquit_server::settings::{MasterKeySource, Password, Scope};

const MINIMAL: &str = "[server]\npublic_url = \"http://localhost:8080\"\n";

fn read<const N: usize>(text: &str, environment: [(&str, &str); N]) -> Loaded {
    config::read(text, "acquit.toml", Path::new("."), &Environment::from(environment))
}

fn words(loaded: &Loaded) -> String {
    loaded.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn a_key_is_overridden_by_its_variable() {
    let environment = [
        ("ACQUIT__SERVER__LISTEN", "127.0.0.1:8080"),
        ("ACQUIT__SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
        ("ACQUIT__LIFETIMES__ACCESS_TOKEN", "5m"),
        ("ACQUIT__LIMITS__SIGN_IN_PER_ACCOUNT", "3"),
        ("ACQUIT__METRICS__PUBLIC", "true"),
        ("ACQUIT__LOG__RETENTION", "30d"),
        ("UNRELATED", "x"),
        ("ACQUIT_LOG", "debug"),
    ];
    let loaded = read(&format!("{MINIMAL}listen = \"127.0.0.1:1\"\n[limits]\n"), environment);
    let settings = loaded.settings.unwrap_or_else(|| panic!("mistakes"));
    assert_eq!(settings.server.listen.port(), 8080);
    assert_eq!(settings.server.trusted_proxies.len(), 1);
    assert_eq!(settings.lifetimes.access_token.as_secs(), 300);
    assert_eq!(settings.limits.sign_in_per_account, 3);
    assert!(settings.metrics.public);
    assert_eq!(settings.log.retention.as_secs(), 30 * 86_400);
}

#[test]
fn an_entry_of_a_list_is_overridden_by_its_number_and_a_new_one_is_added() {
    let text = format!("{MINIMAL}[[users]]\nusername = \"alice\"\npassword = \"correct horse\"\n");
    let environment = [
        ("ACQUIT__USERS__0__PASSWORD", "battery staple"),
        ("ACQUIT__USERS__1__USERNAME", "bob"),
        ("ACQUIT__USERS__1__PASSWORD", "correct horse"),
        ("ACQUIT__USERS__1__GROUPS__0", "ops"),
    ];
    let settings = read(&text, environment).settings.unwrap();
    let Password::Plain(password) = &settings.users[0].password else { panic!("plain") };
    assert_eq!(password.expose(), "battery staple");
    assert_eq!(
        (settings.users[1].username.as_str(), settings.users[1].groups.as_slice()),
        ("bob", ["ops".to_owned()].as_slice())
    );
}

#[test]
fn a_text_that_looks_like_a_number_stays_a_text_where_a_text_is_expected() {
    let token = "12345678901234567890123456789012";
    let environment = [
        ("ACQUIT__API_TOKENS__0__NAME", "2026"),
        ("ACQUIT__API_TOKENS__0__TOKEN", token),
        ("ACQUIT__API_TOKENS__0__SCOPES", "[\"read\"]"),
    ];
    let settings = read(MINIMAL, environment).settings.unwrap();
    assert_eq!(settings.api_tokens[0].name, "2026");
    assert!(settings.api_tokens[0].digest.matches(token));
    assert!(settings.api_tokens[0].allows(Scope::Read) && !settings.api_tokens[0].allows(Scope::Manage));
}

#[test]
fn a_variable_that_names_no_key_is_refused() {
    for (variable, words_expected) in [
        ("ACQUIT__SERVER__LISTNE", "did you mean `LISTEN`?"),
        ("ACQUIT__SEVRER__LISTEN", "did you mean `SERVER`?"),
        ("ACQUIT__SERVER__LISTEN__PORT", "holds a single value"),
        ("ACQUIT__USERS__3__USERNAME", "leaves a gap"),
        ("ACQUIT__USERS__X__USERNAME", "names no key"),
        ("ACQUIT__USERS__99999999999999999999__USERNAME", "names no key"),
        ("ACQUIT__", "names no key"),
        ("ACQUIT____", "names no key"),
    ] {
        let loaded = read(MINIMAL, [(variable, "x")]);
        assert!(loaded.settings.is_none(), "{variable}");
        assert!(words(&loaded).contains(words_expected), "{variable}: {}", words(&loaded));
        assert!(words(&loaded).contains(&format!("{variable} in the environment")), "{}", words(&loaded));
    }
}

#[test]
fn a_wrong_value_is_told_with_its_variable_and_not_shown_when_it_is_secret() {
    let loaded = read(MINIMAL, [("ACQUIT__SERVER__LISTEN", "nowhere"), ("ACQUIT__SERVER__MASTER_KEY", "hunter2")]);
    let words = words(&loaded);
    assert!(words.contains("--> ACQUIT__SERVER__LISTEN in the environment"), "{words}");
    assert!(words.contains("--> ACQUIT__SERVER__MASTER_KEY in the environment"), "{words}");
    assert!(words.contains("32 random bytes") && !words.contains("hunter2"), "{words}");
}

#[test]
fn a_secret_is_read_from_a_file_beside_the_configuration_without_its_last_newline() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("alice"), "correct horse\n").unwrap();
    let text = format!("{MINIMAL}[[users]]\nusername = \"alice\"\npassword = {{ file = \"alice\" }}\n");
    fs::write(folder.path().join("acquit.toml"), text).unwrap();
    let loaded = config::load(&folder.path().join("acquit.toml"), &Environment::default()).unwrap();
    let Password::Plain(password) = &loaded.settings.expect("no errors").users[0].password else { panic!("plain") };
    assert_eq!(password.expose(), "correct horse");
    #[cfg(unix)]
    {
        let words: String = loaded.diagnostics.iter().map(ToString::to_string).collect();
        assert!(words.contains("warning: ") && words.contains("chmod o-rwx"), "others can read it: {words}");
    }
}

#[test]
fn a_secret_is_read_from_the_environment() {
    let text = format!("{MINIMAL}[[users]]\nusername = \"alice\"\npassword = {{ env = \"ALICE\" }}\n");
    let settings = read(&text, [("ALICE", "correct horse")]).settings.unwrap();
    let Password::Plain(password) = &settings.users[0].password else { panic!("plain") };
    assert_eq!(password.expose(), "correct horse");
}

#[test]
fn the_master_key_lies_beside_the_database_unless_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{MINIMAL}[store]\nurl = \"sqlite://x.db\"\n");
    let settings = config::read(&text, "acquit.toml", folder.path(), &Environment::default()).settings.unwrap();
    let MasterKeySource::File { path, create } = &settings.server.master_key else { panic!("a file") };
    assert_eq!((path, *create), (&folder.path().join("acquit.key"), true));

    let given = [("ACQUIT__SERVER__MASTER_KEY", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=")];
    let settings = read(MINIMAL, given).settings.unwrap();
    assert!(matches!(settings.server.master_key, MasterKeySource::Given(_)));
}

#[test]
fn a_master_key_file_that_holds_no_key_is_told_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("acquit.key"), "hunter2").unwrap();
    let text = format!("{MINIMAL}master_key = {{ file = \"acquit.key\" }}\n");
    let loaded = config::read(&text, "acquit.toml", folder.path(), &Environment::default());
    assert!(words(&loaded).contains("--> acquit.toml:3:") && !words(&loaded).contains("hunter2"), "{}", words(&loaded));
}

#[test]
fn an_escape_in_the_file_cannot_steer_the_terminal() {
    let loaded = read(
        "[server]\npublic_url = \"http://localhost\"\n\"\\u001b[31m\" = 1 # \u{1b}[31m\nlisten = \"\\u001b[2J\"\n",
        [],
    );
    assert!(!words(&loaded).contains('\u{1b}'), "{}", words(&loaded));
}
