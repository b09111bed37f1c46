//! What an app and its pages are told of their person.

use std::time::Duration;

use acquit_server::{
    clock::{Clock, SystemClock},
    gateway::keys::rotate,
};
use acquit_testkit::{
    Browser, Engine,
    browser::Load,
    peers::{self, pomerium},
    wire,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{World, world, world_on};

async fn jwt(world: &World, browser: &Browser, host: &str) -> acquit_testkit::Page {
    browser.load(Load::typed(&world.at(host, "/.pomerium/jwt")).by(&world.url_at(host))).await
}

async fn keys(url: &str) -> Value {
    let response = wire::get(url).await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(response.headers()["cache-control"], "max-age=60");
    wire::json(&response).unwrap()
}

#[tokio::test]
async fn the_page_of_an_app_learns_who_is_there_and_gets_the_assertion() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        world.enter(&world.browser, "grafana", "alice").await;
        let cookie = world.cookie(&world.browser, "grafana").unwrap();
        let answer = world.user("grafana", &cookie).await;
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let user = wire::json(&answer).unwrap();
        assert_eq!((&user["preferred_username"], &user["email"]), (&json!("alice"), &json!("alice@example.com")));
        assert_eq!((&user["sub"], &user["groups"], &user["name"]), (&user["user"], &json!([]), &json!("")));
        for claim in ["iss", "aud", "exp", "iat", "jti"] {
            assert!(user.get(claim).is_none(), "{user}");
        }
        let page = jwt(&world, &world.browser, "grafana").await;
        assert_eq!(page.header("content-type"), Some("application/jwt"), "{page}");
        assert_eq!(page.body.split('.').count(), 3);
        assert_eq!(jwt(&world, &world.browser, "grafana").await.body, page.body, "given again for a part of its life");
        world.app.runs.advance(Duration::from_secs(130));
        assert_ne!(jwt(&world, &world.browser, "grafana").await.body, page.body);
    }
}

#[tokio::test]
async fn only_whoever_may_pass_gets_the_assertion() {
    let world = world().await;
    world.enter(&world.browser, "vault", "alice").await;
    let page = jwt(&world, &world.browser, "vault").await;
    assert_eq!((page.status, page.mark().as_deref()), (403, Some("forbidden")), "{page}");
    assert!(page.text().contains("alice"), "{page}");
    let out = page.link("data-sign-out").unwrap();
    let page = world.browser.click(&page, out.as_str()).await;
    assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
    let bob = Browser::new();
    world.enter(&bob, "vault", "bob").await;
    assert_eq!(jwt(&world, &bob, "vault").await.status, 200);
}

#[tokio::test]
async fn people_see_the_apps_that_they_may_open() {
    let world = world().await;
    for (name, apps) in [("alice", vec!["Grafana"]), ("bob", vec!["Grafana", "vault.localhost"])] {
        let browser = Browser::new();
        world.enter(&browser, "grafana", name).await;
        for path in ["/.acquit/", "/.pomerium/", "/.pomerium/routes", "/.acquit/routes"] {
            let page = browser.open(&world.at("grafana", path)).await;
            assert_eq!(page.mark().as_deref(), Some("apps"), "{page}");
            let links = page.tags("a").into_iter().filter(|tag| tag.get("data-route").is_some()).count();
            assert_eq!(links, apps.len(), "{page}");
        }
        let page = browser.open(&world.at("grafana", "/.pomerium/api/v1/routes")).await;
        let listed: Value = serde_json::from_str(&page.body).unwrap();
        let names: Vec<&str> =
            listed["routes"].as_array().unwrap().iter().map(|route| route["name"].as_str().unwrap()).collect();
        assert!(
            names.len() == apps.len() && names.iter().zip(&apps).all(|(name, app)| name.starts_with(app)),
            "{names:?}"
        );
        let posted = browser.load(Load::typed(&world.at("grafana", "/.pomerium/api/v1/routes")).post("")).await;
        assert_eq!(posted.status, 405);
    }
}

#[tokio::test]
async fn every_host_publishes_where_things_are_and_the_keys() {
    let world = world().await;
    let set = keys(&world.at("grafana", "/.well-known/pomerium/jwks.json")).await;
    for url in [
        world.at("vault", "/.well-known/acquit/jwks.json"),
        world.at("grafana", "//.well-known/pomerium/jwks.json"),
        world.at("id", "/.well-known/pomerium/jwks.json"),
        world.at("id", "//.well-known//acquit/jwks.json"),
    ] {
        assert_eq!(keys(&url).await, set, "{url}");
    }
    let key = &set["keys"][0];
    assert_eq!((&key["alg"], &key["crv"], &key["use"]), (&json!("ES256"), &json!("P-256"), &json!("sig")));
    let kid = key["kid"].as_str().unwrap();
    assert!(kid.len() == 64 && kid.bytes().all(|byte| byte.is_ascii_hexdigit()), "{kid}");
    let tokens = keys_of_tokens(&world).await;
    assert!(tokens["keys"].as_array().unwrap().iter().all(|other| other["x"] != key["x"]), "keys of their own");
    let document = wire::json(&wire::get(&world.at("grafana", "/.well-known/pomerium/")).await.unwrap()).unwrap();
    let at = |path: &str| json!(world.at("grafana", path));
    assert_eq!(document["issuer"], at("/"));
    assert_eq!(document["jwks_uri"], at("/.well-known/pomerium/jwks.json"));
    assert_eq!(document["frontchannel_logout_uri"], at("/.pomerium/sign_out"));
    assert_eq!(document["authentication_callback_endpoint"], at("/.acquit/callback"));
    let ours = wire::json(&wire::get(&world.at("grafana", "/.well-known/acquit")).await.unwrap()).unwrap();
    assert_eq!(ours["frontchannel_logout_uri"], at("/.acquit/sign_out"));
}

/// The name of the key of an assertion.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_that_is_replaced_while_somebody_is_in_is_published_before_it_signs() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        world.enter(&world.browser, "grafana", "alice").await;
        let jwks = world.at("grafana", "/.well-known/pomerium/jwks.json");
        let published = async || -> Vec<String> {
            let set = keys(&jwks).await;
            set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
        };
        let old = kid(&jwt(&world, &world.browser, "grafana").await.body);
        assert_eq!(published().await, std::slice::from_ref(&old));
        let app = &world.app.runs.app;
        // Later than the first one was made, which comes after it then.
        world.app.runs.advance(Duration::from_secs(1));
        let (new, from) = rotate(&app.store, &app.sealer, app.clock.now()).await.unwrap();
        app.assertions.keys().refresh(&app.store).await.unwrap();
        let new = new.trim_start_matches("route-");
        assert_eq!(published().await, [new, &old], "both, the newest first");
        // Old enough that it is made anew, and still under the old key: apps may hold the set of before.
        world.app.runs.advance(Duration::from_secs(130));
        assert_eq!(kid(&jwt(&world, &world.browser, "grafana").await.body), old);
        let until = Duration::from_micros(u64::try_from(from.as_micros() - app.clock.now().as_micros()).unwrap());
        world.app.runs.advance(until + Duration::from_secs(121));
        assert_eq!(kid(&jwt(&world, &world.browser, "grafana").await.body), new, "nobody had to sign in again");
        assert_eq!(published().await, [new, &old], "assertions of the old key are good until they are over");
        world.app.runs.advance(Duration::from_secs(11 * 60));
        assert_eq!(published().await, [new]);
    }
}

async fn keys_of_tokens(world: &World) -> Value {
    wire::json(&wire::get(&world.app.url("/oauth2/v1/keys")).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_pomeriums_sdk_take_the_assertion() {
    if !peers::take_part() {
        return;
    }
    // Its peer judges times by the clock on the wall.
    let world = world().await;
    world.app.runs.clock.set(Clock::now(&SystemClock));
    world.enter(&world.browser, "grafana", "alice").await;
    let page = jwt(&world, &world.browser, "grafana").await;
    let host = format!("grafana.localhost:{}", world.port);
    let judged = pomerium::verify(&page.body, &world.at("grafana", ""), &host, &host).await;
    for way in ["known", "trusted"] {
        let payload = &judged[way]["payload"];
        assert_eq!((&payload["email"], &payload["iss"]), (&json!("alice@example.com"), &json!(host)), "{judged:#}");
        assert_eq!(payload["aud"], json!(host), "a text, not a list");
        assert_eq!(payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap(), 300);
        assert_eq!(payload["alg"], "ES256");
    }
    assert_eq!(judged["wrong"]["error"], "ERR_JWT_CLAIM_VALIDATION_FAILED", "{judged:#}");
}
