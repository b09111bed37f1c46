//! What a LogoutRequest of an identity provider ends. Neither who carried it nor by which binding matters here.

use std::collections::{BTreeMap, BTreeSet};

use acquit_core::{
    ConnectionId, LogoutId, SessionId, Timestamp, UserId,
    plan::{By, Scope, Tell},
};
use acquit_saml::message::Expect;
use acquit_store::{
    Hash,
    replay::Once,
    upstream::{Graves, SamlSignIn, Tombstone},
};

use super::{entity_id, idp::Idp};
use crate::{
    App,
    door::DoorError,
    flow::{HANDOFF_LIFE, SamlLogout},
    logout::{LogoutError, Order, log_out_once},
    random,
    saml::slo::{Ended, replay_key},
};

/// The most sessions that one logout ends.
const AT_ONCE: usize = 500;

/// The hash under which the end of a sign-in is remembered: of one session, or of all of a person's. An index is only unique
/// for its person (Core section 2.7.2).
fn grave(connection: &ConnectionId, subject: &str, index: Option<&str>) -> Hash {
    let (kind, index) = if index.is_some() { ("session", index.unwrap_or_default()) } else { ("person", "") };
    random::hash(&format!("saml:{connection}:{kind}:{}:{subject}{index}", subject.len()))
}

/// Where a sign-in looks for its end.
#[must_use]
pub fn graves(connection: &ConnectionId, subject: &str, index: Option<&str>, authenticated_at: Timestamp) -> Graves {
    let of_person = grave(connection, subject, None);
    let of_session = index.map(|index| grave(connection, subject, Some(index)));
    Graves { names: std::iter::once(of_person).chain(of_session).collect(), authenticated_at }
}

/// What ends, by logouts of one person and of so many sessions that each is soon written, however many somebody has.
fn parts(live: BTreeMap<UserId, BTreeSet<SessionId>>) -> Vec<(UserId, Vec<SessionId>)> {
    let of_user = |(user, sessions): (UserId, BTreeSet<SessionId>)| {
        let sessions: Vec<_> = sessions.into_iter().collect();
        sessions.chunks(AT_ONCE).map(|part| (user.clone(), part.to_vec())).collect::<Vec<_>>()
    };
    live.into_iter().flat_map(of_user).collect()
}

/// Ends the sessions that a provider's verified request names, by the same call as every door: all of that person at that
/// connection where it names none. What it names and is not known yet is remembered before sessions are looked for, so that a
/// sign-in that is written now either finds that or is found. None when the request was answered before.
///
/// # Errors
/// [`DoorError`]; then nothing may be said to be done.
pub(crate) async fn end(
    app: &App,
    idp: &Idp,
    asked: &SamlLogout,
    ip: &str,
    browser: Option<&(SessionId, UserId)>,
) -> Result<Option<Ended>, DoorError> {
    let connection = &idp.connection.id;
    // Of the connection and not of its provider alone: that may be the provider of another one.
    let key = replay_key(connection.as_str(), asked);
    if app.store.knows_saml_message(&key).await? {
        return Ok(None);
    }
    lay_tombstones(app, connection, asked).await?;
    let us = entity_id(app.issuer(), connection);
    let named = |known: &SamlSignIn| {
        let by_index = asked.indexes.is_empty() || known.index.as_ref().is_some_and(|own| asked.indexes.contains(own));
        by_index && known.saml.name_id.matches(&asked.form, &idp.metadata.entity_id, &us)
    };
    let mut found = app.store.saml_sign_ins(connection, &asked.subject).await?;
    found.retain(named);
    let mut live: BTreeMap<UserId, BTreeSet<SessionId>> = BTreeMap::new();
    for known in found.iter().filter(|known| known.ended.is_none()) {
        live.entry(known.user.clone()).or_default().insert(known.session.clone());
    }
    let mut parts = parts(live);
    // Asked again: what there is to say is what the receipts of then say, of every session that it names, or of the last.
    let mut logouts: Vec<LogoutId> = Vec::new();
    for logout in found.into_iter().filter_map(|known| known.ended) {
        if !logouts.contains(&logout) && (logouts.is_empty() || !asked.indexes.is_empty()) {
            logouts.push(logout);
        }
    }
    let until = Expect::new(&[], app.clock.now()).remember_until();
    // One name is one person, unless an attribute says who people are. It is answered when the last one is out.
    let Some(last) = parts.pop() else {
        // Where it was there already, the same request came twice at once, and the other one is answered.
        let first = app.store.remember_saml_message(&key, until).await?;
        return Ok(first.then(|| Ended { done: Vec::new(), logouts }));
    };
    if asked.indexes.is_empty() {
        logouts.clear();
    }
    let mut done = Vec::new();
    let last = (last, Some(Once::saml_message(key, until)));
    for ((user, sessions), once) in parts.into_iter().map(|part| (part, None)).chain([last]) {
        let order = Order {
            browser: browser.filter(|(_, owner)| *owner == user).map(|(session, _)| session.clone()),
            scope: match sessions.as_slice() {
                [one] => Scope::Session(one.clone()),
                _ => Scope::Sessions(sessions),
            },
            by: By::Upstream,
            party: Some(connection.to_string()),
            reason: None,
            tell: Tell::Everyone,
            ip: Some(ip.to_owned()),
            named: Vec::new(),
        };
        match log_out_once(app, order, once).await {
            Ok(out) => done.push(out),
            Err(LogoutError::Replayed) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    tracing::info!(%connection, logouts = done.len(), "signed out by an identity provider");
    logouts.splice(0..0, done.iter().map(|done| done.logout.clone()));
    Ok(Some(Ended { done, logouts }))
}

/// The moment up to which a request speaks. Providers that write it in whole seconds may tell of sign-ins to the millisecond:
/// then it is the end of that second.
fn end_of(issued_at: Timestamp) -> Timestamp {
    const SECOND: i64 = 1_000_000;
    let is_whole = issued_at.as_micros() % SECOND == 0;
    if is_whole { Timestamp::from_micros(issued_at.as_micros() + SECOND - 1) } else { issued_at }
}

/// Remembers what a request names. Only sign-ins at the provider from before it are meant, by the provider's own clock, so that
/// who signs in there again is let in.
async fn lay_tombstones(app: &App, connection: &ConnectionId, asked: &SamlLogout) -> Result<(), DoorError> {
    let indexes: Vec<Option<&str>> = match asked.indexes.as_slice() {
        [] => vec![None],
        indexes => indexes.iter().map(|index| Some(index.as_str())).collect(),
    };
    // As long as an answer is taken that the provider gave before, and goes on by one redirect.
    let until = Expect::new(&[], app.clock.now()).remember_until().plus(HANDOFF_LIFE);
    let ended_at = Some(end_of(Timestamp::from_micros(asked.issued_at)));
    let names = indexes.into_iter().map(|index| grave(connection, &asked.subject, index));
    Ok(app.store.lay_tombstones(names.map(|name| Tombstone { name, ended_at, until }).collect()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_sessions_somebody_has_all_of_them_end() {
        let user = |number| UserId::from_random([number; 16]);
        let sessions = |from: u16, until: u16| -> BTreeSet<SessionId> {
            let bits = |number: u16| [[0; 14].as_slice(), &number.to_be_bytes()].concat().try_into().unwrap();
            (from..until).map(|number| SessionId::from_random(bits(number))).collect()
        };
        let live = BTreeMap::from([(user(1), sessions(0, 1001)), (user(2), sessions(2000, 2001))]);
        let parts = parts(live.clone());
        assert_eq!(parts.iter().map(|(_, sessions)| sessions.len()).collect::<Vec<_>>(), [500, 500, 1, 1]);
        for (user, all) in live {
            let of_user = parts.iter().filter(|(owner, _)| *owner == user).flat_map(|(_, sessions)| sessions.clone());
            assert_eq!(of_user.collect::<BTreeSet<_>>(), all);
        }
    }

    #[test]
    fn a_whole_second_is_meant_to_its_end() {
        let micros = |at| end_of(Timestamp::from_micros(at)).as_micros();
        assert_eq!(micros(5_000_000), 5_999_999);
        assert_eq!((micros(5_000_001), micros(5_250_000)), (5_000_001, 5_250_000));
    }
}
