//! The doors, asked as the proxies' documentation says that they are asked.

use std::{net::IpAddr, time::Duration};

use acquit_testkit::{Engine, Setup, TestApp, acquit::InProcess, peers::free_port, wire};
use http::{Method, Request, Response};
use hyper::body::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::timeout,
};

async fn acquit() -> TestApp<InProcess> {
    let routes = super::routes("app.localhost:81");
    Setup::on(Engine::Sqlite).host("id.localhost").behind_proxies().with(&routes).start(&[]).await
}

/// What a proxy at 127.0.0.1 is answered.
async fn ask(app: &TestApp<InProcess>, method: Method, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    ask_from(app, method, path, headers, None).await
}

async fn ask_from(
    app: &TestApp<InProcess>,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    from: Option<IpAddr>,
) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(app.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    wire::exchange(request.body(Bytes::new()).unwrap(), from).await.unwrap()
}

/// What each proxy sends about a request for this path.
fn questions(path: &str) -> Vec<(String, Vec<(&'static str, String)>)> {
    let forwarded = vec![
        ("X-Forwarded-Method", "GET".to_owned()),
        ("X-Forwarded-Proto", "http".to_owned()),
        ("X-Forwarded-Host", "app.localhost:81".to_owned()),
        ("X-Forwarded-Uri", path.to_owned()),
        ("X-Forwarded-For", "203.0.113.9".to_owned()),
    ];
    vec![
        (
            "/auth/nginx".to_owned(),
            vec![("X-Original-URL", format!("http://app.localhost:81{path}")), ("X-Original-Method", "GET".to_owned())],
        ),
        ("/auth/traefik".to_owned(), forwarded.clone()),
        ("/auth/caddy".to_owned(), forwarded),
        (
            format!("/auth/envoy{path}"),
            vec![("Host", "app.localhost:81".to_owned()), ("X-Forwarded-Proto", "http".to_owned())],
        ),
    ]
}

fn borrowed<'a>(headers: &'a [(&'static str, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect()
}

const PAGE: [(&str, &str); 2] = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];

#[tokio::test]
async fn each_door_answers_every_method_alike_and_nothing_is_kept() {
    let app = acquit().await;
    for (path, headers) in questions("/dash") {
        let nginx = path.starts_with("/auth/nginx");
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(&app, method.clone(), &path, &borrowed(&headers, &PAGE)).await;
            assert_eq!(answer.status(), if nginx { 401 } else { 302 }, "{method} {path}");
            let location = answer.headers()["location"].to_str().unwrap();
            assert!(location.starts_with(&app.url("/.acquit/sign_in?")), "{location}");
            assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 1, "nginx passes one on");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert!(answer.body().is_empty());
        }
        let answer = ask(&app, Method::POST, &path, &borrowed(&headers, &[])).await;
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (401, None), "{path}");
    }
    for (path, headers) in questions("/public/x") {
        for method in
            [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::from_bytes(b"PROPFIND").unwrap()]
        {
            let answer = ask(&app, method.clone(), &path, &borrowed(&headers, &[])).await;
            assert_eq!(answer.status(), 200, "{method} {path}");
            assert!(answer.body().is_empty() && answer.headers()["cache-control"] == "no-store");
            let told = answer.headers().iter().filter(|(name, value)| {
                !value.is_empty() && (name.as_str().starts_with("x-") || name.as_str() == "cookie")
            });
            let told: Vec<_> = told.filter(|(name, _)| *name != "x-envoy-auth-headers-to-remove").collect();
            assert!(told.is_empty(), "{path}: {told:?}");
        }
    }
}

#[tokio::test]
async fn nginx_lets_nobody_pass_with_a_header_of_ours_that_it_does_not_know_to_clear() {
    let app = acquit().await;
    let (path, headers) = questions("/public/x").remove(0);
    for (name, status) in [
        ("X-Pomerium-Claim-Roles", 403),
        ("X-Acquit-User", 403),
        ("X-Pomerium-Claim-Email", 200),
        ("X-Acquit-Jwt-Assertion", 200),
        ("X-Acquitted", 200),
    ] {
        let answer = ask(&app, Method::GET, &path, &borrowed(&headers, &[(name, "forged")])).await;
        assert_eq!(answer.status().as_u16(), status, "{name}");
        assert!(!answer.headers().values().any(|value| value == "forged"));
    }
}

#[tokio::test]
async fn whoever_is_no_trusted_proxy_is_refused_whatever_they_say() {
    let app = acquit().await;
    for (path, headers) in questions("/public/x") {
        let from = Some(IpAddr::from([127, 0, 0, 9]));
        let answer = ask_from(&app, Method::GET, &path, &borrowed(&headers, &[]), from).await;
        assert_eq!(answer.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn a_host_that_is_no_route_and_what_is_not_said_clearly_are_refused() {
    let app = acquit().await;
    for (path, headers) in questions("/public/x") {
        for (name, _) in &headers {
            if *name == "X-Forwarded-For" {
                continue;
            }
            let without: Vec<_> = headers.iter().filter(|(other, _)| other != name).cloned().collect();
            let twice: Vec<_> =
                headers.iter().chain(headers.iter().filter(|(other, _)| other == name)).cloned().collect();
            for asked in [without, twice] {
                let status = ask(&app, Method::GET, &path, &borrowed(&asked, &[])).await.status().as_u16();
                assert!([400, 403].contains(&status), "{path} {asked:?}: {status}");
            }
            for (old, new) in [
                ("app.localhost:81", "other.localhost:81"),
                ("app.localhost:81", "app.localhost"),
                ("app.localhost:81", "id.localhost"),
                ("http", "https"),
                ("/public", "/public/../public"),
                ("/public", "/.acquit"),
                ("/public", &format!("/public/{}", "x".repeat(17_000))),
            ] {
                let change = |text: &str| text.replacen(old, new, 1);
                let changed: Vec<_> = headers.iter().map(|(name, value)| (*name, change(value))).collect();
                let other = if path.starts_with("/auth/envoy") { change(&path) } else { path.clone() };
                if changed == headers && other == path {
                    continue;
                }
                let status = ask(&app, Method::GET, &other, &borrowed(&changed, &[])).await.status().as_u16();
                assert!([400, 403].contains(&status), "{other} {changed:?}: {status}");
            }
        }
    }
    for path in ["/auth", "/auth/", "/auth/haproxy", "/auth/envoyx"] {
        let answer = ask(&app, Method::GET, path, &[("Accept", "text/html")]).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn envoys_own_socket_answers_trusted_proxies_only_and_whole_messages_only() {
    const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
    let port = free_port();
    let gateway = format!("[gateway]\nenvoy_listen = \"127.0.0.1:{port}\"\n\n{}", super::routes("app.localhost:81"));
    let _acquit = Setup::on(Engine::Sqlite).host("id.localhost").behind_proxies().with(&gateway).start(&[]).await;
    let trusted = None;
    let other: Option<IpAddr> = Some("127.0.0.2".parse().unwrap());
    let (whole, long) = (Bytes::from_static(&[0; 5]), Bytes::from(vec![0; 200_000]));
    for (path, kind, body, from, status) in [
        (CHECK, "application/grpc", whole.clone(), other, "7"),
        (CHECK, "application/grpc", long.clone(), other, "7"),
        // It has no request in it.
        (CHECK, "application/grpc", whole.clone(), trusted, "3"),
        (CHECK, "application/grpc", whole.slice(..4), trusted, "3"),
        (CHECK, "application/grpc", long, trusted, "3"),
        (CHECK, "text/plain", whole.clone(), trusted, "3"),
        ("/envoy.service.auth.v3.Authorization/Other", "application/grpc", whole.clone(), trusted, "12"),
        ("/sign-in", "application/grpc", whole, trusted, "12"),
    ] {
        let request = Request::post(format!("http://127.0.0.1:{port}{path}")).header("Content-Type", kind);
        let answer = wire::exchange(request.body(body.clone()).unwrap(), from).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}: gRPC says it otherwise");
        assert_eq!(answer.headers()["grpc-status"], status, "{path} {kind} {} {from:?}", body.len());
    }
    // Whoever is not trusted is not listened to: the answer does not wait for a message. Whoever is, is.
    for (from, answered) in [([127, 0, 0, 2], true), ([127, 0, 0, 1], false)] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        let head = format!(
            "POST {CHECK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nContent-Length: 100\r\n\r\n\0"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut heard = [0; 400];
        let said = timeout(Duration::from_millis(if answered { 20_000 } else { 500 }), stream.read(&mut heard)).await;
        match said {
            Ok(length) => {
                let text = String::from_utf8_lossy(&heard[..length.unwrap()]).into_owned();
                assert!(answered && text.contains("grpc-status: 7"), "{from:?}: {text}");
            }
            Err(_) => assert!(!answered, "{from:?}"),
        }
    }
}
