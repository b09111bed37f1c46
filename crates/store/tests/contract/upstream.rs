//! People from upstream, and what their sessions owe to the providers that vouched for them.

use acquit_core::{
    ConnectionId, UpstreamId, UserId,
    participant::{NameIdForm, Protocol},
    plan::Scope,
    step::{Channel, Target},
    upstream::{Held, SamlUpstream, UpstreamChannels},
};
use acquit_store::{
    session::{BeginRefusal, NewSession},
    upstream::{Graves, NewUpstream, Person, Profile, Tombstone, UpstreamName},
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
        protocol: Protocol::Oidc,
        subject: "ann-there".to_owned(),
        sid: Some(sid.to_owned()),
        held: Held { access: true, refresh: true },
        channels: UpstreamChannels {
            revocation: Some("https://idp.example/revoke".to_owned()),
            end_session: Some("https://idp.example/end".to_owned()),
            saml: None,
            propagate: true,
        },
        sealed: b"sealed".to_vec(),
        graves: Graves { names: vec![[sid.len() as u8; 32]], authenticated_at: at(0) },
    }
}

fn session_of(world: &World, user: &User, through: &str, sid: &str, now: i64) -> NewSession {
    NewSession { upstream: Some(upstream(world, through, sid)), ..world.new_session(user, now) }
}

contract! {
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
        let name = new.upstream.as_ref().unwrap().graves.names[0];
        world.lay_tombstones(vec![Tombstone { name, ended_at: None, until: at(600) }]).await.unwrap();
        assert_eq!(world.begin_session(new.clone()).await.unwrap(), Err(BeginRefusal::EndedUpstream));
        let again = new.upstream.clone();
        assert!(!world.reauthenticate(&session.id, &world.hash(), again, at(2), LIFETIMES).await.unwrap());
        let later = NewSession { now: at(700), ..new };
        assert!(world.begin_session(later).await.unwrap().is_ok(), "a name is remembered for its time");
    }

    async fn a_tombstone_ends_what_its_provider_authenticated_before_and_nothing_later(world: World) {
        let graves = |names: &[u8], authenticated_at| Graves {
            names: names.iter().map(|name| [*name; 32]).collect(),
            authenticated_at: at(authenticated_at),
        };
        let lay = async |name: u8, ended_at: i64, until: i64| {
            let tombstone = Tombstone { name: [name; 32], ended_at: Some(at(ended_at)), until: at(until) };
            world.lay_tombstones(vec![tombstone]).await.unwrap();
        };
        let over = async |graves: Graves, now: i64| world.was_overtaken(&graves, at(now)).await.unwrap();
        lay(1, 100, 700).await;
        assert!(over(graves(&[1], 100), 110).await, "also in the same instant");
        assert!(over(graves(&[2, 1], 50), 110).await, "by any of its names");
        assert!(!over(graves(&[1], 101), 110).await, "who signed in there again since");
        assert!(!over(graves(&[2], 50), 110).await);
        assert!(!over(graves(&[], 50), 110).await);
        assert!(!over(graves(&[1], 50), 700).await, "for its time");
        // A later logout of the same name counts, an earlier one that comes later takes nothing back.
        lay(1, 200, 800).await;
        lay(1, 150, 750).await;
        assert!(over(graves(&[1], 200), 799).await);
        assert!(!over(graves(&[1], 201), 799).await);
        let swept = world.sweep(at(801), LIFETIMES).await.unwrap();
        assert_eq!(swept.deleted, 1);
    }

    async fn sign_ins_of_saml_are_found_by_connection_and_name_with_the_logout_that_ended_them(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let saml = |index: &str, format: &str| NewUpstream {
            protocol: Protocol::Saml,
            channels: UpstreamChannels {
                saml: Some(SamlUpstream {
                    entity_id: "https://idp.example".to_owned(),
                    name_id: NameIdForm { format: Some(format.to_owned()), ..NameIdForm::default() },
                    soap: Some("https://idp.example/soap".to_owned()),
                    hop: None,
                }),
                propagate: true,
                ..UpstreamChannels::default()
            },
            ..upstream(&world, "a", index)
        };
        let begin = async |upstream: NewUpstream, now: i64| {
            let new = NewSession { upstream: Some(upstream), ..world.new_session(&ann, now) };
            world.begin_session(new).await.unwrap().unwrap()
        };
        let one = begin(saml("1", "f"), 1).await;
        let two = begin(saml("22", "g"), 2).await;
        begin(upstream(&world, "a", "333"), 3).await;
        let done = world.end(&two.id, 4).await;
        let soap: Vec<_> = done.steps.iter().filter(|step| step.channel == Some(Channel::SamlSoap)).collect();
        assert_eq!(soap.len(), 1, "{:?}", done.steps);
        assert_eq!(soap[0].target.saml().unwrap().connection, Some(connection("a")));
        let found = world.saml_sign_ins(&connection("a"), "ann-there").await.unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|known| (&known.session, known.index.as_deref(), known.saml.name_id.format.as_deref(), &known.ended))
            .collect();
        assert_eq!(shown, [
            (&one.id, Some("1"), Some("f"), &None),
            (&two.id, Some("22"), Some("g"), &Some(done.logout.clone())),
        ]);
        assert!(found.iter().all(|known| known.user == ann.id));
        assert_eq!(world.saml_sign_ins(&connection("b"), "ann-there").await.unwrap(), []);
        assert_eq!(world.saml_sign_ins(&connection("a"), "bob-there").await.unwrap(), []);
        // Before a provider is told of a person alone, their newer session with it is looked for.
        let newer = async |after| world.newer_participant(&ann.id, &app("conn_a"), at(after)).await.unwrap();
        assert!(newer(2).await && !newer(3).await);
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
