//! `[registration]`: dynamic client registration (RFC 7591).

use acquit_server::settings::{Registration, TokenDigest};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{context::Context, path::Path, secret::SecretText};

/// Dynamic client registration.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationSection {
    /// Tokens that let their holders register applications. Registration is off without any.
    pub initial_access_tokens: Option<Vec<SecretText>>,
}

impl RegistrationSection {
    /// The registration to run with.
    pub fn resolve(self, cx: &mut Context<'_>) -> Registration {
        let path = Path::root().key("registration").key("initial_access_tokens");
        let tokens = self.initial_access_tokens.unwrap_or_default().into_iter().enumerate();
        let digests = tokens.filter_map(|(index, token)| bearer_token(cx, &path.index(index), token));
        Registration { initial_access_tokens: digests.collect() }
    }
}

/// The digest of a bearer token that the operator chose.
pub fn bearer_token(cx: &mut Context<'_>, path: &Path, token: SecretText) -> Option<TokenDigest> {
    let token = cx.secret(path, token)?;
    let text = token.expose();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        cx.error(path, "a token takes letters, digits and signs only, because it travels in an HTTP header");
        return None;
    }
    if text.len() < super::SHORTEST_SECRET {
        cx.warning(path, format!("this token is shorter than {} characters", super::SHORTEST_SECRET))
            .help("make one with `openssl rand -base64 32`");
    }
    Some(TokenDigest::of(text))
}
