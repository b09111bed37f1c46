//! The text of the configuration file as it may be shown: one line at a time, with every secret struck out.

use std::ops::Range;

use serde::Serialize;

/// How much of a line is shown; the rest is cut.
const LONGEST_LINE: usize = 200;

/// A line of the file with the place that matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The line, from 1.
    pub line: usize,
    /// The column of the first character that matters, from 1, counted in characters.
    pub column: usize,
    /// The line's text with secrets struck out.
    #[serde(rename = "source")]
    pub text: String,
    /// Where in [`Excerpt::text`] the caret begins, in characters.
    #[serde(skip)]
    pub caret_start: usize,
    /// How many characters the caret underlines; at least one.
    #[serde(skip)]
    pub caret_width: usize,
}

/// The file's text and what of it must not be shown.
#[derive(Debug)]
pub struct Source<'a> {
    text: &'a str,
    secrets: Vec<Range<usize>>,
}

impl<'a> Source<'a> {
    /// Takes the text and the bytes in it that are secret.
    #[must_use]
    pub fn new(text: &'a str, secrets: Vec<Range<usize>>) -> Self {
        Self { text, secrets }
    }

    /// The line on which `range` begins.
    #[must_use]
    pub fn excerpt(&self, range: Range<usize>) -> Excerpt {
        let start = floor(self.text, range.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let end = floor(self.text, range.end).clamp(start, line_end);

        let mut shown = String::new();
        let (mut caret_start, mut caret_end) = (None, None);
        let mut in_secret = false;
        for (offset, c) in self.text[line_start..line_end].char_indices() {
            let at = line_start + offset;
            let width = shown.chars().count();
            if at >= start {
                caret_start.get_or_insert(width);
            }
            if at >= end && at > start {
                caret_end.get_or_insert(width);
            }
            let secret = self.secrets.iter().any(|secret| secret.contains(&at));
            if secret && !in_secret {
                shown.push('…');
            } else if !secret {
                shown.push(if c.is_control() { ' ' } else { c });
            }
            in_secret = secret;
        }
        let shown = shown.trim_end().chars().take(LONGEST_LINE).collect::<String>();
        let width = shown.chars().count();
        let caret_start = caret_start.unwrap_or(width).min(width);
        let caret_end = caret_end.unwrap_or(width).min(width);
        Excerpt {
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            text: shown,
            caret_start,
            caret_width: caret_end.saturating_sub(caret_start).max(1),
        }
    }
}

/// What of a file with broken TOML must not be shown: with the structure gone, every value may be a secret.
#[must_use]
pub fn values_of_line(text: &str, at: usize) -> Option<Range<usize>> {
    let at = floor(text, at);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let line = &text[start..end];
    if line.trim_start().starts_with('[') && !line.contains('=') {
        return None;
    }
    let value = line.find('=').map_or(start, |equals| start + equals + 1);
    let value = value + (text[value..end].len() - text[value..end].trim_start().len());
    (value < end).then_some(value..end)
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[a]\nsécret = \"hunter2\" # x\nlast";

    #[test]
    fn a_line_is_shown_with_its_secret_struck_out() {
        let value = TEXT.find('"').unwrap()..TEXT.find(" #").unwrap();
        let source = Source::new(TEXT, vec![value.clone()]);
        let excerpt = source.excerpt(value);
        assert_eq!(excerpt.text, "sécret = … # x");
        assert_eq!((excerpt.line, excerpt.column), (2, 10));
        assert_eq!((excerpt.caret_start, excerpt.caret_width), (9, 1));
    }

    #[test]
    fn the_caret_stands_under_the_key() {
        let excerpt = Source::new(TEXT, Vec::new()).excerpt(4..11);
        assert_eq!((excerpt.caret_start, excerpt.caret_width), (0, 6));
    }

    #[test]
    fn a_place_at_the_very_end_is_shown() {
        let excerpt = Source::new(TEXT, Vec::new()).excerpt(9999..9999);
        assert_eq!((excerpt.line, excerpt.text.as_str(), excerpt.caret_start), (3, "last", 4));
        assert_eq!(Source::new("", Vec::new()).excerpt(0..0).line, 1);
    }

    #[test]
    fn the_values_of_a_broken_line_are_hidden_and_its_key_is_shown() {
        let text = "password = 'hunter2\n[table\nloose hunter2";
        assert_eq!(values_of_line(text, 19), Some(11..19));
        assert_eq!(values_of_line(text, 21), None);
        assert_eq!(values_of_line(text, 30), Some(27..40));
    }
}
