//! What must be unique across the file.

use std::collections::HashMap;

use super::{
    context::Context,
    diagnostic::quoted,
    path::Path,
    tree::{Node, Value},
};

/// Lists, the keys by which their entries are known, and what such an entry is called.
const UNIQUE: &[(&str, &str, &str)] = &[
    ("applications", "id", "application"),
    ("applications", "client_id", "application"),
    ("users", "username", "user"),
    ("users", "email", "user"),
    ("api_tokens", "name", "API token"),
];

/// Notes every entry that has the name of an earlier one.
pub fn check(cx: &mut Context<'_>) {
    for (list, key, what) in UNIQUE {
        let path = Path::root().key(list);
        let Some(Node { value: Value::Array(entries), .. }) = cx.written.find(&path) else { continue };
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let Some(Node { value: Value::String(name), .. }) = entry.entry(key).map(|entry| &entry.node) else {
                continue;
            };
            // People do not tell `Alice` from `alice`; client_ids are compared as they stand.
            let compared = if *list == "users" { name.to_lowercase() } else { name.clone() };
            if let Some(first) = seen.get(&compared) {
                cx.error(&path.index(index).key(key), format!("another {what} has the {key} {}", quoted(name)))
                    .help(format!("the first one is `{list}[{first}]`"));
            } else {
                seen.insert(compared, index);
            }
        }
    }
}
