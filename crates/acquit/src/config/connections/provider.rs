//! The OpenID provider of a connection, and how we prove ourselves there.

use std::collections::BTreeMap;

use acquit_delivery::egress::Policy;
use acquit_oidc::{
    jose::MIN_SECRET,
    rp::authorize::{MAX_FREE, MAX_NAME, MAX_VALUE, RESERVED},
    uri::{self, Purpose},
};
use acquit_server::settings::{
    Secret,
    broker::{Authentication, OidcProvider},
};

use super::{ConnectionPromptText, ConnectionSection, UpstreamAuthMethodText};
use crate::config::{context::Context, diagnostic::quoted, egress::check_reachable, path::Path, secret::SecretText};

/// The most scopes of one connection.
const MAX_SCOPES: usize = 100;
/// What people write who take the address of the metadata for the issuer.
const DISCOVERY: &str = "/.well-known/openid-configuration";

impl ConnectionSection {
    /// The provider to have; every mistake is noted.
    pub(super) fn oidc(&mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<OidcProvider> {
        if let Some(issuer) = &self.issuer {
            check_issuer(cx, &path.key("issuer"), issuer, policy);
        }
        if let Some(id) = &self.client_id
            && (id.is_empty() || id.len() > 255 || !id.bytes().all(|byte| matches!(byte, b' '..=b'~')))
        {
            cx.error(&path.key("client_id"), "a client_id is 1 to 255 visible ASCII characters");
        }
        let authentication = self.authentication(cx, path);
        let scopes = scopes(cx, &path.key("scopes"), self.scopes.take());
        let parameters = parameters(cx, &path.key("authorization_parameters"), self.authorization_parameters.take());
        let algorithm = self.id_token_signed_response_alg.unwrap_or_default().into();
        Some(OidcProvider {
            issuer: self.issuer.take()?,
            client_id: self.client_id.take()?,
            authentication: authentication?,
            scopes,
            algorithm,
            userinfo: self.userinfo.unwrap_or(true),
            prompt: self.prompt.map(|prompt| prompt.as_str().to_owned()),
            parameters,
            shared_callback: self.shared_callback.unwrap_or(false),
        })
    }

    fn authentication(&mut self, cx: &mut Context<'_>, path: &Path) -> Option<Authentication> {
        let at = path.key("token_endpoint_auth_method");
        let method = match self.token_endpoint_auth_method {
            Some(method) => method,
            // What it was was noted by its shape.
            None if cx.is_written(&at) => return None,
            None => UpstreamAuthMethodText::ClientSecretBasic,
        };
        let named = match method {
            UpstreamAuthMethodText::ClientSecretBasic => "client_secret_basic",
            UpstreamAuthMethodText::ClientSecretPost => "client_secret_post",
            UpstreamAuthMethodText::ClientSecretJwt => "client_secret_jwt",
            UpstreamAuthMethodText::PrivateKeyJwt => "private_key_jwt",
            UpstreamAuthMethodText::None => "none",
        };
        let alg = path.key("token_endpoint_auth_signing_alg");
        if method != UpstreamAuthMethodText::PrivateKeyJwt && cx.is_written(&alg) {
            cx.error(&alg, format!("`token_endpoint_auth_signing_alg` is not used with \"{named}\""))
                .help("leave it out, or choose token_endpoint_auth_method = \"private_key_jwt\"");
        }
        let at = path.key("client_secret");
        if matches!(method, UpstreamAuthMethodText::PrivateKeyJwt | UpstreamAuthMethodText::None) {
            if cx.is_written(&at) {
                cx.error(&at, format!("`client_secret` is not used with \"{named}\""))
                    .help("leave it out, or choose token_endpoint_auth_method = \"client_secret_basic\"");
            }
            return Some(match method {
                UpstreamAuthMethodText::PrivateKeyJwt => {
                    Authentication::PrivateKeyJwt(self.token_endpoint_auth_signing_alg.unwrap_or_default().into())
                }
                _ => Authentication::None,
            });
        }
        if !cx.is_written(&at) {
            cx.error(path, "this connection has no `client_secret`, so Acquit could not prove itself at the provider")
                .help("give it one, or say token_endpoint_auth_method = \"private_key_jwt\" or \"none\"");
        }
        let secret = client_secret(cx, &at, self.client_secret.take()?)?;
        if method == UpstreamAuthMethodText::ClientSecretJwt && secret.expose().len() < MIN_SECRET {
            cx.error(&at, format!("this client secret has fewer than {MIN_SECRET} bytes, too few for \"{named}\""))
                .help(
                    "ask the provider for a longer one, or choose token_endpoint_auth_method = \"client_secret_basic\"",
                );
            return None;
        }
        Some(match method {
            UpstreamAuthMethodText::ClientSecretJwt => Authentication::SecretJwt(secret),
            UpstreamAuthMethodText::ClientSecretPost => Authentication::Post(secret),
            _ => Authentication::Basic(secret),
        })
    }
}

impl ConnectionPromptText {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}

/// Names of ours among a provider's own: they have keys of their own here.
const OWN: [&str; 5] = ["prompt", "login_hint", "domain_hint", "ui_locales", "scope"];

fn parameters(cx: &mut Context<'_>, path: &Path, written: Option<BTreeMap<String, String>>) -> Vec<(String, String)> {
    let written = written.unwrap_or_default();
    if written.len() > MAX_FREE {
        cx.error(path, format!("`{path}` has at most {MAX_FREE} entries"));
    }
    for (name, value) in written.iter().take(MAX_FREE) {
        let at = path.key(name);
        let is = |reserved: &str| reserved.eq_ignore_ascii_case(name);
        if RESERVED.iter().any(|reserved| is(reserved)) || OWN.iter().any(|own| is(own)) {
            cx.error(&at, format!("{} is a parameter that Acquit itself sends", quoted(name)));
        } else if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
            cx.error(&at, format!("{} is no parameter's name", quoted(name)));
        } else if value.len() > MAX_VALUE || value.contains(char::is_control) {
            cx.error(&at, format!("a parameter has at most {MAX_VALUE} bytes and no control characters"));
        }
    }
    written.into_iter().collect()
}

fn client_secret(cx: &mut Context<'_>, path: &Path, text: SecretText) -> Option<Secret> {
    // How long it is, is the provider's to say.
    let secret = cx.secret(path, text)?;
    if secret.expose().len() > 1024 || secret.expose().chars().any(char::is_control) {
        cx.error(path, "a client secret has at most 1024 bytes and no control characters");
        return None;
    }
    Some(secret)
}

fn check_issuer(cx: &mut Context<'_>, path: &Path, issuer: &str, policy: &Policy) {
    let wrong = match uri::check(issuer, Purpose::Http) {
        Err(why) => Some(why.to_string()),
        // OpenID Connect Discovery 1.0 section 3.
        Ok(_) if issuer.contains('?') => Some("has a query".to_owned()),
        Ok(_) => None,
    };
    if let Some(why) = wrong {
        cx.error(path, format!("`issuer`: {} {why}", quoted(issuer)))
            .help("write it as the `issuer` in the provider's metadata stands, such as \"https://idp.example.com\"");
    } else if let Some(meant) = issuer.strip_suffix(DISCOVERY) {
        cx.error(path, "this is the address of the provider's metadata, not its issuer")
            .help(format!("did you mean \"{meant}\"?"));
    } else {
        check_reachable(cx, path, issuer, policy);
    }
}

fn scopes(cx: &mut Context<'_>, path: &Path, written: Option<Vec<String>>) -> Vec<String> {
    let Some(written) = written else { return ["openid", "profile", "email"].map(str::to_owned).into() };
    if written.len() > MAX_SCOPES {
        cx.error(path, format!("a connection has at most {MAX_SCOPES} scopes"));
    }
    let mut scopes = Vec::new();
    for (index, scope) in written.into_iter().take(MAX_SCOPES).enumerate() {
        // RFC 6749 section 3.3.
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if scope.is_empty() || scope.len() > 255 || !scope.bytes().all(allowed) {
            let note = cx.error(&path.index(index), format!("{} is no scope", quoted(&scope)));
            if scope.contains(' ') {
                note.help("write each one by itself: [\"openid\", \"email\"]");
            }
        } else if scopes.contains(&scope) {
            cx.error(&path.index(index), format!("{} is there twice", quoted(&scope)));
        } else {
            scopes.push(scope);
        }
    }
    if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    scopes
}
