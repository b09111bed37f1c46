//! SAML Responses that wait for their application: fetched once, soon, by whom they are for, while the session lives.

use std::sync::Arc;

use acquit_core::{SessionId, Timestamp};
use acquit_store::{
    Hash, StoreError,
    replay::Once,
    saml::{Answered, NewArtifact},
};
use tokio::task::JoinSet;

use crate::world::{LIFETIMES, World, at};

const WIKI: &str = "https://wiki.test/metadata";
const MESSAGE: &[u8] = b"sealed \0 message";

fn artifact(hash: Hash, session: Option<&SessionId>, now: i64) -> NewArtifact {
    NewArtifact {
        hash,
        entity_id: WIKI.to_owned(),
        session: session.cloned(),
        message: MESSAGE.to_vec(),
        now: at(now),
        expires_at: at(now + 60),
        once: None,
    }
}

async fn put(world: &World, session: Option<&SessionId>, now: i64) -> Hash {
    let hash = world.hash();
    world.put_saml_artifact(artifact(hash, session, now)).await.unwrap().unwrap();
    hash
}

async fn take(world: &World, hash: &Hash, entity_id: &str, now: Timestamp) -> Option<Vec<u8>> {
    world.take_saml_artifact(hash, entity_id, now, LIFETIMES).await.unwrap()
}

contract! {
    async fn a_message_is_fetched_once_and_by_nobody_else(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        for session in [Some(&session.id), None] {
            let hash = put(&world, session, 1).await;
            assert_eq!(take(&world, &hash, "https://chat.test/metadata", at(2)).await, None);
            assert_eq!(take(&world, &world.hash(), WIKI, at(2)).await, None);
            assert_eq!(take(&world, &hash, WIKI, at(2)).await.as_deref(), Some(MESSAGE), "another's try took nothing");
            assert_eq!(take(&world, &hash, WIKI, at(2)).await, None, "once");
        }
        let hash = put(&world, None, 1).await;
        let again = world.put_saml_artifact(artifact(hash, None, 2)).await.unwrap_err();
        assert!(matches!(again, StoreError::Duplicate(..)), "{again:?}");
    }

    async fn a_message_that_waited_too_long_is_gone(world: World) {
        let hash = put(&world, None, 1).await;
        assert_eq!(take(&world, &hash, WIKI, at(61)).await, None);
        assert_eq!(take(&world, &hash, WIKI, at(2)).await, None, "that was its one time");
        let (old, young) = (put(&world, None, 1).await, put(&world, None, 100).await);
        world.sweep(at(100), LIFETIMES).await.unwrap();
        assert_eq!(take(&world, &old, WIKI, at(2)).await, None, "deleted");
        assert!(take(&world, &young, WIKI, at(101)).await.is_some());
    }

    async fn a_logout_kills_the_message_on_its_way(world: World) {
        let ann = world.user("ann").await;
        let (one, two, three) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let (first, second, third) =
            (put(&world, Some(&one.id), 1).await, put(&world, Some(&two.id), 1).await, put(&world, Some(&three.id), 1).await);
        world.end(&one.id, 2).await;
        assert_eq!(take(&world, &first, WIKI, at(3)).await, None, "of the session");
        assert!(take(&world, &second, WIKI, at(3)).await.is_some(), "nobody else's");
        world.end_user(&ann.id, 4).await;
        assert_eq!(take(&world, &third, WIKI, at(5)).await, None, "of the user");
        let late = put(&world, Some(&two.id), 5).await;
        assert_eq!(take(&world, &late, WIKI, at(6)).await, None, "one that was kept after it");
        let old = world.begin(&ann, 0).await;
        let hash = world.hash();
        let waits = NewArtifact { expires_at: Timestamp::MAX, ..artifact(hash, Some(&old.id), 1) };
        world.put_saml_artifact(waits).await.unwrap().unwrap();
        assert_eq!(take(&world, &hash, WIKI, at(40_000)).await, None, "and a session that is over by age");
    }

    async fn fetched_several_times_at_once_it_is_given_once(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let world = Arc::new(world);
        for _ in 0..4 {
            let hash = put(&world, Some(&session.id), 1).await;
            let mut tasks = JoinSet::new();
            for _ in 0..6 {
                let world = Arc::clone(&world);
                tasks.spawn(async move { take(&world, &hash, WIKI, at(2)).await });
            }
            let given = tasks.join_all().await.into_iter().flatten().count();
            assert_eq!(given, 1);
        }
    }

    async fn of_too_many_messages_for_one_application_and_session_the_oldest_gives_way(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let others = [put(&world, Some(&two.id), 1).await, put(&world, None, 1).await];
        let mut waiting = Vec::new();
        for second in 0..51 {
            waiting.push(put(&world, Some(&one.id), second).await);
        }
        // Nobody is turned away because somebody else asked so often.
        assert!(take(&world, &waiting[50], WIKI, at(51)).await.is_some(), "the newest");
        assert!(take(&world, &waiting[1], WIKI, at(51)).await.is_some());
        assert_eq!(take(&world, &waiting[0], WIKI, at(51)).await, None, "the oldest");
        for other in others {
            assert!(take(&world, &other, WIKI, at(51)).await.is_some());
        }
    }

    async fn of_too_many_refusals_the_oldest_gives_way(world: World) {
        let mut waiting = Vec::new();
        for _ in 0..1001 {
            waiting.push(put(&world, None, 1).await);
        }
        let last = put(&world, None, 2).await;
        assert!(take(&world, &last, WIKI, at(3)).await.is_some());
    }

    async fn a_request_is_used_up_with_the_message_that_answers_it_or_not_at_all(world: World) {
        let key = world.hash();
        let hash = put(&world, None, 1).await;
        let with = |hash| NewArtifact { once: Some(Once::saml_message(key, at(600))), ..artifact(hash, None, 1) };
        let taken = world.put_saml_artifact(with(hash)).await;
        assert!(matches!(taken, Err(StoreError::Duplicate(..))), "{taken:?}");
        assert!(!world.knows_saml_message(&key).await.unwrap(), "nothing was kept, nothing was used up");
        let (first, second) = (world.hash(), world.hash());
        assert_eq!(world.put_saml_artifact(with(first)).await.unwrap(), Ok(()));
        assert_eq!(world.put_saml_artifact(with(second)).await.unwrap(), Err(Answered));
        assert_eq!(take(&world, &second, WIKI, at(2)).await, None);
        assert!(take(&world, &first, WIKI, at(2)).await.is_some());
    }
}
