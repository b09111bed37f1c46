//! An OAuth error as an upstream provider sends it: in a callback, from the token endpoint, from the revocation endpoint.

use std::fmt;

use crate::error::ErrorCode;

/// The longest error code that is kept, in characters.
pub const MAX_CODE: usize = 64;
/// The longest description that is kept, in characters.
pub const MAX_DESCRIPTION: usize = 200;

/// What a provider says that went wrong. Its words are a stranger's: they are cut, and nothing in them can move a cursor
/// or turn a line around, but they must still be escaped where they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which error.
    pub code: FailureCode,
    /// The provider's own words.
    pub description: Option<String>,
}

/// `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureCode {
    /// One that a specification names.
    Known(ErrorCode),
    /// One of the provider's own.
    Other(String),
}

impl Failure {
    /// From `error` and `error_description`.
    #[must_use]
    pub fn new(error: &str, description: Option<&str>) -> Self {
        let code = match ErrorCode::parse(error) {
            Some(code) => FailureCode::Known(code),
            None => FailureCode::Other(plain(error, MAX_CODE)),
        };
        let description = description.map(|text| plain(text, MAX_DESCRIPTION)).filter(|text| !text.is_empty());
        Self { code, description }
    }

    /// Whether it is this error.
    #[must_use]
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code == FailureCode::Known(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.code {
            FailureCode::Known(code) => code.as_str(),
            FailureCode::Other(code) => code,
        })?;
        match &self.description {
            Some(description) => write!(f, ": {description}"),
            None => Ok(()),
        }
    }
}

/// A stranger's text, cut, without control characters and without those that change the direction of writing.
pub(crate) fn plain(text: &str, max: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().take(max).map(|c| if breaks(c) || turns(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_specification_is_recognised_and_another_is_kept_as_it_is() {
        assert!(Failure::new("access_denied", None).is(ErrorCode::AccessDenied));
        assert!(Failure::new("invalid_grant", None).is(ErrorCode::InvalidGrant));
        let own = Failure::new("AADSTS50105", Some("not assigned"));
        assert_eq!(own.code, FailureCode::Other("AADSTS50105".into()));
        assert_eq!(own.to_string(), "AADSTS50105: not assigned");
        // Codes are compared exactly (RFC 6749 section 4.1.2.1).
        assert_eq!(Failure::new("Access_Denied", None).code, FailureCode::Other("Access_Denied".into()));
    }

    #[test]
    fn the_words_of_a_provider_are_cut_and_cannot_break_a_line() {
        let failure = Failure::new(&"x".repeat(1000), Some(&"ä".repeat(1000)));
        let FailureCode::Other(code) = &failure.code else { panic!("{failure:?}") };
        assert_eq!(code.len(), MAX_CODE);
        assert_eq!(failure.description.unwrap().chars().count(), MAX_DESCRIPTION);
        let failure = Failure::new("a\r\nb", Some("c\u{1b}[31m\u{202e}d\u{2028}"));
        assert_eq!(failure.to_string(), "a??b: c?[31m?d?");
        assert_eq!(Failure::new("x", Some("")).description, None);
    }
}
