//! What is made of a request before anybody decides about it, and of it and its answer before they go on: so that the app
//! reads what we read, and neither can say what only we may say.
//!
//! hyper has refused by then what is no HTTP: conflicting lengths, folded lines, names that are no tokens. It ends lines at a
//! bare LF too, which RFC 9112 section 2.2 allows; what goes on is written anew, so the app never sees one.

pub mod cookies;
pub mod forwarded;
pub mod headers;
pub mod host;
pub mod path;
pub mod trace;

/// Why a request is not taken. The peer must send another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It names no host, or one that is none.
    #[error("the request names no valid host")]
    Host,
    /// It names two hosts.
    #[error("the request names two hosts")]
    TwoHosts,
    /// Its target is no path, or one that can be read in two ways.
    #[error("the request's path is not plain")]
    Path,
    /// How long its body is, is not clear.
    #[error("the request does not say clearly how long its body is")]
    Length,
    /// Its body comes in another coding than `chunked`.
    #[error("the request's transfer coding is not supported")]
    Coding,
    /// Its method is not for a proxy like this.
    #[error("the request's method is not taken here")]
    Method,
}
