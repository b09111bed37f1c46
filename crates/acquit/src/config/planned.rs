//! What the configuration of Acquit will have but this version does not: told apart from spelling mistakes.

use super::path::Path;

/// Sections of later versions, and what this one has not.
const SECTIONS: &[(&str, &str)] = &[];

/// Keys of later versions: the table, the key, and what it belongs to.
const KEYS: &[(&str, &str, &str)] = &[];

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
