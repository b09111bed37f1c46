//! The JSON Schema of the configuration, made from the section's types and their documentation. `acquit schema` prints
//! it for editors; `acquit check` walks the file along it, so both always know the same keys.

use std::sync::LazyLock;

use schemars::{Schema as RootSchema, generate::SchemaSettings, transform::Transform};
use serde_json::{Map, Value, json};

use super::raw::Raw;

/// The schema, in the draft 2020-12 dialect, with everything in place and no references.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| settings.inline_subschemas = true);
    let settings = settings.with_transform(WithoutNull).with_transform(PerProtocol);
    let mut schema = settings.into_generator().into_root_schema_for::<Raw>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), "The configuration of Acquit (acquit.toml)".into());
    }
    schema
});

/// The schema of the value under `key`, in whichever alternative has it.
#[must_use]
pub fn property<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    alternatives(schema).find_map(|alternative| alternative.get("properties")?.get(key))
}

/// What any key of a table may have, where its keys are names that the operator chooses.
#[must_use]
pub fn any_property(schema: &Value) -> Option<&Value> {
    alternatives(schema).find_map(|alternative| alternative.get("additionalProperties").filter(|any| any.is_object()))
}

/// The key of a table by whose value its other keys are meant: applications have a `protocol`, connections a `type`.
#[must_use]
pub fn choice(schema: &Value) -> &'static str {
    if property(schema, "protocol").is_none() && property(schema, "type").is_some() { "type" } else { "protocol" }
}

/// The protocols that a key belongs to; none when it belongs to all.
#[must_use]
pub fn protocols(schema: &Value) -> Vec<&str> {
    match schema.get("x-protocol") {
        Some(Value::String(only)) => vec![only],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The keys that a table must have when it chooses `protocol`, or none that is known.
#[must_use]
pub fn required<'a>(schema: &'a Value, protocol: Option<&str>) -> Vec<&'a str> {
    let conditions = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let chosen = conditions.filter(|condition| {
        let of = condition.pointer(&format!("/if/properties/{}/const", choice(schema)));
        protocol.is_some() && of.and_then(Value::as_str) == protocol
    });
    let lists =
        std::iter::once(schema.get("required")).chain(chosen.map(|condition| condition.pointer("/then/required")));
    lists.flatten().filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect()
}

/// The keys of a table.
#[must_use]
pub fn keys(schema: &Value) -> Vec<&str> {
    let properties = alternatives(schema).filter_map(|alternative| alternative.get("properties")?.as_object());
    properties.flat_map(Map::keys).map(String::as_str).collect()
}

/// Whether a value of this kind may stand here.
#[must_use]
pub fn accepts(schema: &Value, kind: &str) -> bool {
    kinds(schema).any(|accepted| accepted == kind || (accepted == "number" && kind == "integer"))
}

/// The kinds of values that may stand here.
pub fn kinds(schema: &Value) -> impl Iterator<Item = &str> {
    alternatives(schema).filter_map(|alternative| alternative.get("type")?.as_str())
}

/// The alternative that is written as `kind`.
#[must_use]
pub fn alternative<'a>(schema: &'a Value, kind: &str) -> Option<&'a Value> {
    alternatives(schema)
        .find(|alternative| alternative.get("type").and_then(Value::as_str).is_some_and(|accepted| accepted == kind))
}

/// The values that may stand here when only a few may.
#[must_use]
pub fn allowed(schema: &Value) -> Vec<&str> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let single = alternatives(schema).filter_map(|alternative| alternative.get("const"));
    listed.chain(single).filter_map(Value::as_str).collect()
}

/// The first sentence of a key's documentation.
#[must_use]
pub fn summary(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    let first = text.split("\n\n").next()?.replace('\n', " ");
    let first = first.split_once(". ").map_or(first.as_str(), |(sentence, _)| sentence);
    Some(first.trim_end_matches('.').to_owned())
}

/// Whether the value is a secret, which is never shown.
#[must_use]
pub fn is_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let either = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    let itself = either.is_none().then_some(schema);
    either.into_iter().flatten().chain(itself)
}

/// TOML has no null: an optional key is left out. This takes the null out of what serde's options allow.
#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut RootSchema) {
        if let Some(object) = schema.as_object_mut() {
            without_null(object);
        }
        schemars::transform::transform_subschemas(self, schema);
    }
}

fn without_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(either)) = schema.get_mut("anyOf") else { return };
    either.retain(|alternative| alternative.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = either.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            // The key's own documentation says more than its type's.
            schema.entry(key).or_insert(value);
        }
    }
}

/// What only some protocols require is required on a condition, so that editors ask for it there alone.
#[derive(Clone, Debug)]
struct PerProtocol;

impl Transform for PerProtocol {
    fn transform(&mut self, schema: &mut RootSchema) {
        if let Some(object) = schema.as_object_mut() {
            per_protocol(object);
        }
        schemars::transform::transform_subschemas(self, schema);
    }
}

fn per_protocol(schema: &mut Map<String, Value>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let Some(key) = ["protocol", "type"].into_iter().find(|key| properties.contains_key(*key)) else { return };
    let choice = &properties[key];
    let Some(required) = schema.get("required").and_then(Value::as_array) else { return };
    let of = |key: &Value| key.as_str().and_then(|key| properties.get(key)).map(protocols).unwrap_or_default();
    let (always, sometimes): (Vec<Value>, Vec<Value>) = required.iter().cloned().partition(|key| of(key).is_empty());
    let conditions = allowed(choice).into_iter().filter_map(|protocol| {
        let needed: Vec<&Value> = sometimes.iter().filter(|key| of(key).contains(&protocol)).collect();
        (!needed.is_empty()).then(|| {
            json!({
                "if": { "properties": { key: { "const": protocol } }, "required": [key] },
                "then": { "required": needed },
            })
        })
    });
    let conditions: Vec<Value> = conditions.collect();
    if !conditions.is_empty() {
        schema.insert("required".to_owned(), always.into());
        schema.insert("allOf".to_owned(), conditions.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(schema: &Value, path: &str, visit: &mut dyn FnMut(&Value, &str)) {
        visit(schema, path);
        for alternative in alternatives(schema).filter(|alternative| !std::ptr::eq(*alternative, schema)) {
            walk(alternative, path, visit);
        }
        for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            walk(property, &format!("{path}.{key}"), visit);
        }
        if let Some(items) = schema.get("items") {
            walk(items, path, visit);
        }
    }

    #[test]
    fn every_table_of_the_schema_refuses_unknown_keys() {
        let mut tables = 0;
        walk(&SCHEMA, "", &mut |schema, path| {
            if schema.get("properties").is_some() {
                tables += 1;
                assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{path}");
            }
        });
        assert!(tables >= 9, "{tables}");
    }

    #[test]
    fn every_key_of_the_schema_is_documented() {
        walk(&SCHEMA, "", &mut |schema, path| {
            for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                assert!(property.get("description").is_some(), "{path}.{key}");
            }
        });
    }

    #[test]
    fn the_schema_knows_no_null() {
        assert!(!SCHEMA.to_string().contains("null"), "{:#}", *SCHEMA);
    }

    #[test]
    fn an_application_must_have_what_its_protocol_needs_and_nothing_else() {
        let applications = SCHEMA.pointer("/properties/applications/items").unwrap();
        for (protocol, expected) in [
            (Some("oidc"), ["id", "protocol", "client_id", "redirect_uris"].as_slice()),
            (Some("broker"), ["id", "protocol", "client_id", "redirect_uris", "api_key"].as_slice()),
            (Some("saml"), ["id", "protocol"].as_slice()),
            (None, ["id", "protocol"].as_slice()),
        ] {
            let (mut found, mut expected) = (required(applications, protocol), expected.to_vec());
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{protocol:?}");
        }
    }

    #[test]
    fn every_secret_of_the_schema_is_marked_as_one() {
        let mut secrets = Vec::new();
        walk(&SCHEMA, "", &mut |schema, path| {
            if is_secret(schema) {
                secrets.push(path.to_owned());
            }
        });
        for path in [
            ".server.master_key",
            ".store.url",
            ".api_tokens.token",
            ".registration.initial_access_tokens",
            ".users.password",
            ".users.password_hash",
            ".applications.client_secret",
            ".applications.api_key",
            ".connections.client_secret",
        ] {
            assert!(secrets.iter().any(|secret| secret == path), "{path} in {secrets:?}");
        }
    }
}
