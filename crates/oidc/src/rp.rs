//! The relying party's side: an upstream identity provider is asked to sign people in, and told when they sign out.
//!
//! Everything here is built and read, nothing is sent: the caller fetches, posts and keeps, and passes in what it got,
//! with the time.
//!
//! | module | specification |
//! | --- | --- |
//! | [`provider`] | OpenID Connect Discovery 1.0 as its reader, and what the provider can do for a logout |
//! | [`failure`] | the errors of RFC 6749 as they arrive |

pub mod failure;
pub mod provider;

pub use failure::Failure;
pub use provider::{Abilities, Expected, Provider, ProviderError, discovery_url};
