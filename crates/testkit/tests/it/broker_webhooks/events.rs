//! The list of what happened: `/events`.

use super::*;

const SIGN_IN: &str =
    "events[]=authentication.sso_started&events[]=authentication.sso_succeeded&events[]=session.created";
const ALL: &str = "events=authentication.sso_started,authentication.sso_succeeded,authentication.sso_failed,\
                   session.created,session.revoked,sso.logout.started,sso.logout.completed,connection.deleted";
const OTHER_KEY: &str = "sk_other_0123456789abcdefghijklmnopq";

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_session_is_listed_with_the_ids_of_the_webhooks() {
    for engine in Engine::BOTH {
        let (world, hook) = hooked(engine).await;
        let reply = world.enter("alice").await;
        let listed = world.events(SIGN_IN).await;
        assert_eq!(
            names(&listed),
            ["session.created", "authentication.sso_started", "authentication.sso_succeeded"],
            "{listed:#?}"
        );
        let (session, succeeded) = (&listed[0]["data"], &listed[2]["data"]);
        assert_eq!((&session["id"], &session["status"]), (&reply["session_id"], &json!("active")), "{session:#}");
        assert_eq!(session["user_id"], reply["profile"]["id"]);
        assert_eq!(succeeded["sso"]["session_id"], reply["session_id"]);
        assert_eq!(succeeded["sso"]["connection_id"], "conn_01EXAMPLE");
        assert_eq!(succeeded["email"], "alice@example.com");
        assert_eq!((&listed[1]["data"]["status"], &listed[1]["data"]["user_id"]), (&json!("started"), &Value::Null));

        world.end_all_of(&reply).await;
        let told = [hook.wait(STARTED, 1, SOON).await.remove(0), hook.wait(COMPLETED, 1, SOON).await.remove(0)];
        let ended = world.events("events=session.revoked,sso.logout.started&events=sso.logout.completed").await;
        assert_eq!(names(&ended), ["session.revoked", STARTED, COMPLETED], "{ended:#?}");
        assert_eq!(ended[0]["data"]["ended_at"], ended[1]["data"]["ended_at"]);
        assert_eq!(ended[0]["data"]["created_at"], session["created_at"]);
        for (listed, posted) in ended[1..].iter().zip(&told) {
            assert_eq!(*listed, posted.event(), "the same, here and there");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_turns_the_pages_in_both_directions_and_misses_nothing() {
    for engine in Engine::BOTH {
        let (world, hook) = hooked(engine).await;
        for round in 1..=3 {
            let reply = world.enter("alice").await;
            world.end_all_of(&reply).await;
            // What belongs to this second is written in it.
            hook.wait(COMPLETED, round, SOON).await;
            world.broker.runs.advance(Duration::from_secs(1));
        }
        let all = world.events(&format!("{ALL}&limit=100")).await;
        assert_eq!(all.len(), 18, "{:#?}", names(&all));
        for limit in [1, 2, 5, 17, 18] {
            let newest_first: Vec<Value> = all.iter().rev().cloned().collect();
            // In the order `normal` what is older comes before, though the newest is first.
            for (order, expected, on, back) in [
                ("asc", &all, "after", "before"),
                ("desc", &newest_first, "after", "before"),
                ("normal", &newest_first, "before", "after"),
            ] {
                let (mut seen, mut cursor) = (Vec::new(), String::new());
                loop {
                    let path = format!("/events?{ALL}&order={order}&limit={limit}{cursor}");
                    let (status, page) = world.call(Method::GET, &path, API_KEY, None).await;
                    assert_eq!(status, 200, "{page}");
                    let data = page["data"].as_array().unwrap().clone();
                    assert!(data.len() <= limit);
                    assert_eq!(page["list_metadata"][back].is_null(), seen.is_empty(), "{page:#}");
                    // Back again is where we were.
                    if let Some(first) = page["list_metadata"][back].as_str() {
                        let path = format!("/events?{ALL}&order={order}&limit={limit}&{back}={first}");
                        let (_, page) = world.call(Method::GET, &path, API_KEY, None).await;
                        let was: Vec<Value> = seen[seen.len().saturating_sub(limit)..].to_vec();
                        assert_eq!(page["data"], json!(was));
                    }
                    seen.extend(data);
                    match page["list_metadata"][on].as_str() {
                        Some(last) => cursor = format!("&{on}={last}"),
                        None => break,
                    }
                }
                assert_eq!(seen, *expected, "{order} by {limit}");
            }
        }
        // One who polls from the last id on gets what happens next, and no more.
        let last = all.last().unwrap()["id"].as_str().unwrap();
        assert!(world.events(&format!("{ALL}&after={last}")).await.is_empty());
        assert!(world.events(&format!("{ALL}&order=normal&after={last}")).await.is_empty());
        world.enter("bob").await;
        assert_eq!(world.events(&format!("{ALL}&after={last}")).await.len(), 3);

        let begin = all[6]["created_at"].as_str().unwrap();
        let end = all[12]["created_at"].as_str().unwrap();
        let range = world.events(&format!("{ALL}&limit=100&range_start={begin}&range_end={end}")).await;
        assert_eq!(range, all[6..12], "one sign-in and sign-out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_sees_only_what_happens_at_its_own_customers() {
    let more = format!(
        "[[organizations]]\nid = \"org_02OTHER\"\nname = \"Other\"\n[[applications]]\nid = \"other\"\n\
         protocol = \"broker\"\nclient_id = \"client_02OTHER\"\napi_key = \"{OTHER_KEY}\"\n\
         redirect_uris = [\"http://other.localhost:9/callback\"]\norganizations = [\"org_02OTHER\"]"
    );
    let world = world_of(Engine::Sqlite, "", &more).await;
    world.enter("alice").await;
    let first = world.events(SIGN_IN).await.remove(0);
    assert_eq!(world.events(&format!("{SIGN_IN}&organization_id=org_01EXAMPLE")).await.len(), 3);
    assert!(world.events(&format!("{SIGN_IN}&organization_id=org_02OTHER")).await.is_empty());
    for query in ["", "&organization_id=org_01EXAMPLE", "&organization_id=org_02OTHER"] {
        let (status, list) = world.call(Method::GET, &format!("/events?{SIGN_IN}{query}"), OTHER_KEY, None).await;
        assert_eq!((status, &list["data"]), (200, &json!([])), "{query}");
    }
    // Not even that there is an event of this id.
    let after = format!("/events?{SIGN_IN}&after={}", first["id"].as_str().unwrap());
    assert_eq!(world.call(Method::GET, &after, OTHER_KEY, None).await.0, 422);
    assert_eq!(world.call(Method::GET, &after, API_KEY, None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_for_the_list_is_refused() {
    let (world, _hook) = hooked(Engine::Sqlite).await;
    for key in ["sk_wrong", acquit_testkit::acquit::OPERATOR] {
        assert_eq!(world.call(Method::GET, &format!("/events?{ALL}"), key, None).await.0, 401);
    }
    for query in [
        "",
        "events=",
        &format!("{ALL}&after=event_"),
        &format!("{ALL}&after=event_01HXYZ123456789ABCDEFGHJKM"),
        &format!("{ALL}&after=conn_01EXAMPLE"),
        &format!("{ALL}&limit=0"),
        &format!("{ALL}&limit=101"),
        &format!("{ALL}&order=up"),
        &format!("{ALL}&range_start=yesterday"),
        &format!("{ALL}&range_start=2026-11-21T04:00:00%2B01:00"),
        &format!("{ALL}&organization_id=1"),
        &format!("{ALL}&{}", "a=b&".repeat(300)),
    ] {
        let (status, answer) = world.call(Method::GET, &format!("/events?{query}"), API_KEY, None).await;
        assert_eq!((status, &answer["code"]), (422, &json!("invalid_request_parameters")), "{query}: {answer}");
    }
    assert!(world.events("events=user.created").await.is_empty(), "what never happens here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_at_the_provider_is_listed_too() {
    let (world, _hook) = hooked(Engine::Sqlite).await;
    // Away to the provider, and back with an error that it could have sent.
    let load = acquit_testkit::browser::Load::typed(&world.authorize("connection=conn_01EXAMPLE"));
    let away = world.browser.step(&load).await.unwrap().location().unwrap();
    let state = crate::broker::parameter(&away, "state").unwrap();
    let back = world.broker.url(&format!(
        "/sso/oidc/{}/callback?error=access_denied&state={state}&iss={}",
        crate::broker::KEY,
        world.upstream.url("")
    ));
    let _ = world.browser.try_load(acquit_testkit::browser::Load::typed(&back)).await;
    let listed = world.events("events=authentication.sso_started,authentication.sso_failed").await;
    assert_eq!(names(&listed), ["authentication.sso_started", "authentication.sso_failed"], "{listed:#?}");
    assert_eq!(listed[1]["data"]["error"]["code"], "access_denied", "{listed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_leaves_the_configuration_and_comes_back_is_listed_both_times() {
    let (world, _hook) = hooked(Engine::Sqlite).await;
    let app = &world.broker.runs.app;
    let query = "events=connection.activated,connection.deactivated,connection.deleted";
    assert!(world.events(query).await.is_empty(), "a start is no change");
    let with = (*app.settings()).clone();
    let mut without = with.clone();
    without.connections.clear();
    for settings in [with.clone(), without.clone(), without, with] {
        acquit_server::reload::reload(app, settings).await.unwrap();
    }
    let listed = world.events(query).await;
    assert_eq!(names(&listed), ["connection.deleted", "connection.activated"], "{listed:#?}");
    for event in &listed {
        let data = &event["data"];
        assert_eq!((&data["id"], &data["organization_id"]), (&json!("conn_01EXAMPLE"), &json!("org_01EXAMPLE")));
        assert_eq!(data["connection_type"], "GenericOIDC");
    }
    assert_eq!(listed[1]["data"]["external_key"], crate::broker::KEY);
}
