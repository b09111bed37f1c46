//! SAML 2.0 as data: XML security, messages, bindings and metadata of both roles, without I/O, without a clock.
//!
//! Times and identifiers are parameters; the only randomness is inside aws-lc (ECDSA, keys, encryption).
//!
//! # The way in
//!
//! ```text
//! bytes ── binding::{redirect, post, soap}::decode ──► Arrived
//!   Message::open(&arrived, kinds)        parsed once under caps; each signature passes the gate; nothing is believed yet
//!   message.kind(), message.issuer()      to look up the peer, for nothing else
//!   message.verify(&trust, &expect)       keys of that issuer alone; Destination, IssueInstant ──► Signed
//!   LogoutRequest::from_signed(&signed)   ──► Received<LogoutRequest>, which nothing else can make
//! ```
//!
//! Nothing says "was signed" as a truth value: what is not signed cannot be turned into a [`message::Received`]. The caller
//! still has to: remember `(issuer, ID)` until [`message::Expect::remember_until`] and refuse repeats; match names by
//! [`message::NameId::strongly_matches`] and indexes against its sessions **with that issuer**; keep a tombstone of a
//! LogoutRequest until its NotOnOrAfter.
//!
//! # What the door of an identity provider calls
//!
//! | for | call |
//! | --- | --- |
//! | its key | [`security::Signer::generate`], [`security::Signer::self_signed`] or [`security::Signer::from_pkcs8`], once: it is kept parsed |
//! | its metadata | [`metadata::IdpDescription::to_xml`] |
//! | a peer | [`metadata::Peer::from_metadata`], or a [`metadata::ServiceProvider`] filled in by hand; `sp.trust()` gives its keys |
//! | AuthnRequest in | `redirect::decode` or `post::decode`, [`message::Message::open`], [`message::AuthnRequest::receive`] (its policy for unsigned ones is the metadata's), then [`metadata::ServiceProvider::acs_for`] |
//! | Response out | [`message::Response::success`] or `refusal`, then [`binding::post::encode_response`] |
//! | LogoutRequest in | `redirect::decode`, `post::decode` or `soap::decode`, `Message::open`, `Message::verify`, [`message::LogoutRequest::from_signed`]; if `asynchronous`, no answer is sent |
//! | LogoutResponse out | [`message::LogoutResponse`] with [`message::Status`], by [`binding::redirect::encode`] or [`binding::post::encode`] to [`metadata::Endpoint::for_answers`] with the RelayState that came, or [`binding::soap::encode`] as the body of the 200 |
//! | LogoutRequest out | [`message::LogoutRequest`] by `redirect::encode`, `post::encode` or `soap::encode` to `role.logout_by(binding)` |
//! | its LogoutResponse in | as LogoutRequest in, then [`message::LogoutResponse::from_signed`] with the request's identifier |
//! | what is no SOAP message | [`Error::Soap`], [`Error::Malformed`] and their like: [`binding::soap::fault`] with 500 |
//! | an artifact | [`binding::artifact::Artifact`], [`message::ArtifactResolve`], [`message::ArtifactResponse`] |
//!
//! A service provider calls [`message::AuthnRequest::new`], [`message::Answer::receive`] with [`message::ResponseRules`],
//! [`metadata::SpDescription`], and the same logout messages.
//!
//! ```
//! use std::time::Duration;
//! use acquit_core::time::Timestamp;
//! use acquit_saml::{binding::redirect, message::*, names, security::*};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Timestamp::from_seconds(1_795_241_256);
//! let signer = Signer::self_signed(&Signer::generate(KeyKind::P256)?, "sp.example")?;
//! let request = LogoutRequest {
//!     header: Header::new(&MessageId::from_random([7; 20]), now, "https://sp.example", "https://idp.example/slo"),
//!     not_on_or_after: Some(now.plus(Duration::from_secs(300))),
//!     reason: Some(REASON_USER.to_owned()),
//!     name_id: NameId::new("alice", names::FORMAT_PERSISTENT),
//!     session_indexes: vec!["index".to_owned()],
//!     asynchronous: false,
//! };
//! let url = redirect::encode(&request, "https://idp.example/slo", Some("relay"), Some(&signer))?;
//!
//! // At the other side.
//! let query = url.split_once('?').map_or("", |(_, query)| query);
//! let arrived = redirect::decode(query)?;
//! let message = Message::open(&arrived, &[Kind::LogoutRequest, Kind::LogoutResponse])?;
//! let trust = Trust::new(message.issuer(), &[signer.certificate().clone()])?;
//! let signed = message.verify(&trust, &Expect::new(&["https://idp.example/slo"], now))?;
//! assert_eq!(*LogoutRequest::from_signed(&signed, &[])?, request);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod attributes;
pub mod binding;
mod error;
pub mod message;
pub mod metadata;
pub mod security;
mod time;
mod xml;

pub use error::{BuildError, Error};
pub use xml::{MESSAGE_BYTES, METADATA_BYTES, names};
