//! What the configuration of Acquit will have but this version does not: told apart from spelling mistakes.

use super::path::Path;

/// Keys of later versions: the table, the key, and what it belongs to.
const KEYS: &[(&str, &str, &str)] = &[("gateway", "envoy_listen", "forward-auth for Envoy by gRPC")];

/// Says that `key` is not built yet, if it is one of a later version.
#[must_use]
pub fn key(path: &Path, key: &str) -> Option<String> {
    let table = path.pattern();
    let (_, _, what) = KEYS.iter().find(|(section, name, _)| *section == table && *name == key)?;
    Some(format!("`{key}` belongs to {what}, which is not built yet in this version"))
}
