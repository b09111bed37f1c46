//! Overrides from the environment: `ACQUIT__SERVER__LISTEN` is `server.listen`, `ACQUIT__USERS__0__EMAIL` is the first
//! user's address. Names are compared without regard to case; what is no key of the configuration is refused.

use std::{collections::BTreeMap, ffi::OsString};

use serde_json::Value as Schema;

use super::{
    diagnostic::{Diagnostics, quoted},
    path::Path,
    schema::{self, accepts},
    suggest,
    tree::{self, Entry, Node, Origin, Value},
};

/// What every override begins with.
pub const PREFIX: &str = "ACQUIT__";

/// The environment that a configuration is read in.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl Environment {
    /// The process's own. Variables that are no Unicode are left out: no key or secret can be one.
    #[must_use]
    pub fn of_process() -> Self {
        let unicode = |text: OsString| text.into_string().ok();
        Self(std::env::vars_os().filter_map(|(name, value)| Some((unicode(name)?, unicode(value)?))).collect())
    }

    /// The value of `variable`.
    #[must_use]
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str)
    }

    /// Lays the overrides over what the file says.
    pub fn apply(&self, root: &mut Node, schema: &Schema, diagnostics: &mut Diagnostics) {
        for (variable, text) in self.0.range(PREFIX.to_owned()..) {
            let Some(name) = variable.strip_prefix(PREFIX) else { break };
            let place = Place { variable, text };
            let steps: Vec<String> = name.split("__").map(str::to_lowercase).collect();
            if let Err(refusal) = place.set(root, schema, &Path::root(), &steps) {
                let origin = Origin::Environment(variable.clone());
                diagnostics.error(&Path::root(), Some(&origin), refusal.message).help(refusal.help);
            }
        }
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

struct Refusal {
    message: String,
    help: String,
}

struct Place<'a> {
    variable: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn origin(&self) -> Origin {
        Origin::Environment(self.variable.to_owned())
    }

    /// Sets the value that `steps` lead to from `node`.
    fn set(&self, node: &mut Node, schema: &Schema, path: &Path, steps: &[String]) -> Result<(), Refusal> {
        let Some((step, rest)) = steps.split_first() else {
            *node = self.value(schema);
            return Ok(());
        };
        if let Some(items) = schema.get("items").filter(|_| step.parse::<usize>().is_ok()) {
            return self.set_item(node, items, path, step, rest);
        }
        let Some(inner) = schema::property(schema, step) else {
            let known = schema::keys(schema);
            let help = match suggest::nearest(step, &known) {
                Some(meant) => format!("did you mean `{}`?", meant.to_uppercase()),
                None if known.is_empty() => format!("`{path}` holds a single value"),
                None => format!("it has {}", known.join(", ")),
            };
            let message = format!("{} names no key: {} has no {}", self.variable, path.header(), quoted(step));
            return Err(Refusal { message, help });
        };
        if !matches!(node.value, Value::Table(_)) {
            *node = Node { origin: self.origin(), value: Value::Table(Vec::new()) };
        }
        let Value::Table(entries) = &mut node.value else { return Ok(()) };
        let position = match entries.iter().position(|entry| entry.key == *step) {
            Some(position) => position,
            None => {
                let empty = Node { origin: self.origin(), value: Value::Table(Vec::new()) };
                entries.push(Entry { key: step.clone(), origin: self.origin(), node: empty });
                entries.len() - 1
            }
        };
        self.set(&mut entries[position].node, inner, &path.key(step), rest)
    }

    fn set_item(
        &self,
        node: &mut Node,
        schema: &Schema,
        path: &Path,
        step: &str,
        rest: &[String],
    ) -> Result<(), Refusal> {
        if !matches!(node.value, Value::Array(_)) {
            *node = Node { origin: self.origin(), value: Value::Array(Vec::new()) };
        }
        let Value::Array(items) = &mut node.value else { return Ok(()) };
        // What does not parse was no number, and no list is that long.
        let index = step.parse().unwrap_or(usize::MAX);
        if index > items.len() {
            let help = format!("`{path}` has {} so far; the next is number {}", items.len(), items.len());
            return Err(Refusal { message: format!("{} leaves a gap in `{path}`", self.variable), help });
        }
        if index == items.len() {
            items.push(Node { origin: self.origin(), value: Value::Table(Vec::new()) });
        }
        self.set(&mut items[index], schema, &path.index(index), rest)
    }

    /// The variable's text as a value: as TOML where it is some and of the kind that the key takes, else as it stands,
    /// so that neither a token of digits nor a path needs quotes.
    fn value(&self, schema: &Schema) -> Node {
        let text = || Node { origin: self.origin(), value: Value::String(self.text.to_owned()) };
        match tree::parse_value(self.text, self.variable) {
            Some(node) if accepts(schema, node.value.kind()) || !accepts(schema, "string") => node,
            _ => text(),
        }
    }
}
