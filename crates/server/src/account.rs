//! The pages for people: signing in and out, one's own sessions, receipts.

pub mod begin;
pub mod receipt;
pub mod sessions;
pub mod sign_in;
pub mod sign_out;
pub mod signed_out;
pub mod signing_out;
pub mod with;
