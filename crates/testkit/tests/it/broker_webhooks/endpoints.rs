//! Endpoints that an application makes for itself.

use super::*;

const PATH: &str = "/webhook_endpoints";

/// A second application, which may not manage anything and gets nobody's people of the first customer.
const OTHER_KEY: &str = "sk_other_0123456789abcdefghijklmnopq";

fn other() -> String {
    format!(
        "manage = true\n[[organizations]]\nid = \"org_02OTHER\"\nname = \"Other\"\n[[applications]]\nid = \"other\"\n\
         protocol = \"broker\"\nclient_id = \"client_02OTHER\"\napi_key = \"{OTHER_KEY}\"\n\
         redirect_uris = [\"http://other.localhost:9/callback\"]\norganizations = [\"org_02OTHER\"]"
    )
}

async fn make(world: &World, url: &str, events: &[&str]) -> Value {
    let body = json!({ "endpoint_url": url, "events": events });
    let (status, made) = world.call(Method::POST, PATH, API_KEY, Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_made_shown_changed_and_deleted() {
    for engine in Engine::BOTH {
        let world = world_of(engine, "", "manage = true").await;
        let made = make(&world, "https://saas.example/hook", &[STARTED, COMPLETED, STARTED]).await;
        let keys: Vec<_> = made.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["created_at", "endpoint_url", "events", "id", "object", "secret", "status", "updated_at"];
        assert_eq!(keys, expected);
        assert_eq!((&made["object"], &made["status"]), (&json!("webhook_endpoint"), &json!("enabled")));
        assert_eq!(made["events"], json!([COMPLETED, STARTED]));
        let id = made["id"].as_str().unwrap();
        assert!(id.starts_with("we_") && id.len() == 29, "{id}");
        let secret = made["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_") && secret.len() == 49);

        world.broker.runs.advance(Duration::from_secs(1));
        let second = make(&world, "http://127.0.0.1:9/hook", &[STARTED]).await;
        let (_, list) = world.call(Method::GET, &format!("{PATH}?limit=1"), API_KEY, None).await;
        assert_eq!(list["data"], json!([second]), "the newest first");
        let after = list["list_metadata"]["after"].as_str().unwrap();
        let (_, list) = world.call(Method::GET, &format!("{PATH}?after={after}"), API_KEY, None).await;
        assert_eq!((&list["data"], &list["list_metadata"]["after"]), (&json!([made]), &Value::Null));

        let path = format!("{PATH}/{id}");
        world.broker.runs.advance(Duration::from_secs(1));
        let change = json!({ "endpoint_url": "https://saas.example/new", "status": "disabled" });
        let (status, changed) = world.call(Method::PATCH, &path, API_KEY, Some(&change)).await;
        assert_eq!((status, &changed["status"]), (200, &json!("disabled")));
        assert_eq!(
            (&changed["secret"], &changed["events"]),
            (&made["secret"], &made["events"]),
            "what is not named stays"
        );
        assert_ne!(changed["updated_at"], made["updated_at"]);
        assert_eq!(world.call(Method::DELETE, &path, API_KEY, None).await.0, 204);
        assert_eq!(world.call(Method::DELETE, &path, API_KEY, None).await.0, 404);
        assert_eq!(world.call(Method::PATCH, &path, API_KEY, Some(&change)).await.0, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_endpoint_is_said_and_nothing_is_kept() {
    let hook = TestHook::start().await;
    let world = world_of(Engine::Sqlite, "", &format!("{}\nmanage = true", webhook(&hook.url("/hook")))).await;
    let url = "https://saas.example/hook";
    make(&world, url, &[STARTED]).await;
    let second = make(&world, "https://saas.example/second", &[STARTED]).await;
    for (body, status, code) in [
        (json!({ "endpoint_url": url, "events": [STARTED] }), 409, "duplicate_endpoint"),
        (json!({ "endpoint_url": hook.url("/hook"), "events": [STARTED] }), 409, "duplicate_endpoint"),
        (json!({ "endpoint_url": "http://saas.example/hook", "events": [STARTED] }), 422, "invalid_url"),
        (json!({ "endpoint_url": "ftp://saas.example", "events": [STARTED] }), 422, "invalid_url"),
        (json!({ "endpoint_url": "hook", "events": [STARTED] }), 422, "invalid_url"),
        (
            json!({ "endpoint_url": format!("https://a.example/{}", "a".repeat(4000)), "events": [STARTED] }),
            422,
            "invalid_url",
        ),
        (json!({ "events": [STARTED] }), 422, "invalid_request_parameters"),
        (json!({ "endpoint_url": "https://a.example/" }), 422, "invalid_request_parameters"),
        (json!({ "endpoint_url": "https://a.example/", "events": [] }), 422, "invalid_request_parameters"),
        (json!({ "endpoint_url": "https://a.example/", "events": "all" }), 422, "invalid_request_parameters"),
        (
            json!({ "endpoint_url": "https://a.example/", "events": ["user.created"] }),
            422,
            "invalid_request_parameters",
        ),
        (json!([]), 422, "invalid_request_parameters"),
    ] {
        let (got, answer) = world.call(Method::POST, PATH, API_KEY, Some(&body)).await;
        assert_eq!((got, &answer["code"]), (status, &json!(code)), "{body}: {answer}");
    }
    let path = format!("{PATH}/{}", second["id"].as_str().unwrap());
    for (change, status) in [(json!({ "endpoint_url": url }), 409), (json!({ "status": "asleep" }), 422)] {
        assert_eq!(world.call(Method::PATCH, &path, API_KEY, Some(&change)).await.0, status, "{change}");
    }
    for id in ["we_", "we_nobody", "conn_01EXAMPLE", "%00"] {
        assert_eq!(world.call(Method::DELETE, &format!("{PATH}/{id}"), API_KEY, None).await.0, 404, "{id}");
    }
    for more in 2..16 {
        make(&world, &format!("https://saas.example/{more}"), &[STARTED]).await;
    }
    let body = json!({ "endpoint_url": "https://saas.example/one-too-many", "events": [STARTED] });
    assert_eq!(world.call(Method::POST, PATH, API_KEY, Some(&body)).await.0, 422);
    let (_, list) = world.call(Method::GET, &format!("{PATH}?limit=100"), API_KEY, None).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_application_that_may_manage_writes_and_it_sees_only_its_own() {
    let world = world_of(Engine::Sqlite, "", &other()).await;
    let made = make(&world, "https://saas.example/hook", &[STARTED]).await;
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let body = json!({ "endpoint_url": "https://evil.example/hook", "events": [STARTED] });
    for (method, path) in [(Method::POST, PATH), (Method::PATCH, &path), (Method::DELETE, &path)] {
        let (status, answer) = world.call(method.clone(), path, OTHER_KEY, Some(&body)).await;
        assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{method}");
        for key in ["sk_wrong", acquit_testkit::acquit::OPERATOR] {
            assert_eq!(world.call(method.clone(), path, key, Some(&body)).await.0, 401, "{method}");
        }
    }
    assert_eq!(world.call(Method::GET, PATH, "sk_wrong", None).await.0, 401);
    let (status, list) = world.call(Method::GET, PATH, OTHER_KEY, None).await;
    assert_eq!((status, &list["data"]), (200, &json!([])), "another application's secrets are not its affair");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_told_with_its_own_secret_of_what_it_wants_and_not_when_it_is_gone() {
    for engine in Engine::BOTH {
        let (world, configured) = hooked(engine).await;
        let [both, late, off, gone] =
            [TestHook::start().await, TestHook::start().await, TestHook::start().await, TestHook::start().await];
        let made = make(&world, &both.url("/both"), &[STARTED, COMPLETED]).await;
        make(&world, &late.url("/late"), &[COMPLETED]).await;
        let disabled = make(&world, &off.url("/off"), &[STARTED]).await;
        let disable = format!("{PATH}/{}", disabled["id"].as_str().unwrap());
        let (status, _) = world.call(Method::PATCH, &disable, API_KEY, Some(&json!({ "status": "disabled" }))).await;
        assert_eq!(status, 200);
        let deleted = make(&world, &gone.url("/gone"), &[STARTED]).await;
        gone.always_answers(Answer::Status(500));

        let reply = world.enter("alice").await;
        let receipt = world.end_all_of(&reply).await;
        let id = receipt["id"].as_str().unwrap();
        gone.wait(STARTED, 1, SOON).await;
        let delete = format!("{PATH}/{}", deleted["id"].as_str().unwrap());
        assert_eq!(world.call(Method::DELETE, &delete, API_KEY, None).await.0, 204);
        let receipt = settle_by_clock(&world.broker, id, Duration::from_secs(2), SOON).await;
        let steps: Vec<_> =
            receipt["steps"].as_array().unwrap().iter().filter(|step| step["channel"] == "webhook").collect();
        // Endpoints of one moment are in no order.
        let (failed, confirmed): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step["outcome"] == "failed");
        assert!(confirmed.len() == 2 && confirmed.iter().all(|step| step["outcome"] == "confirmed"), "{receipt:#}");
        let details: Vec<_> = failed.iter().map(|step| &step["detail"]).collect();
        assert_eq!(details, ["the endpoint was deleted"], "{receipt:#}");

        let heard = both.wait(STARTED, 1, SOON).await.remove(0);
        let told = configured.wait(STARTED, 1, SOON).await.remove(0);
        assert_eq!(heard.body, told.body, "one event, whoever hears it");
        assert!(world.verify(&heard, made["secret"].as_str().unwrap()).is_ok());
        assert!(world.verify(&heard, SECRET).is_err() && world.verify(&told, SECRET).is_ok());
        let waited = until(SOON, "it hears how it came out", async || {
            world.broker.runs.advance(Duration::from_secs(1));
            late.all().pop()
        })
        .await;
        assert_eq!(waited.event()["event"], COMPLETED);
        assert!(off.all().is_empty() && late.all().iter().all(|posted| posted.is(COMPLETED)));
    }
}
