//! What must be unique across the file.

use std::collections::{HashMap, HashSet};

use acquit_server::settings::{BrokerApplication, SamlApplication, Server, saml::Source};

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
    ("organizations", "id", "organization"),
    ("connections", "id", "connection"),
    ("connections", "external_key", "connection"),
    ("users", "username", "user"),
    ("users", "email", "user"),
    ("api_tokens", "name", "API token"),
];

/// Notes every entry that has the name of an earlier one.
pub fn check(cx: &mut Context<'_>) {
    for (list, key, what) in UNIQUE {
        let path = Path::root().key(list);
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (index, entry) in entries(cx.written, &path).iter().enumerate() {
            let Some(name) = text_of(entry, key) else { continue };
            // People do not tell `Alice` from `alice`; client_ids are compared as they stand.
            let compared = if *list == "users" { name.to_lowercase() } else { name.to_owned() };
            if let Some(first) = seen.get(&compared) {
                cx.error(&path.index(index).key(key), format!("another {what} has the {key} {}", quoted(name)))
                    .help(format!("the first one is `{list}[{first}]`"));
            } else {
                seen.insert(compared, index);
            }
        }
    }
    domains(cx);
    parties(cx);
    shared_callback(cx);
}

/// Notes every domain that an earlier entry has: whose people they are would be open.
fn domains(cx: &mut Context<'_>) {
    let list = Path::root().key("organizations");
    let mut seen: HashMap<String, (usize, Path)> = HashMap::new();
    for (index, entry) in entries(cx.written, &list).iter().enumerate() {
        let Some(Node { value: Value::Array(domains), .. }) = entry.entry("domains").map(|entry| &entry.node) else {
            continue;
        };
        for (number, domain) in domains.iter().enumerate() {
            let Value::String(domain) = &domain.value else { continue };
            let path = list.index(index).key("domains").index(number);
            let Some((first, place)) = seen.get(&domain.to_lowercase()) else {
                seen.insert(domain.to_lowercase(), (index, path));
                continue;
            };
            let message = if *first == index {
                format!("{} is there twice", quoted(domain))
            } else {
                format!("another organization has the domain {}", quoted(domain))
            };
            cx.error(&path, message).help(format!("the first one is `{place}`"));
        }
    }
}

/// Notes every application with the id of a connection: receipts know both as parties, by their ids alone.
fn parties(cx: &mut Context<'_>) {
    let (connections, applications) = (Path::root().key("connections"), Path::root().key("applications"));
    let ids = |list: &Path| -> Vec<Option<&str>> {
        entries(cx.written, list).iter().map(|entry| text_of(entry, "id")).collect()
    };
    let known: HashSet<&str> = ids(&connections).into_iter().flatten().collect();
    for (index, id) in ids(&applications).into_iter().enumerate() {
        if let Some(id) = id.filter(|id| known.contains(id)) {
            let message = format!("a connection has the id {} as well", quoted(id));
            cx.error(&applications.index(index).key("id"), message)
                .help("receipts name both by their ids, so choose another");
        }
    }
}

/// Notes the one connection that shares its callback with no other.
fn shared_callback(cx: &mut Context<'_>) {
    let list = Path::root().key("connections");
    let shares = |entry: &Node| {
        entry.entry("shared_callback").is_some_and(|entry| matches!(entry.node.value, Value::Boolean(true)))
    };
    let all = entries(cx.written, &list).iter().enumerate().filter(|(_, entry)| shares(entry));
    let all: Vec<usize> = all.map(|(index, _)| index).collect();
    if let [only] = all[..] {
        cx.warning(&list.index(only).key("shared_callback"), "no other connection uses the shared callback").help(
            "leave it out: there its answers are known by their `iss` alone, while at a callback of its own no other \
             provider's answer can arrive",
        );
    }
}

/// Notes every connection whose provider is this server: who signs in by it would be sent round in a circle.
pub fn itself(cx: &mut Context<'_>, server: &Server) {
    let list = Path::root().key("connections");
    for (index, entry) in entries(cx.written, &list).iter().enumerate() {
        let issuer = text_of(entry, "issuer").map(|issuer| issuer.trim_end_matches('/'));
        if issuer == Some(&server.issuer) {
            cx.error(&list.index(index).key("issuer"), "this is the issuer of this server itself")
                .help("name the provider upstream; `public_url` in [server] is what applications sign in by");
        }
        let own_metadata = format!("{}/saml/metadata", server.issuer);
        let url = entry.entry("metadata").and_then(|entry| text_of(&entry.node, "url"));
        for (key, named) in [("entity_id", text_of(entry, "entity_id")), ("metadata", url)] {
            if named == Some(own_metadata.as_str()) {
                cx.error(&list.index(index).key(key), "this is the identity provider of this server itself")
                    .help("name the provider upstream; its applications are what takes our own metadata");
            }
        }
    }
}

/// Notes every broker application with the API key of an earlier one: whose request it is would be open.
pub fn api_keys(cx: &mut Context<'_>, applications: &[(Path, BrokerApplication)]) {
    for (number, (path, application)) in applications.iter().enumerate() {
        let first = applications.iter().take(number).find(|(_, first)| first.api_key == application.api_key);
        if let Some((place, _)) = first {
            cx.error(&path.key("api_key"), "another application has this API key")
                .help(format!("the first one is `{place}`"));
        }
    }
}

fn entries<'a>(written: &'a Node, list: &Path) -> &'a [Node] {
    match written.find(list) {
        Some(Node { value: Value::Array(entries), .. }) => entries,
        _ => &[],
    }
}

fn text_of<'a>(entry: &'a Node, key: &str) -> Option<&'a str> {
    match entry.entry(key).map(|entry| &entry.node.value) {
        Some(Value::String(text)) => Some(text),
        _ => None,
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
    let found = entries(cx.written, &list).iter().rposition(|entry| text_of(entry, "id") == Some(id));
    found.map(|index| list.index(index))
}

/// Whether there is an application with this id.
#[must_use]
pub fn is_application(cx: &Context<'_>, id: &str) -> bool {
    path_of(cx, id).is_some()
}
