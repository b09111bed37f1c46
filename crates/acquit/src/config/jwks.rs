//! The public keys of an application.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;

use super::{context::Context, path::Path, secret::SecretText};

/// A JSON Web Key Set: the JSON itself, or `{ file = "…" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct JwksText(SecretText);

impl JsonSchema for JwksText {
    fn schema_name() -> Cow<'static, str> {
        "Jwks".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // Hidden like a secret, since an operator may put a private key here by mistake.
        SecretText::json_schema(generator)
    }
}

impl Context<'_> {
    /// The key set that `text` stands for, as JSON.
    pub fn jwks(&mut self, path: &Path, text: JwksText) -> Option<Value> {
        let text = self.secret(path, text.0)?;
        let Ok(jwks) = serde_json::from_str::<Value>(text.expose()) else {
            self.error(path, "this is no JSON").help("write a JSON Web Key Set: '{\"keys\": [{\"kty\": \"EC\", …}]}'");
            return None;
        };
        let Some(keys) = jwks.get("keys").and_then(Value::as_array) else {
            self.error(path, "this JSON is no key set: it has no list `keys`")
                .help("write '{\"keys\": [{\"kty\": \"EC\", …}]}'");
            return None;
        };
        if keys.is_empty() {
            self.error(path, "this key set is empty, so the application could not prove who it is");
            return None;
        }
        for (number, key) in keys.iter().enumerate() {
            if key.get("kty").and_then(Value::as_str).is_none() {
                self.error(path, format!("key {number} of the set has no `kty`"));
                return None;
            }
            if key.get("d").is_some() || key.get("k").is_some() {
                self.error(path, format!("key {number} of the set is a private one: only the application may have it"))
                    .help(
                        "put the public keys here, and replace that key: it was in a file that it does not belong in",
                    );
                return None;
            }
        }
        Some(jwks)
    }
}
