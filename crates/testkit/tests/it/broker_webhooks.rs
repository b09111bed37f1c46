//! What broker applications are told by webhook, and the list of the same events.

use std::time::{Duration, UNIX_EPOCH};

use acquit_server::sweep;
use acquit_testkit::{Engine, TestHook, acquit::outcome, hook::Posted, rp::Answer};
use http::Method;
use serde_json::{Value, json};
use workos::helpers::WebhookVerifier;

use crate::{
    broker::{World, land, profile_id, world_of},
    broker_wire::{self, API_KEY},
    world::{only_receipt, settle_by_clock, settled, until},
};

mod endpoints;
mod events;
mod receivers;
mod sdks;

pub(crate) const SECRET: &str = "whsec_0123456789abcdefghijklmnopqrstuv";
pub(crate) const SOON: Duration = Duration::from_secs(10);
const LOCAL: &str = "logout = \"local\"";
const STARTED: &str = "sso.logout.started";
const COMPLETED: &str = "sso.logout.completed";

/// The configuration of an application's webhook.
pub(crate) fn webhook(url: &str) -> String {
    format!("webhook = {{ url = \"{url}\", secret = \"{SECRET}\" }}")
}

/// A world with a webhook. Its provider hears of no logout, so that none has to wait for a browser to go there.
async fn hooked(engine: Engine) -> (World, TestHook) {
    let hook = TestHook::start().await;
    let world = world_of(engine, LOCAL, &format!("{}\nmanage = true", webhook(&hook.url("/hook")))).await;
    (world, hook)
}

impl World {
    /// Ends all of somebody's sessions, as an operator.
    async fn end_all_of(&self, reply: &Value) -> Value {
        let user = profile_id(reply).replace("prof_", "usr_").to_lowercase();
        let order = json!({ "scope": "user", "user": user, "reason": "fired, said wiki" });
        let (status, receipt) = self.broker.api(Method::POST, "/api/v1/logouts", Some(&order)).await;
        assert_eq!(status, 202, "{receipt}");
        receipt
    }

    /// A call with an API key; its status and answer.
    async fn call(&self, method: Method, path: &str, key: &str, body: Option<&Value>) -> (u16, Value) {
        broker_wire::call(&self.broker, Some(key), method, path, body).await
    }

    /// What `/events` lists.
    async fn events(&self, query: &str) -> Vec<Value> {
        let (status, list) = self.call(Method::GET, &format!("/events?{query}"), API_KEY, None).await;
        assert_eq!((status, &list["object"]), (200, &json!("list")), "{list}");
        list["data"].as_array().unwrap().clone()
    }

    /// The official Rust SDK's word on a delivery, by the server's clock.
    fn verify(&self, posted: &Posted, secret: &str) -> Result<workos::models::EventSchema, workos::Error> {
        let now = acquit_server::clock::Clock::now(&*self.broker.runs.clock).as_micros();
        let now = UNIX_EPOCH + Duration::from_micros(now.unsigned_abs());
        let verifier = WebhookVerifier::new(secret).with_clock(move || now);
        verifier.construct_event(posted.header("workos-signature"), &posted.body)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_told_by_a_signed_event_and_how_it_came_out_by_another() {
    for engine in Engine::BOTH {
        let hook = TestHook::start().await;
        let world = world_of(engine, "", &webhook(&hook.url("/hook"))).await;
        let reply = world.enter("alice").await;
        world.wiki.begin(&world.browser, &[]).await;
        assert!(hook.all().is_empty());
        let session = reply["session_id"].as_str().unwrap();
        assert!(session.starts_with("session_") && session.len() == 34, "{reply}");

        let url = world.logout_url(profile_id(&reply)).await;
        land(&world, &url).await;
        let started = hook.wait(STARTED, 1, SOON).await.remove(0);
        assert_eq!((started.method.as_str(), started.path.as_str()), ("POST", "/hook"));
        assert_eq!(started.header("content-type"), "application/json");
        let receipt = only_receipt(&world.broker).await;
        let receipt = settled(&world.broker, receipt["id"].as_str().unwrap(), SOON).await;
        assert_eq!(outcome(&receipt, "saas", "webhook"), "confirmed", "{receipt:#}");
        let event = started.event();
        let expected = json!({
            "object": "event", "id": event["id"], "event": STARTED, "created_at": receipt["requested"]["at"],
            "data": {
                "object": "sso_logout", "id": receipt["id"], "state": "in_progress", "scope": "session",
                "reason": "application", "profile_id": profile_id(&reply), "session_id": session,
                "connection_id": "conn_01EXAMPLE", "organization_id": "org_01EXAMPLE",
                "ended_at": receipt["requested"]["at"],
            },
        });
        assert_eq!(event, expected);

        let completed = hook.wait(COMPLETED, 1, SOON).await.remove(0).event();
        let data = &completed["data"];
        assert_eq!((&data["id"], &data["state"]), (&receipt["id"], &receipt["state"]), "{completed:#}");
        assert_eq!(data["session_ids"], json!([session]));
        let steps: Vec<_> = data["steps"].as_array().unwrap().iter().map(|step| &step["party"]).collect();
        assert!(steps.iter().all(|party| *party == "saas" || *party == "conn_01EXAMPLE"), "{completed:#}");
        assert!(!completed.to_string().contains("wiki"), "who else was told is not its affair: {completed:#}");
        for posted in hook.all() {
            assert_eq!(world.verify(&posted, SECRET).unwrap().id, posted.event()["id"].as_str().unwrap());
            assert!(world.verify(&posted, "whsec_another").is_err());
            assert!(world.verify(&Posted { body: posted.body.replace("sso", "SSO"), ..posted }, SECRET).is_err());
        }
        assert!(!receipt.to_string().contains(COMPLETED) && hook.all().len() == 2, "told once of each");
        assert_eq!(
            world.broker.receipt(receipt["id"].as_str().unwrap()).await,
            receipt,
            "it is no part of the receipt"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_signed_anew_for_each_attempt_and_keeps_its_id() {
    for engine in Engine::BOTH {
        let (world, hook) = hooked(engine).await;
        let reply = world.enter("alice").await;
        hook.answers([Answer::Status(400), Answer::Status(503), Answer::Status(202)]);
        let receipt = world.end_all_of(&reply).await;
        let id = receipt["id"].as_str().unwrap();
        let told = until(SOON, "it is told three times", async || {
            world.broker.runs.advance(Duration::from_secs(2));
            let told = hook.all();
            (told.iter().filter(|posted| posted.is(STARTED)).count() == 3).then_some(told)
        })
        .await;
        let told: Vec<_> = told.into_iter().filter(|posted| posted.is(STARTED)).collect();
        assert!(told.iter().all(|posted| posted.body == told[0].body), "{told:#?}");
        let signatures: Vec<_> = told.iter().map(|posted| posted.header("workos-signature")).collect();
        assert!(signatures[0] != signatures[1] && signatures[1] != signatures[2], "{signatures:?}");
        let confirmed = until(SOON, "its answer is recorded", async || {
            let receipt = world.broker.receipt(id).await;
            (outcome(&receipt, "saas", "webhook") == "confirmed").then_some(receipt)
        })
        .await;
        let step = confirmed["steps"].as_array().unwrap().iter().find(|step| step["channel"] == "webhook").unwrap();
        let statuses: Vec<_> = step["attempts"].as_array().unwrap().iter().map(|made| made["status"].clone()).collect();
        assert_eq!(statuses, [400, 503, 202], "{confirmed:#}");
        let text = told[0].body.as_str();
        assert!(!text.contains("fired") && !text.contains("ops"), "the operator's words are the operator's: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_runs_out_is_told_unless_the_application_spares_itself_that() {
    for (spared, engine) in [(false, Engine::Sqlite), (true, Engine::Sqlite), (false, Engine::Postgres)] {
        let hook = TestHook::start().await;
        let more = format!("{}\ntell_on_expiry = {}", webhook(&hook.url("/hook")), !spared);
        let world = world_of(engine, LOCAL, &more).await;
        world.enter("alice").await;
        world.broker.runs.advance(Duration::from_secs(8 * 86_400));
        assert_eq!(sweep::end_overdue(&world.broker.runs.app).await.unwrap(), 1);
        let receipt = only_receipt(&world.broker).await;
        let id = receipt["id"].as_str().unwrap();
        let receipt = settle_by_clock(&world.broker, id, Duration::from_secs(1), SOON).await;
        if spared {
            assert_eq!(outcome(&receipt, "saas", ""), "unsupported", "{receipt:#}");
            assert!(hook.all().is_empty());
        } else {
            assert_eq!(outcome(&receipt, "saas", "webhook"), "confirmed", "{receipt:#}");
            assert_eq!(hook.wait(STARTED, 1, SOON).await[0].event()["data"]["reason"], "policy");
        }
    }
}
