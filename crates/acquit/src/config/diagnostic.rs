//! A mistake in the configuration, told so that it can be corrected: where, what is wrong, what was probably meant.

use std::{fmt, ops::Range};

use serde::Serialize;

use super::{
    path::Path,
    source::{Excerpt, Source},
    tree::Origin,
};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Acquit does not start with it.
    Error,
    /// Acquit starts, but the operator should know.
    Warning,
}

/// A mistake and its place.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What was probably meant, or what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The key it is about, such as `applications[0].client_id`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The file.
    pub file: String,
    /// The line and the column, when it was written in the file.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
    /// The variable, when it was written in the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}", self.message)?;
        let mut margin = 1;
        match (&self.excerpt, &self.environment) {
            (Some(excerpt), _) => {
                margin = excerpt.line.to_string().len();
                writeln!(f, "{:margin$}--> {}:{}:{}", "", self.file, excerpt.line, excerpt.column)?;
                writeln!(f, "{:margin$} |", "")?;
                writeln!(f, "{} | {}", excerpt.line, excerpt.text)?;
                let caret = "^".repeat(excerpt.caret_width);
                writeln!(f, "{:margin$} | {:indent$}{caret}", "", "", indent = excerpt.caret_start)?;
            }
            (None, Some(variable)) => writeln!(f, "{:margin$}--> {variable} in the environment", "")?,
            (None, None) => writeln!(f, "{:margin$}--> {}", "", self.file)?,
        }
        match &self.help {
            Some(help) => writeln!(f, "{:margin$} = help: {help}", ""),
            None => Ok(()),
        }
    }
}

/// A mistake before its place in the text is looked up.
#[derive(Clone, Debug)]
struct Found {
    severity: Severity,
    message: String,
    help: Option<String>,
    key: String,
    origin: Option<Origin>,
}

/// Gathers mistakes, so that all are told at once.
#[derive(Debug, Default)]
pub struct Diagnostics {
    found: Vec<Found>,
    /// Bytes of the file that must not be shown.
    secrets: Vec<Range<usize>>,
    /// Where the TOML is broken, so that what is near there was not read.
    broken: Vec<usize>,
}

impl Diagnostics {
    /// Notes that the TOML itself is broken at `span`.
    pub fn no_toml(&mut self, span: Range<usize>, message: &str) {
        self.broken.push(span.start);
        let origin = Origin::File(span.clone());
        self.add(Severity::Error, &Path::root(), Some(&origin), format!("this is no TOML: {message}"));
    }

    /// Whether the whole file is TOML.
    #[must_use]
    pub fn is_toml(&self) -> bool {
        self.broken.is_empty()
    }

    /// Notes that something is missing, unless it may be in a part that could not be read.
    pub fn missing(&mut self, path: &Path, origin: &Origin, message: String, help: Option<String>) {
        if self.is_toml() {
            self.add(Severity::Error, path, Some(origin), message).0.help = help;
        }
    }

    /// Notes a mistake that keeps Acquit from starting.
    pub fn error(&mut self, path: &Path, origin: Option<&Origin>, message: impl Into<String>) -> Note<'_> {
        self.add(Severity::Error, path, origin, message.into())
    }

    /// Notes something that the operator should know.
    pub fn warning(&mut self, path: &Path, origin: Option<&Origin>, message: impl Into<String>) -> Note<'_> {
        self.add(Severity::Warning, path, origin, message.into())
    }

    /// Keeps what was written at `origin` from being shown.
    pub fn hide(&mut self, origin: &Origin) {
        if let Origin::File(range) = origin {
            self.secrets.push(range.clone());
        }
    }

    /// Whether Acquit must not start.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }

    /// All that was found, in the order of the file; what is not of the file comes last.
    #[must_use]
    pub fn finish(mut self, file: &str, text: &str) -> Vec<Diagnostic> {
        // What was read of a broken line is not what was written there, so nothing else is said about it.
        let line = |at: usize| text.get(..at).map_or(0, |before| before.matches('\n').count());
        let broken: Vec<(usize, usize)> = self.broken.iter().map(|&at| (line(at), at)).collect();
        self.found.retain(|found| match &found.origin {
            Some(Origin::File(range)) => {
                broken.iter().all(|&(broken, at)| broken != line(range.start) || at == range.start)
            }
            _ => true,
        });
        self.found.sort_by_key(|found| match &found.origin {
            Some(Origin::File(range)) => (0, range.start),
            None => (1, 0),
            Some(Origin::Environment(_)) => (2, 0),
        });
        let source = Source::new(text, self.secrets);
        let diagnostics = self.found.into_iter().map(|found| {
            let (excerpt, environment) = match found.origin {
                Some(Origin::File(range)) => (Some(source.excerpt(range)), None),
                Some(Origin::Environment(variable)) => (None, Some(variable)),
                None => (None, None),
            };
            Diagnostic {
                severity: found.severity,
                message: found.message,
                help: found.help,
                key: found.key,
                file: file.to_owned(),
                excerpt,
                environment,
            }
        });
        diagnostics.collect()
    }

    fn add(&mut self, severity: Severity, path: &Path, origin: Option<&Origin>, message: String) -> Note<'_> {
        let origin = origin.filter(|origin| **origin != Origin::File(0..0)).cloned();
        let found = Found { severity, message, help: None, key: path.to_string(), origin };
        self.found.push(found);
        let last = self.found.len() - 1;
        Note(&mut self.found[last])
    }
}

/// A mistake that was just noted.
#[derive(Debug)]
pub struct Note<'a>(&'a mut Found);

impl Note<'_> {
    /// Says what was probably meant, or what to do.
    pub fn help(self, help: impl Into<String>) {
        self.0.help = Some(help.into());
    }
}

/// A text from the configuration as it may be shown: short, and without characters that steer a terminal.
#[must_use]
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(shown_char).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

fn shown_char(c: char) -> Vec<char> {
    if c.is_control() || is_bidi_control(c) { c.escape_unicode().collect() } else { vec![c] }
}

/// Whether a name with `c` could show as another one: characters that do not show, or that reorder the text around them.
#[must_use]
pub fn is_confusing(c: char) -> bool {
    c.is_control() || is_bidi_control(c) || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Characters that reorder the text around them and so can make a terminal show something else than is written.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_cannot_steer_the_terminal() {
        assert_eq!(quoted("a\u{1b}[31mb"), "`a\\u{1b}[31mb`");
        assert_eq!(quoted("\u{202e}x"), "`\\u{202e}x`");
        assert!(quoted(&"x".repeat(1000)).chars().count() < 70);
    }
}
