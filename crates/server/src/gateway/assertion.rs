//! What an app is told of its person with each request: a signed assertion, and the same in plain headers for apps that read no
//! signatures. It is made once for a session and host, and given again for a part of its life.

use std::{
    hash::BuildHasher,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use acquit_core::{SessionId, Timestamp};
use acquit_gateway::{
    identity::Identity,
    keyed::{Hasher, Map},
    origin::Origin,
};
use acquit_oidc::jose::{AssertedPerson, AssertionClaims};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::keys::RouteKeys;
use crate::random;

/// How long one is given again: an app that gets it last has the rest of its life to look at it.
const USED_FOR: Duration = Duration::from_secs(120);
/// Tables, so that requests of different sessions seldom wait for each other.
const SHARDS: usize = 16;
/// The most sessions of one table.
const MAX_SESSIONS: usize = 4096;

/// The header of the assertion under Pomerium's name, which apps know, and under our own.
pub const POMERIUM: HeaderName = HeaderName::from_static("x-pomerium-jwt-assertion");
/// Ours.
pub const ACQUIT: HeaderName = HeaderName::from_static("x-acquit-jwt-assertion");

const SUB: HeaderName = HeaderName::from_static("x-pomerium-claim-sub");
const USER: HeaderName = HeaderName::from_static("x-pomerium-claim-user");
const EMAIL: HeaderName = HeaderName::from_static("x-pomerium-claim-email");
const GROUPS: HeaderName = HeaderName::from_static("x-pomerium-claim-groups");
const NAME: HeaderName = HeaderName::from_static("x-pomerium-claim-name");
const USERNAME: HeaderName = HeaderName::from_static("x-pomerium-claim-preferred-username");

/// Every header by which an app is told who is there.
pub const HEADERS: [HeaderName; 8] = [POMERIUM, ACQUIT, SUB, USER, EMAIL, GROUPS, NAME, USERNAME];

/// Makes assertions and keeps them for a while.
#[derive(Debug)]
pub struct Assertions {
    keys: RouteKeys,
    hasher: Hasher,
    made: [RwLock<Map<SessionId, Vec<Made>>>; SHARDS],
}

/// What one app is told of one session.
#[derive(Clone, Debug)]
struct Made {
    host: Arc<str>,
    version: i64,
    at: Timestamp,
    headers: Arc<[(HeaderName, HeaderValue)]>,
}

impl Made {
    fn is_for(&self, host: &str, version: i64, now: Timestamp) -> bool {
        // A clock that was set back makes nothing younger.
        *self.host == *host && self.version == version && now >= self.at && now.since(self.at) < USED_FOR
    }
}

impl Assertions {
    /// Signed with these keys.
    #[must_use]
    pub fn new(keys: RouteKeys) -> Self {
        let made = std::array::from_fn(|_| RwLock::default());
        Self { keys, hasher: Hasher::default(), made }
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &RouteKeys {
        &self.keys
    }

    /// Tells the app at a host who its person is. Where nothing can be signed it is told nothing, as if nobody were there.
    pub fn tell(&self, origin: &Origin, identity: &Identity, now: Timestamp, headers: &mut HeaderMap) {
        if let Some(made) = self.of(origin, identity, now) {
            for (name, value) in made.iter() {
                headers.insert(name, value.clone());
            }
        }
    }

    /// The assertion alone.
    #[must_use]
    pub fn token(&self, origin: &Origin, identity: &Identity, now: Timestamp) -> Option<HeaderValue> {
        let made = self.of(origin, identity, now)?;
        made.iter().find(|(name, _)| *name == ACQUIT).map(|(_, value)| value.clone())
    }

    fn of(&self, origin: &Origin, identity: &Identity, now: Timestamp) -> Option<Arc<[(HeaderName, HeaderValue)]>> {
        let host = origin.authority();
        let shard = usize::try_from(self.hasher.hash_one(&identity.session) % SHARDS as u64).unwrap_or_default();
        let shard = &self.made[shard];
        let known = shard.read().unwrap_or_else(PoisonError::into_inner).get(&identity.session).and_then(|made| {
            made.iter().find(|made| made.is_for(host, identity.version, now)).map(|made| made.headers.clone())
        });
        if known.is_some() {
            return known;
        }
        let headers: Arc<[_]> = self.make(host, identity, now)?.into();
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MAX_SESSIONS {
            shard.retain(|_, made| made.iter().any(|made| made.is_for(&made.host, made.version, now)));
            if shard.len() >= MAX_SESSIONS {
                // More people than there is room for, all at once: what is lost is made again.
                shard.clear();
            }
        }
        let of_session = shard.entry(identity.session.clone()).or_default();
        of_session.retain(|made| *made.host != *host && made.is_for(&made.host, made.version, now));
        of_session.push(Made { host: host.into(), version: identity.version, at: now, headers: headers.clone() });
        Some(headers)
    }

    fn make(&self, host: &str, identity: &Identity, now: Timestamp) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let failed = |why: &dyn std::fmt::Display| tracing::error!(host, %why, "an app cannot be told who is there");
        let key = self.keys.signer(now).or_else(|| {
            failed(&"no key signs at this time");
            None
        })?;
        let jti = random::secret().inspect_err(|error| failed(error)).ok()?;
        let person = person(identity);
        let token = key.sign_assertion(&AssertionClaims::new(host, jti, now, &person));
        let token = HeaderValue::try_from(token.inspect_err(|error| failed(error)).ok()?).ok()?;
        let mut headers = vec![(POMERIUM, token.clone()), (ACQUIT, token)];
        headers.extend(plain(&person));
        Some(headers)
    }
}

/// Who a person is to an app.
#[must_use]
pub fn person(identity: &Identity) -> AssertedPerson {
    AssertedPerson {
        sub: identity.user.to_string(),
        user: identity.user.to_string(),
        email: identity.email.clone().unwrap_or_default(),
        groups: identity.groups.clone(),
        sid: identity.session.to_string(),
        name: identity.name.clone().unwrap_or_default(),
        preferred_username: identity.username.clone(),
    }
}

/// The same in plain headers. A list is joined by commas, so a group with one in its name is left out: whoever named it could put
/// people into others that way. What cannot stand in a header is left out too.
fn plain(person: &AssertedPerson) -> Vec<(HeaderName, HeaderValue)> {
    let groups: Vec<&str> = person.groups.iter().map(String::as_str).filter(|group| !group.contains(',')).collect();
    [
        (SUB, person.sub.as_str()),
        (USER, person.user.as_str()),
        (EMAIL, person.email.as_str()),
        (GROUPS, groups.join(",").as_str()),
        (NAME, person.name.as_str()),
        (USERNAME, person.preferred_username.as_str()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use acquit_core::UserId;
    use acquit_gateway::identity::Person;

    use super::*;

    fn identity(groups: &[&str]) -> Identity {
        let person = Person {
            username: "alice".to_owned(),
            name: Some("Ålice\n".to_owned()),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Person::default()
        };
        let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 0);
        Identity::new(of, person, Timestamp::default()..Timestamp::from_seconds(1))
    }

    #[test]
    fn a_group_with_a_comma_puts_nobody_into_another_one() {
        let headers: HeaderMap = plain(&person(&identity(&["ops", "conn_1/x,admins"]))).into_iter().collect();
        assert_eq!(headers["x-pomerium-claim-groups"], "ops");
        assert_eq!(headers["x-pomerium-claim-email"], "");
        assert!(!headers.contains_key("x-pomerium-claim-name"), "no header has a line break");
    }
}
