//! Secrets: written out, in a file beside the configuration, or in the environment.

use std::{borrow::Cow, fs::File, io::Read};

use acquit_server::settings::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::{context::Context, diagnostic::quoted, path::Path};

/// The longest secret that is read from a file: a JWKS fits, a database does not.
const LONGEST: u64 = 64 * 1024;

/// A secret as it is written.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum SecretText {
    /// The secret itself.
    Literal(#[serde(deserialize_with = "literal")] Secret),
    /// Where it is.
    Elsewhere {
        /// A file.
        file: Option<String>,
        /// A variable of the environment.
        env: Option<String>,
    },
}

fn literal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "writeOnly": true,
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "string",
                            "description": "The file that holds the secret, relative to this one. A newline at its end is dropped."
                        },
                        "env": { "type": "string", "description": "The variable of the environment that holds the secret." }
                    },
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1
                }
            ]
        })
    }
}

impl Context<'_> {
    /// The secret that `text` stands for, wherever it is; what is wrong with it is noted.
    pub fn secret(&mut self, path: &Path, text: SecretText) -> Option<Secret> {
        let secret = match text {
            SecretText::Literal(secret) => Some(secret),
            SecretText::Elsewhere { file: Some(file), env: None } => self.secret_file(path, &file),
            SecretText::Elsewhere { file: None, env: Some(variable) } => self.secret_variable(path, &variable),
            SecretText::Elsewhere { .. } => {
                self.error(path, format!("`{path}` needs a file or a variable, and only one of them"))
                    .help("write { file = \"…\" } or { env = \"…\" }");
                None
            }
        }?;
        if secret.expose().is_empty() {
            self.error(path, format!("`{path}` is empty"));
            return None;
        }
        Some(secret)
    }

    fn secret_variable(&mut self, path: &Path, variable: &str) -> Option<Secret> {
        let value = self.environment.get(variable);
        if value.is_none() {
            let message = format!("`{path}` is to be in the variable {}, which is not set", quoted(variable));
            self.error(&path.key("env"), message);
        }
        value.map(Secret::new)
    }

    fn secret_file(&mut self, path: &Path, file: &str) -> Option<Secret> {
        let place = self.base.join(file);
        let mut text = Zeroizing::new(String::new());
        let read = File::open(&place).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
        match read {
            Err(error) => {
                let shown = quoted(&place.display().to_string());
                self.error(&path.key("file"), format!("the secret file {shown} cannot be read: {error}"));
                None
            }
            Ok(_) if text.len() as u64 > LONGEST => {
                self.error(&path.key("file"), format!("the secret file is longer than {LONGEST} bytes"));
                None
            }
            Ok(_) => {
                self.check_private(&path.key("file"), &place);
                let line = text.strip_suffix('\n').unwrap_or(&text);
                Some(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
            }
        }
    }

    /// Warns when others may read a file that holds a secret.
    pub fn check_private(&mut self, path: &Path, file: &std::path::Path) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let Ok(metadata) = file.metadata() else { return };
            let mode = metadata.permissions().mode();
            if mode & 0o007 != 0 {
                let shown = quoted(&file.display().to_string());
                let message = format!("{shown} is open to every user of this machine (mode {:03o})", mode & 0o777);
                self.warning(path, message).help(format!("chmod o-rwx {}", file.display()));
            }
        }
    }
}
