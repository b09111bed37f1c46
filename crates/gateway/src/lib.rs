//! The gateway: apps with no login of their own, behind Acquit's.
//!
//! It decides for each request, from memory, whether a person may pass ([`decide`]): by the route's sealed cookie
//! ([`cookie`]), by what has ended ([`standing`]) and by the route's policy ([`policy`]). What passes is a live stream
//! ([`live`]) until it is over, so that a logout cuts it. What a logout is, the gateway does not decide.

pub mod cookie;
pub mod decide;
pub mod forward_auth;
pub mod hygiene;
pub mod identity;
pub mod keyed;
pub mod listener;
pub mod live;
pub mod origin;
pub mod place;
pub mod policy;
pub mod program;
pub mod proxy;
pub mod route;
pub mod seal;
pub mod standing;
pub mod tls;
