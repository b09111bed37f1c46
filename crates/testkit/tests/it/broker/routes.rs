//! What a sign-out at the customer's provider leaves of the gateway's routes: told by its back channel, and in a frame at the
//! route itself, as seed 004 has providers registered.

use super::*;
use crate::{
    routes::{LONG, NOT_ALLOWED, Routes, greeted, is_open, rest},
    world::until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_the_provider_ends_all_routes_by_back_channel_and_in_a_frame_at_one_of_them() {
    for engine in Engine::BOTH {
        for in_frame in [false, true] {
            let what = format!("{engine:?}, {}", if in_frame { "in a frame" } else { "by back channel" });
            let routes = Routes::start().await;
            // The one at which nothing is open.
            let door = routes.at("vault", "/.pomerium/sign_out");
            let told = if in_frame { Told::Front(door) } else { Told::Back };
            let world = made(engine, "", &routes.configuration("domains = [\"example.com\"]"), told).await;
            world.enter("alice").await;
            // The provider's sign-out would not reach a program that acts as one of its people.
            let whose = world.broker.live_sessions().await[0]["user"]["id"].clone();
            let order = json!({ "user": whose, "route": routes.at("grafana", ""), "name": "ci" });
            let (status, refused) = world.broker.api(Method::POST, "/api/v1/programs", Some(&order)).await;
            assert!(status == 400 && refused.to_string().contains("identity provider"), "{status}: {refused}");
            let held = routes.hold(&world.browser).await;
            let page = world.browser.open(&world.upstream.url("/sign-out")).await;
            let form = page.form_with("question").press("decision", "sign-out");
            let page = world.browser.submit(&page, form).await;
            if in_frame {
                assert_eq!(page.mark().as_deref(), Some("signing-out"), "{what}: {page}");
                let frames = world.browser.load_frames(&page).await;
                assert_eq!(frames.iter().map(|frame| frame.status).collect::<Vec<_>>(), [200], "{what}");
            }
            held.has_ended(&what).await;
            let receipt = until(LONG, "the routes are acknowledged", async || {
                // It is refused here before it is written that it is over.
                let receipt = world.broker.receipts().await.pop()?;
                let done =
                    ["grafana", "vault"].map(|host| outcome(&receipt, &routes.party(host), "gateway").to_owned());
                done.iter().all(|outcome| outcome == "confirmed").then_some(receipt)
            })
            .await;
            assert_eq!(receipt["requested"]["by"], "upstream", "{what}");
            only_receipt(&world.broker).await;
            routes.confirmed(&receipt, &what);
        }
    }
}

#[tokio::test]
async fn who_comes_back_from_the_provider_as_somebody_else_loses_what_that_one_may_not_have() {
    for engine in Engine::BOTH {
        let what = format!("{engine:?}");
        let routes = Routes::start().await;
        let world = made(engine, "", &routes.configuration("emails = [\"alice@example.com\"]"), Told::Back).await;
        world.enter("alice").await;
        for host in ["grafana", "vault"] {
            let page = world.browser.open(&routes.at(host, "/dash")).await;
            assert_eq!(page.status, 200, "{what}: {page}");
        }
        let mut vault = greeted(&routes, "vault", &world.browser).await;
        let mut grafana = greeted(&routes, "grafana", &world.browser).await;
        let store = &world.upstream.runs.app.store;
        let alice = store.user_by_username("alice").await.unwrap().unwrap();
        let renamed = acquit_store::user::User { email: Some("alice.b@example.com".to_owned()), ..alice };
        store.put_user(renamed).await.unwrap().unwrap();
        is_open(&mut vault, &what).await;
        // What the provider says is heard when it is asked, in whichever browser.
        let World { upstream, broker, wiki, browser } = world;
        let elsewhere = World { upstream, broker, wiki, browser: Browser::new() };
        elsewhere.enter("alice").await;
        assert!(rest(&mut vault).await.ends_with(NOT_ALLOWED), "{what}");
        is_open(&mut grafana, &what).await;
        assert_eq!(elsewhere.broker.live_sessions().await.len(), 2, "{what}: nobody was signed out");
        assert_eq!(browser.open(&routes.at("vault", "/dash")).await.status, 403, "{what}");
    }
}
