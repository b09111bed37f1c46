//! What the configuration of Acquit will have but this version does not: told apart from spelling mistakes.

use super::path::Path;

/// Sections of later versions, and what this one has not.
const SECTIONS: &[(&str, &str)] = &[("gateway", "gateway")];

/// Keys of later versions: the table, the key, and what it belongs to.
const KEYS: &[(&str, &str, &str)] =
    &[("connections", "metadata", "type = \"saml\""), ("connections", "frontchannel_logout", "the gateway")];

/// Keys whose value decides what the other keys of their table mean, the weightier first.
pub const CHOICES: [&str; 2] = ["type", "connection_type"];

/// Says that a table which chooses `value` is not built yet, if it is one of a later version.
#[must_use]
pub fn choice(path: &Path, key: &str, value: &str) -> Option<String> {
    if path.pattern() != "connections" {
        return None;
    }
    match (key, value) {
        ("type", "saml") => Some("type = \"saml\" is not built yet in this version; it takes \"oidc\"".to_owned()),
        ("connection_type", name) if name.ends_with("SAML") => {
            let name = super::diagnostic::quoted(name);
            Some(format!("{name} goes with type = \"saml\", which is not built yet in this version"))
        }
        _ => None,
    }
}

/// Says that `key` is not built yet, if it is one of a later version.
#[must_use]
pub fn key(path: &Path, key: &str) -> Option<String> {
    let table = path.pattern();
    if table.is_empty() {
        let (_, what) = SECTIONS.iter().find(|(name, _)| *name == key)?;
        return Some(format!("[{key}] is not built yet in this version: it has no {what}"));
    }
    let (_, _, what) = KEYS.iter().find(|(section, name, _)| *section == table && *name == key)?;
    Some(format!("`{key}` belongs to {what}, which is not built yet in this version"))
}
