//! Who a person is to a route: what its sealed cookie says, so that a request needs no read of the store.

use std::{ops::Range, time::Duration};

use acquit_core::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Who a person is to a route, as of when the cookie was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The session that this is of, and dies with.
    #[serde(rename = "s")]
    pub session: SessionId,
    /// Whose it is.
    #[serde(rename = "u")]
    pub user: UserId,
    /// The user's epoch in which the session began: a higher one kills it.
    #[serde(rename = "e")]
    pub epoch: i64,
    /// What the person signs in as.
    #[serde(rename = "n")]
    pub username: String,
    /// Their name for people.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their address; only one that whoever vouches for them may give.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their groups; those of an identity provider with its connection before them, until the operator maps them.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Which of the person's descriptions this is: a later one makes it old.
    #[serde(rename = "v")]
    pub version: i64,
    /// When the session began, in microseconds.
    #[serde(rename = "b")]
    began_at: i64,
    /// When the session is too old, in microseconds.
    #[serde(rename = "x")]
    expires_at: i64,
}

/// What of a person an [`Identity`] holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// What they sign in as.
    pub username: String,
    /// Their name for people.
    pub name: Option<String>,
    /// Their address, if whoever vouches for them may give it.
    pub email: Option<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// Which description of them this is; counted up with each change.
    pub version: i64,
}

impl Identity {
    /// Of a session that lives now, from when it began until it is too old.
    #[must_use]
    pub fn new((session, user, epoch): (SessionId, UserId, i64), person: Person, life: Range<Timestamp>) -> Self {
        let Person { username, name, email, groups, version } = person;
        let (began_at, expires_at) = (life.start.as_micros(), life.end.as_micros());
        Self { session, user, epoch, username, name, email, groups, version, began_at, expires_at }
    }

    /// When the session began.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        Timestamp::from_micros(self.began_at)
    }

    /// Whether the session is not too old: as it was said when this was made, and by the longest that any may live by now,
    /// since endings are forgotten after that.
    #[must_use]
    pub fn is_in_time(&self, now: Timestamp, longest: Duration) -> bool {
        now < Timestamp::from_micros(self.expires_at) && now.since(Timestamp::from_micros(self.began_at)) < longest
    }
}
