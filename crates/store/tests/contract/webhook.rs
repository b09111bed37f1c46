//! Webhook endpoints, what waits until a logout is settled, and the part of the log that the broker shows.

use acquit_core::{
    ConnectionId, EndpointId, OrganizationId, Timestamp, UpstreamId,
    delivery::StepUpdate,
    event::Kind,
    participant::{Channels, Protocol, WebhookChannel},
    plan::Scope,
    receipt::{Attempt, State},
    session::Session,
    step::{Channel, Moment, Outcome, Step, Target},
    upstream::{Held, UpstreamChannels},
};
use acquit_store::{
    event::{BrokerQuery, Direction, Event},
    management::{Kept, Made},
    outbox::AttemptRecord,
    session::NewSession,
    upstream::{Graves, NewUpstream},
    webhook::{COMPLETED, Change, Endpoint, MOST, Refused, STARTED},
};

use crate::world::{LIFETIMES, World, app, at, lease};

fn endpoint(world: &World, name: &str, url: &str, events: &[&str]) -> Endpoint {
    Endpoint {
        id: EndpointId::from_random(world.bits()),
        app: app(name),
        url: url.to_owned(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        enabled: true,
        sealed: b"sealed".to_vec(),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn connection() -> ConnectionId {
    ConnectionId::parse("conn_1").unwrap()
}

fn organization(name: &str) -> OrganizationId {
    OrganizationId::parse(&format!("org_{name}")).unwrap()
}

/// A session through a connection, in which a broker application takes part that has a webhook by configuration.
async fn session(world: &World, username: &str) -> Session {
    let user = world.user(username).await;
    let upstream = NewUpstream {
        id: UpstreamId::from_random(world.bits()),
        connection: connection(),
        organization: Some(organization("1")),
        left_at: Some(at(-5)),
        revalidate_at: None,
        protocol: Protocol::Oidc,
        subject: username.to_owned(),
        sid: None,
        held: Held::default(),
        channels: UpstreamChannels { propagate: true, ..UpstreamChannels::default() },
        sealed: Vec::new(),
        graves: Graves::default(),
    };
    let new = NewSession { upstream: Some(upstream), ..world.new_session(&user, 0) };
    let session = world.begin_session(new).await.unwrap().unwrap();
    let hook =
        WebhookChannel { endpoint: None, uri: "https://saas.example/".to_owned(), started: true, completed: true };
    let channels = Channels { webhooks: vec![hook], tell_on_expiry: true, ..Channels::default() };
    let participant = world.participant(&session.id, "saas", channels, 0);
    let participant = acquit_core::participant::Participant { protocol: Protocol::Broker, ..participant };
    let issued = world.issue_code(&world.hash(), world.grant(&session.id, "saas", 0), participant, LIFETIMES).await;
    issued.unwrap().unwrap();
    session
}

fn record(step: &Step, now: i64, outcome: Outcome) -> AttemptRecord {
    let attempt = Attempt { at: at(now), status: Some(200), ms: 1, detail: None };
    let update = StepUpdate { outcome, detail: None, next_attempt_at: None, again: false, key_retried: false };
    AttemptRecord {
        step: step.id.clone(),
        logout: step.logout.clone(),
        node: "a".to_owned(),
        attempt: Some(attempt),
        update,
        at: at(now),
    }
}

fn moment(step: &Step) -> Moment {
    let Target::Webhook { notice, .. } = &step.target else { panic!("{step:?}") };
    notice.moment
}

fn query() -> BrokerQuery {
    BrokerQuery {
        kinds: Kind::ALL.to_vec(),
        organizations: None,
        since: at(-100),
        until: Timestamp::MAX,
        from: i64::MIN,
        to: i64::MAX,
        direction: Direction::Ascending,
    }
}

async fn kinds(world: &World, query: BrokerQuery, limit: u32) -> Vec<String> {
    world.broker_events(query, limit).await.unwrap().into_iter().map(|record| record.kind).collect()
}

contract! {
    async fn an_endpoint_is_its_applications_own(world: World) {
        let made = endpoint(&world, "saas", "https://a.example/", &[STARTED]);
        world.add_endpoint(made.clone(), None).await.unwrap().unwrap();
        let twin = endpoint(&world, "saas", "https://a.example/", &[STARTED]);
        assert_eq!(world.add_endpoint(twin, None).await.unwrap(), Err(Refused::Duplicate));
        let theirs = endpoint(&world, "other", "https://a.example/", &[STARTED]);
        world.add_endpoint(theirs.clone(), None).await.unwrap().unwrap();
        assert_eq!(world.endpoints(&app("saas")).await.unwrap(), [made.clone()]);
        assert_eq!(world.endpoint(&app("other"), &made.id).await.unwrap(), None);

        let change = |url: &str| Change { url: Some(url.to_owned()), ..Change::default() };
        let changed = world.change_endpoint(&app("saas"), &made.id, change("https://b.example/"), at(1)).await;
        let expected = Endpoint { url: "https://b.example/".to_owned(), updated_at: at(1), ..made.clone() };
        assert_eq!(changed.unwrap(), Ok(expected.clone()));
        assert_eq!(world.endpoint(&app("saas"), &made.id).await.unwrap(), Some(expected));
        let second = endpoint(&world, "saas", "https://c.example/", &[COMPLETED]);
        world.add_endpoint(second.clone(), None).await.unwrap().unwrap();
        let taken = world.change_endpoint(&app("saas"), &second.id, change("https://b.example/"), at(2)).await;
        assert_eq!(taken.unwrap(), Err(Refused::Duplicate));
        let foreign = world.change_endpoint(&app("saas"), &theirs.id, change("https://d.example/"), at(2)).await;
        assert_eq!(foreign.unwrap(), Err(Refused::Unknown));
        assert!(!world.delete_endpoint(&app("saas"), &theirs.id).await.unwrap());
        assert!(world.delete_endpoint(&app("saas"), &made.id).await.unwrap());
        assert!(!world.delete_endpoint(&app("saas"), &made.id).await.unwrap());

        for more in 1..MOST {
            let one = endpoint(&world, "saas", &format!("https://a.example/{more}"), &[STARTED]);
            world.add_endpoint(one, None).await.unwrap().unwrap();
        }
        let one_too_many = endpoint(&world, "saas", "https://a.example/x", &[STARTED]);
        assert_eq!(world.add_endpoint(one_too_many, None).await.unwrap(), Err(Refused::TooMany));
    }

    async fn a_call_that_makes_an_endpoint_and_is_tried_again_makes_one_and_finds_its_answer(world: World) {
        let kept = |request: u8| Kept { key: world.hash(), request: [request; 32], sealed: b"the answer".to_vec(), until: at(100) };
        let one = || endpoint(&world, "saas", "https://a.example/", &[STARTED]);
        let answer = kept(1);
        let made = world.add_endpoint(one(), Some(answer.clone())).await.unwrap();
        assert_eq!(made, Ok(Made::Now));
        let again = world.add_endpoint(one(), Some(answer.clone())).await.unwrap();
        assert_eq!(again, Ok(Made::Before(answer.clone())));
        let refused = kept(2);
        assert_eq!(world.add_endpoint(one(), Some(refused.clone())).await.unwrap(), Err(Refused::Duplicate), "another call");
        assert_eq!(world.kept_answer(&refused.key).await.unwrap(), None, "a refusal is not kept");

        for there in ["https://b.example/", "https://c.example/"] {
            // At once: for the same URL, and for another, as only a caller would who uses one name twice.
            let (answer, here) = (kept(3), endpoint(&world, "other", "https://b.example/", &[STARTED]));
            let (here, there) = (Endpoint { id: EndpointId::from_random(world.bits()), ..here.clone() }, Endpoint { url: there.to_owned(), ..here });
            let before = world.endpoints(&app("other")).await.unwrap().len();
            let (one, other) = tokio::join!(
                world.add_endpoint(Endpoint { url: format!("{}{before}", here.url), ..here }, Some(answer.clone())),
                world.add_endpoint(Endpoint { url: format!("{}{before}", there.url), ..there }, Some(answer.clone())),
            );
            let outcomes = [one.unwrap().unwrap(), other.unwrap().unwrap()];
            assert!(outcomes.contains(&Made::Now) && outcomes.contains(&Made::Before(answer)), "{outcomes:?}");
            assert_eq!(world.endpoints(&app("other")).await.unwrap().len(), before + 1);
        }
    }

    async fn a_logout_tells_the_endpoints_that_there_are_when_it_is_planned(world: World) {
        let session = session(&world, "ann").await;
        for (url, events, enabled) in [
            ("https://a.example/", vec![STARTED, COMPLETED], true),
            ("https://b.example/", vec![COMPLETED], true),
            ("https://c.example/", vec![STARTED], false),
        ] {
            let one = Endpoint { enabled, ..endpoint(&world, "saas", url, &events) };
            world.add_endpoint(one, None).await.unwrap().unwrap();
        }
        world.add_endpoint(endpoint(&world, "other", "https://d.example/", &[STARTED]), None).await.unwrap().unwrap();
        let ended = world.end(&session.id, 10).await;
        let told: Vec<_> = ended.steps.iter().filter(|step| step.channel == Some(Channel::Webhook)).collect();
        let urls: Vec<_> = told.iter().map(|step| step.target.uri().unwrap()).collect();
        assert_eq!(urls, ["https://saas.example/", "https://a.example/"]);
        let Target::Webhook { notice, .. } = &told[0].target else { panic!("{told:?}") };
        assert_eq!((notice.connection.clone(), notice.organization.clone()), (Some(connection()), Some(organization("1"))));
    }

    async fn a_notice_is_due_once_nothing_of_its_logout_is_pending_and_no_part_of_the_receipt(world: World) {
        let session = session(&world, "ann").await;
        world.join(&session.id, "wiki", 0).await;
        let ended = world.end(&session.id, 10).await;
        let steps = world.claim_due(at(10), lease("a", 40), 10, &[]).await.unwrap();
        assert_eq!(steps.len(), 2, "the notice is not due");
        assert_eq!(world.settled(&ended.logout).await.unwrap(), None);
        world.record_attempts(vec![record(&steps[0], 11, Outcome::Confirmed)]).await.unwrap();
        assert_eq!(world.claim_due(at(12), lease("a", 42), 10, &[]).await.unwrap(), []);
        world.record_attempts(vec![record(&steps[1], 13, Outcome::Confirmed)]).await.unwrap();

        let settled = world.settled(&ended.logout).await.unwrap().unwrap();
        // The provider has no sign-out.
        assert_eq!((settled.at, settled.receipt.state), (at(13), State::Incomplete));
        assert!(settled.receipt.steps.iter().all(|line| line.channel != Some(Channel::Webhook) || line.attempts.len() == 1));
        let notices = world.claim_due(at(13), lease("a", 43), 10, &[]).await.unwrap();
        assert_eq!(notices.len(), 1);
        assert_eq!(moment(&notices[0]), Moment::Completed);
        assert_eq!(notices[0].deadline, at(13 + 72 * 3600), "it has all of its time from here on");
        world.record_attempts(vec![record(&notices[0], 14, Outcome::Failed)]).await.unwrap();
        assert_eq!(world.settled(&ended.logout).await.unwrap(), Some(settled.clone()), "whatever becomes of the notice");
        assert_eq!(world.claim_due(at(15), lease("a", 45), 10, &[]).await.unwrap(), []);
        let log = kinds(&world, query(), 100).await;
        assert_eq!(log, ["session-began", "sso-succeeded", "session-ended", "logout-settled"]);

        // Another outcome is another notice.
        world.record_attempts(vec![record(&steps[1], 16, Outcome::Failed)]).await.unwrap();
        assert_eq!(world.settled(&ended.logout).await.unwrap().unwrap().at, at(13), "a confirmation stands");
        assert_eq!(world.retry_now(&ended.logout, at(20)).await.unwrap(), 0, "nothing to retry, and no notice");
    }

    async fn a_retry_by_hand_takes_the_settling_back_until_it_is_settled_again(world: World) {
        let session = session(&world, "ann").await;
        let ended = world.end(&session.id, 10).await;
        let steps = world.claim_due(at(10), lease("a", 40), 10, &[]).await.unwrap();
        world.record_attempts(vec![record(&steps[0], 11, Outcome::Failed)]).await.unwrap();
        let notices = world.claim_due(at(12), lease("a", 42), 10, &[]).await.unwrap();
        world.record_attempts(vec![record(&notices[0], 13, Outcome::Confirmed)]).await.unwrap();
        assert_eq!(world.retry_now(&ended.logout, at(20)).await.unwrap(), 1);
        assert_eq!(world.settled(&ended.logout).await.unwrap(), None);
        let again = world.claim_due(at(20), lease("a", 50), 10, &[]).await.unwrap();
        assert_eq!(again.iter().map(moment).collect::<Vec<_>>(), [Moment::Started]);
        world.record_attempts(vec![record(&again[0], 21, Outcome::Confirmed)]).await.unwrap();
        assert_eq!(world.settled(&ended.logout).await.unwrap().unwrap().at, at(21));
        let notices = world.claim_due(at(22), lease("a", 52), 10, &[]).await.unwrap();
        assert_eq!(notices.iter().map(moment).collect::<Vec<_>>(), [Moment::Completed], "told once more");
    }

    async fn the_broker_lists_what_has_a_connection_by_organization_kind_and_time(world: World) {
        let session = session(&world, "ann").await;
        world.begin(&world.user("local").await, 0).await;
        world.end(&session.id, 10).await;
        let other = Event {
            connection: Some(ConnectionId::parse("conn_2").unwrap()),
            organization: Some(organization("2")),
            ..Event::new(Kind::SsoFailed, at(20))
        };
        world.append_event(other).await.unwrap();
        let all = ["session-began", "sso-succeeded", "session-ended", "sso-failed"];
        assert_eq!(kinds(&world, query(), 100).await, all);
        assert_eq!(kinds(&world, query(), 2).await, all[..2]);
        let newest = BrokerQuery { direction: Direction::Descending, ..query() };
        assert_eq!(kinds(&world, newest, 2).await, ["sso-failed", "session-ended"]);
        for (granted, expected) in [
            (vec![organization("1")], &all[..3]),
            (vec![organization("2"), organization("3")], &all[3..]),
            (vec![], &[]),
        ] {
            let query = BrokerQuery { organizations: Some(granted.clone()), ..query() };
            assert_eq!(kinds(&world, query, 100).await, expected, "{granted:?}");
        }
        let ended = BrokerQuery { kinds: vec![Kind::SessionEnded, Kind::SessionBegan], ..query() };
        assert_eq!(kinds(&world, ended, 100).await, ["session-began", "session-ended"]);
        let late = BrokerQuery { since: at(10), until: at(20), ..query() };
        assert_eq!(kinds(&world, late, 100).await, ["session-ended"]);
        let places = world.broker_events(query(), 100).await.unwrap();
        let between = BrokerQuery { from: places[1].seq, to: places[2].seq, ..query() };
        assert_eq!(kinds(&world, between, 100).await, all[1..3]);
        assert_eq!(places[1].facts.left_at, Some(at(-5).as_micros()));
    }

    async fn a_logout_of_a_user_names_the_connection_of_sessions_that_ended_before(world: World) {
        let session = session(&world, "ann").await;
        let mut order = world.order(Scope::Session(session.id.clone()), 10);
        order.request.tell = acquit_core::plan::Tell::NobodyElse;
        world.log_out(order, |_| None).await.unwrap().unwrap();
        let user = session.user.clone();
        let later = world.end_user(&user, 20).await;
        let told: Vec<_> = later.steps.iter().filter(|step| step.channel == Some(Channel::Webhook)).collect();
        let Target::Webhook { notice, .. } = &told[0].target else { panic!("{told:?}") };
        assert_eq!(notice.connection, Some(connection()));
    }
}
