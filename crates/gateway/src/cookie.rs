//! A route's cookie: the [`Identity`], sealed with the route's host as associated data, so that the cookie of one route is
//! nothing on another. It is bound to its host (`__Host-`), and no app ever sees it.

mod memory;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use acquit_core::{Timestamp, session::Lifetimes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use self::memory::Memory;

use crate::{
    identity::Identity,
    origin::Origin,
    seal::{SealKey, Unsealable},
};

/// The most characters of a cookie's value: browsers take 4096 with the name and the attributes.
pub const MAX_VALUE: usize = 3800;

/// Why an identity does not become a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CookieError {
    /// See [`Unsealable`]; trying again may help.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    /// The person is in more groups than a cookie holds; the operator must map fewer of them.
    #[error("what is known of this person does not fit into a cookie")]
    TooLong,
}

/// The name of the cookie at this origin. On `http` (loopback) browsers disagree about `Secure`, so there it goes without.
#[must_use]
pub fn name(origin: &Origin) -> &'static str {
    if origin.is_https() { "__Host-acquit-route" } else { "acquit-route" }
}

/// Makes and reads the cookies of routes.
#[derive(Debug)]
pub struct Cookies {
    key: SealKey,
    /// The longest that people's sessions live, in seconds.
    session_max: AtomicU64,
    /// The longest that programs' do.
    pub(crate) program_max: AtomicU64,
    memory: Memory,
}

impl Cookies {
    /// Under the key for cookies, while no session lives longer than that.
    #[must_use]
    pub fn new(key: SealKey, lifetimes: Lifetimes) -> Self {
        let (session_max, program_max) = (lifetimes.max.as_secs().into(), lifetimes.program.as_secs().into());
        Self { key, session_max, program_max, memory: Memory::default() }
    }

    /// Takes over other lifetimes: what was made under longer ones is good for no longer than these.
    pub fn set_lifetimes(&self, lifetimes: Lifetimes) {
        self.session_max.store(lifetimes.max.as_secs(), Ordering::Relaxed);
        self.program_max.store(lifetimes.program.as_secs(), Ordering::Relaxed);
    }

    /// The value of the cookie for `identity` at `origin`.
    ///
    /// # Errors
    /// [`CookieError`].
    pub fn seal(&self, origin: &Origin, identity: &Identity) -> Result<String, CookieError> {
        self.seal_in(origin.authority(), identity)
    }

    pub(crate) fn seal_in(&self, context: &str, identity: &Identity) -> Result<String, CookieError> {
        let plain = serde_json::to_vec(identity).map_err(|_| Unsealable)?;
        let value = URL_SAFE_NO_PAD.encode(self.key.seal(context.as_bytes(), &plain)?);
        if value.len() > MAX_VALUE { Err(CookieError::TooLong) } else { Ok(value) }
    }

    /// Whose cookie this is, if it was made here for this origin and its session is not too old.
    #[must_use]
    pub fn open(&self, origin: &Origin, value: &str, now: Timestamp) -> Option<Arc<Identity>> {
        self.open_in(origin.authority(), value, (now, &self.session_max))
    }

    pub(crate) fn open_in(
        &self,
        context: &str,
        value: &str,
        (now, max): (Timestamp, &AtomicU64),
    ) -> Option<Arc<Identity>> {
        if value.len() > MAX_VALUE {
            return None;
        }
        let identity = self.memory.recall(context, value, || self.unseal(context, value))?;
        let max = Duration::from_secs(max.load(Ordering::Relaxed));
        identity.is_in_time(now, max).then_some(identity)
    }

    fn unseal(&self, context: &str, value: &str) -> Option<Identity> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let plain = self.key.open(context.as_bytes(), &sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::{SessionId, UserId};

    use super::*;
    use crate::identity::Person;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    const LONG: Duration = Duration::from_secs(1000);
    const LIFETIMES: Lifetimes = Lifetimes { idle: LONG, max: LONG, program: LONG };

    fn cookies() -> Cookies {
        Cookies::new(SealKey::new(&[1; 32]).unwrap(), LIFETIMES)
    }

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    fn identity(groups: usize) -> Identity {
        let person = Person {
            username: "alice".to_owned(),
            groups: (0..groups).map(|number| format!("group-{number}")).collect(),
            ..Person::default()
        };
        let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 3);
        Identity::new(of, person, at(10)..at(100))
    }

    #[test]
    fn a_cookie_says_who_somebody_is_at_its_own_origin_until_the_session_is_too_old() {
        let (cookies, here) = (cookies(), origin("https://a.example.com"));
        let value = cookies.seal(&here, &identity(2)).unwrap();
        assert_eq!(cookies.open(&here, &value, at(99)).as_deref(), Some(&identity(2)));
        assert_eq!(cookies.open(&here, &value, at(100)), None);
        assert_eq!(cookies.open(&origin("https://b.example.com"), &value, at(99)), None);
        assert_eq!(cookies.open(&origin("https://a.example.com:8443"), &value, at(99)), None);
    }

    #[test]
    fn a_cookie_is_good_for_no_longer_than_any_session_may_live_by_now() {
        let (cookies, here) = (cookies(), origin("https://a.example.com"));
        let value = cookies.seal(&here, &identity(0)).unwrap();
        cookies.set_lifetimes(Lifetimes { max: Duration::from_secs(30), ..LIFETIMES });
        assert_eq!(cookies.open(&here, &value, at(39)).as_deref(), Some(&identity(0)));
        assert_eq!(cookies.open(&here, &value, at(40)), None, "its ending may be forgotten by now");
    }

    #[test]
    fn what_is_no_cookie_of_ours_is_nobodys() {
        let (cookies, here) = (cookies(), origin("https://a.example.com"));
        let other = Cookies::new(SealKey::new(&[2; 32]).unwrap(), LIFETIMES).seal(&here, &identity(0)).unwrap();
        for value in ["", "a", "%%%", &"a".repeat(MAX_VALUE + 1), &other] {
            assert_eq!(cookies.open(&here, value, at(0)), None);
        }
    }

    #[test]
    fn more_groups_than_a_cookie_holds_are_refused() {
        let here = origin("https://a.example.com");
        assert!(cookies().seal(&here, &identity(150)).is_ok());
        assert_eq!(cookies().seal(&here, &identity(500)), Err(CookieError::TooLong));
    }

    #[test]
    fn over_tls_the_cookie_is_bound_to_its_host() {
        assert_eq!(name(&origin("https://a.example.com")), "__Host-acquit-route");
        assert_eq!(name(&origin("http://app.localhost:1")), "acquit-route");
    }
}
