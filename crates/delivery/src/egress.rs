//! Guarded outbound HTTP: every request that leaves this server goes through [`Egress`].
//!
//! The URLs come from people who register applications, so each request is taken for an attempt to reach something that
//! it should not (SSRF). The guard stands at two places. [`Egress::check`] reads the URL and refuses early, as feedback.
//! The connector decides: it looks the name up once, refuses unless *all* answers pass the [`Policy`], and dials an
//! address that it checked, so that a name which answers differently a moment later gains nothing. Redirects are not
//! followed, no proxy is asked, and time and size of everything are bounded.

pub mod address;
mod client;
mod connect;
mod limits;
mod message;
mod policy;
mod refusal;
mod resolve;
mod retry_after;
mod tls;
mod trouble;
mod url;

pub use self::{
    client::{Egress, Options},
    limits::Limits,
    message::{BODY_LIMIT, Incoming, Outgoing},
    policy::{Allow, InvalidAllow, Policy},
    refusal::Refusal,
    resolve::{Resolve, System},
    tls::{EgressError, certificates, roots},
    trouble::{PUBLIC, Phase, Trouble},
    url::{MAX_URL, Target},
};
