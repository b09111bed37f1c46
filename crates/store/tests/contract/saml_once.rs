//! SAML messages that may be taken once: in the transaction of what they ask for.

use acquit_core::{
    SessionId,
    participant::{Channels, NameIdForm, Participant, Protocol, SamlChannel},
    plan::Scope,
};
use acquit_store::{
    StoreError,
    logout::{LogoutOrder, NothingDone},
    replay::Once,
    saml::{JoinRefusal, NameRule},
};
use futures_util::future::join_all;

use crate::world::{LIFETIMES, World, at};

fn participant(world: &World, session: &SessionId) -> Participant {
    let saml = SamlChannel { soap: Some("https://wiki.test/soap".to_owned()), ..SamlChannel::default() };
    let channels = Channels { saml: Some(saml), ..Channels::default() };
    Participant {
        protocol: Protocol::Saml,
        name_id: Some(NameIdForm::default()),
        ..world.participant(session, "wiki", channels, 1)
    }
}

contract! {
    async fn a_message_is_taken_once_until_it_is_too_old(world: World) {
        let message = world.hash();
        assert!(world.remember_saml_message(&message, at(60)).await.unwrap());
        assert!(!world.remember_saml_message(&message, at(60)).await.unwrap());
        assert!(world.remember_saml_message(&world.hash(), at(60)).await.unwrap());
    }

    async fn of_one_request_that_comes_several_times_at_once_one_joins(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let once = Once::saml_message(world.hash(), at(60));
        let joins = (0..6).map(|_| {
            let participant = participant(&world, &session.id);
            world.join_saml(participant, NameRule::AsGiven, LIFETIMES, Some(once))
        });
        let joined: Vec<_> = join_all(joins).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(joined.iter().filter(|one| one.is_ok()).count(), 1, "{joined:?}");
        assert_eq!(joined.iter().filter(|one| **one == Err(JoinRefusal::Answered)).count(), 5, "{joined:?}");
    }

    async fn a_request_that_did_not_join_is_not_used_up(world: World) {
        let ann = world.user("ann").await;
        let (one, two, gone) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let first = participant(&world, &one.id);
        let index = world.join_saml(first, NameRule::AsGiven, LIFETIMES, None).await.unwrap().unwrap().session_index;
        let message = world.hash();
        let once = Some(Once::saml_message(message, at(60)));
        // The store fails it after it took note of the request.
        let same = Participant { sid: index, ..participant(&world, &two.id) };
        let failed = world.join_saml(same, NameRule::AsGiven, LIFETIMES, once).await;
        assert!(matches!(failed, Err(StoreError::Duplicate(..))), "{failed:?}");
        world.end(&gone.id, 1).await;
        let late = world.join_saml(participant(&world, &gone.id), NameRule::AsGiven, LIFETIMES, once).await.unwrap();
        assert_eq!(late, Err(JoinRefusal::SessionEnded));
        assert!(!world.knows_saml_message(&message).await.unwrap());
        let good = world.join_saml(participant(&world, &two.id), NameRule::AsGiven, LIFETIMES, once).await.unwrap();
        assert!(good.is_ok(), "{good:?}");
        assert!(world.knows_saml_message(&message).await.unwrap());
    }

    async fn one_message_is_one_logout_however_often_it_comes_at_once(world: World) {
        let ann = world.user("ann").await;
        let once = Some(Once::saml_message(world.hash(), at(60)));
        world.begin(&ann, 0).await;
        let orders = (0..6).map(|_| {
            let order = LogoutOrder { once, ..world.order(Scope::User(ann.id.clone()), 10) };
            world.log_out(order, |_| None)
        });
        let done: Vec<_> = join_all(orders).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(done.iter().filter(|one| one.as_ref().is_ok_and(|out| out.ended.len() == 1)).count(), 1, "{done:?}");
        assert_eq!(done.iter().filter(|one| **one == Err(NothingDone::Replayed)).count(), 5, "{done:?}");
        // Nor does it reach a session that began since.
        let newer = world.begin(&ann, 20).await;
        let order = LogoutOrder { once, ..world.order(Scope::User(ann.id.clone()), 30) };
        assert_eq!(world.log_out(order, |_| None).await.unwrap(), Err(NothingDone::Replayed));
        let view = world.session(&newer.id).await.unwrap().unwrap();
        assert!(view.session.ended.is_none());
        assert_eq!(view.life(at(31), LIFETIMES), acquit_core::session::Life::Live, "no epoch was raised either");
    }

    async fn a_message_whose_logout_the_store_did_not_take_is_not_used_up(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let message = world.hash();
        let taken = world.end(&one.id, 10).await.logout;
        let mut order = world.order(Scope::Session(two.id.clone()), 11);
        order.once = Some(Once::saml_message(message, at(60)));
        order.request.id = taken;
        let failed = world.log_out(order.clone(), |_| None).await;
        assert!(matches!(failed, Err(StoreError::Duplicate(..))), "{failed:?}");
        assert!(!world.knows_saml_message(&message).await.unwrap());
        order.request.id = world.order(Scope::User(ann.id.clone()), 11).request.id;
        assert!(world.log_out(order, |_| None).await.unwrap().is_ok());
    }
}
