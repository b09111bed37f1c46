//! Sign-out through the broker, in both directions.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_of_a_broker_application_ends_the_session_here_and_at_the_provider() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let reply = world.enter("alice").await;
        world.wiki.begin(&world.browser, &[]).await;
        assert!(world.is_signed_in_upstream().await && world.is_signed_in().await);
        let thief = world.browser.copy();

        let url = world.logout_url(profile_id(&reply)).await;
        let landed = land(&world, &url).await;
        assert_eq!(landed.as_str(), BYE);
        assert!(!world.is_signed_in().await, "out here");
        assert!(!world.is_signed_in_upstream().await, "and at the provider");
        assert!(!world.wiki.knows(&world.browser).await, "and at the other application");
        assert_ne!(thief.open(&world.broker.url("/account")).await.mark().as_deref(), Some("account"));
        assert_eq!(world.profile(reply["access_token"].as_str().unwrap()).await.0, 401);

        let receipt = only_receipt(&world.broker).await;
        let receipt = settled(&world.broker, receipt["id"].as_str().unwrap(), Duration::from_secs(10)).await;
        assert_eq!(receipt["requested"]["by"], "application");
        assert_eq!(receipt["requested"]["party"], "saas");
        assert_eq!(outcome(&receipt, "wiki", "backchannel"), "confirmed");
        assert_eq!(outcome(&receipt, "conn_01EXAMPLE", "revocation"), "confirmed", "{receipt:#}");
        assert_eq!(outcome(&receipt, "conn_01EXAMPLE", "end-session"), "sent");
        assert_eq!(outcome(&receipt, "saas", "frontchannel"), "sent");

        // The same right again ends nothing, and leads the same way.
        let second = world.enter("alice").await;
        assert_eq!(profile_id(&second), profile_id(&reply));
        assert_eq!(land(&world, &url).await.as_str(), BYE);
        assert!(world.is_signed_in().await, "a right that was used ends no later session");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cookie_the_persons_sessions_at_that_application_end_and_nobody_elses() {
    let world = world(Engine::Sqlite).await;
    let alice = world.enter("alice").await;
    let elsewhere = World { browser: Browser::new(), ..world };
    let bob = elsewhere.enter("bob").await;
    assert_eq!(elsewhere.broker.live_sessions().await.len(), 2);
    // Alice's right in Bob's browser: his session is left alone, and so is hers, which is not here.
    let url = elsewhere.logout_url(profile_id(&alice)).await;
    assert_eq!(land(&elsewhere, &url).await.as_str(), BYE);
    assert_eq!(elsewhere.broker.live_sessions().await.len(), 2);
    // In a browser without any session of ours hers ends.
    let nobody = World { browser: Browser::new(), ..elsewhere };
    let url = nobody.logout_url(profile_id(&alice)).await;
    let landed = nobody.browser.try_load(Load::typed(&url)).await;
    assert!(
        landed.is_err() || landed.unwrap().url.as_str().starts_with(&nobody.upstream.url("")),
        "on to the provider"
    );
    let live = nobody.broker.live_sessions().await;
    assert_eq!(live.len(), 1, "{live:#?}");
    assert_eq!(nobody.profile(bob["access_token"].as_str().unwrap()).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_scope_profile_all_sessions_of_the_person_at_that_application_end_and_nobody_elses() {
    for engine in Engine::BOTH {
        let first = world(engine).await;
        let alice = first.enter("alice").await;
        let url = async |world: &World, body: Value| {
            let (status, reply) = world.post("/sso/logout/authorize", &body, Some(API_KEY)).await;
            assert_eq!(status, 200, "{reply}");
            reply["logout_url"].as_str().unwrap().to_owned()
        };
        let wrong = json!({ "profile_id": profile_id(&alice), "scope": "everybody" });
        assert_eq!(first.post("/sso/logout/authorize", &wrong, Some(API_KEY)).await.0, 422);
        let right = json!({ "profile_id": profile_id(&alice), "scope": "profile" });

        let second = World { browser: Browser::new(), ..first };
        second.enter("alice").await;
        let third = World { browser: Browser::new(), ..second };
        let bob = third.enter("bob").await;
        assert_eq!(third.broker.live_sessions().await.len(), 3);
        // From Bob's browser: both of Alice's end, and his is left alone, also at the provider.
        let from_bobs = url(&third, right.clone()).await;
        assert_eq!(land(&third, &from_bobs).await.as_str(), BYE);
        assert_eq!(third.broker.live_sessions().await.len(), 1);
        assert!(third.is_signed_in().await && third.is_signed_in_upstream().await);
        assert_eq!(third.profile(bob["access_token"].as_str().unwrap()).await.0, 200);
        let receipt = only_receipt(&third.broker).await;
        assert_eq!(receipt["sessions"].as_array().unwrap().len(), 2, "one logout: {receipt:#}");

        // From one of her own: her browser goes to the provider, and the other session ends as well.
        let fourth = World { browser: Browser::new(), ..third };
        fourth.enter("alice").await;
        let fifth = World { browser: Browser::new(), ..fourth };
        fifth.enter("alice").await;
        let from_hers = url(&fifth, right).await;
        assert_eq!(land(&fifth, &from_hers).await.as_str(), BYE);
        assert!(!fifth.is_signed_in().await && !fifth.is_signed_in_upstream().await);
        assert_eq!(fifth.broker.live_sessions().await.len(), 1, "Bob's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_an_application_never_received_does_not_exist_for_it() {
    let world = world(Engine::Sqlite).await;
    let reply = world.enter("alice").await;
    let unknown = "prof_01HXYZ123456789ABCDEFGHIJK";
    for profile in [unknown, "session_01HXYZ123456789ABCDEFGHIJK", "prof_", "x"] {
        let (status, answer) =
            world.post("/sso/logout/authorize", &json!({ "profile_id": profile }), Some(API_KEY)).await;
        assert_eq!((status, &answer["code"]), (404, &json!("entity_not_found")), "{profile}: {answer}");
    }
    let body = json!({ "profile_id": profile_id(&reply) });
    for key in [None, Some("sk_wrong"), Some(acquit_testkit::acquit::OPERATOR)] {
        let (status, answer) = world.post("/sso/logout/authorize", &body, key).await;
        assert_eq!((status, &answer["error"]), (400, &json!("unauthorized_client")), "{key:?}");
    }
    assert_eq!(world.broker.live_sessions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_provider_ends_the_session_here_and_tells_every_application() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let reply = world.enter("alice").await;
        world.wiki.begin(&world.browser, &[]).await;
        // At the provider itself.
        let page = world.browser.open(&world.upstream.url("/sign-out")).await;
        let form = page.form_with("decision").press("decision", "sign-out");
        world.browser.submit(&page, form).await;
        world.wiki.ledger().wait(Way::Back, 1, Duration::from_secs(10)).await;
        assert!(!world.is_signed_in().await);
        assert_eq!(world.profile(reply["access_token"].as_str().unwrap()).await.0, 401);
        let receipt = only_receipt(&world.broker).await;
        assert_eq!(receipt["requested"]["by"], "upstream");
        assert_eq!(receipt["requested"]["party"], "conn_01EXAMPLE");
        let lines = receipt["steps"].as_array().unwrap();
        assert!(lines.iter().all(|line| line["party"] != "conn_01EXAMPLE"), "never back to its origin: {receipt:#}");
        let upstream = only_receipt(&world.upstream).await;
        let upstream = settled(&world.upstream, upstream["id"].as_str().unwrap(), Duration::from_secs(10)).await;
        assert_eq!(outcome(&upstream, "broker", "backchannel"), "confirmed", "and the provider knows: {upstream:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idp_logout_ends_the_session_of_this_browser_at_the_page_that_clears_the_applications_cookies() {
    let world = world(Engine::Sqlite).await;
    world.enter("alice").await;
    let url = world.broker.url(&format!("/sso/oidc/idp-logout/{KEY}"));
    // A stranger's session and a wrong issuer do nothing.
    let foreign = format!("{url}?iss=https%3A%2F%2Fevil.example&sid=abc");
    assert_eq!(world.browser.open(&foreign).await.status, 400);
    let unknown = format!("{url}?iss={}&sid=abcdefgh", world.upstream.url(""));
    let _ = world.browser.try_load(Load::typed(&unknown)).await;
    assert_eq!(world.broker.live_sessions().await.len(), 1);
    assert_eq!(land(&world, &url).await.as_str(), CLEAR);
    assert!(world.broker.live_sessions().await.is_empty());
    assert_eq!(world.browser.open(&world.broker.url("/sso/oidc/idp-logout/no-such-key-0123456789")).await.status, 404);
}
