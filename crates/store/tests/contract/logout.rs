//! Logging out.

use std::time::Duration;

use acquit_core::{
    plan::{By, Scope, Tell},
    step::{Outcome, Target},
};
use acquit_store::revocation::Revoked;

use crate::world::{LIFETIMES, app, at, back, front, lease, told};

contract! {
    async fn every_application_that_got_a_code_is_told_by_its_sid(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let (_, wiki) = world.join(&one.id, "wiki", 1).await;
        world.join_by(&one.id, "mail", front("mail", true), 2).await;
        world.join(&two.id, "wiki", 3).await;
        let logout = world.end(&one.id, 100).await;
        assert_eq!((told(&logout), logout.repeated), (vec!["wiki", "mail"], false));
        assert_eq!(logout.ended, [one.id.clone()]);
        assert!(matches!(&logout.steps[0].target, Target::Backchannel { sid: Some(sid), .. } if *sid == wiki));
        // The other browser's session lives.
        assert!(world.session(&two.id).await.unwrap().unwrap().session.ended.is_none());
        let ended = world.session(&one.id).await.unwrap().unwrap();
        assert_eq!(ended.session.ended.unwrap().logout, logout.logout);
        assert!(ended.participants.iter().all(|joined| joined.told));
    }

    async fn a_logout_twice_is_one(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        let first = world.end(&session.id, 10).await;
        let events = world.events(0, 100).await.unwrap().len();
        let second = world.end(&session.id, 11).await;
        assert!(second.repeated && second.steps.is_empty() && second.ended.is_empty());
        assert_eq!(second.logout, first.logout);
        assert_eq!(world.events(0, 100).await.unwrap().len(), events);
        assert_eq!(world.logouts(&Default::default(), None, 10).await.unwrap().data.len(), 1);
    }

    async fn a_logout_of_the_user_twice_is_one_until_something_lives_again(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        let first = world.end_user(&ann.id, 10).await;
        let second = world.end_user(&ann.id, 11).await;
        assert!(second.repeated);
        assert_eq!(second.logout, first.logout);
        let session = world.begin(&ann, 12).await;
        let third = world.end_user(&ann.id, 13).await;
        assert_eq!((third.repeated, third.ended), (false, vec![session.id]));
    }

    async fn a_logout_of_the_user_ends_all_their_sessions_and_nobody_elses(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let mut sessions = Vec::new();
        for name in ["wiki", "mail", "wiki"] {
            let session = world.begin(&ann, 0).await;
            sessions.push((world.tokens(&session.id, name, false, 1).await, session));
        }
        let other = world.begin(&bob, 0).await;
        let kept = world.tokens(&other.id, "wiki", false, 1).await;
        let logout = world.end_user(&ann.id, 10).await;
        assert_eq!((logout.ended.len(), logout.steps.len()), (3, 3));
        for (tokens, _) in &sessions {
            assert!(!world.is_good(&tokens.access, 10).await);
        }
        assert!(world.is_good(&kept.access, 10).await);
        // She may sign in again, and that is not overtaken.
        let again = world.begin(&ann, 11).await;
        assert!(world.is_good(&world.tokens(&again.id, "wiki", false, 11).await.access, 12).await);
    }

    async fn whoever_was_not_asked_is_told_when_the_user_signs_out_everywhere(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "asker", 1).await;
        world.join(&session.id, "wiki", 2).await;
        let mut order = world.order(Scope::Session(session.id.clone()), 10);
        order.request.tell = Tell::NobodyElse;
        order.request.by = By::Application;
        order.request.party = Some("asker".to_owned());
        let alone = world.log_out(order, |_| None).await.unwrap().unwrap();
        assert_eq!((alone.steps.len(), alone.steps[0].outcome), (1, Outcome::Unsupported));
        let later = world.end_user(&ann.id, 20).await;
        assert_eq!((told(&later), later.ended.len()), (vec!["wiki"], 0));
        assert_eq!(later.steps[0].session, Some(session.id));
        assert!(world.end_user(&ann.id, 21).await.repeated);
    }

    async fn an_application_is_told_over_the_channel_it_has_now(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        world.join(&session.id, "gone", 2).await;
        let order = world.order(Scope::Session(session.id), 10);
        let moved = |name: &acquit_core::AppId| (*name == app("wiki")).then(|| back("wiki-new"));
        let logout = world.log_out(order, moved).await.unwrap().unwrap();
        let uris: Vec<_> = logout.steps.iter().filter_map(|step| step.target.uri()).collect();
        assert_eq!(uris, ["https://wiki-new.example/backchannel", "https://gone.example/backchannel"]);
    }

    async fn the_node_that_took_the_logout_holds_its_first_steps(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        world.join_by(&session.id, "mail", front("mail", true), 1).await;
        let mut order = world.order(Scope::Session(session.id), 10);
        order.lease = Some(lease("here", 40));
        world.log_out(order, |_| None).await.unwrap().unwrap();
        assert_eq!(world.next_due(&[]).await.unwrap(), Some(at(40)));
        assert_eq!(world.claim_due(at(39), lease("there", 60), 10, &[]).await.unwrap(), []);
        assert_eq!(world.claim_due(at(40), lease("there", 60), 10, &[]).await.unwrap().len(), 1);
    }

    async fn every_ending_is_in_the_log_of_revocations_and_in_the_events(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        world.end(&one.id, 10).await;
        world.end_user(&ann.id, 11).await;
        let log = world.revocations_since(0, 100).await.unwrap();
        let what: Vec<_> = log.iter().map(|row| row.what.clone()).collect();
        assert_eq!(
            what,
            [
                Revoked::Session(one.id.clone()),
                Revoked::User { user: ann.id.clone(), epoch: 1 },
                Revoked::Session(two.id.clone()),
            ]
        );
        assert_eq!(world.revocations_since(log[1].seq, 100).await.unwrap().len(), 1);
        let events = world.events(0, 100).await.unwrap();
        let ended: Vec<_> = events.iter().filter(|event| event.kind == "session-ended").collect();
        assert_eq!(ended.len(), 2);
        assert_eq!(ended[0].session.as_deref(), Some(one.id.as_str()));
        assert_eq!(events.iter().filter(|event| event.kind == "logout-planned").count(), 2);
    }

    async fn a_session_past_its_time_is_ended_by_a_logout_that_tells_its_applications(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        let now = 1 + i64::try_from(LIFETIMES.max.as_secs()).unwrap();
        assert_eq!(world.overdue(at(now), LIFETIMES, 10).await.unwrap(), [session.id.clone()]);
        let mut order = world.order(Scope::Session(session.id), now);
        order.request.tell = Tell::Expiry;
        order.request.by = By::Policy;
        assert_eq!(told(&world.log_out(order, |_| None).await.unwrap().unwrap()), ["wiki"]);
        assert_eq!(world.overdue(at(now), LIFETIMES, 10).await.unwrap(), []);
    }

    async fn a_logout_of_nothing_is_complete_at_once(world: World) {
        let ann = world.user("ann").await;
        let logout = world.end_user(&ann.id, 10).await;
        assert!(!logout.repeated && logout.ended.is_empty());
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!(receipt.state, acquit_core::receipt::State::Complete);
        assert_eq!(Duration::ZERO, at(10).since(receipt.requested.at));
    }
}
