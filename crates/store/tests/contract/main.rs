//! What the store promises, on both engines: every test runs on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::cloned_ref_to_slice_refs, reason = "a list of one in an assertion reads better as a list")]

#[path = "../../../testkit/src/postgres.rs"]
#[expect(
    unreachable_pub,
    reason = "the file is a module of acquit-testkit, which cannot be used here: it uses the store"
)]
mod postgres_server;

#[macro_use]
mod world;

mod artifact;
mod code;
mod durability;
mod event;
mod frontchannel;
mod gateway;
mod logout;
mod management;
mod outbox;
mod races;
mod receipt;
mod saml;
mod saml_once;
mod session;
mod small;
mod sweep;
mod token;
mod upstream;
mod user;
mod webhook;
