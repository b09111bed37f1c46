//! Keys, registered clients, pushed requests, consents and what is used only once.

use acquit_store::{
    StoreError,
    client::ClientRecord,
    key::KeyRecord,
    par::{NewPar, TooManyPushed},
};

use crate::world::{app, at};

contract! {
    async fn a_key_is_kept_and_retired_once(world: World) {
        let key = KeyRecord {
            kid: "k1".to_owned(),
            alg: "RS256".to_owned(),
            sealed: vec![0, 1, 255],
            created_at: at(1),
            signs_from: at(2),
            retired_at: None,
            published_until: None,
        };
        world.put_key(key.clone()).await.unwrap();
        assert!(matches!(world.put_key(key.clone()).await, Err(StoreError::Duplicate(_))));
        world.put_key(KeyRecord { kid: "k0".to_owned(), created_at: at(0), ..key.clone() }).await.unwrap();
        let kids: Vec<_> = world.keys().await.unwrap().into_iter().map(|key| key.kid).collect();
        assert_eq!(kids, ["k0", "k1"]);
        assert!(world.retire_key("k1", at(5), at(50)).await.unwrap());
        assert!(!world.retire_key("k1", at(6), at(60)).await.unwrap());
        assert!(!world.retire_key("k9", at(6), at(60)).await.unwrap());
        let retired = world.keys().await.unwrap().pop().unwrap();
        assert_eq!(retired, KeyRecord { retired_at: Some(at(5)), published_until: Some(at(50)), ..key });
    }

    async fn a_client_registers_changes_and_goes_with_its_tokens(world: World) {
        let mut client = ClientRecord {
            client_id: "wiki".to_owned(),
            metadata: "{}".to_owned(),
            secret_hash: Some(world.hash()),
            registration_token_hash: Some(world.hash()),
            created_at: at(1),
            updated_at: at(1),
        };
        world.put_client(client.clone()).await.unwrap();
        assert!(matches!(world.put_client(client.clone()).await, Err(StoreError::Duplicate(_))));
        client.metadata = r#"{"client_name":"Wiki"}"#.to_owned();
        client.secret_hash = None;
        client.updated_at = at(2);
        assert!(world.update_client(client.clone()).await.unwrap());
        assert_eq!(world.client("wiki").await.unwrap(), Some(client.clone()));
        assert_eq!(world.clients(None, 10).await.unwrap().data, [client.clone()]);
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 2).await;
        let tokens = world.tokens(&session.id, "wiki", true, 2).await;
        assert!(world.delete_client("wiki", at(3)).await.unwrap());
        assert!(!world.delete_client("wiki", at(3)).await.unwrap());
        assert!(!world.update_client(client).await.unwrap());
        assert_eq!(world.client("wiki").await.unwrap(), None);
        assert!(!world.is_good(&tokens.access, 3).await);
        // It is told of the logout all the same.
        assert_eq!(world.end(&session.id, 4).await.steps.len(), 1);
    }

    async fn a_pushed_request_works_once_for_its_client(world: World) {
        let hash = world.hash();
        world.put_par(world.par(hash, "wiki", None)).await.unwrap().unwrap();
        assert!(matches!(world.put_par(world.par(hash, "wiki", None)).await, Err(StoreError::Duplicate(_))));
        assert_eq!(world.take_par(&hash, "mail", at(1)).await.unwrap(), None);
        assert_eq!(world.take_par(&hash, "wiki", at(60)).await.unwrap(), None);
        assert_eq!(world.take_par(&hash, "wiki", at(59)).await.unwrap().as_deref(), Some("scope=openid"));
        assert_eq!(world.take_par(&hash, "wiki", at(59)).await.unwrap(), None);
    }

    async fn only_so_many_pushed_requests_of_one_client_and_address_wait(world: World) {
        let push = async |client: &str, from: Option<&str>| {
            let hash = world.hash();
            world.put_par(world.par(hash, client, from)).await.unwrap().map(|()| hash)
        };
        let first = push("spa", Some("192.0.2.1")).await.unwrap();
        for _ in 1..100 {
            push("spa", Some("192.0.2.1")).await.unwrap();
        }
        assert_eq!(push("spa", Some("192.0.2.1")).await, Err(TooManyPushed));
        // Nobody else is shut out by it: not another address, not another client, not one that proves itself.
        for (client, from) in [("spa", Some("192.0.2.2")), ("other", Some("192.0.2.1")), ("spa", None)] {
            push(client, from).await.unwrap();
        }
        // A used one makes room, and so does time.
        assert!(world.take_par(&first, "spa", at(1)).await.unwrap().is_some());
        push("spa", Some("192.0.2.1")).await.unwrap();
        assert_eq!(push("spa", Some("192.0.2.1")).await, Err(TooManyPushed));
        let later = NewPar { now: at(61), expires_at: at(120), ..world.par(world.hash(), "spa", Some("192.0.2.1")) };
        assert_eq!(world.put_par(later).await.unwrap(), Ok(()));
        for _ in 0..1000 {
            push("busy", None).await.unwrap();
        }
        assert_eq!(push("busy", None).await, Err(TooManyPushed));
    }

    async fn of_many_at_once_exactly_one_is_the_first_to_use_a_secret(world: World) {
        let hash = world.hash();
        let tries = (0..20).map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move { store.remember_once("jti", &hash, at(60)).await.unwrap() })
        });
        let mut firsts = 0;
        for one in tries.collect::<Vec<_>>() {
            firsts += u32::from(one.await.unwrap());
        }
        assert_eq!(firsts, 1);
        assert!(world.remember_once("confirmation", &hash, at(60)).await.unwrap());
    }

    async fn a_name_is_bound_to_one_thing_however_many_want_it_at_once(world: World) {
        let name = world.hash();
        let tries = (0..20u8).map(|thing| {
            let store = world.store.clone();
            tokio::spawn(async move { (thing, store.bind_once("token", &name, &[thing; 32], at(60)).await.unwrap()) })
        });
        let mut bound = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            let (thing, taken) = one.await.unwrap();
            bound.extend(taken.then_some(thing));
        }
        assert_eq!(bound.len(), 1, "{bound:?}");
        assert!(world.bind_once("token", &name, &[bound[0]; 32], at(60)).await.unwrap(), "the same again");
        assert!(!world.bind_once("token", &name, &[99; 32], at(60)).await.unwrap());
        assert!(world.bind_once("other", &name, &[99; 32], at(60)).await.unwrap());
    }

    async fn a_consent_is_what_was_said_last(world: World) {
        let ann = world.user("ann").await;
        assert_eq!(world.consented(&ann.id, &app("wiki")).await.unwrap(), None);
        for scopes in [vec!["openid".to_owned()], vec!["openid".to_owned(), "email".to_owned()]] {
            world.record_consent(&ann.id, &app("wiki"), &scopes, at(1)).await.unwrap();
            assert_eq!(world.consented(&ann.id, &app("wiki")).await.unwrap(), Some(scopes));
        }
        world.delete_user(&ann.id, at(2)).await.unwrap();
        assert_eq!(world.consented(&ann.id, &app("wiki")).await.unwrap(), None);
    }

    async fn text_that_people_send_is_never_an_error(world: World) {
        let ann = world.user("ann").await;
        for odd in ["a\0b", "'; DROP TABLE users; --", "%_\\", "\u{feff}\u{202e}", "", "𝒳"] {
            assert_eq!(world.user_by_username(odd).await.unwrap(), None);
            let mut new = world.new_session(&ann, 0);
            new.user_agent = Some(odd.to_owned());
            world.begin_session(new).await.unwrap().unwrap();
            assert_eq!(world.take_par(&world.hash(), odd, at(1)).await.unwrap(), None);
            assert!(matches!(world.sessions(&Default::default(), Some(odd), 1).await, Err(StoreError::Cursor)));
            assert!(matches!(world.logouts(&Default::default(), Some(odd), 1).await, Err(StoreError::Cursor)));
            assert!(world.users(Some(odd), 1).await.is_ok());
        }
    }

    async fn the_store_answers(world: World) {
        world.ping().await.unwrap();
        assert!(world.url.starts_with(world.engine()));
    }
}
