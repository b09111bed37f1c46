//! Does the file have the shape of a configuration? Walks what was written along the schema, notes every mistake and
//! cuts it out, so that what is left can be read and checked further.

use serde_json::Value as Schema;

use super::{
    diagnostic::{Diagnostics, quoted},
    path::Path,
    schema, suggest,
    tree::{Entry, Node, Value},
};

/// Checks `node` and gives back what of it has the right shape.
pub fn check(node: Node, schema: &Schema, path: &Path, diagnostics: &mut Diagnostics) -> Option<Node> {
    if schema::is_secret(schema) && !is_harmless(&node, path) {
        hide_all(&node, diagnostics);
    }
    let kind = node.value.kind();
    if !schema::accepts(schema, kind) {
        let help = if_wrapped(&node, schema, path);
        let message = format!("`{path}` expects {}, not {}", expected(schema), article(kind));
        let note = diagnostics.error(path, Some(&node.origin), message);
        if let Some(help) = help {
            note.help(help);
        }
        return None;
    }
    let schema = schema::alternative(schema, kind).filter(|_| schema.get("anyOf").is_some()).unwrap_or(schema);
    match node.value {
        Value::Table(entries) => {
            Some(table(Node { value: Value::Table(Vec::new()), ..node }, entries, schema, path, diagnostics))
        }
        Value::Array(items) => {
            let inner = schema.get("items")?;
            let checked: Vec<Option<Node>> = items
                .into_iter()
                .enumerate()
                .map(|(index, item)| {
                    let origin = item.origin.clone();
                    let empty = Node { origin, value: Value::Table(Vec::new()) };
                    let is_table = inner.get("properties").is_some();
                    check(item, inner, &path.index(index), diagnostics).or(is_table.then_some(empty))
                })
                .collect();
            // A list is kept whole or not at all, so that positions still fit what was written.
            let items: Option<Vec<Node>> = checked.into_iter().collect();
            items.map(|items| Node { value: Value::Array(items), origin: node.origin })
        }
        Value::String(text) => {
            let allowed = schema::allowed(schema);
            if !allowed.is_empty() && !allowed.contains(&text.as_str()) {
                not_allowed(&text, &allowed, path, &node.origin, diagnostics);
                return None;
            }
            Some(Node { value: Value::String(text), origin: node.origin })
        }
        value => Some(Node { value, origin: node.origin }),
    }
}

fn table(mut node: Node, entries: Vec<Entry>, schema: &Schema, path: &Path, diagnostics: &mut Diagnostics) -> Node {
    // Written, or meant by what was written: neither is missing.
    let mut written: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let choice = schema::choice(schema);
    let protocol = entries.iter().find(|entry| entry.key == choice).and_then(|entry| match &entry.node.value {
        Value::String(protocol) => Some(protocol.clone()),
        _ => None,
    });
    let known = schema::property(schema, choice).map(schema::allowed).unwrap_or_default();
    let protocol = protocol.filter(|written| known.contains(&written.as_str()));
    // The protocols of a property that is none of the protocol that is written.
    let foreign = |property: &Schema| -> Option<String> {
        let of = schema::protocols(property);
        let written = protocol.as_deref()?;
        (!of.is_empty() && !of.contains(&written))
            .then(|| of.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or "))
    };
    let mut kept = Vec::new();
    for entry in entries {
        let inner = path.key(&entry.key);
        if let Some(property) = schema::property(schema, &entry.key).or_else(|| schema::any_property(schema)) {
            if let Some(of) = foreign(property) {
                hide_all(&entry.node, diagnostics);
                let message = format!("`{}` belongs to {choice} = {of}", entry.key);
                diagnostics.error(&inner, Some(&entry.origin), message);
            } else if let Some(checked) = check(entry.node, property, &inner, diagnostics) {
                kept.push(Entry { node: checked, ..entry });
            }
        } else {
            written.extend(unknown(&entry, schema, path, diagnostics).map(str::to_owned));
        }
    }
    let required = schema::required(schema, protocol.as_deref());
    for key in required.into_iter().filter(|key| !written.iter().any(|written| written == key)) {
        let help = schema::property(schema, key).and_then(schema::summary).map(|text| format!("{key}: {text}"));
        let message = match path.steps() {
            [] => format!("[{key}] is missing"),
            _ => format!("{} has no `{key}`", path.header()),
        };
        diagnostics.missing(&path.key(key), &node.origin, message, help);
    }
    node.value = Value::Table(kept);
    node
}

/// Notes a key that is none, and gives back the one that was probably meant.
fn unknown<'a>(entry: &Entry, schema: &'a Schema, path: &Path, diagnostics: &mut Diagnostics) -> Option<&'a str> {
    // Whatever it is, it may be a secret under a misspelt name.
    hide_all(&entry.node, diagnostics);
    let inner = path.key(&entry.key);
    let known = schema::keys(schema);
    let meant = suggest::nearest(&entry.key, &known);
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => match elsewhere(&entry.key) {
            Some(header) => format!("`{}` belongs in {header}", entry.key),
            None => format!("the keys here are {}", listed(&known)),
        },
    };
    // Beside broken TOML, what stands where a key does may be a value that lost its key.
    let (inner, name) = if meant.is_some() || diagnostics.is_toml() {
        (inner, quoted(&entry.key))
    } else {
        diagnostics.hide(&entry.origin);
        (path.clone(), "this".to_owned())
    };
    let message = match path.steps() {
        [] => format!("{name} is no section or key of the configuration"),
        _ => format!("{name} is no key of {}", path.header()),
    };
    diagnostics.error(&inner, Some(&entry.origin), message).help(help);
    meant
}

/// The section that has `key`, if one has.
fn elsewhere(key: &str) -> Option<String> {
    let sections = schema::SCHEMA.get("properties")?.as_object()?;
    sections.iter().find_map(|(section, schema)| match schema.get("items") {
        Some(items) => schema::property(items, key).map(|_| format!("[[{section}]]")),
        None => schema::property(schema, key).map(|_| format!("[{section}]")),
    })
}

fn not_allowed(text: &str, allowed: &[&str], path: &Path, origin: &super::tree::Origin, diagnostics: &mut Diagnostics) {
    let allowed_list = listed(allowed);
    let help = match suggest::nearest(text, allowed) {
        Some(meant) => format!("did you mean \"{meant}\"? It takes {allowed_list}"),
        None => format!("it takes {allowed_list}"),
    };
    diagnostics.error(path, Some(origin), format!("{} is no value of `{path}`", quoted(text))).help(help);
}

/// Whether this value shows nothing: a PostgreSQL URL may carry a password, the name of a file does not.
fn is_harmless(node: &Node, path: &Path) -> bool {
    match &node.value {
        Value::String(text) => path.pattern() == "store.url" && text.starts_with("sqlite"),
        Value::Table(entries) => entries.iter().all(|entry| matches!(entry.key.as_str(), "file" | "env")),
        _ => false,
    }
}

fn hide_all(node: &Node, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| hide_all(item, diagnostics)),
        Value::Table(entries) => entries.iter().for_each(|entry| hide_all(&entry.node, diagnostics)),
        _ => diagnostics.hide(&node.origin),
    }
}

/// What to write when one value stands where a list is expected, or a table where there may be many.
fn if_wrapped(node: &Node, schema: &Schema, path: &Path) -> Option<String> {
    let kind = node.value.kind();
    let items = schema.get("items")?;
    let name = path.pattern();
    if kind == "object" && path.steps().len() == 1 {
        return Some(format!("there may be several: write [[{name}]] instead of [{name}]"));
    }
    let key = name.rsplit('.').next().unwrap_or(&name);
    schema::accepts(items, kind).then(|| format!("put it in brackets: {key} = [\"…\"]"))
}

fn expected(schema: &Schema) -> String {
    if schema::is_secret(schema) {
        return "a string, { file = \"…\" } or { env = \"…\" }".to_owned();
    }
    let mut kinds: Vec<&str> = schema::kinds(schema).map(article).collect();
    kinds.dedup();
    if schema.get("items").is_some_and(|items| schema::accepts(items, "string")) {
        return "a list of strings".to_owned();
    }
    kinds.join(" or ")
}

fn article(kind: &str) -> &'static str {
    match kind {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number with a fraction",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "a date",
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
