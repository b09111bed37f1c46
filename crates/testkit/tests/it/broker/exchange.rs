//! The exchange of a code.

use acquit_testkit::wire;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_for_its_application_and_a_wrong_try_does_not_use_it_up() {
    let world = world(Engine::Sqlite).await;
    let code = world.code("alice").await;
    let body = |secret: &str, client: &str, code: &str, grant: &str| json!({ "client_id": client, "client_secret": secret, "grant_type": grant, "code": code });
    for (body, error) in [
        (body("sk_wrong", "client_01SAAS", &code, "authorization_code"), "invalid_client"),
        (body(API_KEY, "client_01OTHER", &code, "authorization_code"), "invalid_client"),
        (body(API_KEY, "client_01SAAS", "nonsense", "authorization_code"), "invalid_grant"),
        (body(API_KEY, "client_01SAAS", &code, "password"), "unsupported_grant_type"),
        (json!({ "client_id": "client_01SAAS", "grant_type": "authorization_code", "code": code }), "invalid_client"),
        (
            json!({ "client_id": "client_01SAAS", "client_secret": API_KEY, "grant_type": "authorization_code",
                 "code": code, "code_verifier": "v".repeat(43) }),
            "invalid_grant",
        ),
    ] {
        let (status, reply) = world.post("/sso/token", &body, None).await;
        assert_eq!((status, &reply["error"]), (400, &json!(error)), "{body}");
    }
    assert_eq!(world.exchange(&code).await.0, 200, "still good");
    let (status, reply) = world.exchange(&code).await;
    assert_eq!((status, &reply["error"]), (400, &json!("invalid_grant")), "and only once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_tried_again_by_its_name_gets_the_same_answer() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let code = world.code("alice").await;
        let body = json!({ "client_id": "client_01SAAS", "client_secret": API_KEY, "grant_type": "authorization_code",
                           "code": code });
        let call = async |key: &str| {
            let named = [("idempotency-key", key)];
            let url = world.broker.url("/sso/token");
            let response = broker_wire::send(Method::POST, &url, None, Some(&body), &named).await;
            (response.status().as_u16(), wire::json(&response).unwrap())
        };
        let (first, second) = futures_util::future::join(call("retry-1"), call("retry-1")).await;
        assert_eq!(first.0, 200, "{}", first.1);
        assert_eq!(first, second, "also twice at once");
        assert_eq!(call("retry-1").await, first, "an answer that was lost is given again");
        let token = first.1["access_token"].as_str().unwrap();
        assert_eq!(world.profile(token).await.0, 200, "and what it gave is good");
        assert_eq!(call(&"k".repeat(256)).await.0, 422);
        assert_eq!(call("retry-1").await, first);
        // After the sign-out there is nothing to give again.
        let url = world.logout_url(profile_id(&first.1)).await;
        land(&world, &url).await;
        assert_eq!(call("retry-1").await.1["error"], "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_under_another_name_is_a_stolen_one_and_what_it_gave_is_dead() {
    let world = world(Engine::Sqlite).await;
    let code = world.code("alice").await;
    let reply = world.exchange(&code).await.1;
    let token = reply["access_token"].as_str().unwrap();
    assert_eq!(world.profile(token).await.0, 200);
    assert_eq!(world.exchange(&code).await.1["error"], "invalid_grant");
    assert_eq!(world.profile(token).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_gets_nobody_of_an_organization_that_was_taken_from_it() {
    let world = world(Engine::Sqlite).await;
    let reply = world.enter("alice").await;
    let token = reply["access_token"].as_str().unwrap();
    let code = world.code("alice").await;
    assert_eq!(world.profile(token).await.0, 200);
    let app = &world.broker.runs.app;
    let mut settings = acquit_server::settings::Settings::clone(&app.settings());
    settings.broker_applications[0].organizations = Some(Vec::new());
    acquit_server::reload::reload(app, settings).await.unwrap();
    assert_eq!(world.profile(token).await.0, 401);
    let (status, refused) = world.exchange(&code).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    // To sign somebody out whom it once received is still its right.
    world.logout_url(profile_id(&reply)).await;
}
