//! Access and refresh tokens.

use acquit_core::grant::RefreshRefusal;
use acquit_store::{code::Mint, token::RefreshFailure};

use crate::world::{LIFETIMES, World, at};

async fn refresh(world: &World, token: &[u8; 32], now: i64) -> Result<([u8; 32], [u8; 32]), RefreshFailure> {
    let mint = world.mint(false, now);
    let new = (mint.access.hash, mint.refresh.as_ref().unwrap().hash);
    world.refresh(token, "wiki", mint, at(now), LIFETIMES).await.unwrap().map(|_| new)
}

contract! {
    async fn an_access_token_is_good_until_it_expires_or_is_revoked(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        let view = world.access_token(&tokens.access).await.unwrap().unwrap();
        assert_eq!((view.grant.client_id.as_str(), &view.grant.sid), ("wiki", &tokens.minted.sid));
        assert_eq!((view.aud.as_slice(), view.issued_at), (["wiki".to_owned()].as_slice(), at(0)));
        assert!(view.live(at(599), LIFETIMES));
        assert!(!view.live(at(600), LIFETIMES));
        assert!(world.revoke_access(&tokens.access, at(1)).await.unwrap());
        assert!(!world.revoke_access(&tokens.access, at(1)).await.unwrap());
        assert!(!world.is_good(&tokens.access, 1).await);
        // The refresh token is not touched by that.
        assert!(refresh(&world, &tokens.refresh, 2).await.is_ok());
    }

    async fn a_revoked_family_takes_all_its_tokens_along(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        let other = world.tokens(&session.id, "mail", false, 0).await;
        assert!(world.revoke_family(&tokens.minted.family, at(1)).await.unwrap());
        assert!(!world.revoke_family(&tokens.minted.family, at(1)).await.unwrap());
        assert!(!world.is_good(&tokens.access, 1).await);
        let refused = refresh(&world, &tokens.refresh, 1).await.unwrap_err();
        assert_eq!(refused, RefreshFailure::Refused(RefreshRefusal::Revoked));
        assert!(world.is_good(&other.access, 1).await);
    }

    async fn a_refresh_token_rotates_and_two_tabs_may_do_so_at_once(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        let (_, first) = refresh(&world, &tokens.refresh, 100).await.unwrap();
        let (access, second) = refresh(&world, &tokens.refresh, 109).await.unwrap();
        assert!(world.is_good(&access, 110).await);
        assert!(refresh(&world, &first, 120).await.is_ok());
        assert!(refresh(&world, &second, 120).await.is_ok());
    }

    async fn a_refresh_token_used_again_later_revokes_its_family(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        let (access, successor) = refresh(&world, &tokens.refresh, 100).await.unwrap();
        let reused = refresh(&world, &tokens.refresh, 110).await.unwrap_err();
        assert_eq!(reused, RefreshFailure::Refused(RefreshRefusal::Reused));
        assert!(!world.is_good(&access, 111).await);
        let dead = refresh(&world, &successor, 111).await.unwrap_err();
        assert_eq!(dead, RefreshFailure::Refused(RefreshRefusal::Revoked));
    }

    async fn another_clients_refresh_token_is_refused_without_effect(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        for _ in 0..2 {
            let stolen = world.refresh(&tokens.refresh, "mail", world.mint(false, 50), at(50), LIFETIMES).await.unwrap();
            assert_eq!(stolen.unwrap_err(), RefreshFailure::OtherClient);
        }
        assert!(refresh(&world, &tokens.refresh, 100).await.is_ok());
        assert_eq!(refresh(&world, &world.hash(), 100).await.unwrap_err(), RefreshFailure::Unknown);
    }

    async fn without_a_successor_the_refresh_token_stays(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        for now in [10, 100, 1000] {
            let mint = Mint { refresh: None, ..world.mint(false, now) };
            let access = mint.access.hash;
            world.refresh(&tokens.refresh, "wiki", mint, at(now), LIFETIMES).await.unwrap().unwrap();
            assert!(world.is_good(&access, now).await);
        }
    }

    async fn a_refresh_counts_as_use_of_the_session(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let tokens = world.tokens(&session.id, "wiki", false, 0).await;
        refresh(&world, &tokens.refresh, 3000).await.unwrap();
        assert_eq!(world.session(&session.id).await.unwrap().unwrap().session.last_seen_at, at(3000));
    }

    async fn tokens_die_with_their_session_but_an_offline_grant_lives_on(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let bound = world.tokens(&session.id, "wiki", false, 0).await;
        let offline = world.tokens(&session.id, "mail", true, 0).await;
        world.end(&session.id, 10).await;
        assert!(!world.is_good(&bound.access, 10).await);
        // Minted in the session, so it dies with it, although its refresh token does not.
        assert!(!world.is_good(&offline.access, 10).await);
        let refused = refresh(&world, &bound.refresh, 11).await.unwrap_err();
        assert_eq!(refused, RefreshFailure::Refused(RefreshRefusal::SessionEnded));
        let mint = world.mint(true, 11);
        let access = mint.access.hash;
        let minted = world.refresh(&offline.refresh, "mail", mint, at(11), LIFETIMES).await.unwrap().unwrap();
        assert!(minted.offline && world.is_good(&access, 12).await);
    }

    async fn an_offline_grant_dies_with_its_users_logout(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let offline = world.tokens(&session.id, "mail", true, 0).await;
        world.end(&session.id, 10).await;
        let mint = world.mint(true, 11);
        let (access, successor) = (mint.access.hash, mint.refresh.as_ref().unwrap().hash);
        world.refresh(&offline.refresh, "mail", mint, at(11), LIFETIMES).await.unwrap().unwrap();
        let logout = world.end_user(&ann.id, 20).await;
        // Told, although its session ended long before, of the user as a whole.
        assert_eq!(logout.steps.len(), 1);
        assert_eq!(logout.steps[0].session, None);
        assert!(!world.is_good(&access, 21).await);
        let dead = world.refresh(&successor, "mail", world.mint(true, 21), at(21), LIFETIMES).await.unwrap();
        assert_eq!(dead.unwrap_err(), RefreshFailure::Refused(RefreshRefusal::Revoked));
    }
}
