//! What SAML applications are told.

use super::*;
use crate::{
    participant::{HopBinding, NameIdForm, SamlChannel, SamlHop},
    step::{NO_INDEX, SamlNamed, SamlReason},
};

const SOAP: Option<Channel> = Some(Channel::SamlSoap);
const POST: Option<Channel> = Some(Channel::SamlPost);

fn hop(binding: HopBinding) -> SamlChannel {
    let hop = SamlHop { binding, uri: "https://app.test/slo".to_owned(), response_uri: None };
    SamlChannel { hop: Some(hop), session_index_required: true, ..SamlChannel::default() }
}

fn soap() -> SamlChannel {
    SamlChannel { soap: Some("https://app.test/soap".to_owned()), ..hop(HopBinding::Redirect) }
}

fn saml(n: u8, app: &str, channel: Option<SamlChannel>) -> Participant {
    let form = NameIdForm { format: Some("f".to_owned()), ..NameIdForm::default() };
    let channels = Channels { saml: channel, ..both(Preference::Both) };
    Participant {
        protocol: Protocol::Saml,
        name_id: Some(form),
        not_on_or_after: Some(NOW),
        ..participant(n, app, channels)
    }
}

fn of(participants: Vec<Participant>) -> Snapshot {
    let mut sessions: Vec<SessionShare> = Vec::new();
    for participant in participants {
        match sessions.iter_mut().find(|share| share.session == participant.session) {
            Some(share) => share.participants.push(participant),
            None => sessions.push(SessionShare {
                session: participant.session.clone(),
                user: user(),
                live: true,
                participants: vec![participant],
                upstreams: Vec::new(),
            }),
        }
    }
    Snapshot { sessions, offline: Vec::new() }
}

#[test]
fn soap_goes_before_a_hop_and_openid_channels_mean_nothing() {
    let snapshot = of(vec![saml(1, "a", Some(soap())), saml(1, "b", Some(hop(HopBinding::Post)))]);
    let plan = plan(&snapshot, &of_session());
    assert_eq!(lines(&plan), [("a", SOAP, Pending), ("b", POST, Pending)]);
    assert_eq!(plan.steps[0].next_attempt_at, Some(NOW));
    assert_eq!(plan.steps[1].next_attempt_at, None, "the browser goes there, not the worker");
    assert_eq!(plan.steps[1].detail.as_deref(), Some("waits for its browser"));
}

#[test]
fn an_application_without_an_endpoint_is_listed_as_one_that_cannot_be_told() {
    let empty = SamlChannel { hop: None, ..soap() };
    let empty = SamlChannel { soap: None, ..empty };
    let plan = plan(&of(vec![saml(1, "a", None), saml(1, "b", Some(empty))]), &of_session());
    assert_eq!(lines(&plan), [("a", None, Unsupported), ("b", None, Unsupported)]);
    assert!(plan.steps.iter().all(|step| step.detail.as_deref() == Some("has no logout endpoint")));
}

#[test]
fn the_index_is_named_where_it_is_asked_for_and_kept_at_hand_otherwise() {
    let without = SamlChannel { session_index_required: false, ..soap() };
    let plan = plan(&of(vec![saml(1, "a", Some(soap())), saml(1, "b", Some(without))]), &of_session());
    let [named, unnamed] = [&plan.steps[0].target, &plan.steps[1].target];
    let expected = SamlNamed {
        entity_id: "client-a".to_owned(),
        connection: None,
        subject: "sub".to_owned(),
        form: NameIdForm { format: Some("f".to_owned()), ..NameIdForm::default() },
        session_index: Some("sid-1-a".to_owned()),
        ended_index: None,
        not_on_or_after: Some(NOW),
        reason: Some(SamlReason::User),
    };
    assert_eq!(named.saml(), Some(&expected));
    assert_eq!((named.note(), named.names_subject_alone()), (None, false));
    assert_eq!((unnamed.note(), unnamed.names_subject_alone()), (Some(NO_INDEX), true));
    let spared = unnamed.naming_the_ended().unwrap();
    assert_eq!(spared.saml().unwrap().session_index.as_deref(), Some("sid-1-b"));
    assert_eq!(spared.note(), None);
}

#[test]
fn an_application_that_asked_is_not_asked_again_about_what_it_named() {
    let all = vec![saml(1, "a", Some(soap())), saml(1, "b", Some(soap())), saml(2, "a", Some(soap()))];
    let one = asked_by("a", of_session());
    assert_eq!(lines(&plan(&of(all[..2].to_vec()), &one)), [("b", SOAP, Pending)]);
    let both = asked_by("a", request(Scope::Sessions(vec![session(1), session(2)])));
    assert_eq!(lines(&plan(&of(all.clone()), &both)), [("b", SOAP, Pending)]);
    let wider = Request { named: vec![session(1)], ..asked_by("a", of_user()) };
    let wider = plan(&of(all), &wider);
    assert_eq!(lines(&wider), [("a", SOAP, Pending), ("b", SOAP, Pending)]);
    assert_eq!(wider.steps[0].session, Some(session(2)), "it did not name that one");
    assert_eq!(wider.close.len(), 3);
}

#[test]
fn a_hop_in_the_browser_that_is_here_is_about_to_be_made() {
    let framed = SamlChannel { frame: true, ..hop(HopBinding::Redirect) };
    let here = Request { browser: Some(session(1)), ..of_session() };
    let plan = plan(&of(vec![saml(1, "a", Some(framed))]), &here);
    assert_eq!(plan.steps[0].detail.as_deref(), Some("to be opened in the browser"));
    assert!(matches!(&plan.steps[0].target, Target::SamlHop { frame: true, binding: HopBinding::Redirect, .. }));
}

#[test]
fn one_that_joined_a_moment_ago_is_told_once_more() {
    let young = Participant { joined_at: NOW, ..saml(1, "a", Some(soap())) };
    assert!(plan(&of(vec![young]), &of_session()).steps[0].again);
    assert!(!plan(&of(vec![saml(1, "a", Some(soap()))]), &of_session()).steps[0].again);
}

#[test]
fn an_application_is_told_who_wanted_the_logout() {
    let snapshot = of(vec![saml(1, "a", Some(soap()))]);
    for (by, tell, expected) in [
        (By::User, Tell::Everyone, SamlReason::User),
        (By::Application, Tell::Everyone, SamlReason::User),
        (By::Upstream, Tell::Everyone, SamlReason::User),
        (By::Administrator, Tell::Everyone, SamlReason::Admin),
        (By::Policy, Tell::Everyone, SamlReason::Admin),
        (By::Policy, Tell::Expiry, SamlReason::GlobalTimeout),
    ] {
        let mut snapshot = snapshot.clone();
        snapshot.sessions[0].participants[0].channels.tell_on_expiry = true;
        let plan = plan(&snapshot, &Request { by, tell, ..of_session() });
        assert_eq!(plan.steps[0].target.saml().unwrap().reason, Some(expected), "{by:?} {tell:?}");
    }
}

#[test]
fn nothing_is_sent_where_expired_metadata_points_and_a_later_logout_tells_it() {
    let expired = SamlChannel { expired: true, ..soap() };
    let snapshot = of(vec![saml(1, "a", Some(expired.clone())), saml(1, "b", Some(soap()))]);
    let first = plan(&snapshot, &of_user());
    assert_eq!(lines(&first), [("a", None, Unsupported), ("b", SOAP, Pending)]);
    assert_eq!(first.steps[0].detail.as_deref(), Some("cannot be told: its metadata has expired"));
    assert_eq!(first.close.len(), 1, "it stays open");
    // The same again is the same logout, and with good metadata it is told.
    let mut after = of(vec![saml(1, "a", Some(expired))]);
    after.sessions[0].live = false;
    assert!(plan(&after, &of_user()).is_empty());
    after.sessions[0].participants[0].channels.saml = Some(soap());
    assert_eq!(lines(&plan(&after, &of_user())), [("a", SOAP, Pending)]);
    // Who asked knows.
    let asker = asked_by("a", of_session());
    assert_eq!(lines(&plan(&snapshot, &asker)), [("b", SOAP, Pending)]);
}
