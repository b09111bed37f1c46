//! `POST /webhook`: the broker says by a signed event that a session ended, wherever that began, and the application ends its
//! own. No browser takes part, so no cookie is needed: the event names the session.

use std::time::Duration;

use acquit_core::Timestamp;
use acquit_oidc::jose::LogoutSubject;
use acquit_server::form;
use aws_lc_rs::hmac;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;

use super::Broker;
use crate::demo::app::sessions::How;

const SIGNATURE: &str = "workos-signature";
const STARTED: &str = "sso.logout.started";
/// How far the time of a signature may be off: WorkOS's SDKs say as much.
const TOLERANCE: Duration = Duration::from_secs(180);

/// What an event says, as far as it is used here.
#[derive(Deserialize)]
struct Event {
    id: String,
    event: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    session_id: Option<String>,
}

/// Judges the signature; ends the session that is named.
pub(super) async fn receive(State(app): State<Broker>, request: Request) -> StatusCode {
    let headers = request.headers().clone();
    let Ok(body) = form::read(request.into_body()).await else { return StatusCode::BAD_REQUEST };
    let now = app.now();
    if !is_signed(&app.account.webhook_secret, signature_of(&headers), &body, now) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(Event { id, event, data }) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    let mut memory = app.memory();
    // An event comes again when our answer was lost; that is no mistake, and there is nothing left to do. Older ones are refused
    // by their time.
    if memory.seen.insert(id, (), now, TOLERANCE * 2)
        && event == STARTED
        && let Some(sid) = data.session_id
    {
        memory.sessions.told(&LogoutSubject::Session { sid, sub: None }, How::Webhook, now);
    }
    StatusCode::OK
}

/// The one signature of a request; empty if there is none.
fn signature_of(headers: &HeaderMap) -> &str {
    let mut all = headers.get_all(SIGNATURE).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().unwrap_or_default(),
        _ => "",
    }
}

/// Whether `signature`, which is `t=MILLISECONDS, v1=HEX`, is the secret's for this body, and of about now.
fn is_signed(secret: &str, signature: &str, body: &[u8], now: Timestamp) -> bool {
    let parts = signature.split_once(", ").and_then(|(at, tag)| at.strip_prefix("t=").zip(tag.strip_prefix("v1=")));
    let Some((at, tag)) = parts else { return false };
    let Some((millis, tag)) = at.parse::<i64>().ok().zip(bytes(tag)) else { return false };
    let off = now.as_micros().div_euclid(1000).abs_diff(millis);
    let signed = [at.as_bytes(), b".", body].concat();
    // Compares in constant time.
    let is_theirs = hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &signed, &tag).is_ok();
    is_theirs && u128::from(off) <= TOLERANCE.as_millis()
}

/// The bytes of a hexadecimal text.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|digit| digit.to_digit(16).and_then(|it| u8::try_from(it).ok())).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    // By `printf '1600000000123.{}' | openssl dgst -sha256 -hmac whsec_test`.
    const GOOD: &str = "t=1600000000123, v1=d9b8340fc967ab27760a3fca1e18406a52b765c29c4e7aa7e92b655cfba62e40";

    #[test]
    fn a_signature_is_good_for_its_secret_its_body_and_a_while() {
        let at = |millis: i64| Timestamp::from_micros(millis * 1000);
        let now = at(1_600_000_000_123);
        assert!(is_signed("whsec_test", GOOD, b"{}", now));
        for off in [-180_000, 180_000] {
            assert!(is_signed("whsec_test", GOOD, b"{}", at(1_600_000_000_123 + off)));
            assert!(!is_signed("whsec_test", GOOD, b"{}", at(1_600_000_000_123 + off + off.signum())));
        }
        assert!(!is_signed("whsec_tesT", GOOD, b"{}", now) && !is_signed("whsec_test", GOOD, b"{} ", now));
        let later = GOOD.replace("123,", "124,");
        let short = &GOOD[..GOOD.len() - 1];
        for wrong in [
            "",
            "t=1600000000123",
            &later,
            short,
            &GOOD[..GOOD.len() - 2],
            &GOOD.replace("v1", "v0"),
            &format!("{GOOD}é"),
        ] {
            assert!(!is_signed("whsec_test", wrong, b"{}", now), "{wrong}");
        }
    }
}
