//! People from upstream, and what their sessions owe to the providers that vouched for them.

use acquit_core::{
    ConnectionId, UpstreamId, UserId,
    participant::Protocol,
    plan::Scope,
    step::{Channel, Outcome, Target},
    upstream::{Held, UpstreamChannels},
};
use acquit_store::{
    session::{BeginRefusal, NewSession},
    upstream::{NewUpstream, Person, Profile, UpstreamName},
    user::User,
};

use crate::world::{LIFETIMES, World, app, at};

fn connection(name: &str) -> ConnectionId {
    ConnectionId::parse(&format!("conn_{name}")).unwrap()
}

fn person(world: &World, through: &str, idp_id: &str) -> Person {
    Person {
        fresh_id: UserId::from_random(world.bits()),
        connection: connection(through),
        idp_id: idp_id.to_owned(),
        email: Some("ann@example.com".to_owned()),
        email_verified: true,
        name: Some("Ann".to_owned()),
        groups: vec![format!("conn_{through}/ops")],
        profile: Profile { groups: vec!["ops".to_owned()], ..Profile::default() },
    }
}

fn upstream(world: &World, through: &str, sid: &str) -> NewUpstream {
    NewUpstream {
        id: UpstreamId::from_random(world.bits()),
        connection: connection(through),
        organization: None,
        left_at: None,
        protocol: Protocol::Oidc,
        subject: "ann-there".to_owned(),
        sid: Some(sid.to_owned()),
        held: Held { access: true, refresh: true },
        channels: UpstreamChannels {
            revocation: Some("https://idp.example/revoke".to_owned()),
            end_session: Some("https://idp.example/end".to_owned()),
            propagate: true,
        },
        sealed: b"sealed".to_vec(),
        tombstone: Some([sid.len() as u8; 32]),
    }
}

fn session_of(world: &World, user: &User, through: &str, sid: &str, now: i64) -> NewSession {
    NewSession { upstream: Some(upstream(world, through, sid)), ..world.new_session(user, now) }
}

contract! {
    async fn a_browser_that_never_comes_leaves_the_session_at_the_provider_failed_at_the_deadline(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let session = world.begin_session(session_of(&world, &ann, "a", "sid", 0)).await.unwrap().unwrap();
        let ended = world.end(&session.id, 10).await;
        let outcome = async || {
            let receipt = world.receipt(&ended.logout).await.unwrap().unwrap();
            let line = receipt.steps.into_iter().find(|line| line.channel == Some(Channel::EndSession)).unwrap();
            (line.outcome, line.detail.unwrap_or_default())
        };
        world.sweep(at(10 + 71 * 3600), LIFETIMES).await.unwrap();
        assert_eq!(outcome().await.0, Outcome::Pending);
        world.sweep(at(10 + 73 * 3600), LIFETIMES).await.unwrap();
        let (outcome, detail) = outcome().await;
        assert!(outcome == Outcome::Failed && detail.contains("did not come back"), "{outcome:?}: {detail}");
    }

    async fn a_person_from_upstream_is_known_by_connection_and_name_and_never_by_address(world: World) {
        let first = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let again = world.recognise(person(&world, "a", "1"), at(1)).await.unwrap();
        assert_eq!(first, again);
        for (through, idp_id) in [("a", "2"), ("b", "1")] {
            let other = world.recognise(person(&world, through, idp_id), at(2)).await.unwrap();
            assert_ne!(other.id, first.id, "{through} {idp_id} has the same address and is another person");
        }
        let local = world.user("ann").await;
        assert_eq!(world.user_by_username("ann").await.unwrap().unwrap().id, local.id, "and no local user");
        assert_eq!(first.password_hash, None);
    }

    async fn what_the_provider_says_last_of_a_person_counts(world: World) {
        let first = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let mut changed = person(&world, "a", "1");
        changed.groups.clear();
        changed.email = None;
        changed.profile.first_name = Some("Anna".to_owned());
        let now = world.recognise(changed, at(1)).await.unwrap();
        assert_eq!((&now.id, now.groups.len(), &now.email), (&first.id, 0, &None));
        assert_eq!(world.store.user(&first.id).await.unwrap().unwrap(), now);
    }

    async fn a_person_who_was_deleted_comes_back_as_somebody_new(world: World) {
        let first = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        world.delete_user(&first.id, at(1)).await.unwrap();
        let again = world.recognise(person(&world, "a", "1"), at(2)).await.unwrap();
        assert_ne!(first.id, again.id);
    }

    async fn a_person_who_was_disabled_stays_so(world: World) {
        let first = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        world.set_disabled(&first.id, true, at(1)).await.unwrap();
        let again = world.recognise(person(&world, "a", "1"), at(2)).await.unwrap();
        let refused = world.begin_session(session_of(&world, &again, "a", "s", 3)).await.unwrap();
        assert_eq!(refused, Err(BeginRefusal::Disabled));
    }

    async fn a_logout_gives_tokens_back_and_ends_the_session_upstream(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let new = session_of(&world, &ann, "a", "s1", 1);
        let upstream = new.upstream.as_ref().unwrap().id.clone();
        let session = world.begin_session(new).await.unwrap().unwrap();
        let done = world.end(&session.id, 2).await;
        let channels: Vec<_> = done.steps.iter().map(|step| step.channel.unwrap()).collect();
        assert_eq!(channels, [Channel::Revocation, Channel::Revocation, Channel::EndSession]);
        assert!(done.steps.iter().all(|step| step.party.as_str() == "conn_a"));
        assert!(matches!(&done.steps[0].target, Target::Revocation { upstream: of, .. } if *of == upstream));
        assert_eq!(world.upstream_secrets(&upstream).await.unwrap().as_deref(), Some(&b"sealed"[..]));
        let hops = world.pending_hops(&session.id).await.unwrap();
        assert_eq!(hops, [done.steps[2].clone()], "the browser's hop waits for it");
    }

    async fn a_logout_of_the_person_reaches_the_providers_of_all_their_sessions(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        for sid in ["s1", "s22"] {
            world.begin_session(session_of(&world, &ann, "a", sid, 1)).await.unwrap().unwrap();
        }
        let done = world.end_user(&ann.id, 2).await;
        assert_eq!(done.steps.len(), 6);
        assert_eq!(world.end_user(&ann.id, 3).await.steps.len(), 0, "and once");
    }

    async fn each_sign_in_of_a_session_is_kept(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let session = world.begin_session(session_of(&world, &ann, "a", "s1", 1)).await.unwrap().unwrap();
        let newer = upstream(&world, "a", "s22");
        assert!(world.reauthenticate(&session.id, &world.hash(), Some(newer), at(2), LIFETIMES).await.unwrap());
        let kept = world.upstreams(&session.id).await.unwrap();
        let sids: Vec<_> = kept.iter().map(|upstream| upstream.sid.as_deref().unwrap()).collect();
        assert_eq!(sids, ["s1", "s22"]);
    }

    async fn a_sign_in_that_its_provider_ended_on_the_way_is_refused(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let new = session_of(&world, &ann, "a", "s1", 1);
        let session = world.begin_session(session_of(&world, &ann, "a", "other", 1)).await.unwrap().unwrap();
        world.lay_tombstone(&new.upstream.as_ref().unwrap().tombstone.unwrap(), at(600)).await.unwrap();
        assert_eq!(world.begin_session(new.clone()).await.unwrap(), Err(BeginRefusal::EndedUpstream));
        let again = new.upstream.clone();
        assert!(!world.reauthenticate(&session.id, &world.hash(), again, at(2), LIFETIMES).await.unwrap());
        let later = NewSession { now: at(700), ..new };
        assert!(world.begin_session(later).await.unwrap().is_ok(), "a name is remembered for its time");
    }

    async fn sessions_are_found_by_what_the_provider_calls_them_at_its_own_connection(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let one = world.begin_session(session_of(&world, &ann, "a", "s1", 1)).await.unwrap().unwrap();
        let two = world.begin_session(session_of(&world, &ann, "a", "s22", 1)).await.unwrap().unwrap();
        let find = async |through: &str, name: UpstreamName| -> Vec<_> {
            let found = world.sessions_from(&connection(through), name).await.unwrap();
            found.into_iter().map(|view| view.session.id).collect()
        };
        let sid = |sid: &str| UpstreamName::Sid(sid.to_owned());
        assert_eq!(find("a", sid("s1")).await, [one.id.clone()]);
        assert_eq!(find("b", sid("s1")).await, []);
        let mut both = find("a", UpstreamName::Subject("ann-there".to_owned())).await;
        both.sort();
        let mut all = [one.id.clone(), two.id.clone()];
        all.sort();
        assert_eq!(both, all);
        let pair = |subject: &str| UpstreamName::Both { sid: "s1".to_owned(), subject: subject.to_owned() };
        assert_eq!(find("a", pair("ann-there")).await, [one.id.clone()]);
        assert_eq!(find("a", pair("bob-there")).await, []);
        assert_eq!(world.sessions_through(&connection("a"), 10).await.unwrap().len(), 2);
        assert_eq!(world.sessions_through(&connection("a"), 1).await.unwrap().len(), 1);
        world.end(&one.id, 2).await;
        assert_eq!(find("a", sid("s1")).await, [], "not one that has ended");
        assert_eq!(world.sessions_through(&connection("a"), 10).await.unwrap(), [two.id]);
    }

    async fn an_application_knows_only_the_people_that_it_received(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let bob = world.recognise(person(&world, "a", "2"), at(0)).await.unwrap();
        let session = world.begin_session(session_of(&world, &ann, "a", "s1", 1)).await.unwrap().unwrap();
        world.begin_session(session_of(&world, &bob, "a", "s2", 1)).await.unwrap().unwrap();
        world.join(&session.id, "saas", 2).await;
        assert!(world.has_received(&app("saas"), &ann.id).await.unwrap());
        assert!(!world.has_received(&app("saas"), &bob.id).await.unwrap());
        assert!(!world.has_received(&app("other"), &ann.id).await.unwrap());
        let at_app = world.sessions_at(&ann.id, &app("saas")).await.unwrap();
        assert_eq!(at_app.into_iter().map(|view| view.session.id).collect::<Vec<_>>(), [session.id.clone()]);
        world.log_out(world.order(Scope::Session(session.id), 3), |_| None).await.unwrap().unwrap();
        assert_eq!(world.sessions_at(&ann.id, &app("saas")).await.unwrap(), []);
    }
}
