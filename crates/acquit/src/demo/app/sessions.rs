//! A sample application's own sessions. They live here until the application ends them, whatever its provider thinks:
//! that is why somebody has to tell it.

use std::collections::HashMap;

use acquit_core::Timestamp;
use acquit_oidc::jose::LogoutSubject;
use acquit_saml::message::NameId;

/// The most sessions that are kept; the oldest makes room.
const MOST: usize = 1000;

/// How an application learnt that a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The person signed out here.
    Here,
    /// A logout token came.
    BackChannel,
    /// A frame was loaded in the browser.
    FrontChannel,
    /// A SAML LogoutRequest came from server to server.
    Soap,
    /// A SAML LogoutRequest came through the browser.
    Hop,
    /// A signed event came to the broker application's webhook.
    Webhook,
    /// The browser was brought to the broker application's `logout_uri`.
    LogoutUri,
}

impl How {
    /// Its mark on the page.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::BackChannel => "backchannel",
            Self::FrontChannel => "frontchannel",
            Self::Soap => "soap",
            Self::Hop => "hop",
            Self::Webhook => "webhook",
            Self::LogoutUri => "logout-uri",
        }
    }
}

/// What the provider gave at the sign-in, to be handed back at the sign-out.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// OpenID Connect's ID token.
    IdToken(String),
    /// SAML's name of the person.
    NameId(NameId),
    /// The broker's id of the person's profile.
    Profile(String),
}

/// One browser's session at a sample application.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The user at the provider.
    pub(super) subject: String,
    /// The user's name for people.
    pub(super) name: String,
    /// Its name at the provider, by which it is told of the end: the `sid` of OpenID Connect, the SessionIndex of SAML,
    /// the `session_id` of WorkOS's wire.
    pub(super) sid: Option<String>,
    /// What says at the provider which session this is, when the person signs out here.
    pub(super) proof: Proof,
    /// When it began.
    pub(super) since: Timestamp,
    /// When and how it ended, if it did.
    pub(super) ended: Option<(Timestamp, How)>,
    /// Whether a logout token, a frame or a LogoutRequest named it, also when it had ended before.
    pub(super) told: bool,
}

/// Whom a SAML LogoutRequest names, and between which two parties.
pub(super) struct Asked<'a> {
    /// The person.
    pub(super) name: &'a NameId,
    /// Which sessions; empty means all.
    pub(super) indexes: &'a [String],
    /// The entity ID of the identity provider.
    pub(super) idp: &'a str,
    /// The entity ID of the application.
    pub(super) sp: &'a str,
}

/// All of them, by the value of their cookie.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_handle: HashMap<String, Session>,
}

impl Sessions {
    pub(super) fn begin(&mut self, handle: String, session: Session) {
        if self.by_handle.len() >= MOST {
            let oldest = self.by_handle.iter().min_by_key(|(_, session)| session.since).map(|(key, _)| key.clone());
            oldest.map(|key| self.by_handle.remove(&key));
        }
        self.by_handle.insert(handle, session);
    }

    pub(super) fn get(&self, handle: &str) -> Option<Session> {
        self.by_handle.get(handle).cloned()
    }

    pub(super) fn forget(&mut self, handle: &str) {
        self.by_handle.remove(handle);
    }

    /// Ends the session of this cookie, because its person signs out; it, if it lived.
    pub(super) fn end(&mut self, handle: &str, now: Timestamp) -> Option<Session> {
        let session = self.by_handle.get_mut(handle).filter(|session| session.ended.is_none())?;
        session.ended = Some((now, How::Here));
        Some(session.clone())
    }

    /// Ends the session of this cookie, because its browser was brought where that is done.
    pub(super) fn told_by_visit(&mut self, handle: &str, how: How, now: Timestamp) {
        if let Some(session) = self.by_handle.get_mut(handle) {
            session.told = true;
            session.ended.get_or_insert((now, how));
        }
    }

    /// Ends every session that `subject` names. One that has ended already is no mistake (BC-29).
    pub(super) fn told(&mut self, subject: &LogoutSubject, how: How, now: Timestamp) {
        self.told_where(|session| is_named(session, subject), how, now);
    }

    /// Ends every session that a SAML LogoutRequest names: the person, and of that person's sessions the ones of these
    /// indexes, or all when there are none (Core section 3.7.3.1).
    pub(super) fn told_by_saml(&mut self, asked: &Asked<'_>, how: How, now: Timestamp) {
        let named = |session: &Session| match &session.proof {
            Proof::NameId(name) => {
                let index = session.sid.as_ref().is_some_and(|index| asked.indexes.contains(index));
                name.strongly_matches(asked.name, asked.idp, asked.sp) && (asked.indexes.is_empty() || index)
            }
            Proof::IdToken(_) | Proof::Profile(_) => false,
        };
        self.told_where(named, how, now);
    }

    fn told_where(&mut self, named: impl Fn(&Session) -> bool, how: How, now: Timestamp) {
        for session in self.by_handle.values_mut().filter(|session| named(session)) {
            session.told = true;
            session.ended.get_or_insert((now, how));
        }
    }
}

fn is_named(session: &Session, by: &LogoutSubject) -> bool {
    match by {
        LogoutSubject::Session { sid, sub } => {
            session.sid.as_ref() == Some(sid) && sub.as_ref().is_none_or(|sub| *sub == session.subject)
        }
        LogoutSubject::User { sub } => *sub == session.subject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1000);

    fn session(subject: &str, sid: &str) -> Session {
        Session {
            subject: subject.into(),
            name: subject.into(),
            sid: Some(sid.into()),
            proof: Proof::NameId(NameId::new(subject, acquit_saml::names::FORMAT_PERSISTENT)),
            since: NOW,
            ended: None,
            told: false,
        }
    }

    fn three() -> Sessions {
        let mut sessions = Sessions::default();
        for (handle, subject, sid) in [("a", "alice", "1"), ("b", "alice", "2"), ("c", "bob", "3")] {
            sessions.begin(handle.into(), session(subject, sid));
        }
        sessions
    }

    fn live(sessions: &Sessions) -> Vec<&'static str> {
        ["a", "b", "c"].into_iter().filter(|handle| sessions.get(handle).unwrap().ended.is_none()).collect()
    }

    #[test]
    fn a_sid_ends_its_session_and_no_other() {
        let mut sessions = three();
        sessions.told(&LogoutSubject::Session { sid: "1".into(), sub: None }, How::FrontChannel, NOW);
        assert_eq!(live(&sessions), ["b", "c"]);
        let mut sessions = three();
        sessions.told(&LogoutSubject::Session { sid: "1".into(), sub: Some("bob".into()) }, How::BackChannel, NOW);
        assert_eq!(live(&sessions), ["a", "b", "c"], "a sid of somebody else's");
    }

    #[test]
    fn a_subject_ends_all_of_a_users_sessions() {
        let mut sessions = three();
        sessions.told(&LogoutSubject::User { sub: "alice".into() }, How::BackChannel, NOW);
        assert_eq!(live(&sessions), ["c"]);
    }

    #[test]
    fn a_logout_request_ends_the_sessions_of_its_name_and_its_indexes() {
        let told = |name: &str, indexes: &[&str]| {
            let mut sessions = three();
            let name = NameId::new(name, acquit_saml::names::FORMAT_PERSISTENT);
            let indexes: Vec<String> = indexes.iter().map(|index| (*index).to_owned()).collect();
            let asked = Asked { name: &name, indexes: &indexes, idp: "https://idp", sp: "https://sp" };
            sessions.told_by_saml(&asked, How::Soap, NOW);
            live(&sessions)
        };
        assert_eq!(told("alice", &["1"]), ["b", "c"]);
        assert_eq!(told("alice", &[]), ["c"]);
        assert_eq!(told("alice", &["3"]), ["a", "b", "c"], "an index of somebody else's");
        assert_eq!(told("carol", &[]), ["a", "b", "c"]);
    }

    #[test]
    fn a_logout_request_ends_no_session_that_began_otherwise() {
        let mut sessions = Sessions::default();
        sessions.begin("a".into(), Session { proof: Proof::IdToken(String::new()), ..session("alice", "1") });
        let name = NameId::new("alice", acquit_saml::names::FORMAT_PERSISTENT);
        let asked = Asked { name: &name, indexes: &[], idp: "https://idp", sp: "https://sp" };
        sessions.told_by_saml(&asked, How::Soap, NOW);
        assert!(sessions.get("a").unwrap().ended.is_none());
    }

    #[test]
    fn an_ended_session_stays_ended_the_way_it_did() {
        let mut sessions = three();
        assert!(sessions.end("a", NOW).is_some() && sessions.end("a", NOW).is_none());
        sessions.told(&LogoutSubject::Session { sid: "1".into(), sub: None }, How::BackChannel, NOW);
        let session = sessions.get("a").unwrap();
        assert_eq!((session.ended, session.told), (Some((NOW, How::Here)), true));
    }
}
