//! OAuth 2 and OpenID Connect as data: the messages, the tokens and the rules, without I/O, without a clock.
//!
//! A request comes in as a [`params::Params`], an answer goes out as plain data with a status number; the server turns
//! them into HTTP. Times are parameters; the only randomness is inside key generation and inside ECDSA and PSS.
//!
//! | module | specification |
//! | --- | --- |
//! | [`params`] | `application/x-www-form-urlencoded` as RFC 6749 section 3.1 and appendix B narrow it |
//! | [`jose`] | JWS, JWK, JWA (RFC 7515, 7517, 7518, 7638, 8037, 8725): the only module that imports the crypto library |
//! | [`uri`] | what may be registered as a URI: RFC 6749 section 3.1.2, RFC 8252, RFC 9700 section 4.1 |
//! | [`client`] | an OIDC application: OpenID Connect Registration 1.0, the three logout specifications, RFC 7591 |
//! | [`registration`] | RFC 7591, RFC 7592 |
//! | [`discovery`] | OpenID Connect Discovery 1.0, RFC 8414 |
//! | [`authorize`] | the authorization request: OpenID Connect Core section 3.1.2, RFC 9126 |
//! | [`response`] | the authorization answer: Multiple Response Types, Form Post Response Mode, RFC 9207 |
//! | [`pkce`] | RFC 7636 |
//! | [`scope`], [`claims`] | OpenID Connect Core section 5 |
//! | [`client_auth`] | RFC 6749 section 2.3, RFC 7523, OpenID Connect Core section 9 |
//! | [`token`] | RFC 6749 sections 4.1.3, 5 and 6 |
//! | [`introspect`] | RFC 7662 |
//! | [`revoke`] | RFC 7009 |
//! | [`error`] | RFC 6749 section 5.2 and every later registry entry that is used here |
//! | [`end_session`] | OpenID Connect RP-Initiated Logout 1.0 |
//! | [`frontchannel`] | OpenID Connect Front-Channel Logout 1.0 |
//! | [`logout_token`] | OpenID Connect Back-Channel Logout 1.0; the token itself is in [`jose`] |
//! | [`rp`] | all of it from the other side: an upstream provider signs people in for us |
//!
//! Rule ids in comments (`RPI-12`, `FC-5`, `BC-26`, `RV-4`) number the sentences of the logout specifications and of
//! RFC 7009 in their order; each has a test that breaks it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod authorize;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod discovery;
pub mod end_session;
pub mod error;
pub mod frontchannel;
pub mod introspect;
pub mod jose;
pub mod logout_token;
pub mod params;
pub mod pkce;
pub mod registration;
pub mod response;
pub mod revoke;
pub mod rp;
pub mod scope;
pub mod token;
pub mod uri;
