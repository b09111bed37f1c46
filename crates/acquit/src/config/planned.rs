//! What the configuration of Acquit will have but this version does not: told apart from spelling mistakes.

use super::path::Path;

/// Sections of later versions, and what they are for.
const SECTIONS: &[(&str, &str)] =
    &[("organizations", "organizations"), ("connections", "upstream connections"), ("gateway", "the gateway")];

/// Keys of applications that belong to protocols of later versions.
const APPLICATION_KEYS: &[(&str, &str)] = &[("api_key", "broker"), ("logout_uri", "broker")];

/// Says that `protocol` of an application is not built yet, if it is one of a later version.
#[must_use]
pub fn protocol(path: &Path, protocol: &str) -> Option<String> {
    (path.pattern() == "applications" && protocol == "broker")
        .then(|| format!("protocol = \"{protocol}\" is not built yet in this version; it takes \"oidc\" or \"saml\""))
}

/// Says that `key` is not built yet, if it is one of a later version.
#[must_use]
pub fn key(path: &Path, key: &str) -> Option<String> {
    let among = |keys: &[(&str, &'static str)]| keys.iter().find(|(name, _)| *name == key).map(|(_, what)| *what);
    match path.pattern().as_str() {
        "" => among(SECTIONS).map(|what| format!("[{key}] is not built yet in this version: it has no {}", bare(what))),
        "applications" => among(APPLICATION_KEYS).map(|protocol| {
            format!("`{key}` belongs to protocol = \"{protocol}\", which is not built yet in this version")
        }),
        _ => None,
    }
}

fn bare(what: &str) -> &str {
    what.strip_prefix("the ").unwrap_or(what)
}
