//! Messages: how one that arrived is opened, checked and made into a type, and how one is written.
//!
//! The way in is [`Arrived`](crate::binding::Arrived) → [`Message::open`] → [`Message::verify`] → [`Signed`] → the type's
//! `from_signed`. There is no other way to a [`Received`] value, and nothing tells or asks "was it signed?" as a truth
//! value.

mod artifact;
mod assertion;
mod authn_request;
mod expect;
mod header;
mod logout_request;
mod logout_response;
mod name_id;
mod outline;
mod received;
mod response;
mod signed;
mod status;
mod write;

pub use artifact::{ArtifactResolve, ArtifactResponse};
pub use assertion::{Assertion, Attribute, AuthnStatement};
pub use authn_request::{AuthnRequest, Comparison, NameIdPolicy, RequestedAuthnContext};
pub use expect::{Expect, Kind};
pub use header::{Header, MessageId};
pub use logout_request::{
    EncryptedLogoutRequest, LogoutRequest, REASON_ADMIN, REASON_GLOBAL_TIMEOUT, REASON_SP_TIMEOUT, REASON_USER,
};
pub use logout_response::LogoutResponse;
pub use name_id::NameId;
pub use outline::outline_of;
pub use received::{AcceptedAssertion, Answer, ResponseRules};
pub use response::{Response, SignWhat};
pub use signed::{Message, Received, Signed};
pub use status::{Code, Status};
pub use write::Outbound;
pub(crate) use write::{Draft, Part};
