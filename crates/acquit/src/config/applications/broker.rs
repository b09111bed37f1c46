//! From what is written of an application of the broker API to the one that the server knows.

use acquit_core::{AppId, OrganizationId};
use acquit_delivery::egress::Policy;
use acquit_oidc::{
    client::{Authentication, Client},
    uri::{self, Purpose},
};
use acquit_server::settings::{BrokerApplication, TokenDigest};

use super::{ApplicationSection, check};
use crate::config::{
    SHORTEST_SECRET, context::Context, diagnostic::quoted, organizations, path::Path, secret::SecretText,
};

impl ApplicationSection {
    /// The broker application to have; every mistake is noted.
    pub fn resolve_broker(mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<BrokerApplication> {
        if let Some(id) = &self.id {
            check::check_id(id, cx, &path.key("id"));
        }
        if let Some(id) = &self.client_id {
            check_client_id(cx, &path.key("client_id"), id);
        }
        // Its name and its URIs keep the same rules as any client's.
        let id = self.id.clone().unwrap_or_default();
        let mut client = Client::new(AppId::new(&id), "client_", Authentication::None);
        let redirects_known = self.redirect_uris.is_some();
        client.redirect_uris = self.redirect_uris.take().unwrap_or_default();
        client.post_logout_redirect_uris = self.post_logout_redirect_uris.take().unwrap_or_default();
        if let Some(name) = self.name.take() {
            client.name = name;
        }
        check::check_client(&client, redirects_known, cx, path);
        if let Some(uri) = &self.logout_uri
            && let Err(why) = uri::check(uri, Purpose::Http)
        {
            cx.error(&path.key("logout_uri"), format!("`logout_uri`: {} {why}", quoted(uri)));
        }
        let api_key = self.api_key.take().and_then(|key| api_key(cx, &path.key("api_key"), key));
        let at = path.key("webhook");
        let webhook = match self.webhook.take() {
            Some(webhook) => webhook.resolve(cx, &at, policy).map(Some),
            // Its shape was noted. Taken for absent the application would not be told.
            None if cx.is_written(&at) => None,
            None => {
                // One that manages may make its own endpoints.
                if self.manage != Some(true) {
                    let message =
                        "this application has no `webhook`, so its server hears of no sign-out that begins elsewhere";
                    cx.warning(path, message).help(
                        "`logout_uri` only clears the cookies of a browser that is brought there, and a frame of it brings none; \
                         give it `webhook = { url = \"…\", secret = \"…\" }`",
                    );
                }
                Some(None)
            }
        };
        let at = path.key("organizations");
        let organizations = match self.organizations.take() {
            Some(ids) => Some(granted(cx, &at, &ids)?),
            // Its shape was noted. Taken for absent it would grant every organization.
            None if cx.is_written(&at) => return None,
            None => None,
        };
        self.id?;
        redirects_known.then_some(BrokerApplication {
            app: client.app,
            name: client.name,
            client_id: self.client_id?,
            api_key: api_key?,
            redirect_uris: client.redirect_uris,
            logout_uri: self.logout_uri,
            post_logout_redirect_uris: client.post_logout_redirect_uris,
            organizations,
            webhook: webhook?,
            manage: self.manage.unwrap_or(false),
            tell_on_expiry: self.tell_on_expiry.unwrap_or(true),
        })
    }
}

fn check_client_id(cx: &mut Context<'_>, path: &Path, id: &str) {
    let plain = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !id.strip_prefix("client_").is_some_and(|rest| (1..=64).contains(&rest.len()) && plain(rest)) {
        cx.error(path, format!("{} is no client_id of a broker application", quoted(id)))
            .help("it is `client_` and 1 to 64 letters and digits, such as \"client_01EXAMPLE\"");
    }
}

fn api_key(cx: &mut Context<'_>, path: &Path, text: SecretText) -> Option<TokenDigest> {
    const HELP: &str = "make one with `echo sk_$(openssl rand -hex 24)`";
    let key = cx.secret(path, text)?;
    let key = key.expose();
    let what = if !key.starts_with("sk_") {
        "an API key begins with `sk_`".to_owned()
    } else if key.len() < SHORTEST_SECRET {
        format!("this API key is shorter than {SHORTEST_SECRET} bytes, so it may be guessed")
    } else if key.len() > 1024 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        "an API key has at most 1024 letters, digits and signs, because it travels in an HTTP header".to_owned()
    } else {
        return Some(TokenDigest::of(key));
    };
    cx.error(path, what).help(HELP);
    None
}

/// The organizations that `ids` name, each of which must be one of the file's.
fn granted(cx: &mut Context<'_>, path: &Path, ids: &[String]) -> Option<Vec<OrganizationId>> {
    if ids.is_empty() {
        cx.error(path, "with an empty list this application gets nobody")
            .help("name the organizations, or leave the list out for all of them");
    }
    let mut granted = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        if ids.iter().take(index).any(|earlier| earlier == id) {
            cx.error(&path.index(index), format!("{} is there twice", quoted(id)));
        } else {
            granted.push(organizations::known(cx, &path.index(index), id));
        }
    }
    granted.into_iter().collect()
}
