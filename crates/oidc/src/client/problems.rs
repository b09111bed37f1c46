//! What may be wrong with a client, field by field.

use std::fmt;

use super::{Authentication, Client, ClientKeys};
use crate::{
    jose::Jwks,
    uri::{self, Purpose},
};

/// The most URIs in one list.
pub const MAX_URIS: usize = 100;
/// The longest name, in bytes.
pub const MAX_NAME: usize = 200;
/// The most that `state_min_length` may ask.
pub const MAX_STATE_MIN_LENGTH: usize = 512;
const MAX_CLIENT_ID: usize = 255;

/// One mistake. Whoever wrote the field must correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidClient {
    /// The field, by its name in the configuration and in RFC 7591.
    pub field: &'static str,
    /// The value, where it is one of several.
    pub value: Option<String>,
    /// What is wrong, as the end of a sentence about the field.
    pub why: String,
}

impl fmt::Display for InvalidClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}: {value:?} {}", self.field, self.why),
            None => write!(f, "{} {}", self.field, self.why),
        }
    }
}

pub(super) fn of(client: &Client) -> Vec<InvalidClient> {
    let mut found = Found(Vec::new());
    names(client, &mut found);
    redirects(client, &mut found);
    channels(client, &mut found);
    authentication(client, &mut found);
    if client.state_min_length > MAX_STATE_MIN_LENGTH {
        found.add("state_min_length", None, format!("must be at most {MAX_STATE_MIN_LENGTH}"));
    }
    if client.grant_types.refresh_token && !client.grant_types.authorization_code {
        found.add("grant_types", None, "has refresh_token without authorization_code, which alone gives one");
    }
    found.0
}

struct Found(Vec<InvalidClient>);

impl Found {
    fn add(&mut self, field: &'static str, value: Option<&str>, why: impl Into<String>) {
        self.0.push(InvalidClient { field, value: value.map(str::to_owned), why: why.into() });
    }

    fn uri(&mut self, field: &'static str, value: &str, purpose: Purpose) {
        if let Err(why) = uri::check(value, purpose) {
            self.add(field, Some(value), why.to_string());
        }
    }

    fn uris(&mut self, field: &'static str, values: &[String], purpose: Purpose) {
        if values.len() > MAX_URIS {
            self.add(field, None, format!("has more than {MAX_URIS} entries"));
            return;
        }
        for (index, value) in values.iter().enumerate() {
            self.uri(field, value, purpose);
            if values[..index].contains(value) {
                self.add(field, Some(value), "is there twice");
            }
        }
    }
}

fn names(client: &Client, found: &mut Found) {
    // RFC 6749 appendix A.1 allows visible ASCII and the space; without the space it needs no care in logs and headers.
    let id = &client.client_id;
    if id.is_empty() || id.len() > MAX_CLIENT_ID || !id.bytes().all(|b| b.is_ascii_graphic()) {
        found.add("client_id", None, format!("must be 1 to {MAX_CLIENT_ID} visible ASCII characters"));
    }
    let name = &client.name;
    if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(is_confusing) {
        found.add("name", None, format!("must be 1 to {MAX_NAME} bytes of printable text"));
    }
    for audience in &client.token_audience {
        if audience.is_empty() || audience.len() > MAX_CLIENT_ID || !audience.bytes().all(|b| b.is_ascii_graphic()) {
            found.add("token_audience", Some(audience), "is no audience");
        }
    }
}

/// Controls, and the marks that turn the reading direction: with them a name on the consent page can pose as another.
fn is_confusing(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn redirects(client: &Client, found: &mut Found) {
    let purpose = Purpose::Redirect { native: client.native && client.is_public() };
    if client.grant_types.authorization_code && client.redirect_uris.is_empty() {
        found.add("redirect_uris", None, "must have at least one URI");
    }
    found.uris("redirect_uris", &client.redirect_uris, purpose);
    found.uris("post_logout_redirect_uris", &client.post_logout_redirect_uris, purpose); // RPI-8
}

fn channels(client: &Client, found: &mut Found) {
    if let Some(uri) = &client.backchannel_logout_uri {
        found.uri("backchannel_logout_uri", uri, Purpose::Http); // BC-3, BC-4: any origin
    } else if client.backchannel_logout_session_required {
        found.add("backchannel_logout_session_required", None, "needs backchannel_logout_uri");
    }
    if let Some(uri) = &client.frontchannel_logout_uri {
        found.uri("frontchannel_logout_uri", uri, Purpose::Http); // FC-2, FC-3
        if !client.redirect_uris.iter().any(|redirect| uri::same_origin(redirect, uri)) {
            // FC-1
            found.add(
                "frontchannel_logout_uri",
                Some(uri),
                "must have the scheme, host and port of one of the redirect_uris",
            );
        }
    } else if client.frontchannel_logout_session_required {
        found.add("frontchannel_logout_session_required", None, "needs frontchannel_logout_uri");
    }
}

fn authentication(client: &Client, found: &mut Found) {
    match &client.authentication {
        Authentication::None => {}
        Authentication::Secret { digests, .. } => {
            if digests.is_empty() {
                found.add("client_secret", None, "is missing");
            }
        }
        Authentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(uri), .. } => {
            found.uri("jwks_uri", uri, Purpose::Http);
        }
        Authentication::PrivateKeyJwt { keys: ClientKeys::Jwks(value), alg } => {
            let usable = Jwks::from_value(value).is_ok_and(|jwks| match alg {
                Some(alg) => jwks.has(*alg),
                None => !jwks.is_empty(),
            });
            if !usable {
                found.add("jwks", None, "has no public key that can be used");
            }
        }
    }
}
