//! Metadata (SAML V2.0 Metadata): what a peer says of itself, and what we say of ourselves.

mod read;
mod write;

pub use read::{Endpoint, IdentityProvider, Peer, Role, ServiceProvider};
pub use write::{IdpDescription, SpDescription};
