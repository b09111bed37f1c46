//! What must be unique across the file.

use std::collections::HashMap;

use acquit_server::settings::{SamlApplication, saml::Source};

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
    ("applications", "key", "application"),
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

/// Notes every SAML application with the entity ID of an earlier one: whose message it is would be open.
pub fn entities(cx: &mut Context<'_>, applications: &[SamlApplication]) {
    let mut seen: HashMap<&str, &SamlApplication> = HashMap::new();
    for application in applications {
        let Source::Given(sp) = &application.source else { continue };
        let Some(first) = seen.insert(&sp.entity_id, application) else { continue };
        let Some(path) = path_of(cx, application.app.as_str()) else { continue };
        let message = format!("another application has the entity ID {}", quoted(&sp.entity_id));
        cx.error(&path, message).help(format!("the first one is {}", quoted(first.app.as_str())));
    }
}

fn path_of(cx: &Context<'_>, id: &str) -> Option<Path> {
    let list = Path::root().key("applications");
    let Some(Node { value: Value::Array(entries), .. }) = cx.written.find(&list) else { return None };
    let has_id = |node: &Node| match node.entry("id").map(|entry| &entry.node.value) {
        Some(Value::String(name)) => name == id,
        _ => false,
    };
    entries.iter().rposition(has_id).map(|index| list.index(index))
}
