//! Both roles against each other, and the attacks between them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod logout;
mod parties;
mod shapes;
mod sso;
