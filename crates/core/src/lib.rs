//! The pure heart of Acquit: what a session is, who takes part in it, what a logout must do, when each step is tried
//! again and what its receipt may claim.
//!
//! Nothing here performs I/O, reads a clock or draws randomness: times, identifiers and jitter are parameters, so the
//! code that runs in production is the code that the exhaustive exploration in `tests/explore.rs` walks through.
//!
//! Invariants, each with a test that breaks it:
//! 1. A participant exists before its token leaves ([`grant`] refuses to mint for a session that is not live).
//! 2. Ending a session and planning its steps is one decision ([`plan`]); the store applies it in one transaction.
//! 3. A step ends only as confirmed, sent, failed or unsupported, never silently ([`delivery`]).
//! 4. Delivery is at least once, and the same step always names the same session.
//! 5. Repeating a logout adds no new work: a session that has ended is in no later plan.
//! 6. A receipt claims no more than its attempts prove ([`receipt`]).
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod delivery;
pub mod event;
pub mod grant;
pub mod id;
pub mod participant;
pub mod plan;
pub mod receipt;
pub mod session;
pub mod step;
pub mod time;
pub mod upstream;

pub use id::{
    AppId, ConnectionId, DomainId, EndpointId, LogoutId, OrganizationId, SessionId, StepId, UpstreamId, UserId,
};
pub use time::Timestamp;
