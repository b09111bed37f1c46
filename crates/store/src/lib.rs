//! Persistence on SQLite and PostgreSQL, told in terms of what happens: begin a session, redeem a code, log out, claim
//! what is due, record an attempt. No caller sees a table.
//!
//! Invariants, each with a test in `tests/contract` that breaks it on both engines:
//! 1. A session never goes from ended to alive: every write to one is an update-if-alive, never an upsert.
//! 2. Ending sessions and making every step of the logout durable is one transaction ([`logout`]).
//! 3. Whatever is minted takes the row that a logout locks, so whoever comes second sees what the first did. The lock
//!    order is: user, sessions by id, logouts by id, everything else.
//! 4. A token or code is good only while its session (or, for an offline grant, its user) is: liveness is a join, never a
//!    scan that marks tokens, and nothing is cached.
//! 5. A step is claimed by lease and belongs to nobody once the lease has run out; a confirmation is never lost.
//!
//! Refusals of the domain come inside the `Ok` of a method, each as an enum of its own; [`StoreError`] is for what the
//! caller's user cannot mend. Secrets arrive as SHA-256 hashes: the store never sees one.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

mod column;
mod error;
mod migrate;
mod page;
mod participant;
mod postgres;
mod sqlite;
mod store;
mod tx;
mod value;

pub mod client;
pub mod code;
pub mod consent;
pub mod event;
pub mod frontchannel;
pub mod gateway;
pub mod key;
pub mod logout;
pub mod management;
pub mod outbox;
pub mod par;
pub mod receipt;
pub mod replay;
pub mod restore;
pub mod revocation;
pub mod saml;
pub mod session;
pub mod sweep;
pub mod token;
pub mod upstream;
pub mod user;
pub mod webhook;

pub use error::StoreError;
pub use page::Page;
pub use postgres::Hints;
pub use store::Store;

/// A SHA-256 hash of a secret, made by the caller.
pub type Hash = [u8; 32];
