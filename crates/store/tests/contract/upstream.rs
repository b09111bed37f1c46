//! People from upstream, and what their sessions owe to the providers that vouched for them.

use acquit_core::{
    ConnectionId, UpstreamId, UserId,
    participant::{NameIdForm, Protocol},
    plan::Scope,
    step::{Channel, Outcome, Target},
    upstream::{Held, SamlUpstream, UpstreamChannels},
};
use acquit_store::{
    logout::Lease,
    session::{BeginRefusal, NewSession},
    upstream::{Asked, Graves, NewUpstream, Person, Profile, Tombstone, UpstreamName},
    user::User,
};

use crate::{
    outbox::{attempt, update},
    world::{LIFETIMES, World, app, at},
};

fn connection(name: &str) -> ConnectionId {
    ConnectionId::parse(&format!("conn_{name}")).unwrap()
}

const ISSUER: &str = "https://idp.example";

fn person(world: &World, through: &str, idp_id: &str) -> Person {
    Person {
        fresh_id: UserId::from_random(world.bits()),
        connection: connection(through),
        issuer: ISSUER.to_owned(),
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
            saml: None,
            propagate: true,
        },
        sealed: b"sealed".to_vec(),
        revalidate_at: None,
        graves: Graves { names: vec![[sid.len() as u8; 32]], authenticated_at: at(0) },
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

    async fn another_provider_behind_the_same_connection_brings_other_people(world: World) {
        let from = |issuer: &str| Person { issuer: issuer.to_owned(), ..person(&world, "a", "1") };
        let first = world.recognise(from(ISSUER), at(0)).await.unwrap();
        let other = world.recognise(from("https://other.example"), at(1)).await.unwrap();
        assert_ne!(first.id, other.id, "whatever they are called there");
        assert_eq!(world.recognise(from(ISSUER), at(2)).await.unwrap(), first, "and each is known again");
        let of = async |issuer: &str| world.sessions_of_other_issuers(&connection("a"), issuer, 10).await.unwrap();
        let session = world.begin_session(session_of(&world, &first, "a", "s", 3)).await.unwrap().unwrap();
        assert_eq!(of(ISSUER).await, []);
        assert_eq!(of("https://other.example").await, [session.id.clone()]);
        assert_eq!(world.sessions_of_other_issuers(&connection("b"), "https://other.example", 10).await.unwrap(), []);
        world.end(&session.id, 4).await;
        assert_eq!(of("https://other.example").await, []);
    }

    async fn somebody_of_whom_it_was_not_written_down_belongs_to_the_first_provider_that_brings_them(world: World) {
        let from = |issuer: &str| Person { issuer: issuer.to_owned(), ..person(&world, "a", "1") };
        let before = world.recognise(from(""), at(0)).await.unwrap();
        world.begin_session(session_of(&world, &before, "a", "s", 1)).await.unwrap().unwrap();
        assert_eq!(world.sessions_of_other_issuers(&connection("a"), ISSUER, 10).await.unwrap(), [], "nobody knows whose");
        assert_eq!(world.recognise(from(ISSUER), at(1)).await.unwrap().id, before.id);
        assert_ne!(world.recognise(from("https://other.example"), at(2)).await.unwrap().id, before.id);
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

    async fn a_session_of_saml_is_found_however_many_sign_ins_its_person_made_since(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let saml = |index: &str| NewUpstream {
            protocol: Protocol::Saml,
            channels: UpstreamChannels {
                saml: Some(SamlUpstream {
                    entity_id: "https://idp.example".to_owned(),
                    name_id: NameIdForm::default(),
                    soap: None,
                    hop: None,
                }),
                ..UpstreamChannels::default()
            },
            ..upstream(&world, "a", index)
        };
        let begin = async |index: &str, now: i64| {
            let new = NewSession { upstream: Some(saml(index)), ..world.new_session(&ann, now) };
            world.begin_session(new).await.unwrap().unwrap()
        };
        // Somebody who will be told to go, and means to stay.
        let kept = begin("kept", 1).await;
        let other = begin("other", 2).await;
        for now in 3..1003 {
            let again = Some(saml("other"));
            assert!(world.reauthenticate(&other.id, &world.hash(), again, at(now), LIFETIMES).await.unwrap());
        }
        let found = world.saml_sign_ins(&connection("a"), "ann-there").await.unwrap();
        assert!(found.iter().any(|known| known.session == kept.id && known.index.as_deref() == Some("kept")));
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

    async fn a_provider_is_asked_about_a_sign_in_by_one_node_at_a_time(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let mut new = session_of(&world, &ann, "a", "s1", 1);
        new.upstream.as_mut().unwrap().revalidate_at = Some(at(600));
        let upstream = new.upstream.as_ref().unwrap().id.clone();
        let session = world.begin_session(new).await.unwrap().unwrap();
        world.begin_session(session_of(&world, &ann, "a", "never", 1)).await.unwrap().unwrap();
        let claim = async |now: i64, lease: &str| {
            world.claim_revalidations(at(now), (lease, at(now + 120)), 10).await.unwrap()
        };
        assert!(claim(599, "early").await.is_empty());
        let first = claim(600, "one").await;
        assert_eq!(first.iter().map(|due| (&due.id, &due.session)).collect::<Vec<_>>(), [(&upstream, &session.id)]);
        assert_eq!((first[0].sealed.as_slice(), first[0].failures), (&b"sealed"[..], 0));
        assert!(claim(600, "two").await.is_empty(), "somebody is at it");
        assert!(world.holds_revalidation(&first[0]).await.unwrap());
        // Whoever took too long has nothing to say any more: another used the token since.
        let second = claim(720, "three").await;
        assert_eq!(second.len(), 1);
        assert!(!world.holds_revalidation(&first[0]).await.unwrap());
        let renewed = |bytes: &[u8]| Asked::Renewed { sealed: bytes.to_vec(), again_at: at(1320) };
        assert!(!world.record_revalidation(&first[0], renewed(b"old"), at(721), LIFETIMES).await.unwrap());
        assert!(world.record_revalidation(&second[0], renewed(b"new"), at(721), LIFETIMES).await.unwrap());
        assert_eq!(world.upstream_secrets(&upstream).await.unwrap().as_deref(), Some(&b"new"[..]));
        assert!(!world.record_revalidation(&second[0], renewed(b"again"), at(721), LIFETIMES).await.unwrap(), "once");
        assert!(claim(1319, "four").await.is_empty());
        // Failures are counted until it works again.
        for failures in 0..3 {
            let due = claim(1320, &format!("try {failures}")).await;
            assert_eq!(due[0].failures, failures);
            let failed = Asked::Failed { again_at: at(1320) };
            assert!(world.record_revalidation(&due[0], failed, at(1320), LIFETIMES).await.unwrap());
        }
        let due = claim(1320, "last").await;
        assert!(world.record_revalidation(&due[0], Asked::Never, at(1320), LIFETIMES).await.unwrap());
        assert!(claim(9999, "nothing").await.is_empty());
    }

    async fn a_session_that_ended_or_was_renewed_there_gets_no_tokens_from_an_older_question(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let due_at = |mut new: NewSession| {
            new.upstream.as_mut().unwrap().revalidate_at = Some(at(5));
            new
        };
        let ended = world.begin_session(due_at(session_of(&world, &ann, "a", "s1", 1))).await.unwrap().unwrap();
        let anew = world.begin_session(due_at(session_of(&world, &ann, "a", "s22", 1))).await.unwrap().unwrap();
        let claimed = world.claim_revalidations(at(5), ("one", at(125)), 10).await.unwrap();
        assert_eq!(claimed.len(), 2);
        world.end(&ended.id, 6).await;
        let newer = upstream(&world, "a", "s333");
        assert!(world.reauthenticate(&anew.id, &world.hash(), Some(newer), at(6), LIFETIMES).await.unwrap());
        for due in &claimed {
            assert!(!world.holds_revalidation(due).await.unwrap());
            let asked = Asked::Renewed { sealed: b"late".to_vec(), again_at: at(7) };
            assert!(!world.record_revalidation(due, asked, at(7), LIFETIMES).await.unwrap());
            assert_eq!(world.upstream_secrets(&due.id).await.unwrap().as_deref(), Some(&b"sealed"[..]));
        }
        assert!(world.claim_revalidations(at(999), ("two", at(1119)), 10).await.unwrap().is_empty());
    }

    async fn tokens_are_wiped_when_no_step_needs_them_and_not_before(world: World) {
        let ann = world.recognise(person(&world, "a", "1"), at(0)).await.unwrap();
        let new = session_of(&world, &ann, "a", "s1", 1);
        let upstream = new.upstream.as_ref().unwrap().id.clone();
        let session = world.begin_session(new).await.unwrap().unwrap();
        world.join(&session.id, "calendar", 2).await;
        assert_eq!(world.wipe_upstreams().await.unwrap(), 0, "the session lives");
        let done = world.end(&session.id, 3).await;
        let of = |channel: Channel| done.steps.iter().filter(move |step| step.channel == Some(channel));
        assert_eq!(world.wipe_upstreams().await.unwrap(), 0, "its tokens are to be given back");
        let lease = |until| Lease { node: "n".to_owned(), until: at(until) };
        let claimed = world.claim_due(at(3), lease(33), 10, &[]).await.unwrap();
        let revocations: Vec<_> =
            claimed.iter().filter(|step| matches!(step.target, Target::Revocation { .. })).collect();
        let tried = |at: i64, status, outcome| attempt(revocations[1], "n", at, status, update(outcome, None));
        let confirmed = attempt(revocations[0], "n", 4, 200, update(Outcome::Confirmed, None));
        world.record_attempts(vec![confirmed, tried(4, 403, Outcome::Failed)]).await.unwrap();
        let hop = of(Channel::EndSession).next().unwrap();
        assert_eq!(world.wipe_upstreams().await.unwrap(), 0, "its browser may still come");
        assert!(world.record_hop(&hop.logout, &hop.id, at(5), None).await.unwrap());
        assert_eq!(world.wipe_upstreams().await.unwrap(), 0, "what failed may be tried again by hand");
        world.retry_now(&done.logout, at(6)).await.unwrap();
        world.claim_due(at(6), lease(66), 10, &[]).await.unwrap();
        world.record_attempts(vec![tried(7, 200, Outcome::Confirmed)]).await.unwrap();
        // The application's own step is still pending: that is none of the provider's.
        assert_eq!(world.wipe_upstreams().await.unwrap(), 1);
        assert_eq!(world.upstream_secrets(&upstream).await.unwrap().as_deref(), Some(&b""[..]));
        let kept = world.upstreams(&session.id).await.unwrap();
        assert_eq!(kept[0].held, Held::default(), "and nothing claims to be held");
        assert_eq!(world.wipe_upstreams().await.unwrap(), 0, "once");
    }
}
