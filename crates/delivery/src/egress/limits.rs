//! Bounds on one request.

use std::time::Duration;

/// Bounds on time and size. The defaults are those of the design; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the name look-up.
    pub dns: Duration,
    /// For the TCP connection, over all addresses tried.
    pub connect: Duration,
    /// For the TLS handshake.
    pub tls: Duration,
    /// From having a connection to the end of the response's head.
    pub first_byte: Duration,
    /// For everything together.
    pub total: Duration,
    /// The response's head, in bytes.
    pub head: usize,
    /// How old a pooled connection may get: after this a moved name is looked up and checked again.
    pub connection_age: Duration,
    /// How long a pooled connection may be unused.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(2),
            connect: Duration::from_secs(3),
            tls: Duration::from_secs(3),
            first_byte: Duration::from_secs(5),
            total: Duration::from_secs(10),
            head: 16 * 1024,
            connection_age: Duration::from_secs(5 * 60),
            idle: Duration::from_secs(60),
        }
    }
}
