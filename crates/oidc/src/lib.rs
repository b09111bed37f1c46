//! OAuth 2 and OpenID Connect as data: the messages, the tokens and the rules, without I/O, without a clock.
//!
//! A request comes in as a [`params::Params`], an answer goes out as plain data with a status number; the server turns
//! them into HTTP. Times are parameters; the only randomness is inside key generation and inside ECDSA and PSS.
//!
//! | module | specification |
//! | --- | --- |
//! | [`params`] | `application/x-www-form-urlencoded` as RFC 6749 section 3.1 and appendix B narrow it |
//! | [`jose`] | JWS, JWK, JWA (RFC 7515, 7517, 7518, 7638, 8037): the only module that imports the crypto library |
//! | [`uri`] | what may be registered as a URI: RFC 6749 section 3.1.2, RFC 8252, RFC 9700 section 4.1 |
//! | [`client`] | an OIDC application: OpenID Connect Registration 1.0, the three logout specifications, RFC 7591 |
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod client;
pub mod jose;
pub mod params;
pub mod uri;
