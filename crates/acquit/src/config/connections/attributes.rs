//! `attributes` of a connection: which of the provider's claims become what of a person.

use std::collections::BTreeMap;

use acquit_server::settings::broker::AttributeMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{context::Context, diagnostic::quoted, path::Path};

/// The most entries of one table.
const MAX_ENTRIES: usize = 1000;

/// Which of the provider's claims become what of a person.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributesSection {
    /// With SAML: the attribute that says who a person is, for good; the NameID when absent.
    pub id: Option<String>,
    /// The claim with the e-mail address; `email` when absent. With SAML each of these is an attribute, and when absent its usual
    /// names are looked for.
    pub email: Option<String>,
    /// The claim with the given name; `given_name` when absent.
    pub first_name: Option<String>,
    /// The claim with the family name; `family_name` when absent.
    pub last_name: Option<String>,
    /// The claim with the groups; `groups` when absent.
    pub groups: Option<String>,
    /// Custom attributes: each one's name, and the claim that it comes from.
    pub custom: Option<BTreeMap<String, String>>,
    /// What groups of the provider are called here: its name there, and the one here. Others are "conn_…/group", so that no
    /// provider can put people into groups of yours.
    pub group_names: Option<BTreeMap<String, String>>,
}

impl AttributesSection {
    /// The map to have.
    pub fn resolve(self, cx: &mut Context<'_>, path: &Path) -> AttributeMap {
        let mut claim = |key: &str, name: Option<String>| {
            if let Some(name) = &name {
                cx.check_label(&path.key(key), name, "a claim");
            }
            name
        };
        let id = claim("id", self.id);
        let (email, groups) = (claim("email", self.email), claim("groups", self.groups));
        let (first_name, last_name) = (claim("first_name", self.first_name), claim("last_name", self.last_name));
        let custom = table(cx, &path.key("custom"), self.custom, ("a custom attribute", "a claim"));
        let at = path.key("group_names");
        let group_names = table(cx, &at, self.group_names, ("a group", "a group"));
        for (theirs, ours) in group_names.iter().filter(|(_, ours)| ours.starts_with("conn_")) {
            cx.error(&at.key(theirs), format!("{} could be a group that another connection brings", quoted(ours)))
                .help("name it without `conn_`, which begins the groups that no `group_names` has");
        }
        AttributeMap { id, email, first_name, last_name, groups, custom, group_names }
    }
}

fn table(
    cx: &mut Context<'_>,
    path: &Path,
    entries: Option<BTreeMap<String, String>>,
    (key_is, value_is): (&str, &str),
) -> Vec<(String, String)> {
    let entries = entries.unwrap_or_default();
    if entries.len() > MAX_ENTRIES {
        cx.error(path, format!("`{path}` has at most {MAX_ENTRIES} entries"));
    }
    for (key, value) in entries.iter().take(MAX_ENTRIES) {
        cx.check_label(&path.key(key), key, key_is);
        cx.check_label(&path.key(key), value, value_is);
    }
    entries.into_iter().collect()
}
