//! Events on WorkOS's wire: their names, their ids, and what they say of a logout. A webhook's body is the same object that
//! `/events` lists: both are made here of what never changes, so its id is the same in every attempt and in the list.

use std::fmt::Write;

use acquit_core::{AppId, ConnectionId, LogoutId, OrganizationId, SessionId, Timestamp, UserId, event::Kind};
use acquit_store::{receipt::Settled, webhook};
use aws_lc_rs::digest;
use serde_json::{Value, json};

use super::ids;

/// What an event is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// A browser left for an identity provider.
    SsoStarted,
    /// It came back with somebody.
    SsoSucceeded,
    /// It came back with nobody.
    SsoFailed,
    /// People may sign in through a connection.
    ConnectionActivated,
    /// Nobody may for now.
    ConnectionDeactivated,
    /// A connection is gone.
    ConnectionDeleted,
    /// A session began.
    SessionCreated,
    /// A session ended.
    SessionRevoked,
    /// A session ended, and its applications are being told.
    LogoutStarted,
    /// Nothing of a logout is pending any more.
    LogoutCompleted,
}

impl Name {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::SsoStarted,
        Self::SsoSucceeded,
        Self::SsoFailed,
        Self::ConnectionActivated,
        Self::ConnectionDeactivated,
        Self::ConnectionDeleted,
        Self::SessionCreated,
        Self::SessionRevoked,
        Self::LogoutStarted,
        Self::LogoutCompleted,
    ];

    /// On the wire. WorkOS has no event of a logout; those names are ours.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SsoStarted => "authentication.sso_started",
            Self::SsoSucceeded => "authentication.sso_succeeded",
            Self::SsoFailed => "authentication.sso_failed",
            Self::ConnectionActivated => "connection.activated",
            Self::ConnectionDeactivated => "connection.deactivated",
            Self::ConnectionDeleted => "connection.deleted",
            Self::SessionCreated => "session.created",
            Self::SessionRevoked => "session.revoked",
            Self::LogoutStarted => webhook::STARTED,
            Self::LogoutCompleted => webhook::COMPLETED,
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What an entry of the log is shown as, in the order of the list.
    #[must_use]
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::SsoSucceeded => &[Self::SsoStarted, Self::SsoSucceeded],
            Kind::SsoFailed => &[Self::SsoStarted, Self::SsoFailed],
            Kind::SessionBegan => &[Self::SessionCreated],
            Kind::SessionEnded => &[Self::SessionRevoked, Self::LogoutStarted],
            Kind::LogoutSettled => &[Self::LogoutCompleted],
            Kind::ConnectionActivated => &[Self::ConnectionActivated],
            Kind::ConnectionDeactivated => &[Self::ConnectionDeactivated],
            Kind::ConnectionDeleted => &[Self::ConnectionDeleted],
            _ => &[],
        }
    }

    /// The id of such an event at a time; `parts` tell it from every other. It begins with the time, so that its place in
    /// the log can be found.
    #[must_use]
    pub fn id(self, at: Timestamp, parts: &[&str]) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in std::iter::once(&self.as_str()).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut bits = [0; 16];
        bits.copy_from_slice(context.finish().as_ref().get(..16).unwrap_or(&[0; 16]));
        let millis = at.as_micros().div_euclid(1000).to_be_bytes();
        bits[..6].copy_from_slice(&millis[2..]);
        let text = LogoutId::from_random(bits);
        format!("event_{}", text.as_str().trim_start_matches("lgo_").to_ascii_uppercase())
    }
}

/// The millisecond that an event's id begins with; none for a text that is no such id.
#[must_use]
pub fn time_of(id: &str) -> Option<Timestamp> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digits = id.strip_prefix("event_").filter(|digits| digits.len() == 26)?;
    let number = digits.bytes().try_fold(0_u128, |number, digit| {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        number.checked_mul(32)?.checked_add(value as u128)
    })?;
    let millis = i64::try_from(number >> 80).ok()?;
    Some(Timestamp::from_micros(millis.checked_mul(1000)?))
}

/// An event.
#[must_use]
pub fn envelope(name: Name, id: &str, at: Timestamp, data: Value) -> Value {
    json!({ "object": "event", "id": id, "event": name.as_str(), "data": data, "created_at": at })
}

/// Whose logout an event tells of.
pub struct Whose<'a> {
    /// The person.
    pub user: &'a UserId,
    /// Through which connection they came, as far as it is known.
    pub connection: Option<&'a ConnectionId>,
    /// Whose connection that was.
    pub organization: Option<&'a OrganizationId>,
}

/// A session ended, by a logout that was asked for by `by`: an application, the user, the provider, an administrator or a rule.
/// Who it was by name, and why in the operator's words, is nobody's but the operator's.
#[must_use]
pub fn logout_started(
    (logout, session): (&LogoutId, &SessionId),
    whose: &Whose<'_>,
    (by, scope): (&str, &str),
    at: Timestamp,
) -> Value {
    let id = Name::LogoutStarted.id(at, &[logout.as_str(), session.as_str()]);
    let data = json!({
        "object": "sso_logout",
        "id": logout.as_str(),
        "state": "in_progress",
        "scope": scope,
        "reason": by,
        "profile_id": ids::profile(whose.user),
        "session_id": ids::session(session.as_str()),
        "connection_id": whose.connection.map(ConnectionId::as_str),
        "organization_id": whose.organization.map(OrganizationId::as_str),
        "ended_at": at,
    });
    envelope(Name::LogoutStarted, &id, at, data)
}

/// The id of the event that tells how a logout came out: another one each time that it comes out otherwise.
#[must_use]
pub fn completed_id(logout: &LogoutId, state: &str, at: Timestamp) -> String {
    let mut when = String::new();
    let _ = write!(when, "{}", at.as_micros());
    Name::LogoutCompleted.id(at, &[logout.as_str(), state, &when])
}

/// How a logout came out, for one application: the state of the whole, and of the steps its own and the provider's. Who else
/// was told is not its affair.
#[must_use]
pub fn logout_completed(settled: &Settled, state: &str, whose: &Whose<'_>, app: &AppId) -> Value {
    let Settled { receipt, at } = settled;
    let provider = whose.connection.map(ConnectionId::party);
    let of_interest = receipt.steps.iter().filter(|line| line.party == *app || Some(&line.party) == provider.as_ref());
    let steps: Vec<_> = of_interest
        .map(|line| {
            json!({
                "party": line.party.as_str(),
                "protocol": line.protocol.as_str(),
                "channel": line.channel.map(acquit_core::step::Channel::as_str),
                "session_id": line.session.as_ref().map(|session| ids::session(session.as_str())),
                "outcome": line.outcome.as_str(),
                "detail": line.detail,
                "attempts": line.attempts.len(),
            })
        })
        .collect();
    let data = json!({
        "object": "sso_logout",
        "id": receipt.id.as_str(),
        "state": state,
        "scope": receipt.scope,
        "reason": receipt.requested.by.as_str(),
        "profile_id": ids::profile(whose.user),
        "session_ids": receipt.sessions.iter().map(|session| ids::session(session.as_str())).collect::<Vec<_>>(),
        "connection_id": whose.connection.map(ConnectionId::as_str),
        "organization_id": whose.organization.map(OrganizationId::as_str),
        "ended_at": receipt.requested.at,
        "completed_at": at,
        "steps": steps,
    });
    envelope(Name::LogoutCompleted, &completed_id(&receipt.id, state, *at), *at, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_time_and_nothing_else_of_what_it_is_made_of() {
        let at = Timestamp::from_micros(1_800_000_000_123_456);
        let id = Name::LogoutStarted.id(at, &["lgo_1", "ses_1"]);
        assert_eq!(id.len(), "event_".len() + 26);
        assert_eq!(time_of(&id), Some(Timestamp::from_micros(1_800_000_000_123_000)));
        assert_eq!(id, Name::LogoutStarted.id(at, &["lgo_1", "ses_1"]), "the same each time");
        for other in [
            Name::LogoutCompleted.id(at, &["lgo_1", "ses_1"]),
            Name::LogoutStarted.id(at, &["lgo_1s", "es_1"]),
            Name::LogoutStarted.id(at.plus(std::time::Duration::from_millis(1)), &["lgo_1", "ses_1"]),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn a_text_that_is_no_id_of_an_event_has_no_time() {
        let overflow = format!("event_{}", "Z".repeat(26));
        for wrong in
            ["", "event_", "event_01", "evt_01HXYZ123456789ABCDEFGHJKM", &overflow, "event_01hxyz123456789abcdefghjkm"]
        {
            assert_eq!(time_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_name_is_found_and_every_one_is_shown_of_some_entry() {
        for name in Name::ALL {
            assert_eq!(Name::parse(name.as_str()), Some(name));
            assert!(Kind::ALL.into_iter().any(|kind| Name::of(kind).contains(&name)), "{name:?}");
        }
    }
}
