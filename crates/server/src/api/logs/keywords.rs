//! `q`: keywords of which an event must have all, in whatever value, whatever the case. A keyword is a whole word of a
//! value, or a part of it between hyphens.

use serde_json::Value;

/// The most keywords.
pub const MAX_WORDS: usize = 10;
/// The longest keyword, in characters.
pub const MAX_LEN: usize = 40;

/// Why keywords cannot be looked for. The caller must correct them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'q' takes at most {MAX_WORDS} keywords of at most {MAX_LEN} characters each")]
pub struct TooManyWords;

/// Keywords to look for; in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Vec<String>);

impl Keywords {
    /// Splits a text at its spaces.
    ///
    /// # Errors
    /// [`TooManyWords`].
    pub fn parse(text: &str) -> Result<Self, TooManyWords> {
        let words: Vec<&str> = text.split_whitespace().take(MAX_WORDS + 1).collect();
        if words.len() > MAX_WORDS || words.iter().any(|word| word.chars().count() > MAX_LEN) {
            return Err(TooManyWords);
        }
        Ok(Self(words.into_iter().map(str::to_lowercase).collect()))
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an event has all of them.
    #[must_use]
    pub fn fit(&self, event: &Value) -> bool {
        self.0.iter().all(|word| has(event, word))
    }
}

fn has(value: &Value, keyword: &str) -> bool {
    match value {
        Value::String(text) => {
            let text = text.to_lowercase();
            let mut words = text.split_whitespace();
            text == keyword || words.any(|word| word == keyword || word.split('-').any(|part| part == keyword))
        }
        Value::Array(values) => values.iter().any(|value| has(value, keyword)),
        Value::Object(values) => values.values().any(|value| has(value, keyword)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_keywords_must_be_words_of_some_value() {
        let event = json!({
            "displayMessage": "User logout", "transaction": { "id": "ab-12-Cd" }, "target": [{ "alternateId": "ana@example.com" }],
            "version": 7, "device": null,
        });
        for q in ["user", "LOGOUT user", "ab-12-cd", "12 CD", "ana@example.com", "", "  "] {
            assert!(Keywords::parse(q).unwrap().fit(&event), "{q}");
        }
        for q in ["log", "user nobody", "ab-12", "ana", "7"] {
            assert!(!Keywords::parse(q).unwrap().fit(&event), "{q}");
        }
    }

    #[test]
    fn too_many_or_too_long_keywords_are_refused() {
        assert!(Keywords::parse(&"a ".repeat(MAX_WORDS)).is_ok());
        assert!(Keywords::parse(&"é".repeat(MAX_LEN)).is_ok());
        assert_eq!(Keywords::parse(&"a ".repeat(MAX_WORDS + 1)), Err(TooManyWords));
        assert_eq!(Keywords::parse(&"a".repeat(MAX_LEN + 1)), Err(TooManyWords));
    }
}
