//! Guarded outbound HTTP and the durable delivery worker. This crate knows neither SQL nor protocols: the server gives it an
//! [`Outbox`](worker::Outbox) over its store and a [`Compose`](worker::Compose) over its keys and message formats.
//!
//! **How an attempt flows.** A step reaches the [`Worker`](worker::Worker) leased to this node: from a logout's own
//! transaction by [`dispatch`](worker::Worker::dispatch), or by a claim of what is due (a retry, or what another process
//! planned). It waits in the lane of its destination (scheme, host and port), oldest due first, until the lane and the
//! whole have a place and the destination's breaker admits it; a first attempt that the breaker does not admit is recorded
//! as put off. Then [`compose`](worker::Compose::compose) makes a fresh request, and [`Egress`](egress::Egress) sends it:
//! the URL is parsed and checked, and unless a connection is pooled, the name is looked up, every answer is checked, a
//! checked address is dialled, and TLS is spoken to the name of the URL. The answer, or the [`Trouble`](egress::Trouble),
//! goes to `acquit_core::delivery::settle`, which alone knows the schedule and what each answer means. Whoever waits on the
//! [`Dispatched`](worker::Dispatched) handle hears that the attempt is over; one task writes its record with all others that
//! are there, which ends the lease; a first success makes the destination's backlog due. If the process dies anywhere in
//! between, the lease runs out and the step is sent again: at least once, never silently lost.
//!
//! Redirects, proxies, cookies and compression do not exist here, and time and size of everything are bounded
//! ([`Limits`](egress::Limits), [`Settings`](worker::Settings)). Logs name steps and destinations, never queries, tokens or
//! bodies.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod egress;
pub mod worker;

#[cfg(test)]
mod receiver;
