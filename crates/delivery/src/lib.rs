//! Guarded outbound HTTP and the durable delivery worker. This crate knows neither SQL nor protocols.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod egress;

#[cfg(test)]
mod receiver;
