//! The calls of Pomerium's JavaScript SDK, which is on no registry, re-created with the npm package `jose`.

use serde_json::{Value, json};

use super::node;

/// Has an assertion judged by both of the SDK's ways: with the keys of a base URL and an issuer and audience that are known, and
/// with the keys of whoever the assertion says issued it. What each found, or its error.
///
/// # Panics
/// The peer does not run.
pub async fn verify(assertion: &str, base: &str, issuer: &str, audience: &str) -> Value {
    let options = json!({ "assertion": assertion, "base": base, "issuer": issuer, "audience": audience });
    let output = node("pomerium-sdk.mjs").arg(options.to_string()).output().await.expect("node");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
