//! Turning a name into addresses, behind a trait so that tests can answer as a hostile name server would.

use std::{io, net::IpAddr};

use futures_util::future::BoxFuture;

/// Looks names up. The connector asks once for each connection, checks every answer and dials one that it checked.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `host`, in the order in which they should be tried.
    ///
    /// # Errors
    /// When the name has no address or nobody answered; both are retried.
    fn lookup(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver: `/etc/hosts`, then the configured name servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Resolve for System {
    fn lookup(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
