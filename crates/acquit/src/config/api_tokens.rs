//! `[[api_tokens]]`: tokens of operators for the API.

use acquit_server::settings::{ApiToken, Scope};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{context::Context, path::Path, registration::bearer_token, secret::SecretText};

/// A token of an operator for the API.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiTokenSection {
    /// The name that the audit log knows it by.
    #[schemars(required)]
    pub name: Option<String>,
    /// The token itself, of at least 32 characters.
    #[schemars(required)]
    pub token: Option<SecretText>,
    /// What it may do.
    #[schemars(required)]
    pub scopes: Option<Vec<ScopeText>>,
}

/// What an API token may do.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeText {
    /// Read sessions, receipts, the log and metrics.
    Read,
    /// End sessions and retry logouts.
    Sessions,
    /// Manage users, applications and keys.
    Manage,
}

impl ApiTokenSection {
    /// The token to run with.
    pub fn resolve(self, cx: &mut Context<'_>, path: &Path) -> Option<ApiToken> {
        if self.name.as_deref() == Some("") {
            cx.error(&path.key("name"), "a token needs a name, by which the audit log knows it");
        }
        let digest = self.token.and_then(|token| bearer_token(cx, &path.key("token"), token));
        let mut scopes = Vec::new();
        for scope in self.scopes? {
            let scope = match scope {
                ScopeText::Read => Scope::Read,
                ScopeText::Sessions => Scope::Sessions,
                ScopeText::Manage => Scope::Manage,
            };
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        if scopes.is_empty() {
            cx.error(&path.key("scopes"), "a token without scopes may do nothing")
                .help("list what it may do: `read`, `sessions`, `manage`");
        }
        Some(ApiToken { name: self.name?, digest: digest?, scopes })
    }
}
