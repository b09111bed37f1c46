//! The body of a call that makes or changes something: a JSON object, of which every key must be known.

use axum::{body::Bytes, extract::Request};
use serde_json::{Map, Value};

use super::error::Failure;
use crate::form::{self, BodyError};

/// The longest text in a body, in bytes.
pub const MAX_TEXT: usize = 2048;

/// A JSON object of which keys are taken one after the other.
pub struct Body {
    keys: Map<String, Value>,
    /// Where it stands, for the words of errors: nothing, or `oidc_options.`.
    within: String,
}

impl Body {
    /// Reads it, with its bytes.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub async fn read(request: Request) -> Result<(Self, Bytes), Failure> {
        let is_json = form::is_type(request.headers(), "application/json");
        let bytes = form::read(request.into_body()).await?;
        if !is_json {
            return Err(BodyError::Type("application/json").into());
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(keys)) => Ok((Self { keys, within: String::new() }, bytes)),
            _ => Err(Failure::invalid("the body is not a JSON object")),
        }
    }

    fn wrong(&self, name: &str, what: &str) -> Failure {
        Failure::invalid(format!("{}{name} {what}", self.within))
    }

    /// A text; `Some(None)` where it is null.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for what is no text, or a long one.
    pub fn text(&mut self, name: &str) -> Result<Option<Option<String>>, Failure> {
        match self.keys.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) if text.len() > MAX_TEXT => Err(self.wrong(name, "is too long")),
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                Err(self.wrong(name, "has a control character"))
            }
            Some(Value::String(text)) => Ok(Some(Some(text))),
            Some(_) => Err(self.wrong(name, "must be text")),
        }
    }

    /// A text that is not empty, if there is one: null counts as absent.
    ///
    /// # Errors
    /// As [`Body::text`].
    pub fn some_text(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let text = self.text(name)?.flatten();
        if text.as_ref().is_some_and(String::is_empty) { Err(self.wrong(name, "must not be empty")) } else { Ok(text) }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// As [`Body::text`], and when it is missing.
    pub fn need(&mut self, name: &str) -> Result<String, Failure> {
        self.some_text(name)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// A truth value, if there is one.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn truth(&mut self, name: &str) -> Result<Option<bool>, Failure> {
        match self.keys.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// An object, if there is one.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn object(&mut self, name: &str) -> Result<Option<Self>, Failure> {
        let within = format!("{}{name}.", self.within);
        match self.keys.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(keys)) => Ok(Some(Self { keys, within })),
            Some(_) => Err(self.wrong(name, "must be an object")),
        }
    }

    /// A list of at most `most` entries, if there is one.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn list(&mut self, name: &str, most: usize) -> Result<Option<Vec<Value>>, Failure> {
        match self.keys.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(list)) if list.len() > most => {
                Err(self.wrong(name, &format!("has more than {most} entries")))
            }
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(self.wrong(name, "must be a list")),
        }
    }

    /// An entry of a list that is an object.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn of(entry: Value, within: &str) -> Result<Self, Failure> {
        match entry {
            Value::Object(keys) => Ok(Self { keys, within: format!("{within}.") }),
            _ => Err(Failure::invalid(format!("{within} must have objects in it"))),
        }
    }

    /// What is left, to be taken as it is.
    #[must_use]
    pub fn rest(self) -> Map<String, Value> {
        self.keys
    }

    /// Refuses keys that nobody took: what is not understood is not done, and must not look as if it were.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn done(self) -> Result<(), Failure> {
        match self.keys.keys().next() {
            None => Ok(()),
            Some(key) => {
                let key: String = key.chars().take(64).collect();
                Err(self.wrong(&key, "is not supported"))
            }
        }
    }
}
