//! `acquit check`: is the configuration right?

use clap::Args;
use serde::Serialize;

use super::{CommandError, Global};
use crate::{
    config::{
        self,
        diagnostic::{Diagnostic, Severity},
        environment::Environment,
    },
    output::{Ink, Output, count},
};

/// Check the configuration and point at every mistake
///
/// Says for each mistake the file, the line, what is wrong and what was probably meant. Overrides from the environment
/// are checked as well, and secrets are read from their files; none is shown. Nothing is started or changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  acquit check
  acquit check --config /etc/acquit/acquit.toml
  acquit check --json | jq '.mistakes[].message'

Exits with 2 if there is a mistake, with 0 if there are at most warnings.")]
pub struct Check {}

#[derive(Serialize)]
struct Report {
    ok: bool,
    mistakes: Vec<Diagnostic>,
}

impl Check {
    /// Checks it.
    ///
    /// # Errors
    /// [`CommandError::Load`] when the file cannot be read.
    pub fn run(&self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let loaded = config::load(&global.config, environment)?;
        let ok = loaded.settings.is_some() || loaded.alone.is_some();
        let file = global.config.display().to_string();
        let report = Report { ok, mistakes: loaded.diagnostics };
        output.say(&report, |report| {
            let mut text = show(&report.mistakes, output);
            text.push_str(&verdict(report, &file, output));
            text
        })?;
        Ok(if ok { 0 } else { 2 })
    }
}

/// Diagnostics as text, an empty line after each.
#[must_use]
pub fn show(diagnostics: &[Diagnostic], output: &Output) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let shown = diagnostic.to_string();
        // The first word says how bad it is.
        let (word, rest) = shown.split_once(':').unwrap_or((&shown, ""));
        let ink = if diagnostic.severity == Severity::Error { Ink::Bad } else { Ink::Waiting };
        text.push_str(&format!("{}:{rest}\n", output.ink(ink, word)));
    }
    text
}

fn verdict(report: &Report, file: &str, output: &Output) -> String {
    let of = |severity| report.mistakes.iter().filter(|mistake| mistake.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    match (errors, warnings) {
        (0, 0) => output.ink(Ink::Good, &format!("{file} is right")),
        (0, warnings) => format!("{file} can be used, with {}", count(warnings, "warning")),
        (errors, 0) => output.ink(Ink::Bad, &format!("{file} has {}", count(errors, "error"))),
        (errors, warnings) => {
            let text = format!("{file} has {} and {}", count(errors, "error"), count(warnings, "warning"));
            output.ink(Ink::Bad, &text)
        }
    }
}

/// The settings of the configuration, for commands that need them; mistakes are shown.
///
/// # Errors
/// [`CommandError::Configuration`] when there are mistakes, [`CommandError::Load`] when the file cannot be read,
/// [`CommandError::Usage`] when it is of a node that is only a gateway.
pub fn settings(global: &Global, environment: &Environment) -> Result<acquit_server::settings::Settings, CommandError> {
    let loaded = config::load(&global.config, environment)?;
    if loaded.alone.is_some() {
        return Err(CommandError::Usage(
            "this is the configuration of a node that is only a gateway (`gateway.keys`): `acquit serve --gateway-only` runs it, and all \
             other commands are for servers"
                .to_owned(),
        ));
    }
    loaded.settings.ok_or_else(|| mistakes(loaded.diagnostics))
}

/// The settings of a node that is only a gateway; mistakes are shown.
///
/// # Errors
/// As [`settings`], and [`CommandError::Usage`] when the configuration is a server's.
pub fn alone(
    global: &Global,
    environment: &Environment,
) -> Result<acquit_server::settings::gateway::Alone, CommandError> {
    let loaded = config::load(&global.config, environment)?;
    if loaded.settings.is_some() {
        return Err(CommandError::Usage(
            "this is the configuration of a server: a node that is only a gateway has no master key, but the keys that `acquit gateway \
             keys` writes (`gateway.keys`), and shares a PostgreSQL database"
                .to_owned(),
        ));
    }
    loaded.alone.ok_or_else(|| mistakes(loaded.diagnostics))
}

fn mistakes(diagnostics: Vec<Diagnostic>) -> CommandError {
    let errors: Vec<Diagnostic> =
        diagnostics.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    crate::output::note(show(&errors, &Output::plain()).trim_end());
    CommandError::Configuration
}
