//! The doors of Acquit: what browsers, applications and operators reach over HTTP.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod password;
pub mod settings;
