//! Both roles against each other, and the attacks between them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod artifact;
mod encryption;
mod hostile;
mod logout;
mod metadata;
mod parties;
mod redirect;
mod shapes;
mod speed;
mod sso;
mod sso_rules;
mod wrapping;
mod wrapping_logout;
mod xmlsec;
