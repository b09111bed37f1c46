//! Pomerium's configuration file: its routes, its identity provider, and where its sign-out leads.
//!
//! Every key that it may have is either taken over, or known and said to be of no use here, or refused. Nothing goes without
//! a word.

mod policy;
mod provider;
mod route;

use std::collections::BTreeSet;

use acquit_gateway::origin::Origin;
use serde_json::{Map, Value};
use toml::Table;

use self::route::Route;

/// What came of it.
#[derive(Debug, Default)]
pub struct Imported {
    /// The configuration, in TOML.
    pub configuration: String,
    /// What could not be taken over; the operator must look at each.
    pub refused: Vec<String>,
    /// What is different here, or to be done still.
    pub notes: Vec<String>,
}

/// It is no YAML, or no table.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// It is no YAML.
    #[error("{0}")]
    Yaml(String),
    /// It is something else than keys and values.
    #[error("it holds no keys")]
    NoKeys,
}

/// Keys that have no use here, and why.
const NEEDLESS: &[(&[&str], &str)] = &[
    (
        &[
            "shared_secret",
            "cookie_secret",
            "signing_key",
            "signing_key_file",
            "shared_secret_file",
            "cookie_secret_file",
        ],
        "Acquit makes keys of its own; apps find those that sign at /.well-known/pomerium/jwks.json, as before",
    ),
    (
        &["cookie_name", "cookie_domain", "cookie_secure", "cookie_http_only", "cookie_same_site"],
        "each route's cookie is bound to its own host",
    ),
    (&["cookie_expire"], "sessions live as [lifetimes] says"),
    (
        &["databroker_storage_type", "databroker_storage_connection_string", "databroker_service_url"],
        "state is kept where [store] says",
    ),
    (
        &[
            "authorize_service_url",
            "services",
            "grpc_address",
            "grpc_insecure",
            "autocert",
            "autocert_dir",
            "http_redirect_addr",
        ],
        "Acquit is one program; TLS certificates are files, or made by the proxy in front",
    ),
    (
        &["log_level", "access_log_fields", "authorize_log_fields", "proxy_log_level"],
        "the environment says what is logged: ACQUIT_LOG",
    ),
    (
        &["timeout_read", "timeout_write", "timeout_idle"],
        "each route has a `timeout`; streams live as long as their session",
    ),
    (&["jwt_issuer_format"], "the issuer is the host of the route"),
    (&["insecure_server"], "without `certificates` the gateway speaks plain HTTP"),
];

/// Keys by which browsers are asked for a certificate.
const CLIENT_CERTIFICATES: &[&str] =
    &["downstream_mtls", "client_ca", "client_ca_file", "client_crl", "client_crl_file"];

/// Translates.
///
/// # Errors
/// [`NotRead`].
pub fn import(text: &str) -> Result<Imported, NotRead> {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| NotRead::Yaml(error.to_string()))?;
    let Value::Object(mut keys) = value else { return Err(NotRead::NoKeys) };
    let mut imported = Imported::default();
    let mut configuration = Table::new();
    server(&mut keys, &mut configuration, &mut imported);
    provider::import(&mut keys, &mut configuration, &mut imported);
    let gateway = gateway(&mut keys, &mut imported);
    configuration.insert("gateway".to_owned(), toml::Value::Table(gateway));
    for (names, why) in NEEDLESS {
        let found: Vec<&str> = names.iter().copied().filter(|name| keys.remove(*name).is_some()).collect();
        if !found.is_empty() {
            imported.notes.push(format!("`{}`: {why}", found.join("`, `")));
        }
    }
    imported.refused.extend(keys.keys().map(|key| format!("`{key}` is not known here")));
    imported.configuration = "# Made by `acquit import pomerium`.\n".to_owned();
    // In the order in which a person reads them.
    for section in ["server", "connections", "gateway"] {
        if let Some(value) = configuration.remove(section) {
            let section = Table::from_iter([(section.to_owned(), value)]);
            imported.configuration.push_str(&format!("\n{section}"));
        }
    }
    Ok(imported)
}

fn server(keys: &mut Map<String, Value>, configuration: &mut Table, imported: &mut Imported) {
    let mut server = Table::new();
    match keys.remove("authenticate_service_url") {
        Some(Value::String(url)) => {
            server.insert("public_url".to_owned(), url.trim_end_matches('/').into());
        }
        _ => imported.notes.push("there is no `authenticate_service_url`: give [server] a `public_url`".to_owned()),
    }
    imported.notes.push(
        "[server] listens on 127.0.0.1:8080: have the proxy in front send the host of `public_url` there".to_owned(),
    );
    configuration.insert("server".to_owned(), toml::Value::Table(server));
}

fn gateway(keys: &mut Map<String, Value>, imported: &mut Imported) -> Table {
    let mut gateway = Table::new();
    let listen = match keys.remove("address") {
        Some(Value::String(address)) if address.starts_with(':') => format!("0.0.0.0{address}"),
        Some(Value::String(address)) => address,
        _ => "0.0.0.0:443".to_owned(),
    };
    gateway.insert("listen".to_owned(), listen.into());
    let mut certificates = Vec::new();
    let mut pair = |chain: Option<Value>, key: Option<Value>| {
        if let (Some(Value::String(chain)), Some(Value::String(key))) = (chain, key) {
            certificates.push(toml::Value::Table(Table::from_iter([
                ("chain".to_owned(), chain.into()),
                ("key".to_owned(), key.into()),
            ])));
        }
    };
    pair(keys.remove("certificate_file"), keys.remove("certificate_key_file"));
    if let Some(Value::Array(list)) = keys.remove("certificates") {
        for entry in list {
            pair(entry.get("cert").cloned(), entry.get("key").cloned());
        }
    }
    if !certificates.is_empty() {
        gateway.insert("certificates".to_owned(), certificates.into());
    }
    if let Some(Value::String(url)) = keys.remove("signout_redirect_url") {
        imported.notes.push(format!(
            "`signout_redirect_url`: sign-out leads to {url} where it is asked for as `pomerium_redirect_uri`; otherwise it ends at \
             Acquit's page, with the receipt"
        ));
        gateway.insert("trusted_redirects".to_owned(), vec![url].into());
    }
    if let Some(Value::Object(flags)) = keys.remove("runtime_flags") {
        for (flag, _) in flags.iter().filter(|(_, on)| **on == Value::Bool(true)) {
            if flag == "allow_any_sign_out_redirect_uri" {
                imported
                    .refused
                    .push(format!("runtime flag `{flag}`: name where sign-out may lead, in `trusted_redirects`"));
            } else {
                imported.notes.push(format!("runtime flag `{flag}` has no use here"));
            }
        }
    }
    gateway.insert("routes".to_owned(), routes(keys, imported).into());
    gateway
}

/// The routes that let in whom they let in there, and nobody else.
fn routes(keys: &mut Map<String, Value>, imported: &mut Imported) -> Vec<toml::Value> {
    let pass = keys.remove("pass_identity_headers");
    keys.remove("jwt_claims_headers").inspect(|_| {
        imported.notes.push(
            "`jwt_claims_headers`: apps get X-Pomerium-Claim-Sub, -User, -Email, -Name, -Groups and -Preferred-Username; others are not there"
                .to_owned(),
        );
    });
    let (mut taken, mut guarded) = (Vec::new(), BTreeSet::new());
    let mut number = 0;
    for (name, all) in ["routes", "policy"].into_iter().filter_map(|name| Some((name, keys.remove(name)?))) {
        let Value::Array(all) = all else {
            imported.refused.push(format!("`{name}` is no list"));
            continue;
        };
        for entry in all {
            number += 1;
            let Value::Object(entry) = entry else {
                imported.refused.push(format!("route {number} is no table"));
                continue;
            };
            match route::import(number, entry, pass.as_ref(), imported) {
                Route::Taken(origin, route) => taken.push((number, origin, route)),
                Route::LeftOut(origin) => drop(guarded.insert(origin.to_string())),
                Route::Other => {}
            }
        }
    }
    let certificates: Vec<&str> =
        CLIENT_CERTIFICATES.iter().copied().filter(|name| keys.remove(*name).is_some()).collect();
    if !certificates.is_empty() {
        imported.refused.push(format!(
            "`{}`: nobody is asked for a certificate here, which kept people out: all routes are left out",
            certificates.join("`, `")
        ));
        return Vec::new();
    }
    let stays = |(number, origin, route): (usize, Origin, Table)| {
        // What its path was guarded by would be this one's.
        if guarded.contains(&origin.to_string()) {
            imported.refused.push(format!("route {number} ({origin}): left out, as another one of this host is"));
            return None;
        }
        Some(toml::Value::Table(route))
    };
    taken.into_iter().filter_map(stays).collect()
}

/// The strings of a list, or the one that stands there alone.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
