//! A request's parameters: a strict list read from `application/x-www-form-urlencoded` bytes.
//!
//! RFC 6749 section 3.1: a parameter comes at most once, and one without a value counts as not sent. Two servers that
//! read a repeated parameter differently are how requests get smuggled past a check, so a repetition is an error here,
//! also one between query and body.

use std::fmt;

/// The most that query and body together may be, in bytes.
pub const MAX_TOTAL: usize = 64 * 1024;
/// The most parameters.
pub const MAX_COUNT: usize = 64;
/// The longest name, in bytes after decoding.
pub const MAX_NAME: usize = 128;
/// The longest value, in bytes after decoding.
pub const MAX_VALUE: usize = 8 * 1024;
/// The longest value of a parameter that carries a token (see [`TOKENS`]).
pub const MAX_TOKEN: usize = 16 * 1024;

/// The parameters that carry a signed or sealed token and may be as long as [`MAX_TOKEN`].
pub const TOKENS: [&str; 8] =
    ["id_token_hint", "client_assertion", "logout_token", "token", "flow", "handoff", "continue", "question"];

/// Why a request's parameters cannot be read. The client must send something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// More than [`MAX_TOTAL`] bytes.
    #[error("the request is longer than {MAX_TOTAL} bytes")]
    TooLarge,
    /// More than [`MAX_COUNT`] parameters.
    #[error("the request has more than {MAX_COUNT} parameters")]
    TooMany,
    /// A name longer than [`MAX_NAME`] bytes.
    #[error("a parameter's name is longer than {MAX_NAME} bytes")]
    NameTooLong,
    /// A value longer than allowed.
    #[error("the parameter {name} is too long")]
    ValueTooLong {
        /// Whose.
        name: String,
    },
    /// The same parameter twice.
    #[error("the parameter {name} was sent more than once")]
    Repeated {
        /// Which.
        name: String,
    },
    /// A broken percent escape, or bytes that are not UTF-8.
    #[error("the request is not valid form encoding in UTF-8")]
    Encoding,
}

impl ParamsError {
    /// The parameter that is wrong, where it is one.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::ValueTooLong { name } | Self::Repeated { name } => Some(name),
            Self::TooLarge | Self::TooMany | Self::NameTooLong | Self::Encoding => None,
        }
    }
}

/// A parameter is absent or not of the form that it must have. The client must correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {name} {why}")]
pub struct BadParam {
    /// Which.
    pub name: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub why: &'static str,
}

/// The parameters of one request, each name at most once, in the order in which they came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params {
    list: Vec<(String, String)>,
}

impl Params {
    /// Reads one form-encoded string: a query, or a body.
    ///
    /// # Errors
    /// [`ParamsError`]
    pub fn parse(encoded: &[u8]) -> Result<Self, ParamsError> {
        Self::parse_request(encoded, b"")
    }

    /// Reads the query and the body of one request together; a name in both is a repetition.
    ///
    /// # Errors
    /// [`ParamsError`]
    pub fn parse_request(query: &[u8], body: &[u8]) -> Result<Self, ParamsError> {
        if query.len().saturating_add(body.len()) > MAX_TOTAL {
            return Err(ParamsError::TooLarge);
        }
        let mut params = Self::default();
        for part in [query, body] {
            for pair in part.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
                let at = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
                let value = pair.get(at + 1..).unwrap_or_default();
                params.push(decode(&pair[..at])?, decode(value)?)?;
            }
        }
        Ok(params)
    }

    /// The same checks for pairs that are already decoded, such as a pushed request's.
    ///
    /// # Errors
    /// [`ParamsError`]
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ParamsError> {
        let mut params = Self::default();
        for (name, value) in pairs {
            params.push(name.into(), value.into())?;
        }
        Ok(params)
    }

    fn push(&mut self, name: String, value: String) -> Result<(), ParamsError> {
        let max = if TOKENS.contains(&name.as_str()) { MAX_TOKEN } else { MAX_VALUE };
        if self.list.len() >= MAX_COUNT {
            Err(ParamsError::TooMany)
        } else if name.len() > MAX_NAME {
            Err(ParamsError::NameTooLong)
        } else if value.len() > max {
            Err(ParamsError::ValueTooLong { name })
        } else if self.list.iter().any(|(known, _)| *known == name) {
            // An empty one counts too: which of the two the client meant cannot be known.
            Err(ParamsError::Repeated { name })
        } else {
            self.list.push((name, value));
            Ok(())
        }
    }

    /// The value of `name`; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of `name`, owned.
    #[must_use]
    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// [`BadParam`] when it is absent or empty.
    pub fn require(&self, name: &'static str) -> Result<&str, BadParam> {
        self.get(name).ok_or(BadParam { name, why: "is missing" })
    }

    /// The value of `name` as a count of seconds and the like.
    ///
    /// # Errors
    /// [`BadParam`] when it is there and no decimal number below 2^31.
    pub fn number(&self, name: &'static str) -> Result<Option<u32>, BadParam> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if digits && number <= i32::MAX as u32 => Ok(Some(number)),
            _ => Err(BadParam { name, why: "is not a number of seconds" }),
        }
    }

    /// The value of `name` as a list separated by single spaces, without repetitions; empty when absent.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<&str> {
        let mut words = Vec::new();
        for word in self.get(name).unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words
    }

    /// All that have a value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Form encoding of what is here: reading it again gives the same list.
    #[must_use]
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.list).finish()
    }
}

/// Names only: values hold secrets, codes and tokens.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|(name, _)| name)).finish()
    }
}

pub(crate) fn decode(encoded: &[u8]) -> Result<String, ParamsError> {
    // Most values are sealed or random text, of which nothing is escaped, and some are long.
    if !encoded.iter().any(|&byte| matches!(byte, b'%' | b'+')) {
        return String::from_utf8(encoded.to_vec()).map_err(|_| ParamsError::Encoding);
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                tail
            }
            (b'%', _) => return Err(ParamsError::Encoding),
            (b'+', tail) => {
                bytes.push(b' ');
                tail
            }
            (byte, tail) => {
                bytes.push(byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).map_err(|_| ParamsError::Encoding)
}

fn hex(digit: u8) -> Result<u8, ParamsError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ParamsError::Encoding),
    }
}

#[cfg(test)]
mod tests;
