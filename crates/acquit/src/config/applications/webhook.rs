//! Where a broker application is told by webhook.

use acquit_oidc::uri::{self, Purpose};
use acquit_server::settings::broker::Webhook;
use schemars::JsonSchema;
use serde::Deserialize;

use acquit_delivery::egress::Policy;

use crate::config::{
    SHORTEST_SECRET, context::Context, diagnostic::quoted, egress::check_reachable, path::Path, secret::SecretText,
};

/// The longest secret, in bytes.
const LONGEST: usize = 1024;

/// An endpoint that events are posted to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookText {
    /// Where: `https`, or `http` on a loopback host.
    #[schemars(required)]
    pub url: Option<String>,
    /// What they are signed with, of at least 32 bytes in all: "whsec_…".
    #[schemars(required)]
    pub secret: Option<SecretText>,
}

impl WebhookText {
    /// The endpoint to have; every mistake is noted.
    pub fn resolve(self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<Webhook> {
        let url = self.url.filter(|url| match uri::check(url, Purpose::Http) {
            Ok(_) => {
                check_reachable(cx, &path.key("url"), url, policy);
                true
            }
            Err(why) => {
                cx.error(&path.key("url"), format!("`webhook.url`: {} {why}", quoted(url)));
                false
            }
        });
        let secret = self.secret.and_then(|secret| {
            let at = path.key("secret");
            let secret = cx.secret(&at, secret)?;
            let text = secret.expose();
            let what = if text.len() < SHORTEST_SECRET {
                format!("this secret is shorter than {SHORTEST_SECRET} bytes, so events may be forged")
            } else if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                "a webhook's secret has at most 1024 letters, digits and signs".to_owned()
            } else {
                return Some(secret);
            };
            cx.error(&at, what).help("make one with `echo whsec_$(openssl rand -hex 24)`");
            None
        });
        Some(Webhook { url: url?, secret: secret? })
    }
}
