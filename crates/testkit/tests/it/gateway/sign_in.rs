//! Signing in to a route.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Setup,
    browser::{Dest, Load},
    peers::free_port,
    wire,
};
use http::{Method, Request};
use hyper::body::Bytes;

use super::{World, end_all, evil, world, world_on};

/// The address of the callback at the end of a sign-in that nobody has followed yet.
async fn callback(world: &World, browser: &Browser, host: &str) -> String {
    let mut load = Load::typed(&world.at(host, "/.acquit/sign_in?redirect_uri=/dash"));
    loop {
        let page = browser.step(&load).await.unwrap();
        let next = page.location().unwrap_or_else(|| panic!("{page}"));
        if next.path() == "/.acquit/callback" {
            return next.to_string();
        }
        load = load.redirected(&page, next);
    }
}

fn is_refused(page: &Page) -> bool {
    page.status == 400 && page.mark().as_deref() == Some("error")
}

#[tokio::test]
async fn a_person_signs_in_once_and_is_in_at_every_route() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        let page = world.begin(&world.browser, "grafana", "/dash?from=now").await;
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
        assert!(page.text().contains("Grafana"), "{page}");
        let page = world.app.sign_in(&world.browser, &page, "alice").await;
        assert_eq!(page.url.as_str(), world.at("grafana", "/dash?from=now"), "{page}");
        let page = world.begin(&world.browser, "vault", "/").await;
        assert_eq!(page.url.as_str(), world.at("vault", "/"), "{page}");
        let (one, other) =
            (world.cookie(&world.browser, "grafana").unwrap(), world.cookie(&world.browser, "vault").unwrap());
        assert_eq!(world.user("grafana", &one).await.status(), 200);
        assert_eq!(world.user("vault", &other).await.status(), 200);
        // A cookie is nothing at another route, nor where a letter of it is another.
        assert_eq!(world.user("grafana", &other).await.status(), 401);
        let mut altered = one.clone().into_bytes();
        altered[20] ^= 1;
        assert_eq!(world.user("grafana", &String::from_utf8_lossy(&altered)).await.status(), 401);
        let account = world.browser.open(&world.app.url("/account")).await;
        assert!(account.text().contains("Grafana"), "{account}");
        end_all(&world.app).await;
        for (host, cookie) in [("grafana", &one), ("vault", &other)] {
            assert_eq!(
                world.user(host, cookie).await.status(),
                401,
                "{host}: it dies with the session, wherever that ends"
            );
        }
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_a_minute_in_its_browser_at_its_route_with_its_state() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        let browser = &world.browser;
        world.enter(browser, "vault", "alice").await;
        let stranger = Browser::new();
        let url = callback(&world, browser, "grafana").await;
        let page = stranger.open(&url).await;
        assert!(is_refused(&page), "another browser: {page}");
        assert!(is_refused(&browser.open(&url).await), "who brought it there knows it");
        let url = callback(&world, browser, "grafana").await;
        let moved = url.replace("grafana.localhost", "vault.localhost");
        assert!(!browser.open(&moved).await.url.as_str().contains("grafana"), "another route");
        assert!(is_refused(&stranger.open(&moved).await));
        let other = callback(&world, browser, "grafana").await;
        let (code, state) = (parameter(&url, "code"), parameter(&other, "state"));
        let mixed = world.at("grafana", &format!("/.acquit/callback?code={code}&state={state}"));
        assert!(is_refused(&browser.open(&mixed).await), "the state of another trip");
        let forged = format!("{}A", &url[..url.len() - 1]);
        assert!(forged == url || is_refused(&browser.open(&forged).await), "a forged state");
        for (kind, load) in [
            ("a frame", Load::typed(&url).by(&evil()).framed_in(&evil())),
            ("ahead", Load::typed(&url).with("sec-purpose", "prefetch")),
        ] {
            assert_eq!(browser.load(load).await.status, 403, "{kind}");
        }
        assert!(world.cookie(browser, "grafana").is_none());
        let copy = browser.copy();
        assert_eq!(browser.open(&url).await.url.as_str(), world.at("grafana", "/dash"));
        assert!(is_refused(&copy.open(&url).await), "it was used");
        let again = browser.open(&url).await;
        assert_eq!(again.url.as_str(), world.at("grafana", "/dash"), "whoever is in goes on: {again}");

        let late = callback(&world, &copy, "grafana").await;
        world.app.runs.advance(Duration::from_secs(61));
        assert!(is_refused(&copy.open(&late).await), "a minute later");
        // A sign-in that was under way dies with the session.
        let caught = callback(&world, &copy, "grafana").await;
        end_all(&world.app).await;
        assert!(is_refused(&copy.open(&caught).await));
        assert!(world.cookie(&copy, "grafana").is_none());
    }
}

#[tokio::test]
async fn a_code_at_two_callbacks_at_the_same_instant_lets_exactly_one_in() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        world.enter(&world.browser, "vault", "alice").await;
        for round in 0..8 {
            let browser = world.browser.copy();
            let url = callback(&world, &browser, "grafana").await;
            let copies = [browser.copy(), browser.copy(), browser.copy()];
            let pages = futures_util::future::join_all(copies.iter().map(|copy| copy.open(&url))).await;
            let inside = copies.iter().filter(|copy| world.cookie(copy, "grafana").is_some()).count();
            assert_eq!(inside, 1, "{engine:?}, round {round}: {pages:#?}");
            assert_eq!(pages.iter().filter(|page| is_refused(page)).count(), 2, "{engine:?}, round {round}");
        }
    }
}

/// Behind a proxy that asks under its own name and says which host the browser asked for: what is answered there.
async fn forwarded(port: u16, host: &str, target: &str, cookie: &str) -> http::Response<Bytes> {
    let request = Request::get(format!("http://127.0.0.1:{port}{target}"))
        .header("x-forwarded-host", host)
        .header("x-forwarded-proto", "http")
        .header("accept", "text/html")
        .header("cookie", cookie)
        .body(Bytes::new())
        .unwrap();
    wire::exchange(request, None).await.unwrap()
}

/// The `name=value` pairs that an answer sets.
fn set_cookies(answer: &http::Response<Bytes>) -> Vec<String> {
    let set = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    set.map(|value| value.split(';').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_host_that_it_names_is_the_route_from_sign_in_to_sign_out() {
    for trusted in [true, false] {
        let port = free_port();
        let host = format!("grafana.localhost:{port}");
        let route = format!("[[gateway.routes]]\nfrom = \"http://{host}\"\nallow = {{ everyone = true }}\n");
        let setup = Setup::on(Engine::Sqlite).host("id.localhost").port(port).with(&route);
        let app = if trusted { setup.behind_proxies() } else { setup }.start(&[]).await;
        let first = forwarded(port, &host, "/.acquit/sign_in?redirect_uri=/dash", "").await;
        if !trusted {
            assert!(set_cookies(&first).is_empty() && first.status() != 302, "{first:?}");
            continue;
        }
        assert_eq!(first.status(), 302, "{first:?}");
        let tag = set_cookies(&first).join("; ");
        let there = first.headers()["location"].to_str().unwrap().to_owned();
        assert!(there.starts_with(&app.url("/")), "{there}");
        // The browser at Acquit's own host, up to the way back to the route.
        let browser = Browser::new();
        let page = browser.open(&there).await;
        let form =
            page.form_with("username").fill("username", "alice").fill("password", acquit_testkit::acquit::PASSWORD);
        let mut load = Load::form(&page, &form);
        let back = loop {
            let page = browser.step(&load).await.unwrap();
            let next = page.location().unwrap_or_else(|| panic!("{page}"));
            if next.path() == "/.acquit/callback" {
                break next;
            }
            load = load.redirected(&page, next);
        };
        assert_eq!(back.host_str(), Some("grafana.localhost"));
        let target = format!("{}?{}", back.path(), back.query().unwrap());
        let elsewhere = forwarded(port, &format!("other.localhost:{port}"), &target, &tag).await;
        assert!(set_cookies(&elsewhere).is_empty(), "{elsewhere:?}");
        let inside = forwarded(port, &host, &target, &tag).await;
        assert_eq!(inside.headers()["location"], format!("http://{host}/dash"), "{inside:?}");
        let cookie = set_cookies(&inside).into_iter().find(|pair| pair.starts_with("acquit-route=")).unwrap();
        assert_eq!(forwarded(port, &host, "/.pomerium/user", &cookie).await.status(), 200);
        end_all(&app).await;
        assert_ne!(forwarded(port, &host, "/.pomerium/user", &cookie).await.status(), 200);
    }
}

fn parameter(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}

#[tokio::test]
async fn what_is_no_navigation_is_told_so_and_sent_nowhere() {
    let world = world().await;
    let url = world.at("grafana", "/.pomerium/user");
    let here = world.url_at("grafana");
    for load in [
        Load::typed(&url).embedded_in(&here, Dest::Fetch),
        Load::typed(&url).by(&evil()).framed_in(&evil()),
        Load::typed(&url).with("sec-purpose", "prefetch"),
        Load::typed(&url).with("x-requested-with", "XMLHttpRequest"),
        Load::typed(&url).with("upgrade", "websocket"),
    ] {
        let page = world.browser.load(load).await;
        assert_eq!((page.status, page.hops.len()), (401, 0), "{page}");
        assert_eq!(page.header("x-acquit-sign-in"), Some(world.at("grafana", "/.acquit/sign_in").as_str()));
        assert!(page.header("www-authenticate").is_some() && page.header("set-cookie").is_none());
    }
    let request = Request::get(&url).header("accept", "application/grpc").body(Bytes::new()).unwrap();
    assert_eq!(wire::exchange(request, None).await.unwrap().status(), 401);
    let page = world.browser.open(&url).await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
}

#[tokio::test]
async fn a_sign_in_leads_back_to_its_own_route_and_nowhere_else() {
    let world = world().await;
    world.enter(&world.browser, "grafana", "alice").await;
    for wanted in ["https://evil.example/", "//evil.example/x", "/%5Cevil.example", "javascript:alert(1)", "x"] {
        let page = world.begin(&world.browser, "grafana", wanted).await;
        assert_eq!(page.url.host_str(), Some("grafana.localhost"), "{wanted}: {page}");
    }
    let long = format!("/dash?{}", "x".repeat(1900));
    let page = world.begin(&world.browser, "grafana", &long).await;
    assert_eq!(page.url.as_str(), world.at("grafana", "/dash"), "what is too long to carry is dropped: {page}");
}

#[tokio::test]
async fn acquits_own_end_of_a_sign_in_takes_only_what_a_route_sealed() {
    let world = world().await;
    let first = world.browser.step(&Load::typed(&world.at("grafana", "/.acquit/sign_in"))).await.unwrap();
    let there = first.location().unwrap();
    assert_eq!(there.host_str(), Some("id.localhost"), "{first}");
    let state = parameter(there.as_str(), "state");
    let own = |query: &str| world.app.url(&format!("/.acquit/sign_in?{query}"));
    let route = format!("http://grafana.localhost:{}", world.port);
    for (why, url) in [
        ("no state", own(&format!("route={route}"))),
        ("a forged state", own(&format!("route={route}&state=A{}", &state[1..]))),
        ("another route", own(&format!("route=http://vault.localhost:{}&state={state}", world.port))),
        ("no route", own(&format!("state={state}"))),
        ("huge", own(&format!("route={route}&state={}", "A".repeat(9000)))),
        ("twice", own(&format!("route={route}&state={state}&state={state}"))),
    ] {
        let page = world.browser.open(&url).await;
        assert!(is_refused(&page), "{why}: {page}");
    }
    let framed = Load::typed(there.as_str()).by(&evil()).framed_in(&evil());
    assert_eq!(world.browser.load(framed).await.status, 403);
    world.app.runs.advance(Duration::from_secs(31 * 60));
    assert!(is_refused(&world.browser.open(there.as_str()).await), "half an hour later");
    assert!(world.app.live_sessions().await.is_empty());
}

#[tokio::test]
async fn nobody_signs_in_to_acquit_on_the_host_of_a_route() {
    let world = world().await;
    for path in ["/sign-in", "/account", "/oauth2/v1/authorize", "/api/v1/sessions", "/sign-out", "/healthz", "/"] {
        let page = world.browser.open(&world.at("grafana", path)).await;
        assert_eq!(page.status, 404, "{page}");
    }
    let style = world.browser.open(&world.at("grafana", "/x")).await;
    let href = style.tags("link").into_iter().find(|tag| tag.get("rel") == Some("stylesheet")).unwrap();
    let css = world.browser.open(style.url.join(href.get("href").unwrap()).unwrap().as_str()).await;
    assert_eq!((css.status, css.header("content-type")), (200, Some("text/css; charset=utf-8")));
    let head = world.browser.load(Load::typed(&world.at("grafana", "/.acquit/sign_in")).method(Method::HEAD)).await;
    assert_eq!((head.status, head.header("set-cookie")), (200, None));
}

#[tokio::test]
async fn the_host_of_a_route_has_no_doors_by_another_scheme() {
    let port = free_port();
    let route =
        format!("[[gateway.routes]]\nfrom = \"http://grafana.localhost:{port}\"\nallow = {{ everyone = true }}\n");
    let setup = Setup::on(Engine::Sqlite).host("id.localhost").port(port).behind_proxies().with(&route);
    let app = setup.start(&[]).await;
    for (proto, path, status) in [
        ("http", "/.acquit/sign_in", 302),
        ("https", "/.acquit/sign_in", 403),
        ("https", "/sign-in", 403),
        ("http", "/sign-in", 404),
    ] {
        let request = Request::get(format!("http://127.0.0.1:{port}{path}"))
            .header("x-forwarded-host", format!("grafana.localhost:{port}"))
            .header("x-forwarded-proto", proto)
            .header("accept", "text/html")
            .body(Bytes::new())
            .unwrap();
        assert_eq!(wire::exchange(request, None).await.unwrap().status(), status, "{path} by {proto}");
    }
    drop(app);
}

#[tokio::test]
async fn who_is_described_otherwise_gets_a_new_cookie_and_no_old_one_passes() {
    let world = world().await;
    world.enter(&world.browser, "grafana", "alice").await;
    let old = world.cookie(&world.browser, "grafana").unwrap();
    let store = &world.app.runs.app.store;
    let user = store.user_by_username("alice").await.unwrap().unwrap();
    let changed = acquit_store::user::User { groups: vec!["ops".to_owned()], ..user };
    store.put_user(changed).await.unwrap().unwrap();
    crate::world::until(Duration::from_secs(20), "the node hears of it", async || {
        (world.user("grafana", &old).await.status() == 401).then_some(())
    })
    .await;
    world.enter(&world.browser, "grafana", "alice").await;
    let fresh = world.cookie(&world.browser, "grafana").unwrap();
    let user = wire::json(&world.user("grafana", &fresh).await).unwrap();
    assert_eq!(user["groups"], serde_json::json!(["ops"]), "{user}");
}
