//! The relying party's side: an upstream identity provider is asked to sign people in, and told when they sign out.
//!
//! Everything here is built and read, nothing is sent: the caller fetches, posts and keeps, and passes in what it got,
//! with the time.
//!
//! | module | specification |
//! | --- | --- |
//! | [`provider`] | OpenID Connect Discovery 1.0 as its reader, and what the provider can do for a logout |
//! | [`logout_setup`] | the same in words and as data, with what to register there |
//! | [`authorize`] | the request that a browser is sent with: Core section 3.1.2.1, RFC 7636 |
//! | [`callback`] | its answer: RFC 6749 section 4.1.2, RFC 9207 |
//! | [`client`] | how we prove who we are: RFC 6749 section 2.3, RFC 7523 |
//! | [`token`] | codes and refresh tokens become tokens: RFC 6749 |
//! | [`id_token`] | who signed in: Core sections 3.1.3.7 and 12.2 |
//! | [`userinfo`] | more about them: Core section 5.3 |
//! | [`attributes`] | what they say of a person becomes a profile |
//! | [`end_session`] | the browser is sent there to sign out: RP-Initiated Logout 1.0 |
//! | [`revoke`] | tokens are given back: RFC 7009 |
//! | [`frontchannel`] | a logout there comes through the browser: Front-Channel Logout 1.0 |
//! | [`verify_logout_token`](crate::jose::verify_logout_token) | and from server to server: Back-Channel Logout 1.0 |
//! | [`failure`] | the errors of RFC 6749 as they arrive |

pub mod attributes;
pub mod authorize;
pub mod callback;
pub mod client;
pub mod end_session;
pub mod failure;
pub mod frontchannel;
pub mod id_token;
pub mod logout_setup;
pub mod provider;
pub mod revoke;
pub mod token;
pub mod userinfo;

pub use attributes::{AttributeMap, AttributeMapError, Profile};
pub use authorize::{AuthorizationRequest, AuthorizationRequestError, DomainParameter};
pub use callback::{Callback, CallbackError, CallbackRules};
pub use client::{AssertionAudience, ClientAuth, Post, RpClient};
pub use end_session::{Back, EndSession, EndSessionError, EndSessionUrl};
pub use failure::{Failure, FailureCode};
pub use frontchannel::FrontChannelError;
pub use logout_setup::{LogoutSetup, OurUrls};
pub use provider::{Abilities, Expected, Misfit, Provider, ProviderError, Tells, Wanted, discovery_url};
pub use token::{Grant, TokenError, Tokens};
pub use userinfo::UserinfoError;

#[cfg(test)]
mod tests;
