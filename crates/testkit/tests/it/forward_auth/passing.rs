//! Who passes, with what, and what others are told.

use acquit_testkit::{Browser, browser::Load};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;

use super::{
    app::{header, raw, status},
    world,
};

/// Headers that only Acquit may send, as a browser forges them.
const FORGED: [&str; 6] = [
    "X-Acquit-Jwt-Assertion",
    "X-Pomerium-Jwt-Assertion",
    "X-Pomerium-Claim-Email",
    "X_Acquit_Jwt_Assertion",
    "X-Pomerium_Claim-Groups",
    "x_pomerium-claim-email",
];

fn decoded(part: &str) -> serde_json::Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_once_and_the_app_behind_each_proxy_gets_no_cookie_of_acquit() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    for front in &world.fronts {
        browser.plant(&front.url("/"), "theme=dark; Path=/");
        let page = world.enter(&browser, front, "alice").await;
        assert_eq!(header(&page.body, "cookie"), Some("theme=dark"), "{:?}: {}", front.kind, page.body);
        assert_eq!(header(&page.body, "host"), Some(front.host().as_str()));
        let assertion = header(&page.body, "x-acquit-jwt-assertion").unwrap();
        assert_eq!(header(&page.body, "x-pomerium-jwt-assertion"), Some(assertion), "{:?}", front.kind);
        let claims: serde_json::Value = decoded(assertion.split('.').nth(1).unwrap());
        assert_eq!(
            (claims["aud"].as_str(), claims["email"].as_str()),
            (Some(front.host().as_str()), Some("alice@example.com"))
        );
        assert_eq!(header(&page.body, "x-pomerium-claim-email"), Some("alice@example.com"), "{:?}", front.kind);
        assert_eq!(header(&page.body, "x-pomerium-claim-preferred-username"), Some("alice"), "{:?}", front.kind);
        assert_eq!(header(&page.body, "x-forwarded-proto"), Some("http"));
        assert!(!page.body.contains("acquit-route"), "{}", page.body);
    }
    assert_eq!(world.acquit.live_sessions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_acquit_says_is_not_taken_out_by_who_names_it() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
        let cookie = browser.cookie(&front.url("/"), "acquit-route").unwrap();
        world.mirror.take();
        for named in ["X-Acquit-Jwt-Assertion", "close, x-pomerium-claim-email", "keep-alive, X-Pomerium-Claim-Sub"] {
            let head = format!(
                "GET /dash HTTP/1.1\r\nHost: {}\r\nCookie: acquit-route={cookie}\r\nConnection: {named}\r\n\r\n",
                front.host()
            );
            let answer = raw(&front.address(), &head).await;
            let got = world.mirror.take();
            let is_told = |name| got.iter().all(|got| header(got, name).is_some_and(|value| !value.is_empty()));
            let told =
                ["x-acquit-jwt-assertion", "x-pomerium-claim-email", "x-pomerium-claim-sub"].into_iter().all(is_told);
            let passed = (status(&answer), got.len()) == (200, 1) && told;
            let refused = (status(&answer), got.len()) == (400, 0);
            assert!(passed || refused, "{:?} {named}: {answer} {got:?} {}", front.kind, front.log());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_says_of_itself_does_not_arrive() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
        for path in ["/dash", "/public/x"] {
            for browser in [&browser, &Browser::new()] {
                if path == "/dash" && browser.cookie(&front.url("/"), "acquit-route").is_none() {
                    continue;
                }
                let mut load = Load::typed(&front.url(path));
                for name in FORGED {
                    load = load.with(name, "forged");
                }
                load = load.with("X-Forwarded-For", "203.0.113.66").with("X-Forwarded-Proto", "https");
                load = load.with("Forwarded", "for=203.0.113.66").with("X-Forwarded-Host", "forged.example.com");
                let page = browser.load(load).await;
                assert_eq!(page.status, 200, "{:?}: {page} {}", front.kind, front.log());
                assert!(!page.body.contains("forged"), "{:?}: {}", front.kind, page.body);
                if path == "/public/x" && browser.cookie(&front.url("/"), "acquit-route").is_none() {
                    // Caddy sends them on, empty.
                    for name in FORGED.into_iter().chain(["Cookie"]) {
                        assert_eq!(header(&page.body, name).unwrap_or_default(), "", "{:?} {name}", front.kind);
                    }
                }
                assert!(!page.body.contains("203.0.113.66"), "{:?}: {}", front.kind, page.body);
                assert_eq!(header(&page.body, "x-forwarded-proto"), Some("http"), "{:?}", front.kind);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_signed_in_reaches_nothing_but_what_is_public() {
    let Some(world) = world().await else { return };
    for front in &world.fronts {
        let browser = Browser::new();
        let page = browser.step(&Load::typed(&front.url("/dash"))).await.unwrap();
        assert_eq!(page.status, 302, "{:?}: {page} {}", front.kind, front.log());
        assert_eq!(page.header("cache-control"), Some("no-store"), "{:?}", front.kind);
        let sign_in = page.location().unwrap();
        assert!(sign_in.as_str().starts_with(&world.acquit.url("/.acquit/sign_in?")), "{sign_in}");
        assert!(browser.cookie(&front.url("/"), "acquit-route-browser").is_some(), "{:?}: {page}", front.kind);
        // A script, a form, a call of a program: none of them is sent to a page that it cannot show.
        for load in [
            Load::typed(&front.url("/api")).with("Accept", "application/json").with("Sec-Fetch-Mode", "cors"),
            Load::typed(&front.url("/form")).post("a=b"),
            Load::typed(&front.url("/api")).method(Method::DELETE),
        ] {
            let page = browser.step(&load).await.unwrap();
            assert_eq!((page.status, page.location()), (401, None), "{:?}: {page} {}", front.kind, front.log());
            let told = page.header("x-acquit-sign-in");
            assert_eq!(told, Some(front.url("/.acquit/sign_in").as_str()), "{:?}: {page}", front.kind);
        }
        let page = browser.open(&front.url("/public/x")).await;
        assert!(page.body.starts_with("GET /public/x "), "{:?}: {page} {}", front.kind, front.log());
        let got = world.mirror.take();
        assert_eq!(got.len(), 1, "{:?}: {got:#?}", front.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_of_one_route_opens_no_other() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
    }
    world.mirror.take();
    for front in &world.fronts {
        for other in world.fronts.iter().filter(|other| other.kind != front.kind) {
            let thief = Browser::new();
            let cookie = browser.cookie(&other.url("/"), "acquit-route").unwrap();
            thief.plant(&front.url("/"), &format!("acquit-route={cookie}; Path=/"));
            assert!(!world.is_in(&thief, front).await);
        }
    }
    assert!(world.mirror.take().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_policy_leaves_out_is_refused_and_not_sent_round_in_circles() {
    let Some(world) = world().await else { return };
    let (alice, bob) = (Browser::new(), Browser::new());
    for front in &world.fronts {
        world.enter(&alice, front, "alice").await;
        world.enter(&bob, front, "bob").await;
        world.mirror.take();
        let page = alice.step(&Load::typed(&front.url("/admin/users"))).await.unwrap();
        assert_eq!((page.status, page.location()), (403, None), "{:?}: {page}", front.kind);
        assert!(world.mirror.take().is_empty());
        let page = bob.open(&front.url("/admin/users")).await;
        assert!(page.body.starts_with("GET /admin/users "), "{:?}: {page}", front.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_methods_and_websockets_pass_with_a_session_only() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
        let body = "x".repeat(100_000);
        let page = browser.load(Load::typed(&front.url("/upload")).post(body.clone())).await;
        assert!(page.body.starts_with("POST /upload ") && page.body.ends_with(&body), "{:?}: {page}", front.kind);
        let page = browser.step(&Load::typed(&front.url("/head")).method(Method::HEAD)).await.unwrap();
        assert_eq!(page.status, 200, "{:?}: {page}", front.kind);
        world.mirror.take();
        let cookie = browser.cookie(&front.url("/"), "acquit-route").unwrap();
        let websocket = |cookie: &str| {
            format!(
                "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAccept: text/html\r\n{cookie}\r\n",
                front.host()
            )
        };
        let answer = raw(&front.address(), &websocket("")).await;
        assert_eq!(status(&answer), 401, "{:?}: {answer}", front.kind);
        assert!(world.mirror.take().is_empty());
        let answer = raw(&front.address(), &websocket(&format!("Cookie: acquit-route={cookie}\r\n"))).await;
        assert_eq!(status(&answer), 101, "{:?}: {answer} {}", front.kind, front.log());
        let got = world.mirror.take();
        assert!(!got[0].contains("acquit-route"), "{:?}: {got:?}", front.kind);
    }
}
