//! Receivers that do not behave. None of them holds up anybody else, and the receipt says what they did.

use super::*;

/// How a step by webhook stands, once it was tried `attempts` times.
async fn tried(world: &World, id: &str, attempts: usize) -> Value {
    until(SOON, "it is tried", async || {
        world.broker.runs.advance(Duration::from_secs(2));
        let receipt = world.broker.receipt(id).await;
        let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["channel"] == "webhook")?.clone();
        (step["attempts"].as_array().unwrap().len() >= attempts).then_some(step)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_2xx_is_tried_again_to_the_deadline() {
    let (world, hook) = hooked(Engine::Sqlite).await;
    let reply = world.enter("alice").await;
    let elsewhere = TestHook::start().await;
    hook.answers([
        Answer::Redirect(elsewhere.url("/stolen")),
        Answer::Error(400, "bad".to_owned(), "says the application".to_owned()),
        Answer::Status(500),
        Answer::Status(404),
    ]);
    hook.always_answers(Answer::Status(401));
    let receipt = world.end_all_of(&reply).await;
    let id = receipt["id"].as_str().unwrap();
    let step = tried(&world, id, 5).await;
    let statuses: Vec<_> = step["attempts"].as_array().unwrap().iter().map(|made| made["status"].clone()).collect();
    assert_eq!(statuses[..5], [307, 400, 500, 404, 401], "{step:#}");
    assert_eq!(step["outcome"], "pending", "no status means that it will never take it: {step:#}");
    assert!(elsewhere.all().is_empty(), "a redirect is not followed");
    let receipt = settle_by_clock(&world.broker, id, Duration::from_secs(3 * 3600), Duration::from_secs(60)).await;
    assert_eq!(outcome(&receipt, "saas", "webhook"), "failed", "{receipt:#}");
    assert!(receipt["steps"].to_string().contains("deadline"), "{receipt:#}");
    hook.always_answers(Answer::Honour);
    let completed = until(SOON, "it hears how it came out", async || {
        world.broker.runs.advance(Duration::from_secs(60));
        hook.all().into_iter().rfind(|posted| posted.is(COMPLETED))
    })
    .await;
    assert_eq!(completed.event()["data"]["state"], "incomplete");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_and_one_that_never_ends_hold_nobody_up() {
    for answer in [Answer::Hang, Answer::Endless] {
        let (world, hook) = hooked(Engine::Sqlite).await;
        let reply = world.enter("alice").await;
        world.wiki.begin(&world.browser, &[]).await;
        hook.always_answers(answer.clone());
        let begun = std::time::Instant::now();
        let receipt = world.end_all_of(&reply).await;
        world.wiki.ledger().wait(acquit_testkit::rp::ledger::Way::Back, 1, SOON).await;
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
        let id = receipt["id"].as_str().unwrap();
        let step = until(Duration::from_secs(30), "it is tried", async || {
            let receipt = world.broker.receipt(id).await;
            let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["channel"] == "webhook")?.clone();
            (!step["attempts"].as_array().unwrap().is_empty()).then_some(step)
        })
        .await;
        // A status is an answer, however much comes with it.
        let expected = if answer == Answer::Endless { "confirmed" } else { "pending" };
        assert_eq!(step["outcome"], expected, "{step:#}");
        until(SOON, "the wiki's answer is written down", async || {
            let receipt = world.broker.receipt(id).await;
            (outcome(&receipt, "wiki", "backchannel") == "confirmed").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_operator_did_not_allow_is_never_reached() {
    let world = world_of(Engine::Sqlite, LOCAL, "manage = true").await;
    let body = json!({ "endpoint_url": "https://10.0.0.1/hook", "events": [STARTED] });
    assert_eq!(world.call(Method::POST, "/webhook_endpoints", API_KEY, Some(&body)).await.0, 201);
    let reply = world.enter("alice").await;
    let receipt = world.end_all_of(&reply).await;
    let receipt = settled(&world.broker, receipt["id"].as_str().unwrap(), SOON).await;
    assert_eq!(outcome(&receipt, "saas", "webhook"), "failed", "{receipt:#}");
    let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["channel"] == "webhook").unwrap();
    assert!(!step.to_string().contains("10.0.0.1") && !step.to_string().contains("private"), "{step:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_is_told_when_it_is_back() {
    for engine in Engine::BOTH {
        let (world, hook) = hooked(engine).await;
        let reply = world.enter("alice").await;
        hook.close();
        let receipt = world.end_all_of(&reply).await;
        let id = receipt["id"].as_str().unwrap();
        let step = tried(&world, id, 1).await;
        assert_eq!((&step["outcome"], &step["attempts"][0]["status"]), (&json!("pending"), &Value::Null), "{step:#}");
        hook.reopen().await;
        settle_by_clock(&world.broker, id, Duration::from_secs(5), SOON).await;
        hook.wait(STARTED, 1, SOON).await;
        until(SOON, "it hears how it came out", async || {
            world.broker.runs.advance(Duration::from_secs(1));
            hook.all().into_iter().find(|posted| posted.is(COMPLETED))
        })
        .await;
    }
}
