//! Signing out of a route: what it ends, and where it leads.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration,
    acquit::outcome,
    browser::{Dest, Load},
    rp::ledger::Way,
};
use http::Method;

use super::{end_all, evil, world, world_of, world_on, world_with};
use crate::world::{only_receipt, settled};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_sign_out_at_a_route_ends_the_session_at_every_app_and_leaves_nothing_in_the_browser() {
    for engine in Engine::BOTH {
        for path in ["/.pomerium/sign_out", "/.acquit/sign_out"] {
            let world = world_on(engine).await;
            let browser = &world.browser;
            world.app.enter(browser, &world.payroll, "alice").await;
            world.enter(browser, "vault", "alice").await;
            world.enter(browser, "grafana", "alice").await;
            browser.plant(&world.at("grafana", "/"), "grafana_session=x; Path=/");
            browser.plant(&world.at("grafana", "/"), "other=x; Path=/");
            let thief = browser.copy();
            let stolen = world.cookie(&thief, "grafana").unwrap();
            let page = world.go("grafana", path).await;
            assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
            let first = &page.hops[0];
            assert_eq!(first.status, 303);
            assert_eq!(first.headers["clear-site-data"], "\"cache\", \"storage\"");
            assert!(world.app.live_sessions().await.is_empty());
            assert!(world.cookie(browser, "grafana").is_none());
            let kept = |name: &str| browser.cookie(&world.at("grafana", "/"), name);
            assert!(kept("grafana_session").is_none() && kept("acquit-route-browser").is_none());
            assert!(kept("other").is_some(), "cookies that the route does not name are the app's");
            assert_eq!(world.user("grafana", &stolen).await.status(), 401, "replayed from another machine");
            assert!(!world.is_in(&thief, "vault").await);
            let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
            let receipt = settled(&world.app, &id, SOON).await;
            assert_eq!(outcome(&receipt, "payroll", "backchannel"), "confirmed", "{receipt:#}");
            for host in ["grafana", "vault"] {
                let party = format!("{host}.localhost:{}", world.port);
                assert_eq!(outcome(&receipt, &party, "gateway"), "confirmed", "{receipt:#}");
            }
            assert_eq!(receipt["requested"]["party"], format!("grafana.localhost:{}", world.port));
            let seen = browser.open(page.link("data-receipt").unwrap().as_str()).await;
            assert!(seen.text().contains("Grafana"), "{seen}");
            // Once more, by whoever is out already.
            let page = world.go("grafana", path).await;
            assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
            assert_eq!(world.app.receipts().await.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_logout_anywhere_refuses_the_routes_cookie_at_once() {
    for engine in Engine::BOTH {
        for from in ["app", "account", "operator", "own host"] {
            let world = world_on(engine).await;
            let browser = &world.browser;
            world.app.enter(browser, &world.payroll, "alice").await;
            world.enter(browser, "grafana", "alice").await;
            let cookie = world.cookie(browser, "grafana").unwrap();
            assert_eq!(world.user("grafana", &cookie).await.status(), 200);
            match from {
                "app" => drop(browser.open(&world.payroll.end_session_url(browser, None)).await),
                "operator" => end_all(&world.app).await,
                "own host" => {
                    let page = browser.open(&world.app.url("/.pomerium/sign_out")).await;
                    assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
                }
                _ => {
                    let page = browser.open(&world.app.url("/account")).await;
                    let form = page.forms().pop().unwrap().press("scope", "user");
                    browser.submit(&page, form).await;
                }
            }
            assert_eq!(world.user("grafana", &cookie).await.status(), 401, "{from}");
            let page = world.begin(browser, "grafana", "/dash").await;
            assert_eq!(page.mark().as_deref(), Some("sign-in"), "{from}: {page}");
        }
    }
}

#[tokio::test]
async fn a_sign_out_ends_at_the_route_or_where_the_operator_trusts() {
    let world = world().await;
    for (wanted, landing) in [
        (world.at("grafana", "/bye?x=1"), Some(world.at("grafana", "/bye?x=1"))),
        ("/bye".to_owned(), Some(world.at("grafana", "/bye"))),
        ("https://www.example.com/bye".to_owned(), Some("https://www.example.com/bye".to_owned())),
        ("https://www.example.com/bye/more".to_owned(), None),
        ("https://evil.example/".to_owned(), None),
        ("//evil.example".to_owned(), None),
        ("/\\evil.example".to_owned(), None),
        (world.at("vault", "/"), None),
        ("x".repeat(5000), None),
    ] {
        world.enter(&world.browser, "grafana", "alice").await;
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("pomerium_redirect_uri", &wanted).finish();
        let page = world.go("grafana", &format!("/.pomerium/sign_out?{query}")).await;
        let end = page.location().unwrap_or(page.url.clone()).to_string();
        match landing {
            Some(landing) => assert_eq!(end, landing, "{page}"),
            None => assert_eq!(page.mark().as_deref(), Some("signed-out"), "{wanted}: {page}"),
        }
        assert!(world.app.live_sessions().await.is_empty(), "{wanted}");
    }
}

#[tokio::test]
async fn frames_of_other_apps_load_on_the_way_out_and_wait_for_a_browser_that_went_away() {
    let wiki = Registration::new("wiki").front_only().start().await;
    let world = world_of(&[&wiki]).await;
    let browser = &world.browser;
    world.app.enter(browser, &wiki, "alice").await;
    world.enter(browser, "grafana", "alice").await;
    // The browser is closed after the first hop: the session is over all the same.
    let asked = Load::typed(&world.at("grafana", "/.pomerium/sign_out?pomerium_redirect_uri=/bye"))
        .by(&world.url_at("grafana"));
    let first = browser.step(&asked).await.unwrap();
    assert!(world.app.live_sessions().await.is_empty(), "durable before anything else");
    assert!(wiki.knows(browser).await);
    let on = first.location().unwrap();
    // Whoever else has that address learns nothing by it.
    let stranger = Browser::new().load(Load::typed(on.as_str()).by(&evil())).await;
    assert_eq!(stranger.url.as_str(), world.at("grafana", "/bye"), "{stranger}");
    let page = browser.load(asked.redirected(&first, on.clone())).await;
    assert_eq!(page.mark().as_deref(), Some("signing-out"), "{page}");
    browser.load_frames(&page).await;
    assert_eq!(wiki.ledger().by(Way::Front).len(), 1);
    assert!(!wiki.knows(browser).await);
    let (_, next) = page.refresh().expect("it goes on by itself");
    assert_eq!(next.as_str(), world.at("grafana", "/bye"));
    let again = browser.open(on.as_str()).await;
    assert_eq!(again.url.as_str(), world.at("grafana", "/bye"), "the way again is short: {again}");
}

#[tokio::test]
async fn nothing_in_a_frame_ahead_of_time_by_head_or_by_another_site_signs_anybody_out() {
    let world = world().await;
    let browser = &world.browser;
    world.enter(browser, "grafana", "alice").await;
    let cookie = world.cookie(browser, "grafana").unwrap();
    let here = world.url_at("grafana");
    for host in ["grafana", "id"] {
        for path in ["/.pomerium/sign_out", "/.acquit/sign_out"] {
            let url = world.at(host, path);
            for (why, load) in [
                ("a frame", Load::typed(&url).by(&here).framed_in(&here)),
                ("a frame elsewhere", Load::typed(&url).by(&evil()).framed_in(&evil())),
                ("an image", Load::typed(&url).embedded_in(&evil(), Dest::Image)),
                ("an image here", Load::typed(&url).embedded_in(&here, Dest::Image)),
                ("ahead", Load::typed(&url).with("sec-purpose", "prefetch")),
                ("ahead, by a page", Load::typed(&url).by(&here).with("sec-purpose", "prefetch;prerender")),
                ("HEAD", Load::typed(&url).method(Method::HEAD)),
                ("a link elsewhere", Load::typed(&url).by(&evil())),
                ("a form elsewhere", Load::typed(&url).post("x=1").by(&evil())),
                ("a frame's form", Load::typed(&url).post("x=1").by(&here).framed_in(&here)),
            ] {
                let page = browser.load(load).await;
                assert!(page.status < 500, "{why}: {page}");
                world.nothing_happened().await;
                assert_eq!(world.user("grafana", &cookie).await.status(), 200, "{why} at {url}");
            }
        }
    }
    assert!(world.is_in(browser, "grafana").await, "nor takes its cookie away");
}

#[tokio::test]
async fn another_sites_link_asks_first_and_the_answer_leads_where_it_was_wanted() {
    let world = world().await;
    let browser = &world.browser;
    world.enter(browser, "grafana", "alice").await;
    let url = world.at("grafana", "/.pomerium/sign_out?pomerium_redirect_uri=/bye");
    let page = browser.load(Load::typed(&url).by(&evil())).await;
    assert_eq!(page.mark().as_deref(), Some("sign-out-confirm"), "{page}");
    assert_eq!(page.url.host_str(), Some("id.localhost"));
    assert!(page.text().contains("Grafana") && page.text().contains("alice"), "{page}");
    let stay = browser.submit(&page, page.form_with("decision").press("decision", "stay")).await;
    assert_eq!(stay.mark().as_deref(), Some("account"), "{stay}");
    world.nothing_happened().await;
    let page = browser.load(Load::typed(&url).by(&evil())).await;
    let out = browser.submit(&page, page.form_with("decision").press("decision", "sign-out")).await;
    assert_eq!(out.url.as_str(), world.at("grafana", "/bye"), "{out}");
    assert!(world.app.live_sessions().await.is_empty());
    assert!(!world.is_in(browser, "grafana").await);
}

#[tokio::test]
async fn somebody_else_in_the_same_browser_is_asked_and_not_thrown_out() {
    let world = world().await;
    let browser = &world.browser;
    world.enter(browser, "grafana", "alice").await;
    let old = world.cookie(browser, "grafana").unwrap();
    let page = browser.open(&world.app.url("/sign-out")).await;
    browser.submit(&page, page.form_with("decision").press("decision", "sign-out")).await;
    world.app.enter(browser, &world.payroll, "bob").await;
    browser.plant(&world.at("grafana", "/"), &format!("acquit-route={old}; Path=/"));
    let page = world.go("grafana", "/.pomerium/sign_out").await;
    assert_eq!(page.mark().as_deref(), Some("sign-out-confirm"), "{page}");
    assert_eq!(world.app.live_sessions().await.len(), 1, "Bob is still in");
}

#[tokio::test]
async fn bare_requests_are_counted_by_address_and_those_with_a_cookie_are_not() {
    let limits = "[limits]\nlogout_per_address = 3\nsign_in_per_address = 1000\nsign_in_per_account = 1000";
    let world = world_with(Engine::Sqlite, limits).await;
    let browser = Browser::new().at([127, 0, 0, 9]);
    for _ in 0..3 {
        browser.step(&Load::typed(&world.at("grafana", "/.pomerium/sign_out"))).await.unwrap();
    }
    let refused = browser.step(&Load::typed(&world.at("grafana", "/.pomerium/sign_out"))).await.unwrap();
    assert_eq!(refused.status, 429, "{refused}");
    world.enter(&browser, "grafana", "alice").await;
    let out = browser.step(&Load::typed(&world.at("grafana", "/.pomerium/sign_out"))).await.unwrap();
    assert_eq!(out.status, 303, "{out}");
    assert!(world.app.live_sessions().await.is_empty());
}

#[tokio::test]
async fn a_session_begins_without_what_an_earlier_one_left_of_the_app() {
    let world = world().await;
    let browser = &world.browser;
    world.enter(browser, "grafana", "alice").await;
    browser.plant(&world.at("grafana", "/"), "grafana_session=of-alice; Path=/");
    let kept = || browser.cookie(&world.at("grafana", "/"), "grafana_session");
    world.begin(browser, "grafana", "/").await;
    assert!(kept().is_some(), "the same session goes on");
    end_all(&world.app).await;
    assert!(kept().is_some(), "nothing reaches that browser yet");
    let page = world.enter(browser, "grafana", "bob").await;
    assert!(kept().is_none());
    let callback = page.hops.iter().find(|hop| hop.url.path() == "/.acquit/callback").unwrap();
    assert_eq!(callback.headers["clear-site-data"], "\"cache\", \"storage\"");
}

#[tokio::test]
async fn acquits_own_host_leads_on_to_a_route_too() {
    let world = world().await;
    let browser = &world.browser;
    for (wanted, lands) in [(world.at("vault", "/bye"), true), ("https://evil.example/".to_owned(), false)] {
        world.enter(browser, "grafana", "alice").await;
        let page = browser.open(&world.app.url(&format!("/.acquit/sign_out?redirect_uri={wanted}"))).await;
        assert_eq!(page.url.as_str() == wanted, lands, "{page}");
        assert!(world.app.live_sessions().await.is_empty());
    }
}
