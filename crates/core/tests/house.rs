//! The shape of the house: which crate may use which, and that the core reaches neither clock nor randomness nor I/O.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The crates from the ground up; each may use only those before it.
const ORDER: [&str; 8] = [
    "acquit-core",
    "acquit-oidc",
    "acquit-saml",
    "acquit-store",
    "acquit-delivery",
    "acquit-gateway",
    "acquit-server",
    "acquit",
];
const TESTKIT: &str = "acquit-testkit";

/// All that the core may depend on outside its tests, and why it cannot reach further.
const CORE_USES: [&str; 3] = [
    "jiff", // formats times; with `std` alone, which has no system time zone, and `now` is refused by clippy and below
    "serde", // derives
    "thiserror", // derives
];

/// What would let the core see the world, or depend on it.
const FORBIDDEN: [&str; 22] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::os",
    "std::sync",
    "SystemTime",
    "Instant",
    "now()",
    "rand::",
    "getrandom",
    "RandomState",
    "HashMap",
    "HashSet",
    "async ",
    "await",
    "unsafe",
    "println!",
    "include_str!",
    "env!",
];

/// What would let the SAML crate see the world; its randomness is inside the crypto library, which wants a handle on it.
const FORBIDDEN_TO_SAML: [&str; 15] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::os",
    "SystemTime",
    "time::Instant",
    "now()",
    "rand::fill",
    "getrandom",
    "async ",
    "unsafe",
    "println!",
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Reads the dependencies of a manifest as (section, name).
fn dependencies(manifest: &str) -> Vec<(&str, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            // `[dependencies.name]` is a dependency, too.
            if let Some((table, name)) = name.rsplit_once("dependencies.") {
                found.push((if table.is_empty() { "dependencies" } else { section }, name));
            }
        } else if section.ends_with("dependencies") {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            found.extend((!name.is_empty()).then_some((section, name)));
        }
    }
    found
}

/// Why a crate may not have a dependency, if it may not.
fn objection(of: &str, section: &str, on: &str) -> Option<String> {
    let place = |name: &str| ORDER.iter().position(|known| *known == name);
    let dev = section.contains("dev-dependencies");
    if !on.starts_with("acquit") {
        return None;
    }
    if on == TESTKIT {
        return (!dev || of == TESTKIT).then(|| format!("{of} uses {TESTKIT} outside its tests"));
    }
    let Some(below) = place(on) else { return Some(format!("{on}, used by {of}, has no place in the order")) };
    match place(of) {
        // The testkit stands beside the house and may use all of it.
        None if of == TESTKIT => None,
        None => Some(format!("{of} has no place in the order")),
        Some(own) => (below >= own).then(|| format!("{of} uses {on}, which is not below it")),
    }
}

#[test]
fn crates_depend_only_downwards() {
    let mut seen = Vec::new();
    for entry in fs::read_dir(crates()).unwrap() {
        let Ok(manifest) = fs::read_to_string(entry.unwrap().path().join("Cargo.toml")) else { continue };
        let name =
            manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap().to_owned();
        assert!(ORDER.contains(&name.as_str()) || name == TESTKIT, "{name} has no place in the order");
        for (section, on) in dependencies(&manifest) {
            assert_eq!(objection(&name, section, on), None);
        }
        seen.push(name);
    }
    assert!(seen.len() >= 7, "the crates were not found: {seen:?}");
}

#[test]
fn a_dependency_upwards_or_on_the_testkit_is_noticed() {
    let manifest = "[dependencies]\nacquit-store.workspace = true\n[target.'cfg(unix)'.dependencies]\nacquit-server = { path = \"x\" }\n\
        [dependencies.acquit]\npath = \"y\"\n[dev-dependencies]\nacquit-testkit.workspace = true\n# acquit-nothing = 1\n";
    let found = dependencies(manifest);
    assert_eq!(
        found.iter().map(|(_, name)| *name).collect::<Vec<_>>(),
        ["acquit-store", "acquit-server", "acquit", TESTKIT]
    );
    let objections: Vec<_> =
        found.iter().map(|(section, on)| objection("acquit-delivery", section, on).is_some()).collect();
    assert_eq!(objections, [false, true, true, false]);
    assert!(objection("acquit-server", "dependencies", TESTKIT).is_some());
    assert!(objection("acquit-core", "dev-dependencies", "acquit-store").is_some(), "not even in tests");
    assert!(objection("acquit-oidc", "dependencies", "acquit-surprise").is_some());
}

/// No source in this folder mentions any of these words.
fn mentions_none(folder: &str, forbidden: &[&'static str]) {
    let all = sources(&crates().join(folder));
    assert!(all.len() > 15, "the sources in {folder} were not found");
    for (path, text) in all {
        if let Some(word) = mentioned(&text, forbidden) {
            panic!("{}: mentions {word:?}", path.display());
        }
    }
}

#[test]
fn the_core_depends_on_nothing_that_reaches_the_world() {
    let manifest = fs::read_to_string(crates().join("core/Cargo.toml")).unwrap();
    let mut used: Vec<_> = dependencies(&manifest)
        .into_iter()
        .filter(|(section, _)| !section.contains("dev-dependencies"))
        .map(|(_, name)| name)
        .collect();
    used.sort_unstable();
    assert_eq!(used, CORE_USES);
    let workspace = fs::read_to_string(crates().join("../Cargo.toml")).unwrap();
    let jiff = workspace.lines().find(|line| line.starts_with("jiff =")).unwrap();
    assert!(jiff.contains("default-features = false") && jiff.contains("features = [\"std\"]"), "{jiff}");
    assert!(!crates().join("core/build.rs").exists(), "a build script reads the world");
}

#[test]
fn the_sources_of_the_core_mention_neither_clock_nor_randomness_nor_io() {
    mentions_none("core/src", &FORBIDDEN);
}

#[test]
fn the_sources_of_saml_mention_neither_clock_nor_io_nor_another_crate_of_ours() {
    mentions_none("saml/src", &FORBIDDEN_TO_SAML);
    let manifest = fs::read_to_string(crates().join("saml/Cargo.toml")).unwrap();
    let ours: Vec<_> = dependencies(&manifest).into_iter().filter(|(_, on)| on.starts_with("acquit")).collect();
    assert_eq!(ours, [("dependencies", "acquit-core")]);
    // Young crates by one author: their next version is looked at before it is taken, and `rsa` comes in by their defaults.
    let workspace = fs::read_to_string(crates().join("../Cargo.toml")).unwrap();
    for name in ["bergshamra-dsig", "bergshamra-enc", "bergshamra-c14n", "bergshamra-keys", "kryptering", "uppsala"] {
        let line = workspace.lines().find(|line| line.starts_with(&format!("{name} ="))).unwrap();
        assert!(line.contains("version = \"=") && line.contains("default-features = false"), "{line}");
    }
}

#[test]
fn a_clock_in_the_sources_would_be_noticed() {
    for bad in [
        "let t = std::time::Instant::now();",
        "use std::{fmt, fs};",
        "use std::{\n    fmt,\n    net::IpAddr,\n};",
        "async fn f() {}",
        "jiff::Timestamp::now()",
    ] {
        assert!(mentioned(bad, &FORBIDDEN).is_some(), "{bad}");
    }
    for good in ["// an Instant in a comment", "fn f(now: Timestamp) { since(now) }", "use std::{fmt, time::Duration};"]
    {
        assert_eq!(mentioned(good, &FORBIDDEN), None, "{good}");
    }
}

/// The first forbidden word in the code of a text, comments aside.
fn mentioned(text: &str, words: &[&'static str]) -> Option<&'static str> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    // `use std::{a, b::c}` mentions std::a and std::b.
    let grouped: String = code
        .split("use std::{")
        .skip(1)
        .filter_map(|group| group.split_once("};"))
        .flat_map(|(group, _)| group.split(',').map(|item| format!("std::{} ", item.trim().trim_start_matches('{'))))
        .collect();
    words.iter().copied().find(|word| code.contains(word) || grouped.contains(word))
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}
