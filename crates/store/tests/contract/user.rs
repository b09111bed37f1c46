//! Users.

use acquit_core::UserId;
use acquit_store::{
    event::EventRecord,
    session::BeginRefusal,
    user::{User, UsernameTaken},
};

use crate::world::{LIFETIMES, at};

fn kinds(events: &[EventRecord]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

contract! {
    async fn a_user_is_found_by_id_and_by_username(world: World) {
        let ann = world.user("ann").await;
        assert_eq!(world.store.user(&ann.id).await.unwrap(), Some(ann.clone()));
        assert_eq!(world.user_by_username("ann").await.unwrap(), Some(ann));
        assert_eq!(world.user_by_username("bob").await.unwrap(), None);
        assert_eq!(world.user_by_username("ann\0").await.unwrap(), None);
    }

    async fn many_users_are_found_by_their_names_at_once(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob \"'\\ß").await);
        let gone = world.user("gone").await;
        world.delete_user(&gone.id, at(1)).await.unwrap();
        let mut names = vec!["nobody", "ann\0", "gone", "ANN", "", &bob.username, &ann.username];
        names.extend(["nobody"; 2000]);
        let mut found = world.users_named(&names).await.unwrap();
        found.sort_by(|one, other| one.username.cmp(&other.username));
        assert_eq!(found, [ann, bob]);
        assert_eq!(world.users_named(&[]).await.unwrap(), []);
    }

    async fn a_username_belongs_to_one_user(world: World) {
        let ann = world.user("ann").await;
        let mut other = ann.clone();
        other.id = UserId::from_random([9; 16]);
        assert_eq!(world.put_user(other.clone()).await.unwrap(), Err(UsernameTaken));
        assert!(world.delete_user(&ann.id, at(1)).await.unwrap());
        assert_eq!(world.put_user(other).await.unwrap(), Ok(()));
    }

    async fn writing_a_user_again_neither_lowers_the_epoch_nor_enables_them(world: World) {
        let mut ann = world.user("ann").await;
        world.set_disabled(&ann.id, true, at(1)).await.unwrap();
        ann.name = Some("Ann".to_owned());
        world.put_user(ann.clone()).await.unwrap().unwrap();
        let now = world.store.user(&ann.id).await.unwrap().unwrap();
        assert_eq!((now.name.as_deref(), now.disabled, now.epoch), (Some("Ann"), true, 1));
    }

    async fn users_are_listed_in_pages(world: World) {
        for name in ["dan", "ann", "cat", "bob", "eve"] {
            world.user(name).await;
        }
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let page = world.users(after.as_deref(), 2).await.unwrap();
            names.extend(page.data.into_iter().map(|user| user.username));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(names, ["ann", "bob", "cat", "dan", "eve"]);
    }

    async fn a_disabled_user_is_dead_at_once_and_begins_nothing(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", true, 0).await;
        assert!(world.is_good(&tokens.access, 1).await);
        assert!(world.set_disabled(&ann.id, true, at(1)).await.unwrap());
        assert!(!world.is_good(&tokens.access, 1).await);
        assert!(!world.refresh_token(&tokens.refresh).await.unwrap().unwrap().live(at(1), LIFETIMES));
        let refused = world.begin_session(world.new_session(&ann, 2)).await.unwrap();
        assert_eq!(refused, Err(BeginRefusal::Disabled));
        // The logout that follows still finds the session and tells its application.
        assert_eq!(world.end_user(&ann.id, 2).await.steps.len(), 1);
        // Enabled again, the old session and tokens stay dead.
        world.set_disabled(&ann.id, false, at(3)).await.unwrap();
        assert!(!world.is_good(&tokens.access, 3).await);
    }

    async fn a_deleted_user_is_wiped_but_their_applications_are_told(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.tokens(&session.id, "wiki", false, 0).await;
        assert!(world.delete_user(&ann.id, at(1)).await.unwrap());
        assert!(!world.delete_user(&ann.id, at(1)).await.unwrap());
        assert_eq!(world.store.user(&ann.id).await.unwrap(), None);
        assert_eq!(world.user_by_username("ann").await.unwrap(), None);
        let view = world.session(&session.id).await.unwrap().unwrap();
        assert_eq!((view.user.email, view.user.password_hash), (None, None));
        assert_eq!(world.end_user(&ann.id, 2).await.steps.len(), 1);
    }

    async fn whoever_signed_in_by_the_old_password_is_out_on_the_commit_that_changes_it(world: World) {
        let mut ann = world.user("ann").await;
        for written in [false, true] {
            ann.epoch = world.store.user(&ann.id).await.unwrap().unwrap().epoch;
            let session = world.begin(&ann, 0).await;
            let tokens = world.tokens(&session.id, "wiki", true, 0).await;
            let under_way = world.new_session(&ann, 2);
            assert!(world.is_good(&tokens.access, 1).await);
            if written {
                ann.password_hash = Some("$argon2id$newer".to_owned());
                world.put_user(ann.clone()).await.unwrap().unwrap();
            } else {
                world.set_password_hash(&ann.id, "$argon2id$new", at(1)).await.unwrap();
                ann.password_hash = Some("$argon2id$new".to_owned());
            }
            assert!(!world.is_good(&tokens.access, 1).await);
            assert!(!world.refresh_token(&tokens.refresh).await.unwrap().unwrap().live(at(1), LIFETIMES));
            assert_eq!(world.begin_session(under_way).await.unwrap(), Err(BeginRefusal::Overtaken));
            // The logout that follows, perhaps after a crash, still finds the session and tells its application.
            assert_eq!(world.end_user(&ann.id, 2).await.steps.len(), 1);
        }
    }

    async fn a_password_that_the_configuration_changed_is_logged_once(world: World) {
        let mut ann = world.user("ann").await;
        ann.created_at = at(7);
        world.put_user(ann.clone()).await.unwrap().unwrap();
        assert!(world.events(0, 100).await.unwrap().is_empty(), "neither a new user nor the same password");
        ann.password_hash = Some("$argon2id$newer".to_owned());
        for _ in 0..2 {
            world.put_user(ann.clone()).await.unwrap().unwrap();
        }
        let events = world.events(0, 100).await.unwrap();
        assert_eq!((kinds(&events), events[0].at), (vec!["password-changed"], at(7)));
        assert!(world.delete_user(&ann.id, at(8)).await.unwrap());
        world.put_user(ann).await.unwrap().unwrap();
        assert_eq!(world.events(0, 100).await.unwrap().len(), 2, "nothing changes of who was deleted");
    }

    async fn whose_epoch_was_raised_is_found_until_a_logout_has_told_of_it(world: World) {
        let (ann, bob, eve, joe) =
            (world.user("ann").await, world.user("bob").await, world.user("eve").await, world.user("joe").await);
        for user in [&ann, &bob, &eve, &joe] {
            let session = world.begin(user, 0).await;
            world.join(&session.id, "wiki", 0).await;
        }
        let overtaken = async || {
            let found = world.overtaken(10).await.unwrap();
            found.into_iter().map(|one| (one.user, one.why)).collect::<std::collections::HashMap<_, _>>()
        };
        // What changes nothing about who may be in, raises nothing.
        world.put_user(User { name: None, ..joe.clone() }).await.unwrap().unwrap();
        world.set_disabled(&joe.id, false, at(1)).await.unwrap();
        world.end_user(&joe.id, 1).await;
        assert_eq!(overtaken().await.len(), 0);
        world.set_disabled(&ann.id, true, at(1)).await.unwrap();
        world.set_disabled(&ann.id, false, at(1)).await.unwrap();
        world.delete_user(&bob.id, at(1)).await.unwrap();
        world.put_user(User { password_hash: None, ..eve.clone() }).await.unwrap().unwrap();
        world.set_password_hash(&joe.id, "$argon2id$new", at(1)).await.unwrap();
        assert_eq!(world.overtaken(3).await.unwrap().len(), 3);
        for (user, why) in
            [(&ann, "the user was disabled"), (&bob, "the user was deleted"), (&eve, "the password changed")]
        {
            assert_eq!(overtaken().await.get(&user.id).map(String::as_str), Some(why), "though enabled again");
            assert_eq!(world.end_user(&user.id, 2).await.steps.len(), 1);
            assert_eq!(overtaken().await.get(&user.id), None);
        }
        assert_eq!(overtaken().await.into_keys().collect::<Vec<_>>(), [joe.id]);
    }

    async fn a_changed_password_is_logged_without_its_hash(world: World) {
        let ann = world.user("ann").await;
        assert!(world.set_password_hash(&ann.id, "$argon2id$new", at(5)).await.unwrap());
        assert!(!world.set_password_hash(&UserId::from_random([9; 16]), "x", at(5)).await.unwrap());
        let events = world.events(0, 10).await.unwrap();
        assert_eq!(kinds(&events), ["password-changed"]);
        assert!(!format!("{events:?}{ann:?}").contains("argon2id"));
    }
}
