//! The doors of Acquit: what HTTP clients and people meet, translated into calls on the pure crates and the store.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod pages;
