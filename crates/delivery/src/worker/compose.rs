//! What the worker needs of the protocols: a request for a step.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use acquit_core::{Timestamp, delivery::Said, step::Step};

use crate::egress::{Incoming, Outgoing};

/// A request, made for one attempt.
#[derive(Clone, Debug)]
pub struct Composed {
    /// What is sent.
    pub request: Outgoing,
    /// How long the key that signed it had been signing; none when nothing is signed.
    pub key_age: Option<Duration>,
    /// How the answer to this very request is read, where its HTTP status alone does not say what it means.
    pub reader: Option<Reader>,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It says something in the party's protocol.
    Said(Said),
    /// It says no more than its HTTP status does, with the party's own words.
    Status {
        /// The words.
        words: Option<String>,
    },
}

/// Reads the answer to one request.
#[derive(Clone)]
pub struct Reader(Arc<dyn Fn(&Incoming) -> Heard + Send + Sync>);

impl Reader {
    /// One that reads by a function. It is called on the worker's own task, so it must not wait for anything.
    pub fn new(read: impl Fn(&Incoming) -> Heard + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) fn read(&self, answer: &Incoming) -> Heard {
        (self.0)(answer)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

/// Why no request could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The step must not be made any more, such as one superseded by a newer sign-in. It fails with these words.
    #[error("{0}")]
    Final(String),
    /// Something of our own is missing for now: the operator must act. The step waits its turn in the schedule.
    #[error("the request could not be made: {0}")]
    NotNow(String),
}

/// Makes requests. The server implements this with its keys and protocols.
pub trait Compose: Send + Sync + 'static {
    /// The request for an attempt of `step` at `now`: fresh for each attempt, since tokens expire and are used once.
    ///
    /// # Errors
    /// [`ComposeError`].
    fn compose(&self, step: &Step, now: Timestamp) -> impl Future<Output = Result<Composed, ComposeError>> + Send;

    /// The party's own words in an answer that did not confirm, for the receipt. By default the printable beginning of a
    /// text or JSON body.
    fn words(&self, step: &Step, answer: &Incoming) -> Option<String> {
        let _ = step;
        printable(answer)
    }
}

impl<C: Compose> Compose for Arc<C> {
    fn compose(&self, step: &Step, now: Timestamp) -> impl Future<Output = Result<Composed, ComposeError>> + Send {
        C::compose(self, step, now)
    }

    fn words(&self, step: &Step, answer: &Incoming) -> Option<String> {
        C::words(self, step, answer)
    }
}

/// The most of a party's words that is kept, in characters.
const WORDS: usize = 200;

/// The beginning of a text or JSON body in one line of printable characters.
#[must_use]
pub fn printable(answer: &Incoming) -> Option<String> {
    let kind = answer.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    if !(kind.starts_with("text/plain") || kind.contains("json")) {
        return None;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let mut words = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.len() > WORDS * 4 {
            break;
        }
    }
    // Characters that turn the direction of text could make a receipt read as something else.
    words.retain(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    if words.chars().count() > WORDS {
        words = words.chars().take(WORDS).chain(['…']).collect();
    }
    Some(words).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode, header};

    use super::*;

    fn words(kind: &'static str, body: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        printable(&Incoming { status: StatusCode::BAD_REQUEST, headers, body: body.to_owned().into(), cut: false })
    }

    #[test]
    fn a_partys_words_are_one_short_printable_line() {
        assert_eq!(words("application/json", "{\"error\":\n \"bad\"}").as_deref(), Some("{\"error\": \"bad\"}"));
        assert_eq!(words("text/plain", "a\r\n\u{1b}[31mb\u{202e}c\0").as_deref(), Some("a [31mbc"));
        assert_eq!(words("text/plain", &"é".repeat(5000)).unwrap().chars().count(), WORDS + 1);
        assert_eq!(words("text/plain", " \n"), None);
    }

    #[test]
    fn markup_and_bytes_are_not_repeated() {
        assert_eq!(words("text/html", "<b>no</b>"), None);
        assert_eq!(words("application/octet-stream", "no"), None);
    }
}
