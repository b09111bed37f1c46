//! `[[users]]`: people who sign in with a password.

use acquit_server::{
    password,
    settings::{Password, User},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{context::Context, diagnostic::quoted, path::Path, secret::SecretText};

/// A person who signs in with a password.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserSection {
    /// What they type to sign in.
    #[schemars(required)]
    pub username: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their name, shown to people; the username when absent.
    pub name: Option<String>,
    /// Their password, of at least 8 characters.
    pub password: Option<SecretText>,
    /// Instead of the password its argon2id hash: "$argon2id$…".
    pub password_hash: Option<SecretText>,
    /// Instead of either: no person, and nobody signs in as it; programs may act as it at the gateway's routes.
    #[schemars(extend("default" = false))]
    pub service: Option<bool>,
    /// Their groups.
    pub groups: Option<Vec<String>>,
    /// Whether they are kept out. Their sessions end, and the applications are told.
    #[schemars(extend("default" = false))]
    pub disabled: Option<bool>,
}

impl UserSection {
    /// The user to have.
    pub fn resolve(self, cx: &mut Context<'_>, path: &Path) -> Option<User> {
        if let Some(username) = &self.username
            && let Err(error) = check_username(username)
        {
            cx.error(&path.key("username"), error);
        }
        if let Some(email) = &self.email
            && !is_email(email)
        {
            cx.error(&path.key("email"), format!("{} is no e-mail address", quoted(email)));
        }
        let service = self.service.unwrap_or(false);
        let password = read_password(cx, path, (self.password, self.password_hash), service);
        let groups = self.groups.unwrap_or_default();
        for (index, group) in groups.iter().enumerate() {
            if group.is_empty() || group.chars().any(char::is_control) {
                cx.error(&path.key("groups").index(index), "a group needs a name of printable characters");
            }
        }
        Some(User {
            username: self.username?,
            email: self.email,
            name: self.name,
            password: password?,
            groups,
            disabled: self.disabled.unwrap_or(false),
        })
    }
}

/// What is wrong with a username, if something is.
///
/// # Errors
/// A sentence for the person who chose it.
pub fn check_username(username: &str) -> Result<(), &'static str> {
    if username.is_empty() || username.len() > 255 {
        Err("a username has between 1 and 255 bytes")
    } else if username.chars().any(char::is_control) || username.trim() != username {
        Err("a username takes no control characters, and no spaces at its ends")
    } else {
        Ok(())
    }
}

/// Whether this looks like an e-mail address; only a message to it could tell.
#[must_use]
pub fn is_email(text: &str) -> bool {
    text.len() <= 254
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

fn read_password(
    cx: &mut Context<'_>,
    path: &Path,
    (plain, hash): (Option<SecretText>, Option<SecretText>),
    service: bool,
) -> Option<Password> {
    let (plain_path, hash_path) = (path.key("password"), path.key("password_hash"));
    match (plain, hash) {
        (Some(_), _) | (_, Some(_)) if service => {
            cx.error(&path.key("service"), "a service has no password: nobody signs in as it");
            None
        }
        (Some(_), Some(_)) => {
            cx.error(&hash_path, "a user has either `password` or `password_hash`");
            None
        }
        (Some(plain), None) => {
            let plain = cx.secret(&plain_path, plain)?;
            if plain.expose().starts_with("$argon2") {
                cx.error(&plain_path, "this is a hash, not a password").help("did you mean `password_hash`?");
            } else if let Err(error) = password::check_policy(plain.expose()) {
                cx.error(&plain_path, error.to_string());
            }
            Some(Password::Plain(plain))
        }
        (None, Some(hash)) => {
            let hash = cx.secret(&hash_path, hash)?;
            if let Err(error) = password::check_hash(hash.expose()) {
                cx.error(&hash_path, error.to_string());
            }
            Some(Password::Hash(hash))
        }
        (None, None) if service => Some(Password::Service),
        (None, None) => {
            if !cx.is_written(&plain_path) && !cx.is_written(&hash_path) {
                cx.error(path, "this user has neither `password` nor `password_hash`, so nobody could sign in")
                    .help("if programs are to act as it, say `service = true`");
            }
            None
        }
    }
}
