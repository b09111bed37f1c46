//! `[[organizations]]`: customers, whose people come through their connections.

use acquit_core::OrganizationId;
use acquit_server::settings::{Organization, domain::domain_is_valid};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    context::Context,
    diagnostic::quoted,
    path::Path,
    suggest,
    tree::{Node, Value},
};

/// The most domains of one organization.
const MAX_DOMAINS: usize = 1000;

/// A customer, whose people come through its connections.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationSection {
    /// Its id, "org_…"; unique and never changed.
    #[schemars(required)]
    pub id: Option<String>,
    /// Its name for people.
    #[schemars(required)]
    pub name: Option<String>,
    /// Its mail domains, each in one organization only. You vouch for them: people whose address is in one of them are taken
    /// for this organization's.
    pub domains: Option<Vec<String>>,
    /// Whether its providers may also sign in people whose address is in none of these domains. Never say so of a provider that
    /// serves everybody, such as Google's: anybody there would be taken for one of this organization's. Without domains there
    /// is nothing to compare with, and everybody is let in whom its providers vouch for.
    #[schemars(extend("default" = false))]
    pub allow_profiles_outside_organization: Option<bool>,
}

impl OrganizationSection {
    /// The organization to have.
    pub fn resolve(self, cx: &mut Context<'_>, path: &Path) -> Option<Organization> {
        let id = self.id.and_then(|id| match OrganizationId::parse(&id) {
            Ok(id) => Some(id),
            Err(_) => {
                cx.error(&path.key("id"), format!("{} is no organization's id", quoted(&id)))
                    .help("it is `org_` and letters and digits, such as \"org_01EXAMPLE\"");
                None
            }
        });
        if let Some(name) = &self.name {
            cx.check_name(&path.key("name"), name);
        }
        let written = self.domains.unwrap_or_default();
        let (at, mut domains) = (path.key("domains"), Vec::with_capacity(written.len()));
        if written.len() > MAX_DOMAINS {
            cx.error(&at, format!("an organization has at most {MAX_DOMAINS} domains"));
        }
        for (index, domain) in written.into_iter().take(MAX_DOMAINS).enumerate() {
            let domain = domain.to_lowercase();
            if domain_is_valid(&domain) {
                domains.push(domain);
            } else {
                let help = match domain.rsplit_once('@') {
                    Some((_, meant)) if domain_is_valid(meant) => format!("did you mean \"{meant}\"?"),
                    _ if !domain.is_ascii() => "write it as it stands in the DNS, with \"xn--\"".to_owned(),
                    _ => "write what stands behind the @ of the people's addresses: \"example.com\"".to_owned(),
                };
                cx.error(&at.index(index), format!("{} is no domain", quoted(&domain))).help(help);
            }
        }
        let outsiders = self.allow_profiles_outside_organization.unwrap_or(false);
        Some(Organization { id: id?, name: self.name?, domains, outsiders })
    }
}

/// The organization that `id` names, which must be one of the file's.
pub fn known(cx: &mut Context<'_>, path: &Path, id: &str) -> Option<OrganizationId> {
    let list = cx.written.find(&Path::root().key("organizations")).map(|node| &node.value);
    let entries = match list {
        Some(Value::Array(entries)) => entries.as_slice(),
        _ => &[],
    };
    let ids: Vec<&str> = entries.iter().filter_map(id_of).collect();
    if ids.contains(&id) {
        // What is wrong with it was noted where it is declared.
        return OrganizationId::parse(id).ok();
    }
    let help = match suggest::nearest(id, &ids) {
        Some(meant) => format!("did you mean {}?", quoted(meant)),
        None if ids.is_empty() => "declare it: [[organizations]] with this `id`".to_owned(),
        None => "declare it, or name one of those that [[organizations]] declares".to_owned(),
    };
    cx.error(path, format!("there is no organization {}", quoted(id))).help(help);
    None
}

fn id_of(entry: &Node) -> Option<&str> {
    match &entry.entry("id")?.node.value {
        Value::String(id) => Some(id),
        _ => None,
    }
}
