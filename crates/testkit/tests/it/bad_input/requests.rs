//! Cursors, cookies and raw bytes that no client of ours would send.

use super::*;

#[tokio::test]
async fn a_cursor_that_no_list_ended_with_is_refused_by_name() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        let second = Browser::new();
        enter_all(&world.app, &second, &[&world.payroll], "bob").await;
        let next = world.app.read("/api/v1/sessions?limit=1").await["next"].as_str().unwrap().to_owned();
        assert_eq!(
            world.app.read(&format!("/api/v1/sessions?after={next}")).await["data"].as_array().unwrap().len(),
            1
        );
        for path in ["/api/v1/sessions", "/api/v1/logouts"] {
            let long = "x".repeat(5_000);
            for after in ["garbage", "1.2", ".", "%00", "1790000000000000.ses_%00", "%27%20OR%201=1", &long] {
                let (status, body) = world.app.api(Method::GET, &format!("{path}?after={after}"), None).await;
                assert_eq!((status, body["status"].as_u64()), (400, Some(400)), "{engine:?} {path} {after}: {body}");
                assert!(body["detail"].as_str().unwrap().contains("`after`"), "{path} {after}: {body}");
            }
        }
        let (status, body) = world.app.api(Method::GET, &format!("/api/v1/logouts?after={next}"), None).await;
        assert_eq!(status, 400, "the cursor of another list: {body}");
        let (status, body) = world.app.api(Method::GET, "/api/v1/sessions?limit=1&limit=2", None).await;
        assert_eq!((status, body["status"].as_u64()), (400, Some(400)), "a problem, not a page: {body}");
    }
}

#[tokio::test]
async fn a_huge_cookie_signs_nobody_in_or_out() {
    for engine in Engine::BOTH {
        a_huge_cookie_signs_nobody_in_or_out_on(engine).await;
    }
}

async fn a_huge_cookie_signs_nobody_in_or_out_on(engine: Engine) {
    let world = world_on(engine).await;
    let own = world.browser.cookie(&world.app.url("/"), "acquit").expect("the session cookie");
    for cookie in [
        format!("acquit={}", "x".repeat(8 * 1024)),
        format!("junk={}; acquit={own}", "x".repeat(20 * 1024)),
        format!("acquit={own}; acquit={own}"),
        format!("acquit={own}x; acquit={own}"),
        "acquit=".to_owned(),
        format!("acquit=\"{own}\""),
        format!("acquit= {own} x"),
        format!("__Host-acquit={own}"),
        "; ; =; acquit".to_owned(),
        (0..500).map(|n| format!("c{n}=v; ")).collect(),
    ] {
        let what: String = cookie.chars().take(40).collect();
        for path in ["/account", "/sign-in", "/oauth2/v1/logout", "/oauth2/v1/authorize", "/signed-out"] {
            let load = Load::typed(&world.app.url(path)).with("cookie", &cookie);
            let page = Browser::new().step(&load).await.unwrap();
            world.refused(&format!("{path} with the cookie {what}"), &page).await;
            assert_ne!(page.mark().as_deref(), Some("account"), "{what}");
        }
    }
    // Far beyond what a server reads at all.
    let load = Load::typed(&world.app.url("/account")).with("cookie", &format!("acquit={}", "x".repeat(200 * 1024)));
    if let Ok(page) = Browser::new().step(&load).await {
        assert!((400..500).contains(&page.status), "{page}");
    }
    world.unharmed("a cookie of 200 KB").await;
}

#[tokio::test]
async fn raw_bytes_in_the_request_line_and_headers_are_refused() {
    let world = world().await;
    let address = world.app.url("").trim_start_matches("http://").to_owned();
    for request in [
        "GET /oauth2/v1/logout?state=a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /oauth2/v1/logout?\u{1}=\u{7f} HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://evil.example/oauth2/v1/logout HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        "GET //evil.example/%2e%2e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /\\evil.example HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "POST /oauth2/v1/logout HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /oauth2/v1/logout HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /oauth2/v1/logout HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "GET /account HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
        "GET /account HTTP/9.9\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "TRACE /account HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "DELETE /oauth2/v1/logout HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "\r\n\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        let answer = wire::raw(&address, request.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(!status.starts_with('5'), "{request:?}: {answer}");
        world.unharmed(&format!("{request:?}")).await;
    }
}
