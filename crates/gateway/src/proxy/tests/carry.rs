//! What passes, as what it arrives, and who may pass.

use std::sync::atomic::Ordering;

use tokio::io::AsyncWriteExt;

use super::{apps::*, world::*};
use crate::{
    policy::Allow,
    proxy::{Renewed, Rules},
    route::{Cache, Route, Routes},
};

#[tokio::test]
async fn a_request_arrives_as_a_new_one_that_says_who_it_is() {
    let world = World::before(mirror().await).await;
    let heard = world
        .get(
            "/%61?q=1",
            "X-Acquit-Jwt-Assertion: forged\r\nX_Pomerium_Claim: forged\r\nX-Forwarded-For: 1.2.3.4\r\nA: b\r\n",
        )
        .await;
    assert!(heard.starts_with("HTTP/1.1 200 OK\r\n"), "{heard}");
    let (_, arrived) = heard.split_once("\r\n\r\n").unwrap();
    assert!(arrived.starts_with("GET /a?q=1 HTTP/1.1\r\n"), "{arrived}");
    let lower = arrived.to_ascii_lowercase();
    for line in [
        "host: app.localhost:1",
        "x-acquit-jwt-assertion: alice",
        "a: b",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
    ] {
        assert!(lower.contains(&format!("\r\n{line}\r\n")), "{line} in {arrived}");
    }
    for gone in ["forged", "acquit-route", "connection", "1.2.3.4"] {
        assert!(!lower.contains(gone), "{gone} in {arrived}");
    }
    assert_eq!(world.house.used.load(Ordering::Relaxed), 1);
    until(|| world.standing.live().count() == 0).await;
}

#[tokio::test]
async fn only_who_may_passes() {
    let world = World::before(app(|_| ok("the app")).await).await;
    let ask = async |path: &str, cookie: &str| {
        world.say(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{cookie}Connection: close\r\n\r\n")).await
    };
    let (alice, bob) = (world.cookie(&identity("alice")), world.cookie(&identity("bob")));
    assert!(ask("/", &alice).await.ends_with("the app"));
    assert!(ask("/", &bob).await.ends_with("not for bob"));
    assert!(ask("/x?y", "").await.ends_with("sign in for http://app.localhost:1/x?y"));
    assert!(ask("/", "Cookie: acquit-route=x\r\n").await.contains("sign in"));
    assert!(ask("/public/x", "").await.ends_with("the app"));
    world.standing.deny(&identity("alice").session);
    assert!(ask("/", &alice).await.contains("sign in"));
}

#[tokio::test]
async fn acquits_own_paths_and_host_go_to_acquit() {
    let world = World::before(app(|_| ok("the app")).await).await;
    for (host, path, arrives) in [
        (HOST, "/.acquit/sign_out?x=1", "door /.acquit/sign_out?x=1"),
        (HOST, "/.pomerium", "door /.pomerium"),
        (HOST, "//.well-known/pomerium/jwks.json", "door /.well-known/pomerium/jwks.json"),
        (HOST, "/.well-known//acquit/", "door /.well-known/acquit/"),
        (HOST, "/%2eacquit/user", "door /.acquit/user"),
        ("ID.localhost", "/account", "door /account"),
        ("id.localhost:80", "/", "door /"),
    ] {
        let heard = world.say(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        assert!(heard.ends_with(arrives), "{host}{path}: {heard}");
    }
    let elsewhere = world.say("GET / HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n").await;
    assert!(elsewhere.starts_with("HTTP/1.1 421"), "{elsewhere}");
}

#[tokio::test]
async fn a_path_that_an_app_could_read_past_a_rule_is_refused() {
    let app = mirror().await;
    let admin = Route { prefix: "/admin".to_owned(), allow: Allow::default(), ..route(&[format!("http://{app}")]) };
    let world = World::with([route(&[format!("http://{app}")]), admin]).await;
    for path in [
        "//admin",
        "/admin;x/y",
        "/a%2f..%2fadmin",
        "/%2Fadmin",
        "/%252fadmin",
        "/public/../x",
        "/publi%2563",
        "/public%2fx",
    ] {
        let heard = world.get(path, "").await;
        assert!(heard.starts_with("HTTP/1.1 400"), "{path}: {heard}");
    }
    for path in ["/group%2Fproject", "//x", "/x;y=1", "/%C3%A9"] {
        let heard = world.get(path, "").await;
        assert!(heard.contains(&format!("GET {path} HTTP/1.1")), "{path}: {heard}");
    }
    assert!(world.get("/%61dmin", "").await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn a_node_that_is_unsure_asks_the_store_and_refuses_when_that_is_silent() {
    let world = World::before(app(|_| ok("the app")).await).await;
    tokio::time::pause();
    tokio::time::advance(crate::standing::BOUND).await;
    tokio::time::resume();
    world.house.store.store(false, Ordering::Relaxed);
    let heard = world.get("/", "").await;
    assert!(heard.starts_with("HTTP/1.1 503") && heard.contains("retry-after: 1"), "{heard}");
    world.house.store.store(true, Ordering::Relaxed);
    assert!(world.get("/", "").await.ends_with("the app"));
    assert_eq!(world.house.refreshed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn who_was_described_anew_passes_with_a_new_cookie() {
    let world = World::before(app(|_| ok("the app")).await).await;
    world.standing.changed(&identity("alice").user, 1, acquit_core::Timestamp::default());
    assert!(world.get("/", "").await.contains("sign in"), "the session is over, by the store");
    let mut renewed = identity("alice");
    renewed.version = 1;
    let cookie = http::HeaderValue::from_static("acquit-route=new");
    *world.house.renewed.lock().unwrap() = Some(Renewed { identity: std::sync::Arc::new(renewed), cookie });
    let heard = world.get("/", "").await;
    assert!(heard.contains("set-cookie: acquit-route=new\r\n") && heard.ends_with("the app"), "{heard}");
}

#[tokio::test]
async fn pages_for_who_is_signed_in_are_not_kept_unless_the_app_decides() {
    let page = || {
        app(|_| {
            b"HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=utf-8\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n".to_vec()
        })
    };
    let url = format!("http://{}", page().await);
    let mut world = World::with([route(std::slice::from_ref(&url))]).await;
    assert!(world.get("/", "").await.contains("cache-control: no-store\r\n"));
    let public = format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    assert!(world.say(public).await.contains("cache-control: max-age=60\r\n"));
    world = World::with([Route { cache: Cache::App, ..route(&[url]) }]).await;
    assert!(world.get("/", "").await.contains("cache-control: max-age=60\r\n"));
}

#[tokio::test]
async fn an_app_sets_no_cookie_of_ours_and_leads_nobody_past_us() {
    let world = World::before(
        app(|_| b"HTTP/1.1 200 OK\r\nSet-Cookie: acquit-route=x\r\nSet-Cookie: a=b\r\nAlt-Svc: h3=\":1\"\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n".to_vec()).await,
    )
    .await;
    let heard = world.get("/", "").await;
    assert!(heard.contains("set-cookie: a=b\r\n"), "{heard}");
    for gone in ["acquit-route", "alt-svc", "x-hop"] {
        assert!(!heard.contains(gone), "{gone} in {heard}");
    }
}

#[tokio::test]
async fn new_rules_hold_from_the_next_request() {
    let world = World::before(app(|_| ok("the app")).await).await;
    world.proxy.set_rules(Rules { routes: Routes::default(), ..Rules::default() });
    assert!(world.get("/", "").await.starts_with("HTTP/1.1 421"));
}

#[tokio::test]
async fn a_question_for_the_head_is_answered_with_the_head() {
    let world = World::before(app(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n".to_vec()).await).await;
    let heard = world.say(world.head("HEAD", "/", "Connection: close\r\n")).await;
    assert!(
        heard.starts_with("HTTP/1.1 200") && heard.contains("content-length: 1234") && heard.ends_with("\r\n\r\n"),
        "{heard}"
    );
}

#[tokio::test]
async fn who_waits_to_be_asked_for_a_body_is_asked() {
    let app = app_that(|mut stream| async move {
        let head = read_until(&mut stream, "body").await;
        stream.write_all(&ok(&head)).await.unwrap();
    })
    .await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    let head = world.head("POST", "/", "Expect: 100-continue\r\nContent-Length: 4\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 100"));
    stream.write_all(b"body").await.unwrap();
    assert!(read_until(&mut stream, "\r\n\r\nbody").await.contains("expect: 100-continue"));
}

#[tokio::test]
async fn trailers_of_http_1_arrive() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, x-acquit-user\r\n\r\n1\r\na\r\n0\r\nx-sum: 7\r\nx-acquit-user: eve\r\n\r\n";
    let world = World::before(app(move |_| answer.as_bytes().to_vec()).await).await;
    let heard = world.get("/", "TE: trailers\r\n").await;
    assert!(heard.contains("\r\nx-sum: 7\r\n") && !heard.contains("eve"), "{heard}");
}

#[tokio::test]
async fn many_requests_pass_on_one_connection_and_one_to_the_app() {
    let app = app_that(|mut stream| async move {
        for number in 0..3 {
            read_head(&mut stream).await;
            stream.write_all(&ok(&format!("answer {number}"))).await.unwrap();
        }
    })
    .await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    for number in 0..3 {
        stream.write_all(world.head("GET", "/", "").as_bytes()).await.unwrap();
        read_until(&mut stream, &format!("answer {number}")).await;
    }
}

#[tokio::test]
async fn a_host_may_be_named_with_the_port_that_it_has_anyway() {
    let app = format!("http://{}", mirror().await);
    let origin = |text: &str| crate::origin::Origin::parse(text).unwrap();
    let to = |text: &str| Route { from: origin(text), ..route(std::slice::from_ref(&app)) };
    let world =
        World::with([to("https://a.example.com"), to("http://b.localhost"), to("https://c.example.com:8443")]).await;
    for (host, found) in [
        ("a.example.com", true),
        ("A.Example.com:443", true),
        ("a.example.com:80", false),
        ("a.example.com:8443", false),
        ("b.localhost:80", true),
        ("b.localhost:443", false),
        ("c.example.com:8443", true),
        ("c.example.com", false),
        ("c.example.com:443", false),
    ] {
        let heard = world.say(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        assert!(heard.starts_with(if found { "HTTP/1.1 401" } else { "HTTP/1.1 421" }), "{host}: {heard}");
    }
}
