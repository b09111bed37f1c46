//! The handshake of a WebSocket: an upgrade of HTTP/1.1, or an extended CONNECT of HTTP/2 (RFC 8441); towards the app it is
//! always the former.

use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header, request::Parts};
use hyper::{ext::Protocol, upgrade::OnUpgrade};

use crate::hygiene::headers::has_token;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
/// What a server adds to the key before it hashes it (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A WebSocket that a browser asks for.
#[derive(Debug)]
pub(super) struct Asked {
    browser: OnUpgrade,
    /// What the app must answer, where the key is ours.
    accept: Option<String>,
    key: Option<HeaderValue>,
}

/// Whether a request is an extended CONNECT for a WebSocket.
pub(super) fn is_extended_connect(parts: &Parts) -> bool {
    let protocol = parts.extensions.get::<Protocol>();
    parts.version == Version::HTTP_2
        && parts.method == Method::CONNECT
        && protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case("websocket"))
}

impl Asked {
    /// The WebSocket that this request asks for, if it does. No other protocol is switched to: `h2c` would lead past us.
    pub(super) fn of(parts: &mut Parts) -> Option<Self> {
        if is_extended_connect(parts) {
            let mut key = [0; 16];
            rand::fill(&mut key).ok()?;
            let key = STANDARD.encode(key);
            let browser = parts.extensions.remove()?;
            return Some(Self { browser, accept: Some(accept(&key)), key: HeaderValue::try_from(key).ok() });
        }
        let upgrade = parts.version == Version::HTTP_11
            && parts.method == Method::GET
            && has_token(&parts.headers, &header::CONNECTION, "upgrade")
            && has_token(&parts.headers, &header::UPGRADE, "websocket");
        upgrade.then(|| Some(Self { browser: parts.extensions.remove()?, accept: None, key: None })).flatten()
    }

    /// Asks the app, in headers that were cleaned.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, WEBSOCKET);
        if let Some(key) = &self.key {
            headers.insert(header::SEC_WEBSOCKET_KEY, key.clone());
        }
    }

    /// Whether every answer that is a success opens a tunnel to the browser, as with CONNECT.
    pub(super) fn is_tunnel(&self) -> bool {
        self.accept.is_some()
    }

    /// Whether the app has agreed.
    pub(super) fn is_agreed<B>(&self, response: &Response<B>) -> bool {
        let headers = response.headers();
        let accepted = headers.get(header::SEC_WEBSOCKET_ACCEPT).and_then(|value| value.to_str().ok());
        response.status() == StatusCode::SWITCHING_PROTOCOLS
            && has_token(headers, &header::UPGRADE, "websocket")
            && self.accept.as_deref().is_none_or(|expected| accepted == Some(expected))
    }

    /// Tells the browser, in headers that were cleaned; with what becomes of its connection.
    pub(super) fn agree<B>(self, response: &mut Response<B>) -> OnUpgrade {
        if self.accept.is_some() {
            *response.status_mut() = StatusCode::OK;
            response.headers_mut().remove(header::SEC_WEBSOCKET_ACCEPT);
        } else {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(header::UPGRADE, WEBSOCKET);
        }
        self.browser
    }
}

/// What a server answers to a key (RFC 6455 section 4.2.2).
#[must_use]
pub fn accept(key: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        // The example of RFC 6455 section 1.3.
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
