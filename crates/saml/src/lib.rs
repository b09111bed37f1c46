//! SAML 2.0 as data.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod binding;
mod error;
pub mod message;
pub mod metadata;
pub mod security;
mod time;
mod xml;

pub use error::{BuildError, Error};
pub use xml::{MESSAGE_BYTES, METADATA_BYTES, names};
