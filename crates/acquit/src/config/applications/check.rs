//! Whether an application's settings fit together, beyond what [`Client::problems`] knows.

use acquit_delivery::egress::Policy;
use acquit_oidc::client::{Authentication, Client, ClientKeys, SecretMethod};
use acquit_server::settings::Secret;

use super::{ApplicationSection, AuthMethodText};
use crate::config::{
    SHORTEST_SECRET, context::Context, diagnostic::quoted, egress::check_reachable, path::Path, secret::SecretText,
};

/// Notes when an id cannot stand in URLs, logs and on the command line.
pub(super) fn check_id(id: &str, cx: &mut Context<'_>, path: &Path) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
        cx.error(path, format!("{} is no id", quoted(id))).help("an id has 1 to 64 letters, digits, `-`, `_` and `.`");
    }
}

/// How the application proves itself; none or several ways are a mistake.
pub(super) fn authentication(
    app: &mut ApplicationSection,
    cx: &mut Context<'_>,
    path: &Path,
) -> Option<Authentication> {
    let ways = ["client_secret", "jwks", "jwks_uri"];
    let written: Vec<&str> = ways.into_iter().filter(|key| cx.is_written(&path.key(key))).collect();
    let public = app.public.unwrap_or(false);
    match (written.as_slice(), public) {
        // `public` was written but is neither true nor false: its shape was noted.
        ([], false) if cx.is_written(&path.key("public")) && app.public.is_none() => None,
        ([], false) => {
            cx.error(path, "this application cannot prove who it is")
                .help("give it a `client_secret`, `jwks` or `jwks_uri`, or say `public = true`");
            None
        }
        ([], true) => Some(Authentication::None),
        ([key, ..], true) => {
            cx.error(&path.key(key), format!("a public client has no `{key}`: it could not keep it"))
                .help(format!("leave out `{key}`, or `public = true`"));
            None
        }
        ([first, second, ..], false) => {
            cx.error(&path.key(second), format!("this application has both `{first}` and `{second}`"))
                .help("keep one of them");
            None
        }
        ([_], false) => {
            if let Some(text) = app.client_secret.take() {
                let secret = client_secret(cx, &path.key("client_secret"), text)?;
                Some(Authentication::secret(secret_method(app.token_endpoint_auth_method), secret.expose()))
            } else if let Some(text) = app.jwks.take() {
                let keys = ClientKeys::Jwks(cx.jwks(&path.key("jwks"), text)?);
                Some(Authentication::PrivateKeyJwt { keys, alg: None })
            } else {
                let keys = ClientKeys::JwksUri(app.jwks_uri.take()?);
                Some(Authentication::PrivateKeyJwt { keys, alg: None })
            }
        }
    }
}

fn secret_method(method: Option<AuthMethodText>) -> SecretMethod {
    match method {
        Some(AuthMethodText::ClientSecretBasic) => SecretMethod::Basic,
        Some(AuthMethodText::ClientSecretPost) => SecretMethod::Post,
        _ => SecretMethod::Either,
    }
}

fn client_secret(cx: &mut Context<'_>, path: &Path, text: SecretText) -> Option<Secret> {
    let secret = cx.secret(path, text)?;
    if secret.expose().len() > 1024 || secret.expose().chars().any(char::is_control) {
        cx.error(path, "a client secret has at most 1024 bytes and no control characters");
        return None;
    }
    if secret.expose().len() < SHORTEST_SECRET {
        cx.warning(path, format!("this client secret is shorter than {SHORTEST_SECRET} bytes, so it may be guessed"))
            .help("make one with `openssl rand -base64 32`");
    }
    Some(secret)
}

/// Notes when the method at the token endpoint is not one for how the application proves itself.
pub(super) fn check_auth_method(method: AuthMethodText, client: &Client, cx: &mut Context<'_>, path: &Path) {
    let (fits, meant) = match &client.authentication {
        Authentication::Secret { .. } => (
            matches!(method, AuthMethodText::ClientSecretBasic | AuthMethodText::ClientSecretPost),
            "an application with a secret uses \"client_secret_basic\" or \"client_secret_post\"",
        ),
        Authentication::PrivateKeyJwt { .. } => {
            (method == AuthMethodText::PrivateKeyJwt, "an application with keys uses \"private_key_jwt\"")
        }
        Authentication::None => (method == AuthMethodText::None, "a public client uses \"none\""),
    };
    if !fits {
        cx.error(&path.key("token_endpoint_auth_method"), "this method does not fit how the application proves itself")
            .help(meant);
    }
}

/// Notes what [`Client::problems`] finds, each at its own line. `redirects_known`: false when the redirect URIs were
/// noted already, so that nothing is said about what depends on them.
pub(super) fn check_client(client: &Client, redirects_known: bool, cx: &mut Context<'_>, path: &Path) {
    for problem in client.problems() {
        let field = path.key(problem.field);
        if !redirects_known && matches!(problem.field, "redirect_uris" | "frontchannel_logout_uri") {
            continue;
        }
        // What was not written is the id's own mistake, noted there.
        if !cx.is_written(&field) {
            continue;
        }
        let list = match problem.field {
            "redirect_uris" => client.redirect_uris.as_slice(),
            "post_logout_redirect_uris" => client.post_logout_redirect_uris.as_slice(),
            _ => &[],
        };
        // The last one: of two that are the same, the second is the mistake.
        let at = problem.value.as_ref().and_then(|value| list.iter().rposition(|entry| entry == value));
        let place = at.map_or(field.clone(), |index| field.index(index));
        match &problem.value {
            Some(value) => cx.error(&place, format!("`{}`: {} {}", problem.field, quoted(value), problem.why)),
            None => cx.error(&place, format!("`{}` {}", problem.field, problem.why)),
        };
    }
}

/// Notes what is wrong with the channels by which the application is told of a logout.
pub(super) fn check_channels(
    app: &ApplicationSection,
    client: &Client,
    cx: &mut Context<'_>,
    path: &Path,
    policy: &Policy,
) {
    let jwks_uri = match &client.authentication {
        Authentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(uri), .. } => Some(uri),
        _ => None,
    };
    for (key, uri) in [("backchannel_logout_uri", client.backchannel_logout_uri.as_ref()), ("jwks_uri", jwks_uri)] {
        // Of a URI that is wrong in itself enough was said.
        let wrong = client.problems().iter().any(|problem| problem.field == key);
        if let Some(uri) = uri.filter(|_| !wrong) {
            check_reachable(cx, &path.key(key), uri, policy);
        }
    }
    let channels = ["backchannel_logout_uri", "frontchannel_logout_uri"];
    let missing: Vec<&str> = channels.into_iter().filter(|key| !cx.is_written(&path.key(key))).collect();
    if let ([key, ..], Some(_)) = (missing.as_slice(), app.logout_channel) {
        let message = "`logout_channel` chooses between two channels, and this application has not both";
        cx.error(&path.key("logout_channel"), message).help(format!("it has no `{key}`"));
    }
    if missing.len() == channels.len() {
        cx.warning(path, "this application cannot be told of a logout, and every receipt will say so")
            .help("give it a `backchannel_logout_uri` if it can take logout tokens, else a `frontchannel_logout_uri`");
    }
}
