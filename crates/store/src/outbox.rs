//! The outbox: steps that wait to be sent, claimed by lease, and what came of each attempt.
//!
//! `due_at` says when the worker must look at a step again: at its next attempt or, while it is claimed, when the lease
//! runs out and anybody may take it over.

mod claim;
mod record;

use std::net::Ipv6Addr;

use acquit_core::{
    participant::Protocol,
    step::{Channel, Outcome, Step},
};

use crate::{StoreError, value::Columns};

pub use record::AttemptRecord;

/// The columns of a step.
macro_rules! step_columns {
    () => {
        "id, logout_id, party, protocol, channel, user_id, session_id, target, outcome, detail, attempts, \
         next_attempt_at, deadline, goes_first, tell_again, key_retried"
    };
}
pub(crate) use step_columns;

pub(crate) fn read_step(row: &mut Columns) -> Result<Step, StoreError> {
    Ok(Step {
        id: row.step_id()?,
        logout: row.logout_id()?,
        party: row.app_id()?,
        protocol: row.named(Protocol::parse)?,
        channel: row.opt_text()?.map(|name| channel(&name)).transpose()?,
        user: row.user_id()?,
        session: row.opt_session_id()?,
        target: row.json()?,
        outcome: row.named(Outcome::parse)?,
        detail: row.opt_text()?,
        attempts: row.small()?,
        next_attempt_at: row.opt_time()?,
        deadline: row.time()?,
        first: row.bool()?,
        again: row.bool()?,
        key_retried: row.bool()?,
    })
}

fn channel(name: &str) -> Result<Channel, StoreError> {
    Channel::parse(name).ok_or_else(|| StoreError::Corrupt(format!("a step over an unknown channel {name:?}")))
}

/// The destination of a URL: its scheme, host and port, as `https://wiki.example:443`. Steps to one destination share a
/// lane, so whoever excludes or drains destinations must name them by this.
#[must_use]
pub fn destination(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let scheme = scheme.to_ascii_lowercase();
    // Brackets hold colons that are no port's.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority.as_str(), ""),
    };
    let port = match (port, scheme.as_str()) {
        ("", "https") => "443",
        ("", "http") => "80",
        (port, _) => port,
    };
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::parse::<Ipv6Addr>);
    match literal {
        Some(Ok(address)) => format!("{scheme}://[{address}]:{port}"),
        _ => format!("{scheme}://{}:{port}", host.strip_suffix('.').unwrap_or(host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_the_scheme_host_and_port_of_a_url() {
        for (url, expected) in [
            ("HTTPS://Wiki.example:8443/logout?a=b", "https://wiki.example:8443"),
            ("https://wiki.example", "https://wiki.example:443"),
            ("https://wiki.example.?x=/", "https://wiki.example:443"),
            ("http://127.0.0.1:3000#x", "http://127.0.0.1:3000"),
            ("http://[0:0::1]/", "http://[::1]:80"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("", ""),
        ] {
            assert_eq!(destination(url), expected);
        }
    }
}
