use acquit_server::listener;
use axum::{
    Router,
    http::HeaderMap,
    response::{AppendHeaders, Html, IntoResponse, Redirect},
    routing::{any, get},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::demo::ports;

const COOKIE: &str = "seen=yes; Path=/; HttpOnly; SameSite=Lax";

/// Says what it was sent, and sets a cookie.
async fn mirror(headers: HeaderMap) -> impl IntoResponse {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let said = ["cookie", "origin", "sec-fetch-site", "sec-fetch-dest"].map(|name| format!("{name}={}", text(name)));
    (AppendHeaders([("set-cookie", COOKIE)]), said.join("|"))
}

async fn site() -> (u16, CancellationToken) {
    let listener = ports::listen(None).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let framed =
        |policy: &'static str| get(move || async move { ([("content-security-policy", policy)], Html("<p>framed")) });
    let router = Router::new()
        .route("/mirror", any(mirror))
        .route("/away", any(move || async move { Redirect::to(&format!("http://two.localhost:{port}/mirror")) }))
        .route("/loop", get(|| async { Redirect::to("/loop") }))
        .route("/open", framed("default-src 'none'; frame-ancestors *.example http://one.localhost"))
        .route("/closed", framed("frame-ancestors 'none'"));
    let stop = CancellationToken::new();
    tokio::spawn(listener::serve(listener, router, stop.clone()));
    (port, stop)
}

fn page(url: &str, policy: &str) -> Page {
    Page { url: Url::parse(url).unwrap(), status: StatusCode::OK, policy: policy.to_owned(), html: String::new() }
}

#[tokio::test]
async fn cookies_go_with_links_and_own_forms_and_not_with_forms_and_frames_of_others() {
    let (port, stop) = site().await;
    let (one, two) = (format!("http://one.localhost:{port}"), format!("http://two.localhost:{port}"));
    let mut browser = Browser::new("a browser");
    let first = browser.go(&format!("{two}/mirror")).await.unwrap();
    assert_eq!(first.html, "cookie=-|origin=-|sec-fetch-site=none|sec-fetch-dest=document");
    let from = page(&format!("{one}/"), &format!("frame-src {two}"));
    let linked = browser.follow(&from, &format!("{two}/mirror")).await.unwrap();
    assert_eq!(linked.html, "cookie=seen=yes|origin=-|sec-fetch-site=cross-site|sec-fetch-dest=document");
    let form = Form { action: format!("{two}/mirror"), fields: Vec::new(), controls: Vec::new() };
    let foreign = browser.submit(&from, &form, &[]).await.unwrap();
    assert_eq!(foreign.html, format!("cookie=-|origin={one}|sec-fetch-site=cross-site|sec-fetch-dest=document"));
    let own = browser.submit(&first, &form, &[]).await.unwrap();
    assert_eq!(own.html, format!("cookie=seen=yes|origin={two}|sec-fetch-site=same-origin|sec-fetch-dest=document"));
    let frame = Frame { id: String::new(), src: format!("{two}/mirror"), sandbox: String::new() };
    let framed = browser.frame(&from, &frame).await.unwrap();
    assert_eq!(framed.html, "cookie=-|origin=-|sec-fetch-site=cross-site|sec-fetch-dest=iframe");
    let away = browser.submit(&from, &Form { action: "/away".into(), ..form }, &[]).await.unwrap();
    assert_eq!(away.html, "cookie=seen=yes|origin=-|sec-fetch-site=cross-site|sec-fetch-dest=document");
    assert!(matches!(browser.go(&format!("{one}/loop")).await, Err(BrowserError::Loop(_))));
    stop.cancel();
}

#[tokio::test]
async fn a_frame_that_either_side_forbids_is_not_shown() {
    let (port, stop) = site().await;
    let (one, two) = (format!("http://one.localhost:{port}"), format!("http://two.localhost:{port}"));
    let mut browser = Browser::new("a browser");
    let allowing = page("http://one.localhost/", &format!("default-src 'none'; frame-src {two}"));
    let forbidding = page("http://one.localhost/", &format!("default-src 'none'; frame-src {one}"));
    let silent = page("http://one.localhost/", "default-src 'none'");
    let frame = |path: &str| Frame { id: String::new(), src: format!("{two}{path}"), sandbox: String::new() };
    assert!(browser.frame(&allowing, &frame("/open")).await.is_ok());
    for (around, path) in [(&allowing, "/closed"), (&forbidding, "/open"), (&silent, "/open")] {
        assert!(matches!(browser.frame(around, &frame(path)).await, Err(BrowserError::Frame(_))), "{path}");
    }
    stop.cancel();
}
