//! Metadata (SAML V2.0 Metadata): what a peer says of itself, and what we say of ourselves.

mod read;
mod role;
mod write;

pub use read::{IdentityProvider, Peer, ServiceProvider};
pub use role::{Endpoint, Role};
pub use write::{IdpDescription, SpDescription};
