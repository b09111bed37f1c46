//! Clearing away.

use acquit_store::sweep::Swept;

use crate::world::{LIFETIMES, at};

const DAY: i64 = 86_400;

contract! {
    async fn what_has_expired_goes_and_what_has_not_stays(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        let par = world.hash();
        world.put_par(world.par(par, "wiki", None)).await.unwrap().unwrap();
        world.remember_once("jti", &par, at(60)).await.unwrap();
        assert_eq!(world.sweep(at(59), LIFETIMES).await.unwrap(), Swept::default());
        // The request, the memory, then the access token.
        assert_eq!(world.sweep(at(61), LIFETIMES).await.unwrap().deleted, 2);
        assert!(world.remember_once("jti", &par, at(100)).await.unwrap());
        assert!(world.refresh_token(&tokens.refresh).await.unwrap().is_some());
        world.sweep(at(601), LIFETIMES).await.unwrap();
        assert!(world.access_token(&tokens.access).await.unwrap().is_none());
        assert!(world.refresh_token(&tokens.refresh).await.unwrap().is_some());
        world.sweep(at(DAY + 1), LIFETIMES).await.unwrap();
        assert!(world.refresh_token(&tokens.refresh).await.unwrap().is_none());
        // A session that no logout ended is never swept: its applications were not told.
        world.sweep(at(400 * DAY), LIFETIMES).await.unwrap();
        assert!(world.session(&session.id).await.unwrap().is_some());
    }

    async fn an_ended_session_is_known_for_thirty_days(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.end(&session.id, 10).await;
        world.sweep(at(10 + 30 * DAY), LIFETIMES).await.unwrap();
        assert!(world.session(&session.id).await.unwrap().is_some());
        world.sweep(at(11 + 30 * DAY), LIFETIMES).await.unwrap();
        assert!(world.session(&session.id).await.unwrap().is_none());
    }

    async fn a_session_stays_while_an_offline_grant_of_it_lives(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", true, 0).await;
        world.end(&session.id, 10).await;
        let late = 31 * DAY;
        // Kept alive by a refresh a day.
        let mut token = tokens.refresh;
        for time in 1..=31 {
            let now = time * (DAY - 1);
            let mint = world.mint(true, now);
            let next = mint.refresh.as_ref().unwrap().hash;
            world.refresh(&token, "wiki", mint, at(now), LIFETIMES).await.unwrap().unwrap();
            token = next;
        }
        world.sweep(at(late), LIFETIMES).await.unwrap();
        assert!(world.session(&session.id).await.unwrap().is_some());
        assert_eq!(world.end_user(&ann.id, late).await.steps.len(), 1);
    }

    async fn a_logout_with_a_pending_step_is_never_deleted(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        let pending = world.end(&session.id, 10).await.logout;
        let other = world.begin(&ann, 0).await;
        let done = world.end(&other.id, 10).await.logout;
        for _ in 0..3 {
            world.sweep(at(1000 * DAY), LIFETIMES).await.unwrap();
        }
        assert!(world.receipt(&pending).await.unwrap().is_some());
        assert!(world.session(&session.id).await.unwrap().is_some());
        assert!(world.receipt(&done).await.unwrap().is_none());
        // What happened stays in the log.
        let events = world.events(0, 100).await.unwrap();
        assert!(events.iter().any(|event| event.logout.as_deref() == Some(done.as_str())));
    }
}
