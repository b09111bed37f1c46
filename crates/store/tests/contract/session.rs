//! Sessions.

use std::time::Duration;

use acquit_core::{
    UserId,
    plan::Scope,
    session::{Life, Lifetimes},
};
use acquit_store::{
    StoreError,
    receipt::LogoutFilter,
    session::{BeginRefusal, NewProgram, NewSession, SessionFilter, SessionState},
};

use crate::world::{LIFETIMES, app, at};

contract! {
    async fn a_session_is_recognised_by_its_handle_also_after_it_ended(world: World) {
        let ann = world.user("ann").await;
        let new = world.new_session(&ann, 0);
        let (handle, id) = (new.handle_hash, new.id.clone());
        let begun = world.begin_session(new).await.unwrap().unwrap();
        let view = world.session_by_handle(&handle).await.unwrap().unwrap();
        assert_eq!(view.session, begun);
        assert_eq!((view.ip.as_deref(), view.user_agent.as_deref()), (Some("192.0.2.1"), Some("Test/1.0")));
        assert_eq!(view.life(at(1), LIFETIMES), Life::Live);
        world.end(&id, 1).await;
        let view = world.session_by_handle(&handle).await.unwrap().unwrap();
        assert_eq!(view.life(at(1), LIFETIMES), Life::Ended);
        assert_eq!(world.session_by_handle(&[9; 32]).await.unwrap(), None);
    }

    async fn nobody_unknown_begins_a_session(world: World) {
        let mut ann = world.user("ann").await;
        ann.id = UserId::from_random([9; 16]);
        let refused = world.begin_session(world.new_session(&ann, 0)).await.unwrap();
        assert_eq!(refused, Err(BeginRefusal::UnknownUser));
    }

    async fn a_sign_in_that_a_logout_everywhere_overtook_begins_no_session(world: World) {
        let ann = world.user("ann").await;
        // The password was checked with this user; then all of them is signed out, though nothing was signed in.
        let new = world.new_session(&ann, 2);
        world.end_user(&ann.id, 1).await;
        assert_eq!(world.begin_session(new).await.unwrap(), Err(BeginRefusal::Overtaken));
    }

    async fn a_session_never_goes_from_ended_to_alive(world: World) {
        let ann = world.user("ann").await;
        let new = world.new_session(&ann, 0);
        let session = world.begin_session(new.clone()).await.unwrap().unwrap();
        world.end(&session.id, 10).await;
        let ended = world.session(&session.id).await.unwrap().unwrap();
        assert!(!world.touch_session(&session.id, at(20)).await.unwrap());
        assert!(!world.reauthenticate(&session.id, &world.hash(), None, at(20), LIFETIMES).await.unwrap());
        assert!(matches!(world.begin_session(new).await, Err(StoreError::Duplicate(_))));
        let late = world.participant(&session.id, "late", crate::world::back("late"), 20);
        let code = world.issue_code(&world.hash(), world.grant(&session.id, "late", 20), late, LIFETIMES).await.unwrap();
        assert!(code.is_err());
        assert_eq!(world.session(&session.id).await.unwrap().unwrap(), ended);
    }

    async fn a_touch_moves_the_last_use_forwards_only(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 100).await;
        assert!(world.touch_session(&session.id, at(200)).await.unwrap());
        assert!(world.touch_session(&session.id, at(50)).await.unwrap());
        assert_eq!(world.session(&session.id).await.unwrap().unwrap().session.last_seen_at, at(200));
    }

    async fn proving_oneself_again_changes_the_handle(world: World) {
        let ann = world.user("ann").await;
        let new = world.new_session(&ann, 0);
        let (old, fresh) = (new.handle_hash, world.hash());
        let session = world.begin_session(new).await.unwrap().unwrap();
        assert!(world.reauthenticate(&session.id, &fresh, None, at(100), LIFETIMES).await.unwrap());
        assert_eq!(world.session_by_handle(&old).await.unwrap(), None);
        let view = world.session_by_handle(&fresh).await.unwrap().unwrap();
        assert_eq!((view.session.authenticated_at, view.session.began_at), (at(100), at(0)));
        // Idle for too long: only a new session will do.
        assert!(!world.reauthenticate(&session.id, &world.hash(), None, at(100 + 3600), LIFETIMES).await.unwrap());
    }

    async fn a_session_is_found_by_the_sid_of_a_client(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let (_, sid) = world.join(&session.id, "wiki", 0).await;
        let found = world.session_by_sid("wiki", &sid).await.unwrap().unwrap();
        assert_eq!(found.session.id, session.id);
        assert_eq!(world.session_by_sid("other", &sid).await.unwrap(), None);
    }

    async fn sessions_are_listed_with_their_applications(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let first = world.begin(&ann, 1).await;
        let second = world.begin(&ann, 2).await;
        let third = world.begin(&bob, 3).await;
        world.join(&first.id, "wiki", 4).await;
        world.join(&first.id, "mail", 5).await;
        world.join(&third.id, "wiki", 6).await;
        world.end(&second.id, 7).await;
        let list = async |user: Option<&UserId>, state, name: Option<&str>| {
            let filter = SessionFilter { user: user.cloned(), state, app: name.map(app) };
            let page = world.sessions(&filter, None, 10).await.unwrap();
            page.data.into_iter().map(|view| view.session.id).collect::<Vec<_>>()
        };
        let [a, b, c] = [&first.id, &second.id, &third.id].map(Clone::clone);
        assert_eq!(list(None, SessionState::Any, None).await, [c.clone(), b.clone(), a.clone()]);
        assert_eq!(list(Some(&ann.id), SessionState::Any, None).await, [b.clone(), a.clone()]);
        assert_eq!(list(Some(&ann.id), SessionState::Live, None).await, [a.clone()]);
        assert_eq!(list(None, SessionState::Ended, None).await, [b.clone()]);
        assert_eq!(list(None, SessionState::Live, Some("wiki")).await, [c.clone(), a.clone()]);
        assert_eq!(list(Some(&bob.id), SessionState::Any, Some("wiki")).await, [c.clone()]);
        let one = world.session(&a).await.unwrap().unwrap();
        let apps: Vec<_> = one.participants.iter().map(|joined| (joined.app.as_str(), joined.told)).collect();
        assert_eq!(apps, [("wiki", false), ("mail", false)]);
        let page = world.sessions(&SessionFilter::default(), None, 2).await.unwrap();
        assert_eq!(page.data.len(), 2);
        let rest = world.sessions(&SessionFilter::default(), page.next.as_deref(), 2).await.unwrap();
        assert_eq!((rest.data.len(), rest.next), (1, None));
        assert_eq!(rest.data[0].session.id, a);
    }

    async fn a_cursor_that_no_list_ended_with_is_refused(world: World) {
        let ann = world.user("ann").await;
        for second in 0..3 {
            world.begin(&ann, second).await;
        }
        let filter = SessionFilter::default();
        let good = world.sessions(&filter, None, 2).await.unwrap().next.unwrap();
        assert_eq!(world.sessions(&filter, Some(&good), 2).await.unwrap().data.len(), 1);
        let (time, id) = good.split_once('.').unwrap();
        for wrong in [
            "garbage", "", ".", time, id, &format!("{time}."), &format!(".{id}"), &format!("x.{id}"), &format!("+{good}"),
            &format!("{good}\0"), &format!("{time}.usr_0"), &format!("99999999999999999999.{id}"), &format!("{good}.{id}"),
        ] {
            let refused = world.sessions(&filter, Some(wrong), 2).await;
            assert!(matches!(refused, Err(StoreError::Cursor)), "{wrong:?}: {refused:?}");
            let refused = world.logouts(&LogoutFilter::default(), Some(wrong), 2).await;
            assert!(matches!(refused, Err(StoreError::Cursor)), "{wrong:?}: {refused:?}");
        }
        // Nor does one list take another's.
        assert!(matches!(world.logouts(&LogoutFilter::default(), Some(&good), 2).await, Err(StoreError::Cursor)));
    }

    async fn overdue_sessions_are_the_idle_and_the_old_ones(world: World) {
        let ann = world.user("ann").await;
        let idle = world.begin(&ann, 0).await;
        let busy = world.begin(&ann, 0).await;
        let ended = world.begin(&ann, 0).await;
        world.touch_session(&busy.id, at(90)).await.unwrap();
        world.end(&ended.id, 1).await;
        let lifetimes = Lifetimes { idle: Duration::from_secs(50), max: Duration::from_secs(1000), ..LIFETIMES };
        let overdue = async |now| world.overdue(at(now), lifetimes, 10).await.unwrap();
        assert_eq!(overdue(49).await, []);
        assert_eq!(overdue(100).await, [idle.id.clone()]);
        assert_eq!(overdue(1000).await.len(), 2);
        world.end(&idle.id, 100).await;
        assert_eq!(overdue(1000).await, [busy.id]);
    }

    async fn a_programs_session_is_overdue_when_its_time_is_over_and_not_for_idleness(world: World) {
        let ann = world.user("ann").await;
        let program = |until| Some(NewProgram { until: at(until), by: "ops".to_owned() });
        let short = NewSession { program: program(300), ..world.new_session(&ann, 0) };
        let long = NewSession { program: program(9000), ..world.new_session(&ann, 0) };
        let begun = world.begin_session(short.clone()).await.unwrap().unwrap();
        assert_eq!(begun.until, Some(at(300)));
        assert_eq!(world.session(&short.id).await.unwrap().unwrap().session, begun);
        world.begin_session(long.clone()).await.unwrap().unwrap();
        let lifetimes = Lifetimes {
            idle: Duration::from_secs(50),
            max: Duration::from_secs(100),
            program: Duration::from_secs(5000),
        };
        let overdue = async |now| world.overdue(at(now), lifetimes, 10).await.unwrap();
        assert_eq!(overdue(299).await, []);
        assert_eq!(overdue(300).await, [short.id.clone()]);
        assert_eq!(overdue(4999).await, [short.id.clone()]);
        assert_eq!(overdue(5000).await.len(), 2, "no program's session is older than they may be by now");
        world.end(&short.id, 300).await;
        assert_eq!(overdue(5000).await, [long.id]);
    }

    async fn an_unknown_session_is_neither_shown_nor_ended(world: World) {
        let ann = world.user("ann").await;
        let never = world.new_session(&ann, 0).id;
        assert_eq!(world.session(&never).await.unwrap(), None);
        assert!(!world.touch_session(&never, at(1)).await.unwrap());
        assert!(world.log_out(world.order(Scope::Session(never), 1), |_| None).await.unwrap().is_err());
        assert!(world.log_out(world.order(Scope::User(UserId::from_random([9; 16])), 1), |_| None).await.unwrap().is_err());
    }
}
