//! How often things may be tried: one method for each question.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use acquit_core::Timestamp;
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, ReasonablyRealtime, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::keyed::DashMapStateStore,
};

use crate::{clock::Clock, settings};

/// governor's view of the server's clock: what it has run, so that a clock that is set back shuts nobody out until it has
/// caught up, and one that is set forward gives nobody further tries.
#[derive(Clone)]
struct Injected(Arc<dyn Clock>);

/// A point in time for governor: nanoseconds that the clock has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Instant(u64);

impl std::ops::Add<Nanos> for Instant {
    type Output = Self;
    fn add(self, nanos: Nanos) -> Self {
        Self(self.0.saturating_add(nanos.as_u64()))
    }
}

impl Reference for Instant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.saturating_sub(earlier.0))
    }
    fn saturating_sub(&self, by: Nanos) -> Self {
        Self(self.0.saturating_sub(by.as_u64()))
    }
}

impl governor::clock::Clock for Injected {
    type Instant = Instant;
    fn now(&self) -> Instant {
        Instant(u64::try_from(self.0.running().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl ReasonablyRealtime for Injected {}

type Keyed = RateLimiter<String, DashMapStateStore<String>, Injected, NoOpMiddleware<Instant>>;

/// The limits of this node.
pub struct Limits {
    account: Keyed,
    sign_in_address: Keyed,
    logout_address: Keyed,
    log_token: Keyed,
    push_address: Keyed,
    refusal_address: Keyed,
    api_key: Keyed,
    connection: Keyed,
    broker_address: Keyed,
    clock: Injected,
}

/// Too many tries; the next one is looked at then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// When.
    pub again_at: Timestamp,
}

impl TooMany {
    /// For how many whole seconds to wait, and for one at least: `Retry-After`.
    #[must_use]
    pub fn seconds(self, now: Timestamp) -> u64 {
        u64::try_from(self.again_at.since(now).as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
    }
}

impl Limits {
    /// Limits as configured, by this clock.
    #[must_use]
    pub fn new(settings: &settings::Limits, clock: Arc<dyn Clock>) -> Self {
        let clock = Injected(clock);
        let keyed = |per_minute: u32| {
            let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
            RateLimiter::new(quota, DashMapStateStore::default(), clock.clone())
        };
        Self {
            account: keyed(settings.sign_in_per_account),
            sign_in_address: keyed(settings.sign_in_per_address),
            logout_address: keyed(settings.logout_per_address),
            log_token: keyed(settings.log_per_token),
            // At the head of each sign-in there is one of these at most.
            push_address: keyed(settings.sign_in_per_address),
            // Instead of a sign-in.
            refusal_address: keyed(settings.sign_in_per_address),
            api_key: keyed(settings.broker_per_api_key),
            connection: keyed(settings.broker_per_connection),
            broker_address: keyed(settings.broker_failures_per_address),
            clock,
        }
    }

    /// May somebody at this address try a password for this account now?
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_password(&self, username: &str, address: &str) -> Result<(), TooMany> {
        self.check(&self.sign_in_address, &subscriber(address))?;
        // Names differing in case or length reach the same few bytes of memory each.
        let account: String = username.to_lowercase().chars().take(128).collect();
        self.check(&self.account, &account)
    }

    /// May this address send a logout request that carries no credential, signature, hint or cookie?
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_bare_logout(&self, address: &str) -> Result<(), TooMany> {
        self.check(&self.logout_address, &subscriber(address))
    }

    /// May the operator's token of this name read the System Log now?
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_log(&self, token: &str) -> Result<(), TooMany> {
        self.check(&self.log_token, token)
    }

    /// May this address push an authorization request for a client that cannot prove itself?
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_push(&self, address: &str) -> Result<(), TooMany> {
        self.check(&self.push_address, &subscriber(address))
    }

    /// May this address have one more SAML message refused that nobody signed well? Each costs us a signature, or the look at one.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_refusal(&self, address: &str) -> Result<(), TooMany> {
        self.check(&self.refusal_address, &subscriber(address))
    }

    /// May this application call the broker API with its key?
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_api_key(&self, app: &str) -> Result<(), TooMany> {
        self.check(&self.api_key, app)
    }

    /// May one more person be sent to this connection by the broker?
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_connection(&self, connection: &str) -> Result<(), TooMany> {
        self.check(&self.connection, connection)
    }

    /// May this address fail once more to prove itself to the broker API?
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn try_broker_failure(&self, address: &str) -> Result<(), TooMany> {
        self.check(&self.broker_address, &subscriber(address))
    }

    /// Forgets keys that have been quiet. Called from time to time, so that memory does not grow with attackers.
    pub fn forget_quiet(&self) {
        let by_address = [&self.sign_in_address, &self.logout_address, &self.push_address, &self.refusal_address];
        let of_broker = [&self.api_key, &self.connection, &self.broker_address];
        for limiter in by_address.into_iter().chain([&self.account, &self.log_token]).chain(of_broker) {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn check(&self, limiter: &Keyed, key: &str) -> Result<(), TooMany> {
        limiter.check_key(&key.to_owned()).map_err(|until| {
            let wait: Duration = until.wait_time_from(self.clock.now());
            TooMany { again_at: self.clock.0.now().plus(wait) }
        })
    }
}

/// Who counts as one address: in IPv6 everybody has a /64 at least (RFC 6177), and could ask from another address of it
/// each time.
pub(crate) fn subscriber(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).to_string(),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn an_account_is_tried_only_so_often_from_however_many_addresses() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
        let settings = settings::Limits {
            sign_in_per_account: 3,
            sign_in_per_address: 100,
            logout_per_address: 1,
            ..settings::Limits::default()
        };
        let limits = Limits::new(&settings, clock.clone());
        for address in ["a", "b", "c"] {
            assert_eq!(limits.try_password("alice", address), Ok(()));
        }
        let refusal = limits.try_password("ALICE", "d").unwrap_err();
        assert_eq!(limits.try_password("bob", "d"), Ok(()));
        clock.set(refusal.again_at);
        assert_eq!(limits.try_password("alice", "d"), Ok(()));
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_count_as_one() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
        let settings = settings::Limits {
            sign_in_per_account: 9,
            sign_in_per_address: 1,
            logout_per_address: 1,
            ..settings::Limits::default()
        };
        let limits = Limits::new(&settings, clock);
        assert_eq!(limits.try_password("u", "2001:db8::1"), Ok(()));
        assert!(limits.try_password("v", "2001:db8::ffff:2").is_err());
        assert_eq!(limits.try_password("w", "2001:db8:0:1::1"), Ok(()), "another subscriber");
        assert_eq!(limits.try_bare_logout("2001:db8::1"), Ok(()));
        assert!(limits.try_bare_logout("2001:db8:0:0:1::1").is_err());
        assert_eq!(limits.try_bare_logout("192.0.2.1"), Ok(()));
        assert_eq!(limits.try_bare_logout("192.0.2.2"), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_shuts_nobody_out_and_gives_nobody_more_tries() {
        let begin = Timestamp::from_seconds(1_000_000);
        let clock = Arc::new(ManualClock::at(begin));
        let settings = settings::Limits {
            sign_in_per_account: 9,
            sign_in_per_address: 9,
            logout_per_address: 1,
            ..settings::Limits::default()
        };
        let limits = Limits::new(&settings, clock.clone());
        assert_eq!(limits.try_bare_logout("a"), Ok(()));
        clock.set(begin.minus(Duration::from_secs(86_400)));
        let refusal = limits.try_bare_logout("a").unwrap_err();
        assert!(refusal.again_at.since(clock.now()) <= Duration::from_secs(60), "{refusal:?}");
        clock.advance(Duration::from_secs(60));
        assert_eq!(limits.try_bare_logout("a"), Ok(()), "a minute is a minute");
        limits.forget_quiet();
        assert!(limits.try_bare_logout("a").is_err());
    }

    #[test]
    fn a_public_clients_pushes_are_counted_by_address_apart_from_its_sign_ins() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
        let settings = settings::Limits {
            sign_in_per_account: 9,
            sign_in_per_address: 2,
            logout_per_address: 1,
            ..settings::Limits::default()
        };
        let limits = Limits::new(&settings, clock);
        for _ in 0..2 {
            assert_eq!(limits.try_push("2001:db8::1"), Ok(()));
        }
        assert!(limits.try_push("2001:db8::2").is_err());
        assert_eq!(limits.try_push("192.0.2.1"), Ok(()));
        assert_eq!(limits.try_password("u", "2001:db8::1"), Ok(()));
    }

    #[test]
    fn an_address_is_heard_only_so_often() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
        let settings = settings::Limits {
            sign_in_per_account: 3,
            sign_in_per_address: 2,
            logout_per_address: 1,
            ..settings::Limits::default()
        };
        let limits = Limits::new(&settings, clock.clone());
        assert_eq!(limits.try_bare_logout("a"), Ok(()));
        assert!(limits.try_bare_logout("a").is_err());
        assert_eq!(limits.try_bare_logout("b"), Ok(()));
        for user in ["u", "v"] {
            assert_eq!(limits.try_password(user, "a"), Ok(()));
        }
        assert!(limits.try_password("w", "a").is_err());
        clock.advance(Duration::from_secs(60));
        limits.forget_quiet();
        assert_eq!(limits.try_password("w", "a"), Ok(()));
    }
}
