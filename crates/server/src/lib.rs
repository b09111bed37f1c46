//! The doors of Acquit: the OpenID Connect provider, the pages for people, the API for operators.
//!
//! A door authenticates and validates, names the sessions, and calls [`logout`]; no door has logout logic of its own.
//! The word in the URL is the name of the file: `POST /oauth2/v1/revoke` is `provider/revoke.rs`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod clock;
pub mod cookies;
pub mod pages;
pub mod password;
pub mod random;
pub mod seal;
pub mod settings;
