//! What the fuzz targets do with their input, and what must hold whatever it is.
//!
//! The test `crates/saml/tests/fuzz.rs` includes these files too, and runs them over all inputs that are kept here, so that
//! no change breaks them unseen.
//!
//! The strongest check needs no second implementation: the peer's private keys were thrown away after the seeds had been
//! signed (`seeds/*.crt`). So whatever is ever believed to be from that peer must be, word for word, what one of the seeds
//! says.

pub mod message;
pub mod metadata;
pub mod mutate;
pub mod parties;
pub mod redirect;
mod sign;

/// What a target does with an input.
pub type Run = fn(&[u8]);

/// The targets, each with the folder of its name in `seeds` and in `found`.
pub const TARGETS: [(&str, Run); 3] =
    [("message", message::run), ("redirect", redirect::run), ("metadata", metadata::run)];
