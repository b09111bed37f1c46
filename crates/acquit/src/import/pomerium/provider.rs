//! The identity provider.

use serde_json::{Map, Value};
use toml::Table;

use super::{Imported, strings};

/// Providers that speak OpenID Connect at one place for everybody.
const ISSUERS: &[(&str, &str)] = &[("google", "https://accounts.google.com"), ("gitlab", "https://gitlab.com")];
/// Those that have a place of their own for each customer.
const OPENID: &[&str] = &["oidc", "azure", "okta", "onelogin", "auth0", "ping", "cognito"];

/// The environment variable from which the secret is read: a secret is not copied into another file.
const SECRET: &str = "ACQUIT_IDP_CLIENT_SECRET";

pub(super) fn import(keys: &mut Map<String, Value>, configuration: &mut Table, imported: &mut Imported) {
    let mut text = |key: &str| match keys.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (name, client_id, url) = (text("idp_provider"), text("idp_client_id"), text("idp_provider_url"));
    let secret = text("idp_client_secret").or(text("idp_client_secret_file"));
    let scopes = keys.remove("idp_scopes");
    let parameters = keys.remove("idp_request_params");
    let (Some(name), Some(client_id)) = (name, client_id) else {
        imported.notes.push("no identity provider is named: add [[users]], or a [[connections]]".to_owned());
        return;
    };
    let known = ISSUERS.iter().find(|(known, _)| *known == name).map(|(_, issuer)| (*issuer).to_owned());
    let issuer = match url.or(known) {
        Some(issuer) if OPENID.contains(&name.as_str()) || ISSUERS.iter().any(|(known, _)| *known == name) => issuer,
        _ => {
            imported
                .refused
                .push(format!("`idp_provider`: {name} does not speak OpenID Connect, or has no `idp_provider_url`"));
            return;
        }
    };
    let mut connection = Table::new();
    for (key, value) in [
        ("id", "conn_01POMERIUM"),
        ("type", "oidc"),
        ("issuer", &issuer),
        ("client_id", &client_id),
        ("external_key", "change-me-to-something-hard-to-guess"),
    ] {
        connection.insert(key.to_owned(), value.into());
    }
    if secret.is_some() {
        let elsewhere = Table::from_iter([("env".to_owned(), SECRET.into())]);
        connection.insert("client_secret".to_owned(), toml::Value::Table(elsewhere));
        imported.notes.push(format!("the provider's secret was not copied: put it into the environment as {SECRET}"));
    }
    if let Some(scopes) = scopes.as_ref().and_then(strings) {
        connection.insert("scopes".to_owned(), scopes.into());
    }
    if let Some(Value::Object(all)) = parameters {
        let all: Table = all.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.into()))).collect();
        connection.insert("authorization_parameters".to_owned(), toml::Value::Table(all));
    }
    imported.notes.push(
        "register Acquit at the provider: `acquit doctor idp` with its issuer prints the exact URLs; choose an `external_key` first"
            .to_owned(),
    );
    imported.notes.push(
        "e-mail addresses of the provider's people count where they are in the domains of an [[organizations]] that the connection \
         belongs to; groups are conn_01POMERIUM/… until `group_names` maps them"
            .to_owned(),
    );
    configuration.insert("connections".to_owned(), vec![toml::Value::Table(connection)].into());
}
