//! What broker applications are told by webhook.

use super::*;
use crate::{
    ConnectionId, EndpointId, OrganizationId, UpstreamId,
    participant::WebhookChannel,
    step::{Moment, Notice},
    upstream::{Held, Upstream, UpstreamChannels},
};

fn webhook(uri: &str, endpoint: Option<EndpointId>) -> WebhookChannel {
    WebhookChannel { endpoint, uri: uri.to_owned(), started: true, completed: true }
}

fn hooked(webhooks: Vec<WebhookChannel>) -> Channels {
    Channels { webhooks, ..silent() }
}

fn came(n: u8) -> Upstream {
    Upstream {
        id: UpstreamId::from_random([n; 16]),
        session: session(n),
        connection: ConnectionId::parse("conn_1").unwrap(),
        organization: Some(OrganizationId::parse("org_1").unwrap()),
        protocol: Protocol::Oidc,
        subject: "them".to_owned(),
        sid: None,
        held: Held::default(),
        channels: UpstreamChannels::default(),
    }
}

fn saas(n: u8, webhooks: Vec<WebhookChannel>) -> Participant {
    Participant { protocol: Protocol::Broker, ..participant(n, "saas", hooked(webhooks)) }
}

fn of(participants: Vec<Participant>) -> Snapshot {
    let share = |participant: Participant| SessionShare {
        session: participant.session.clone(),
        user: user(),
        live: true,
        participants: vec![participant],
        upstreams: vec![came(1)],
    };
    Snapshot { sessions: participants.into_iter().map(share).collect(), offline: Vec::new() }
}

fn asked(scope: Scope, by: By) -> Request {
    Request { by, ..request(scope) }
}

/// The steps by webhook.
fn told(plan: &Plan) -> Vec<&Step> {
    plan.steps.iter().filter(|step| step.channel == Some(Channel::Webhook)).collect()
}

#[test]
fn every_endpoint_of_a_broker_application_gets_a_step_and_a_notice_for_afterwards() {
    let second = EndpointId::from_random([4; 16]);
    let hooks = vec![webhook("https://a.example/1", None), webhook("https://a.example/2", Some(second.clone()))];
    let request = asked(Scope::Session(session(1)), By::Upstream);
    let plan = plan(&of(vec![saas(1, hooks)]), &request);
    assert_eq!(told(&plan).len(), 2, "{plan:#?}");
    for (step, endpoint) in told(&plan).into_iter().zip([None, Some(second.clone())]) {
        let expected = Notice {
            moment: Moment::Started,
            at: NOW,
            by: By::Upstream,
            scope: "session".to_owned(),
            connection: Some(ConnectionId::parse("conn_1").unwrap()),
            organization: Some(OrganizationId::parse("org_1").unwrap()),
        };
        let Target::Webhook { endpoint: which, notice, .. } = &step.target else { panic!("{step:?}") };
        assert_eq!((which, notice), (&endpoint, &expected));
        assert_eq!((step.channel, step.outcome), (Some(Channel::Webhook), Outcome::Pending));
        assert_eq!(step.session, Some(session(1)));
        assert!(step.next_attempt_at.is_some());
    }
    assert_eq!(plan.notices.len(), 2);
    for notice in &plan.notices {
        assert_eq!((notice.next_attempt_at, &notice.session), (None, &None), "not before the rest is settled");
        assert!(plan.steps.iter().all(|step| step.id != notice.id), "a name of its own");
    }
}

#[test]
fn a_logout_of_several_sessions_has_one_notice_for_each_endpoint() {
    let hooks = || vec![webhook("https://a.example/1", None)];
    let request = asked(Scope::User(user()), By::Administrator);
    let plan = plan(&of(vec![saas(1, hooks()), saas(2, hooks())]), &request);
    assert_eq!(told(&plan).len(), 2, "each session is named");
    assert_eq!(plan.notices.len(), 1);
}

#[test]
fn an_endpoint_is_told_only_what_it_wants_to_hear() {
    let only = |started, completed| WebhookChannel { started, completed, ..webhook("https://a.example/1", None) };
    let request = asked(Scope::Session(session(1)), By::User);
    let late = plan(&of(vec![saas(1, vec![only(false, true)])]), &request);
    assert_eq!(late.notices.len(), 1);
    assert_eq!(late.steps[0].outcome, Outcome::Unsupported, "who does not hear of the end cannot act on it");
    let early = plan(&of(vec![saas(1, vec![only(true, false)])]), &request);
    assert!(early.notices.is_empty());
    assert_eq!(early.steps[0].channel, Some(Channel::Webhook));
}

#[test]
fn the_application_that_asked_is_told_first_and_one_that_spares_itself_expiry_is_not() {
    let hooks = || vec![webhook("https://a.example/1", None)];
    let from_it = asked(Scope::Session(session(1)), By::Application);
    let from_it = Request { party: Some("saas".to_owned()), ..from_it };
    let first = plan(&of(vec![saas(1, hooks())]), &from_it);
    assert!(first.steps[0].first && first.steps[0].channel == Some(Channel::Webhook), "{first:#?}");

    let expiry = Request { tell: Tell::Expiry, ..asked(Scope::Session(session(1)), By::Policy) };
    let mut unwilling = saas(1, hooks());
    unwilling.channels.tell_on_expiry = false;
    let spared = plan(&of(vec![unwilling]), &expiry);
    assert!(spared.notices.is_empty());
    assert!(spared.steps.iter().all(|step| step.outcome == Outcome::Unsupported), "{spared:#?}");
    let willing = plan(&of(vec![saas(1, hooks())]), &expiry);
    assert_eq!((willing.steps[0].channel, willing.notices.len()), (Some(Channel::Webhook), 1));

    let alone = Request { tell: Tell::NobodyElse, ..asked(Scope::Session(session(1)), By::Application) };
    assert!(plan(&of(vec![saas(1, hooks())]), &alone).notices.is_empty());
}

#[test]
fn a_frame_beside_a_webhook_is_loaded_where_the_browser_is_here_and_never_waited_for() {
    let framed = || {
        let mut participant = saas(1, vec![webhook("https://a.example/1", None)]);
        participant.channels.front = front(false).front;
        of(vec![participant])
    };
    let frames = |request: &Request| {
        let plan = plan(&framed(), request);
        assert_eq!(told(&plan).len(), 1);
        plan.steps.iter().filter(|step| step.channel == Some(Channel::Frontchannel)).count()
    };
    let request = asked(Scope::Session(session(1)), By::Upstream);
    assert_eq!(frames(&request), 0);
    assert_eq!(frames(&Request { browser: Some(session(2)), ..request.clone() }), 0, "another session's");
    assert_eq!(frames(&Request { browser: Some(session(1)), ..request }), 1);
}

#[test]
fn a_webhooks_target_survives_the_store() {
    let request = asked(Scope::Session(session(1)), By::Upstream);
    let plan = plan(&of(vec![saas(1, vec![webhook("https://a.example/1", None)])]), &request);
    for step in plan.steps.iter().chain(&plan.notices) {
        let text = serde_json::to_string(&step.target).unwrap();
        assert_eq!(serde_json::from_str::<Target>(&text).unwrap(), step.target, "{text}");
    }
}
