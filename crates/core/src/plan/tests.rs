use super::*;
use crate::{
    LogoutId, Timestamp,
    participant::{BackChannel, Channels, FrontChannel, Protocol},
};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

fn session(n: u8) -> SessionId {
    SessionId::from_random([n; 16])
}

fn user() -> UserId {
    UserId::from_random([7; 16])
}

fn back() -> Channels {
    let back = BackChannel { uri: "https://app.test/back".to_owned(), alg: "ES256".to_owned() };
    Channels { back: Some(back), tell_on_expiry: true, ..Channels::default() }
}

fn front(session_required: bool) -> Channels {
    let front = FrontChannel { uri: "https://app.test/front".to_owned(), session_required };
    Channels { front: Some(front), tell_on_expiry: true, ..Channels::default() }
}

fn both(preference: Preference) -> Channels {
    Channels { front: front(true).front, preference, ..back() }
}

fn silent() -> Channels {
    Channels { tell_on_expiry: true, ..Channels::default() }
}

fn participant(n: u8, app: &str, channels: Channels) -> Participant {
    Participant {
        session: session(n),
        app: AppId::new(app),
        protocol: Protocol::Oidc,
        client_id: format!("client-{app}"),
        subject: "sub".to_owned(),
        sid: format!("sid-{n}-{app}"),
        joined_at: NOW.minus(Duration::from_secs(3600)),
        channels,
        name_id: None,
        not_on_or_after: None,
    }
}

fn share(n: u8, apps: Vec<(&str, Channels)>) -> SessionShare {
    let participants = apps.into_iter().map(|(app, channels)| participant(n, app, channels)).collect();
    SessionShare { session: session(n), user: user(), live: true, participants, upstreams: Vec::new() }
}

fn one(apps: Vec<(&str, Channels)>) -> Snapshot {
    Snapshot { sessions: vec![share(1, apps)], offline: Vec::new() }
}

fn request(scope: Scope) -> Request {
    Request {
        id: LogoutId::from_random([3; 16]),
        scope,
        by: By::User,
        party: None,
        reason: None,
        tell: Tell::Everyone,
        at: NOW,
        ip: None,
        browser: None,
        named: Vec::new(),
        deadline: Duration::from_secs(100),
    }
}

fn of_session() -> Request {
    request(Scope::Session(session(1)))
}

fn of_user() -> Request {
    request(Scope::User(user()))
}

fn asked_by(app: &str, request: Request) -> Request {
    Request { by: By::Application, party: Some(app.to_owned()), ..request }
}

fn lines(plan: &Plan) -> Vec<(&str, Option<Channel>, Outcome)> {
    plan.steps.iter().map(|step| (step.party.as_str(), step.channel, step.outcome)).collect()
}

const BACK: Option<Channel> = Some(Channel::Backchannel);
const FRONT: Option<Channel> = Some(Channel::Frontchannel);
use Outcome::{Pending, Unsupported};

mod gateway;
mod offline;
mod saml;
mod upstream;
mod webhook;

#[test]
fn every_application_of_the_session_is_told_and_closed() {
    let plan = plan(&one(vec![("a", back()), ("b", front(true))]), &of_session());
    assert_eq!(plan.end, [session(1)]);
    assert_eq!(lines(&plan), [("a", BACK, Pending), ("b", FRONT, Pending)]);
    assert_eq!(plan.close, [(session(1), AppId::new("a")), (session(1), AppId::new("b"))]);
    assert!(!plan.revoke_offline);
}

#[test]
fn a_step_fixes_what_is_said_to_whom_and_until_when() {
    let plan = plan(&one(vec![("a", back())]), &of_session());
    let step = &plan.steps[0];
    assert_eq!(
        step.target,
        Target::Backchannel {
            uri: "https://app.test/back".to_owned(),
            client_id: "client-a".to_owned(),
            alg: "ES256".to_owned(),
            subject: "sub".to_owned(),
            sid: Some("sid-1-a".to_owned()),
            ended_sid: None,
        }
    );
    assert_eq!((step.session.as_ref(), &step.user), (Some(&session(1)), &user()));
    assert_eq!(step.next_attempt_at, Some(NOW), "the first attempt is made at once");
    assert_eq!(step.deadline, NOW.plus(Duration::from_secs(100)));
}

#[test]
fn an_application_with_both_channels_gets_the_back_channel_unless_it_asks_otherwise() {
    let told =
        |preference| lines(&plan(&one(vec![("a", both(preference))]), &of_session())).iter().map(|l| l.1).collect();
    let (default, front, each): (Vec<_>, Vec<_>, Vec<_>) =
        (told(Preference::default()), told(Preference::FrontChannel), told(Preference::Both));
    assert_eq!(default, [BACK]);
    assert_eq!(front, [FRONT]);
    assert_eq!(each, [BACK, FRONT]);
}

#[test]
fn a_preference_for_a_channel_that_is_not_registered_is_no_excuse() {
    let only_back = Channels { preference: Preference::FrontChannel, ..back() };
    let only_front = Channels { preference: Preference::BackChannel, ..front(true) };
    let plan = plan(&one(vec![("a", only_back), ("b", only_front)]), &of_session());
    assert_eq!(lines(&plan), [("a", BACK, Pending), ("b", FRONT, Pending)]);
}

#[test]
fn an_application_without_a_channel_is_listed_as_one_that_cannot_be_told() {
    let plan = plan(&one(vec![("a", silent())]), &of_session());
    assert_eq!(lines(&plan), [("a", None, Unsupported)]);
    assert_eq!(plan.steps[0].detail.as_deref(), Some("has no logout channel"));
    assert_eq!(plan.steps[0].next_attempt_at, None);
}

#[test]
fn the_application_that_asked_gets_a_step_only_over_a_channel_of_its_own() {
    let snapshot = one(vec![("a", silent()), ("b", back())]);
    assert_eq!(lines(&plan(&snapshot, &asked_by("a", of_session()))), [("b", BACK, Pending)]);
    let by_b = plan(&snapshot, &asked_by("b", of_session()));
    assert_eq!(lines(&by_b), [("b", BACK, Pending), ("a", None, Unsupported)]);
    assert_eq!(by_b.close.len(), 2);
}

#[test]
fn the_application_that_asked_comes_first_and_only_its_back_channel_is_waited_for() {
    let apps = vec![("a", back()), ("b", back()), ("c", both(Preference::Both))];
    let plan = plan(&one(apps), &asked_by("c", of_session()));
    assert_eq!(lines(&plan), [("c", BACK, Pending), ("c", FRONT, Pending), ("a", BACK, Pending), ("b", BACK, Pending)]);
    assert_eq!(plan.steps.iter().map(|step| step.first).collect::<Vec<_>>(), [true, false, false, false]);
    let ids: Vec<_> = (0..4).map(|n| StepId::of(&of_session().id, n)).collect();
    assert_eq!(plan.steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>(), ids);
}

#[test]
fn an_operators_token_named_like_an_application_is_not_that_application() {
    let request = Request { by: By::Administrator, ..asked_by("a", of_session()) };
    assert_eq!(lines(&plan(&one(vec![("a", silent())]), &request)), [("a", None, Unsupported)]);
}

#[test]
fn nobody_else_is_told_and_their_participants_stay_open() {
    let request = Request { tell: Tell::NobodyElse, ..asked_by("a", of_session()) };
    let plan = plan(&one(vec![("a", back()), ("b", back())]), &request);
    assert_eq!(plan.end, [session(1)]);
    assert_eq!(lines(&plan), [("b", None, Unsupported)]);
    assert_eq!(plan.steps[0].detail.as_deref(), Some("not asked"));
    assert_eq!(plan.close, [(session(1), AppId::new("a"))]);
}

#[test]
fn who_was_not_asked_is_told_by_a_later_logout_of_the_user() {
    let mut snapshot = one(vec![("b", back())]);
    snapshot.sessions[0].live = false;
    let plan = plan(&snapshot, &of_user());
    assert_eq!(plan.end, []);
    assert_eq!(lines(&plan), [("b", BACK, Pending)]);
    assert_eq!(plan.close, [(session(1), AppId::new("b"))]);
}

#[test]
fn repeating_a_logout_that_asked_nobody_adds_nothing() {
    let mut snapshot = one(vec![("b", back())]);
    snapshot.sessions[0].live = false;
    assert!(plan(&snapshot, &Request { tell: Tell::NobodyElse, ..of_session() }).is_empty());
}

#[test]
fn an_application_is_told_of_expiry_unless_it_does_not_want_to_be() {
    let unwilling = Channels { tell_on_expiry: false, ..back() };
    let expiry = Request { tell: Tell::Expiry, by: By::Policy, ..of_session() };
    let snapshot = one(vec![("a", back()), ("b", unwilling)]);
    let expired = plan(&snapshot, &expiry);
    assert_eq!(lines(&expired), [("a", BACK, Pending), ("b", None, Unsupported)]);
    assert_eq!(expired.steps[1].detail.as_deref(), Some("not to be told of expiry"));
    assert_eq!(lines(&plan(&snapshot, &of_session())), [("a", BACK, Pending), ("b", BACK, Pending)]);
}

#[test]
fn an_application_that_joined_a_moment_ago_is_told_once_more() {
    let mut snapshot = one(vec![("a", back()), ("b", back()), ("c", back())]);
    let joined = [NOW.minus(YOUNG), NOW.minus(Duration::from_secs(9)), NOW.plus(Duration::from_secs(5))];
    for (participant, joined_at) in snapshot.sessions[0].participants.iter_mut().zip(joined) {
        participant.joined_at = joined_at;
    }
    let again: Vec<_> = plan(&snapshot, &of_session()).steps.iter().map(|step| step.again).collect();
    assert_eq!(again, [false, true, true], "a clock that jumped back counts as young");
}

#[test]
fn a_frame_names_the_session_only_where_the_application_asked_for_it_and_waits_for_its_browser() {
    let here = Request { browser: Some(session(1)), ..of_session() };
    let elsewhere = Request { browser: Some(session(2)), ..of_session() };
    for (request, detail) in [
        (here, "to be opened in the browser"),
        (elsewhere, "waits for its browser"),
        (of_session(), "waits for its browser"),
    ] {
        let plan = plan(&one(vec![("a", front(true)), ("b", front(false))]), &request);
        let sids: Vec<_> = plan.steps.iter().map(|step| step.target.clone()).collect();
        let uri = "https://app.test/front".to_owned();
        let with = Target::Frontchannel { uri: uri.clone(), sid: Some("sid-1-a".to_owned()) };
        assert_eq!(sids, [with, Target::Frontchannel { uri, sid: None }]);
        for step in &plan.steps {
            assert_eq!((step.detail.as_deref(), step.next_attempt_at), (Some(detail), None));
        }
    }
}

#[test]
fn each_session_of_a_user_is_named_to_each_of_its_applications() {
    let snapshot =
        Snapshot { sessions: vec![share(1, vec![("a", back())]), share(2, vec![("a", back())])], offline: vec![] };
    let plan = plan(&snapshot, &of_user());
    assert_eq!(plan.end, [session(1), session(2)]);
    assert_eq!(plan.steps.iter().map(|s| s.session.clone()).collect::<Vec<_>>(), [Some(session(1)), Some(session(2))]);
}

#[test]
fn nothing_in_scope_is_an_empty_plan() {
    for request in [of_session(), of_user()] {
        let plan = plan(&Snapshot::default(), &request);
        assert!(plan.is_empty() && plan.close.is_empty());
    }
}
