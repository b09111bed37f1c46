//! The proof that a sign-out at a route was asked for there.

use acquit_testkit::{
    Browser, Page,
    browser::{Dest, Load},
};
use serde_json::Value;

use super::{World, evil, world};

/// What the browser's own page at a host reads: the token.
async fn token(world: &World, browser: &Browser, host: &str) -> String {
    let page = browser
        .load(Load::typed(&world.at(host, "/.well-known/pomerium")).embedded_in(&world.url_at(host), Dest::Fetch))
        .await;
    page.header("x-csrf-token").unwrap_or_else(|| panic!("{page}")).to_owned()
}

/// A POST of an old browser, which says nothing of where it comes from.
fn silent(url: &str, body: &str) -> Load {
    let load = Load::typed(url).post(body.to_owned());
    ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].into_iter().fold(load, |load, name| load.with(name, ""))
}

fn acted(page: &Page) -> bool {
    page.status == 303
        && page.location().is_some_and(|url| url.path() == "/.acquit/sign_out")
        && page.header("set-cookie").is_some()
}

#[tokio::test]
async fn the_token_in_the_header_or_in_the_form_or_a_page_of_the_same_origin_is_proof() {
    let world = world().await;
    let browser = &world.browser;
    for host in ["grafana", "id"] {
        for how in ["header", "form", "query", "origin", "page"] {
            world.enter(browser, "grafana", "alice").await;
            let token = token(&world, browser, host).await;
            let url = world.at(host, "/.pomerium/sign_out");
            let load = match how {
                "header" => silent(&url, "").with("x-csrf-token", &token),
                "form" => silent(&url, &format!("_pomerium_csrf={token}")),
                "query" => Load::typed(&format!("{url}?_pomerium_csrf={token}")).by(&evil()),
                "origin" => silent(&url, "").with("origin", world.url_at(host).as_str().trim_end_matches('/')),
                _ => Load::typed(&url).post("").by(&world.url_at(host)),
            };
            let page = browser.load(load).await;
            assert!(world.app.live_sessions().await.is_empty(), "{host} by {how}: {page}");
            assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
        }
    }
}

#[tokio::test]
async fn a_token_of_another_browser_host_or_session_is_none() {
    let world = world().await;
    let browser = &world.browser;
    let before = token(&world, browser, "grafana").await;
    let stranger = Browser::new();
    let theirs = token(&world, &stranger, "grafana").await;
    let planted = stranger.cookie(&world.at("grafana", "/"), "_pomerium_csrf").unwrap();
    world.enter(browser, "grafana", "alice").await;
    let own = token(&world, browser, "grafana").await;
    let elsewhere = token(&world, browser, "vault").await;
    let url = world.at("grafana", "/.pomerium/sign_out");
    for (why, token) in [
        ("of before the sign-in", before.as_str()),
        ("of another browser", &theirs),
        ("of another host", &elsewhere),
        ("none", ""),
        ("cut", &own[1..]),
        ("huge", &"A".repeat(8000)),
    ] {
        let page = browser.step(&silent(&url, "").with("x-csrf-token", token)).await.unwrap();
        assert!(!acted(&page), "{why}: {page}");
        world.nothing_happened().await;
    }
    // Another host of the domain plants a cookie whose token it knows.
    browser.plant(&world.at("grafana", "/"), &format!("_pomerium_csrf={planted}; Path=/"));
    let page = browser.step(&silent(&url, "").with("x-csrf-token", &theirs)).await.unwrap();
    assert!(!acted(&page), "{page}");
    world.nothing_happened().await;
}

#[tokio::test]
async fn the_token_is_read_by_no_other_origin() {
    let world = world().await;
    world.enter(&world.browser, "grafana", "alice").await;
    for path in ["/.well-known/pomerium", "/.well-known/acquit", "/.well-known/pomerium/"] {
        for host in ["grafana", "id"] {
            let load = Load::typed(&world.at(host, path))
                .embedded_in(&evil(), Dest::Fetch)
                .with("origin", "http://evil.localhost");
            let page = world.browser.load(load).await;
            assert_eq!(page.header("access-control-allow-origin"), Some("*"), "without credentials");
            assert_eq!(page.header("access-control-expose-headers"), None);
            assert_eq!(page.header("access-control-allow-credentials"), None);
            assert_eq!(page.header("cache-control"), Some("no-store"), "it has the token of one browser");
        }
    }
}

#[tokio::test]
async fn a_script_of_the_app_signs_out_and_is_told_where_to_go_on() {
    let world = world().await;
    let browser = &world.browser;
    world.enter(browser, "grafana", "alice").await;
    let here = world.url_at("grafana");
    let url = world.at("grafana", "/.pomerium/sign_out");
    let foreign = browser.load(Load::typed(&url).post("").embedded_in(&evil(), Dest::Fetch)).await;
    assert_eq!(foreign.status, 403, "{foreign}");
    world.nothing_happened().await;
    let page = browser.load(Load::typed(&url).post("pomerium_redirect_uri=/bye").embedded_in(&here, Dest::Fetch)).await;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(page.header("clear-site-data"), None, "only where a person navigates");
    assert!(world.app.live_sessions().await.is_empty() && world.cookie(browser, "grafana").is_none());
    let told: Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(told["signed_out"], true);
    let page = browser.load(Load::typed(told["continue"].as_str().unwrap()).by(&here)).await;
    assert_eq!(page.url.as_str(), world.at("grafana", "/bye"), "{page}");
}
