//! Whatever is broken in a configuration: it is told, nothing panics, and no secret is shown.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::path::Path;

use acquit::config::{self, environment::Environment};

const SAMPLE: &str = include_str!("configurations/good/sample.toml");

/// Every secret in the sample, in pieces: a piece of one is too much as well.
const SECRETS: &[&str] = &[
    "initial-access",
    "-enough-length",
    "operators-token",
    "sufficient-length",
    "correct horse",
    "battery staple",
    "thirty-two",
    "bytes-or-more",
    "c2FsdHNhbHQ",
    "KWOGSM4TWu4",
    "a-providers",
    "secret-for-acquit",
    "an-api-key",
    "a-webhook-sec",
];

fn check(text: &str, what: &str) {
    let loaded = config::read(text, "acquit.toml", Path::new("/tmp"), &Environment::default());
    for diagnostic in &loaded.diagnostics {
        let shown = format!("{diagnostic}{}", serde_json::to_string(diagnostic).unwrap());
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{what} shows {secret}:\n{shown}");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_shows_no_secret() {
    for (at, _) in SAMPLE.char_indices().step_by(5) {
        check(&SAMPLE[..at], &format!("cut at {at}"));
    }
}

#[test]
fn a_file_with_a_slip_anywhere_shows_no_secret() {
    for (at, c) in SAMPLE.char_indices().step_by(5) {
        let slip = ['"', '[', '=', '\n', '\'', 'é', '\u{0}', '}'][at % 8];
        let text = format!("{}{slip}{}", &SAMPLE[..at], &SAMPLE[at + c.len_utf8()..]);
        check(&text, &format!("{slip:?} at {at}"));
    }
}

#[test]
fn a_file_without_one_of_its_lines_shows_no_secret() {
    let lines: Vec<&str> = SAMPLE.lines().collect();
    for missing in 0..lines.len() {
        let text: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, line)| *line).collect();
        check(&text.join("\n"), &format!("without line {}", missing + 1));
    }
}
