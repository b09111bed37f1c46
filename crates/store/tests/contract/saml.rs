//! SAML participants, what their LogoutRequests mean, and hops.

use acquit_core::{
    SessionId, Timestamp,
    participant::{Channels, HopBinding, NameIdForm, Participant, Protocol, SamlChannel, SamlHop},
    plan::Scope,
    receipt::State,
    step::{Channel, NO_INDEX, Outcome, Target},
};
use acquit_store::{
    StoreError,
    logout::LoggedOut,
    saml::{HopAnswer, NameRule, SamlAsked, SamlJoined, SamlSession, Skipped},
};

use crate::world::{LIFETIMES, World, at, lease};

const IDP: &str = "https://idp.test/saml/metadata";

fn form() -> NameIdForm {
    NameIdForm { format: Some("format".to_owned()), ..NameIdForm::default() }
}

fn soap() -> SamlChannel {
    SamlChannel { soap: Some("https://wiki.test/soap".to_owned()), ..SamlChannel::default() }
}

fn hop() -> SamlChannel {
    let hop = SamlHop { binding: HopBinding::Post, uri: "https://wiki.test/slo".to_owned(), response_uri: None };
    SamlChannel { hop: Some(hop), session_index_required: true, ..SamlChannel::default() }
}

fn participant(world: &World, session: &SessionId, name: &str, channel: SamlChannel, now: i64) -> Participant {
    let channels = Channels { saml: Some(channel), ..Channels::default() };
    Participant {
        protocol: Protocol::Saml,
        name_id: Some(form()),
        not_on_or_after: Some(at(now + 300)),
        ..world.participant(session, name, channels, now)
    }
}

async fn join(world: &World, session: &SessionId, name: &str, channel: SamlChannel) -> SamlJoined {
    let participant = participant(world, session, name, channel, 1);
    world.join_saml(participant, NameRule::AsGiven, LIFETIMES, None).await.unwrap().unwrap()
}

async fn asked(world: &World, name: &str, indexes: &[&str]) -> Vec<SamlSession> {
    let asked = SamlAsked {
        entity_id: name.to_owned(),
        subject: "subject".to_owned(),
        form: form(),
        indexes: indexes.iter().map(|&index| index.to_owned()).collect(),
        identity_provider: IDP.to_owned(),
    };
    world.saml_sessions(asked).await.unwrap()
}

/// A session with one application that is told by a hop, ended.
async fn hopping(world: &World) -> LoggedOut {
    let ann = world.user("ann").await;
    let session = world.begin(&ann, 0).await;
    join(world, &session.id, "wiki", hop()).await;
    world.end(&session.id, 10).await
}

contract! {
    async fn a_session_is_found_by_its_application_however_many_its_person_began_since(world: World) {
        let ann = world.user("ann").await;
        let first = world.begin(&ann, 0).await;
        let index = join(&world, &first.id, "wiki", soap()).await.session_index;
        for round in 1..=1000 {
            let session = world.begin(&ann, round).await;
            let later = participant(&world, &session.id, "wiki", soap(), round);
            world.join_saml(later, NameRule::AsGiven, LIFETIMES, None).await.unwrap().unwrap();
        }
        let [found] = &asked(&world, "wiki", &[&index]).await[..] else { panic!("it is lost") };
        assert_eq!((&found.session, &found.ended), (&first.id, &None));
    }

    async fn a_saml_participant_is_told_by_what_its_assertion_said(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let joined = join(&world, &session.id, "wiki", soap()).await;
        let logout = world.end(&session.id, 10).await;
        let [step] = &logout.steps[..] else { panic!("{:?}", logout.steps) };
        assert_eq!((step.protocol, step.channel), (Protocol::Saml, Some(Channel::SamlSoap)));
        let Target::SamlSoap { uri, named } = &step.target else { panic!("{:?}", step.target) };
        assert_eq!((uri.as_str(), named.entity_id.as_str()), ("https://wiki.test/soap", "wiki"));
        assert_eq!((&named.subject, &named.form), (&joined.subject, &form()));
        assert_eq!((named.session_index.as_ref(), named.ended_index.as_ref()), (None, Some(&joined.session_index)));
        assert_eq!(named.not_on_or_after, Some(at(301)));
        assert_eq!(step.target.note(), Some(NO_INDEX));
        let claimed = world.claim_due(at(20), lease("n", 40), 10, &[]).await.unwrap();
        assert_eq!(claimed, logout.steps, "the worker's to send");
    }

    async fn nobody_joins_a_session_that_has_ended(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.end(&session.id, 10).await;
        let late = participant(&world, &session.id, "wiki", soap(), 11);
        assert!(world.join_saml(late, NameRule::Persistent, LIFETIMES, None).await.unwrap().is_err());
        assert_eq!(world.persistent_name(&ann.id, "wiki").await.unwrap(), None);
        assert_eq!(asked(&world, "wiki", &[]).await, []);
    }

    async fn joining_again_keeps_the_index_and_the_later_end_of_an_assertion(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let first = join(&world, &session.id, "wiki", soap()).await;
        let again = Participant {
            not_on_or_after: Some(at(5)),
            ..participant(&world, &session.id, "wiki", hop(), 2)
        };
        let again = world.join_saml(again, NameRule::AsGiven, LIFETIMES, None).await.unwrap().unwrap();
        assert_eq!(again, first);
        let logout = world.end(&session.id, 10).await;
        let Target::SamlHop { named, .. } = &logout.steps[0].target else { panic!("{:?}", logout.steps) };
        assert_eq!(named.not_on_or_after, Some(at(301)));
    }

    async fn an_index_that_another_session_has_is_refused(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let joined = join(&world, &one.id, "wiki", soap()).await;
        let same = Participant { sid: joined.session_index, ..participant(&world, &two.id, "wiki", soap(), 2) };
        let refused = world.join_saml(same, NameRule::AsGiven, LIFETIMES, None).await.unwrap_err();
        assert!(matches!(refused, StoreError::Duplicate(..)), "{refused:?}");
    }

    async fn a_persistent_name_is_one_for_each_user_and_application(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let mut names = Vec::new();
        for (user, app) in [(&ann, "wiki"), (&ann, "wiki"), (&ann, "chat"), (&bob, "wiki")] {
            let session = world.begin(user, 0).await;
            let fresh = participant(&world, &session.id, app, soap(), 1);
            let fresh = Participant { subject: world.text("name"), ..fresh };
            names.push(world.join_saml(fresh, NameRule::Persistent, LIFETIMES, None).await.unwrap().unwrap().subject);
        }
        assert_eq!(names[0], names[1]);
        assert_eq!(world.persistent_name(&ann.id, "wiki").await.unwrap().as_ref(), Some(&names[0]));
        names.dedup();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 3);
    }

    async fn two_sign_ins_at_once_get_one_persistent_name(world: World) {
        let ann = world.user("ann").await;
        let mut joins = Vec::new();
        for _ in 0..4 {
            let session = world.begin(&ann, 0).await;
            let fresh = participant(&world, &session.id, "wiki", soap(), 1);
            joins.push(Participant { subject: world.text("name"), ..fresh });
        }
        let joined = futures_util::future::join_all(
            joins.into_iter().map(|one| world.join_saml(one, NameRule::Persistent, LIFETIMES, None)),
        )
        .await;
        let mut names: Vec<_> = joined.into_iter().map(|one| one.unwrap().unwrap().subject).collect();
        names.dedup();
        assert_eq!(names.len(), 1);
    }

    async fn a_transient_name_lasts_as_long_as_the_session(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let mut names = Vec::new();
        for session in [&one, &one, &two] {
            let fresh = participant(&world, &session.id, "wiki", soap(), 1);
            let fresh = Participant { subject: world.text("name"), ..fresh };
            names.push(world.join_saml(fresh, NameRule::Transient, LIFETIMES, None).await.unwrap().unwrap().subject);
        }
        assert_eq!(names[0], names[1]);
        assert_ne!(names[0], names[2]);
    }

    async fn a_logout_request_reaches_only_sessions_of_its_own_application_and_name(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 5).await);
        let first = join(&world, &one.id, "wiki", soap()).await;
        let second = join(&world, &two.id, "wiki", soap()).await;
        let chat = join(&world, &one.id, "chat", soap()).await;
        let other = world.begin(&bob, 0).await;
        let other = Participant { subject: "bob".to_owned(), ..participant(&world, &other.id, "wiki", soap(), 1) };
        let other = world.join_saml(other, NameRule::AsGiven, LIFETIMES, None).await.unwrap().unwrap();

        let ids = |found: Vec<SamlSession>| found.into_iter().map(|one| one.session).collect::<Vec<_>>();
        assert_eq!(ids(asked(&world, "wiki", &[]).await), [two.id.clone(), one.id.clone()]);
        assert_eq!(ids(asked(&world, "wiki", &[&first.session_index]).await), [one.id.clone()]);
        let named = [first.session_index.as_str(), &second.session_index];
        assert_eq!(ids(asked(&world, "wiki", &named).await), [two.id.clone(), one.id.clone()]);
        assert_eq!(asked(&world, "wiki", &[&chat.session_index]).await, []);
        assert_eq!(asked(&world, "wiki", &[&other.session_index]).await, []);
        assert_eq!(asked(&world, "mail", &[]).await, []);
        let qualified = |by: &str| NameIdForm { name_qualifier: Some(by.to_owned()), ..form() };
        for (form, found) in [(qualified(IDP), 2), (qualified("https://evil.test"), 0), (NameIdForm::default(), 0)] {
            let asked = SamlAsked {
                entity_id: "wiki".to_owned(),
                subject: "subject".to_owned(),
                form,
                indexes: Vec::new(),
                identity_provider: IDP.to_owned(),
            };
            assert_eq!(world.saml_sessions(asked).await.unwrap().len(), found);
        }

        let ended = world.end(&two.id, 10).await;
        let found = asked(&world, "wiki", &[]).await;
        assert_eq!((&found[0].session, &found[0].ended), (&one.id, &None), "live ones first");
        assert_eq!((&found[1].session, &found[1].ended), (&two.id, &Some(ended.logout)));
    }

    async fn several_sessions_end_as_one_logout(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let (one, two, left) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let stranger = world.begin(&bob, 0).await;
        for session in [&one, &two, &left] {
            join(&world, &session.id, "wiki", soap()).await;
        }
        let of = |sessions: &[&SessionId]| Scope::Sessions(sessions.iter().map(|&id| id.clone()).collect());
        let mixed = world.order(of(&[&one.id, &stranger.id]), 10);
        assert!(world.log_out(mixed, |_| None).await.unwrap().is_err(), "of two users");
        assert!(world.log_out(world.order(of(&[]), 10), |_| None).await.unwrap().is_err());
        assert!(world.session(&one.id).await.unwrap().unwrap().session.ended.is_none());

        let order = world.order(of(&[&two.id, &one.id, &two.id]), 10);
        let logout = world.log_out(order, |_| None).await.unwrap().unwrap();
        let mut expected = vec![one.id.clone(), two.id.clone()];
        expected.sort();
        assert_eq!(logout.ended, expected);
        assert_eq!(logout.steps.len(), 2);
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.scope, receipt.sessions), ("session", expected));
        assert!(world.session(&left.id).await.unwrap().unwrap().session.ended.is_none());

        let again = world.log_out(world.order(of(&[&one.id, &two.id]), 11), |_| None).await.unwrap().unwrap();
        assert!(again.repeated);
        assert_eq!(again.logout, logout.logout);
    }

    async fn a_hop_is_sent_and_then_what_its_answer_proves(world: World) {
        let logout = hopping(&world).await;
        let (id, step) = (&logout.logout, &logout.steps[0].id);
        assert_eq!(world.next_due(&[]).await.unwrap(), None);
        assert_eq!(world.claim_due(Timestamp::MAX, lease("n", 40), 10, &[]).await.unwrap(), []);
        assert_eq!(world.pending_frontchannel(&logout.ended[0]).await.unwrap(), []);
        assert_eq!(world.pending_hops(&logout.ended[0]).await.unwrap(), logout.steps);

        assert!(world.record_hop(id, step, at(11), None).await.unwrap());
        assert!(!world.record_hop(id, step, at(12), None).await.unwrap(), "it does not wait any more");
        assert!(!world.skip_hop(id, step, at(12), "gone", Skipped::Failed).await.unwrap());
        assert_eq!(world.pending_hops(&logout.ended[0]).await.unwrap(), []);
        let receipt = world.receipt(id).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Complete, Outcome::Sent));

        let answer = async |answer| world.answer_hop(id, step, at(13), answer).await.unwrap();
        assert!(answer(HopAnswer::Confirmed(None)).await);
        assert!(!answer(HopAnswer::Confirmed(None)).await);
        assert!(!answer(HopAnswer::Failed("answered Responder".to_owned())).await, "a confirmation stands");
        let receipt = world.receipt(id).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Complete, Outcome::Confirmed));
        assert_eq!(receipt.steps[0].attempts.len(), 2);
        assert_eq!(world.hop(id, step).await.unwrap().unwrap().outcome, Outcome::Confirmed);
    }

    async fn a_hop_that_was_refused_fails_in_the_applications_words(world: World) {
        let logout = hopping(&world).await;
        let (id, step) = (&logout.logout, &logout.steps[0].id);
        assert!(world.record_hop(id, step, at(11), None).await.unwrap());
        let refused = HopAnswer::Failed("answered Responder/RequestDenied".to_owned());
        assert!(world.answer_hop(id, step, at(12), refused.clone()).await.unwrap());
        assert!(!world.answer_hop(id, step, at(12), refused).await.unwrap());
        let receipt = world.receipt(id).await.unwrap().unwrap();
        assert_eq!(receipt.state, State::Incomplete);
        assert_eq!(receipt.steps[0].detail.as_deref(), Some("answered Responder/RequestDenied"));
    }

    async fn a_hop_that_was_left_out_waits_or_fails_with_the_reason(world: World) {
        let logout = hopping(&world).await;
        let (id, step) = (&logout.logout, &logout.steps[0].id);
        let skip = async |then| world.skip_hop(id, step, at(11), "could not be reached", then).await.unwrap();
        assert!(skip(Skipped::Waits).await);
        assert!(!skip(Skipped::Waits).await, "it says so already");
        assert_eq!(world.pending_hops(&logout.ended[0]).await.unwrap().len(), 1);
        assert!(skip(Skipped::Failed).await);
        let receipt = world.receipt(id).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].attempts.len()), (State::Incomplete, 0));
        assert_eq!(receipt.steps[0].detail.as_deref(), Some("could not be reached"));
        let late = HopAnswer::Confirmed(None);
        assert!(world.answer_hop(id, step, at(12), late).await.unwrap(), "an answer proves what it says");
    }

    async fn a_hop_of_another_logout_or_channel_cannot_be_reported(world: World) {
        let logout = hopping(&world).await;
        let bob = world.user("bob").await;
        let session = world.begin(&bob, 0).await;
        join(&world, &session.id, "wiki", soap()).await;
        let other = world.end(&session.id, 11).await;
        let confirmed = || HopAnswer::Confirmed(None);
        for (logout, step) in [
            (&other.logout, &logout.steps[0].id),
            (&other.logout, &other.steps[0].id),
            (&logout.logout, &other.steps[0].id),
        ] {
            assert!(!world.answer_hop(logout, step, at(12), confirmed()).await.unwrap());
            assert!(!world.record_hop(logout, step, at(12), None).await.unwrap());
            assert_eq!(world.hop(logout, step).await.unwrap(), None);
        }
    }

    async fn a_hop_whose_browser_never_comes_fails_at_the_deadline(world: World) {
        let logout = hopping(&world).await;
        let deadline = logout.steps[0].deadline;
        world.sweep(Timestamp::from_micros(deadline.as_micros() + 1), LIFETIMES).await.unwrap();
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Incomplete, Outcome::Failed));
    }

    async fn the_way_of_a_browser_is_kept_for_a_while_and_a_newer_one_takes_its_place(world: World) {
        let logout = hopping(&world).await.logout;
        assert_eq!(world.saml_way(&logout, at(1)).await.unwrap(), None);
        world.keep_saml_way(&logout, "one".to_owned(), at(60)).await.unwrap();
        world.keep_saml_way(&logout, "two".to_owned(), at(90)).await.unwrap();
        assert_eq!(world.saml_way(&logout, at(89)).await.unwrap().as_deref(), Some("two"));
        assert_eq!(world.saml_way(&logout, at(90)).await.unwrap(), None);
        world.sweep(at(200_000), LIFETIMES).await.unwrap();
        assert_eq!(world.saml_way(&logout, at(1)).await.unwrap(), None, "what is over is deleted");
    }
}
