//! What commands say: text for people, JSON for programs. Nothing that came from outside steers the terminal.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use crate::{config::environment::Environment, logging::wants_colours};

pub mod receipt;
pub mod table;

/// Where a command's answer goes.
#[derive(Debug)]
pub struct Output {
    json: bool,
    colours: bool,
}

/// A colour of the terminal, by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// It is well.
    Good,
    /// It is under way, or nothing more can be known.
    Waiting,
    /// It went wrong.
    Bad,
    /// It matters less.
    Faint,
    /// It matters more.
    Strong,
}

impl Output {
    /// Standard output, as JSON if `json`.
    #[must_use]
    pub fn new(json: bool, environment: &Environment) -> Self {
        Self { json, colours: !json && io::stdout().is_terminal() && wants_colours(environment) }
    }

    /// Text without colours.
    #[must_use]
    pub fn plain() -> Self {
        Self { json: false, colours: false }
    }

    /// Whether programs read it.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Says `value` to programs, or what `text` makes of it to people.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn say<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> io::Result<()> {
        let mut said = if self.json { serde_json::to_string_pretty(value)? } else { text(value) };
        if !said.ends_with('\n') {
            said.push('\n');
        }
        let mut out = io::stdout().lock();
        out.write_all(said.as_bytes())?;
        out.flush()
    }

    /// `text` in a colour, if colours are used.
    #[must_use]
    pub fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Good => "32",
            Ink::Waiting => "33",
            Ink::Bad => "31",
            Ink::Faint => "2",
            Ink::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Says something to the person beside the answer: on standard error.
pub fn note(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A text from outside as it may be shown: no character of it steers the terminal or starts a line.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || reorders {
            let _ = write!(clean, "{}", c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// "1 session", "3 sessions".
#[must_use]
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}]0;x\u{7}\n\u{202e}b"), "a\\u{1b}]0;x\\u{7}\\u{a}\\u{202e}b");
    }

    #[test]
    fn plain_output_has_no_colours() {
        assert_eq!(Output::plain().ink(Ink::Bad, "failed"), "failed");
    }
}
