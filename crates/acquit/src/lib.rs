//! The `acquit` command: its configuration, its verbs, and the wiring of the server.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod command;
pub mod config;
pub mod demo;
pub mod import;
pub mod logging;
pub mod output;
