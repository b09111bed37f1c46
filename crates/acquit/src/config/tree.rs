//! The configuration as it was written: values that remember where they came from.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::path::{Path, Step};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the file, at these bytes.
    File(Range<usize>),
    /// In the environment, by this variable.
    Environment(String),
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value was written; for a table its header, or the whole of an inline one.
    pub origin: Origin,
    /// The value.
    pub value: Value,
}

/// A key of a table with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub origin: Origin,
    /// Its value.
    pub node: Node,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text.
    String(String),
    /// A whole number; one that TOML allows but 64 bits do not hold is at the end of the range.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date or a time, which no key takes.
    Datetime,
    /// A list.
    Array(Vec<Node>),
    /// A table, in the order of the keys' names.
    Table(Vec<Entry>),
}

impl Value {
    /// The kind of value, as the JSON Schema of the configuration names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Integer(_) => "integer",
            Self::Float(_) => "number",
            Self::Boolean(_) => "boolean",
            Self::Datetime => "date",
            Self::Array(_) => "array",
            Self::Table(_) => "object",
        }
    }
}

impl Node {
    /// The entry under `key`, when this is a table that has it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value at `path`.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<&Node> {
        path.steps().iter().try_fold(self, Node::step)
    }

    /// Where the value at `path` was written, or else what would hold it.
    #[must_use]
    pub fn nearest_origin(&self, path: &Path) -> &Origin {
        let mut node = self;
        for step in path.steps() {
            let Some(next) = node.step(step) else { break };
            node = next;
        }
        &node.origin
    }

    fn step(&self, step: &Step) -> Option<&Node> {
        match (step, &self.value) {
            (Step::Key(key), _) => self.entry(key).map(|entry| &entry.node),
            (Step::Index(index), Value::Array(items)) => items.get(*index),
            (Step::Index(_), _) => None,
        }
    }

    /// The value for serde.
    #[must_use]
    pub fn into_toml(self) -> toml::Value {
        match self.value {
            Value::String(text) => toml::Value::String(text),
            Value::Integer(number) => toml::Value::Integer(number),
            Value::Float(number) => toml::Value::Float(number),
            Value::Boolean(flag) => toml::Value::Boolean(flag),
            Value::Datetime => toml::Value::String(String::new()),
            Value::Array(items) => toml::Value::Array(items.into_iter().map(Node::into_toml).collect()),
            Value::Table(entries) => {
                toml::Value::Table(entries.into_iter().map(|entry| (entry.key, entry.node.into_toml())).collect())
            }
        }
    }
}

/// A place in the file where the TOML itself is broken.
#[derive(Debug)]
pub struct SyntaxError {
    /// What is wrong there.
    pub message: String,
    /// The bytes, if known.
    pub span: Option<Range<usize>>,
}

/// Reads the text of a file, as far as it can be read.
#[must_use]
pub fn parse(text: &str) -> (Node, Vec<SyntaxError>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let errors = errors
        .into_iter()
        .map(|error| SyntaxError { message: error.message().to_owned(), span: error.span() })
        .collect();
    let origin = Origin::File(0..0);
    (Node { origin: origin.clone(), value: from_table(table.get_ref(), Origin::File) }, errors)
}

/// Reads one value from the environment; `None` when it is no TOML.
#[must_use]
pub fn parse_value(text: &str, variable: &str) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Some(from_value(&value, &|_| Origin::Environment(variable.to_owned())))
}

fn from_value(value: &Spanned<DeValue<'_>>, origin: &dyn Fn(Range<usize>) -> Origin) -> Node {
    let converted = match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => Value::Integer(integer(number.as_str(), number.radix())),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(items.iter().map(|item| from_value(item, origin)).collect()),
        DeValue::Table(table) => from_table(table, origin),
    };
    Node { origin: origin(value.span()), value: converted }
}

fn from_table(table: &DeTable<'_>, origin: impl Fn(Range<usize>) -> Origin) -> Value {
    let origin: &dyn Fn(Range<usize>) -> Origin = &origin;
    let entries = table.iter().map(|(key, value)| Entry {
        key: key.get_ref().clone().into_owned(),
        origin: origin(key.span()),
        node: from_value(value, origin),
    });
    Value::Table(entries.collect())
}

fn integer(digits: &str, radix: u32) -> i64 {
    let end = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
    i64::from_str_radix(digits, radix).unwrap_or(end)
}
