//! One route.

use acquit_gateway::origin::Origin;
use serde_json::{Map, Value};
use toml::Table;

use super::{Imported, policy, strings};

/// Keys of a route that change nothing here, and why.
const NEEDLESS: &[(&str, &str)] = &[
    ("allow_websockets", "WebSockets pass every route"),
    ("allow_spdy", "upgrades pass every route"),
    ("idle_timeout", "streams live as long as their session"),
    ("id", "routes are known by their `from`"),
    ("description", "routes have a `name` only"),
];

/// Keys of a route without which nobody gets further than with them. A route with any other that is not known here is left out: it may
/// have kept people from the app, or from what they could tell it.
const SPARABLE: &[&str] = &[
    "allowed_idp_claims",
    "cors_allow_preflight",
    "set_response_headers",
    "rewrite_response_headers",
    "tls_skip_verify",
    "tls_server_name",
    "tls_upstream_server_name",
    "tls_custom_ca",
    "tls_custom_ca_file",
    "tls_client_cert",
    "tls_client_key",
    "tls_client_cert_file",
    "tls_client_key_file",
    "kubernetes_service_account_token",
    "kubernetes_service_account_token_file",
    "enable_google_cloud_serverless_authentication",
    "outlier_detection",
    "health_checks",
    "lb_config",
    "load_balancing_policy",
    "stat_name",
    "logo_url",
    "name",
    "timeout",
];

/// What became of a route.
pub(super) enum Route {
    /// It is as it was there.
    Taken(Origin, Table),
    /// It is left out, and may have guarded a part of this host.
    LeftOut(Origin),
    /// It is no web app's.
    Other,
}

pub(super) fn import(
    number: usize,
    mut keys: Map<String, Value>,
    pass_identity: Option<&Value>,
    imported: &mut Imported,
) -> Route {
    let Some(Value::String(from)) = keys.remove("from") else {
        imported.refused.push(format!("route {number} has no `from`"));
        return Route::Other;
    };
    let mut route = Table::new();
    route.insert("from".to_owned(), from.trim_end_matches('/').into());
    let mut refuse = |key: &str, why: &str| imported.refused.push(format!("route {number} ({from}): `{key}` {why}"));
    let Ok(origin) = Origin::parse(from.trim_end_matches('/')) else {
        refuse("from", "is no origin of a web app: only https routes are, without wildcards");
        return Route::Other;
    };
    match keys.remove("to").as_ref().map(strings) {
        Some(Some(to)) if to.iter().all(|to| !to.contains(',')) => {
            let to: Vec<String> = to.iter().map(|to| to.trim_end_matches('/').to_owned()).collect();
            route.insert("to".to_owned(), if to.len() == 1 { to.concat().into() } else { to.into() });
        }
        Some(_) => refuse("to", "has weights; each app here takes the same share"),
        None => refuse("to", "is missing: redirects and fixed responses are a web server's work"),
    }
    // What is left of the path's rules is refused below.
    if let Some(Value::String(prefix)) = keys.get("prefix") {
        if !prefix.ends_with('/') {
            imported.notes.push(format!("route {number} ({from}): `prefix`: {prefix}x is not below {prefix} here"));
        }
        route.insert("prefix".to_owned(), prefix.clone().into());
        keys.remove("prefix");
    }
    if let Some(Value::String(name)) = keys.remove("name") {
        route.insert("name".to_owned(), name.into());
    }
    if let Some(Value::String(timeout)) = keys.remove("timeout") {
        route.insert("timeout".to_owned(), timeout.into());
    }
    for (theirs, ours) in
        [("preserve_host_header", "preserve_host_header"), ("pass_identity_headers", "pass_identity_headers")]
    {
        // There both are off unless they are on.
        let written = keys.remove(theirs);
        let value = written.as_ref().or(pass_identity.filter(|_| theirs == "pass_identity_headers"));
        route.insert(ours.to_owned(), (value == Some(&Value::Bool(true))).into());
    }
    let mut allow = policy::Allowed::default();
    for (key, list) in [
        ("allowed_users", &mut allow.emails),
        ("allowed_domains", &mut allow.domains),
        ("allowed_groups", &mut allow.groups),
    ] {
        match keys.remove(key).as_ref().map(strings) {
            Some(Some(names)) => list.extend(names),
            Some(None) => refuse(key, "is no list of names"),
            None => {}
        }
    }
    let on = |value: Option<Value>| value == Some(Value::Bool(true));
    allow.everyone |= on(keys.remove("allow_any_authenticated_user"));
    if on(keys.remove("allow_public_unauthenticated_access")) {
        route.insert("public_paths".to_owned(), vec!["/".to_owned()].into());
        allow.everyone = true;
    }
    if let Some(policy) = keys.remove("policy")
        && let Err(why) = policy::read(&policy, &mut allow)
    {
        // Beside lists it may deny what they allow.
        refuse("policy", &format!("{why}, so this route is left out"));
        return Route::LeftOut(origin);
    }
    if allow.is_empty() {
        refuse("allow", "would let nobody pass, so this route is left out");
        return Route::LeftOut(origin);
    }
    route.insert("allow".to_owned(), toml::Value::Table(allow.into_table()));
    for (key, why) in NEEDLESS {
        if keys.remove(*key).is_some() {
            imported.notes.push(format!("route {number} ({from}): `{key}`: {why}"));
        }
    }
    let mut is_left_out = false;
    for key in keys.keys() {
        let narrows = !SPARABLE.contains(&key.as_str());
        is_left_out |= narrows;
        let so = if narrows { ", and it may keep people out: this route is left out" } else { "" };
        imported.refused.push(format!("route {number} ({from}): `{key}` has no counterpart here{so}"));
    }
    if is_left_out { Route::LeftOut(origin) } else { Route::Taken(origin, route) }
}
