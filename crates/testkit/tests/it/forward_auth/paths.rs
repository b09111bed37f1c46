//! No proxy, and no app behind it, sees a path otherwise than Acquit judged it.

use acquit_testkit::{
    Browser,
    peers::{Front, front::Kind},
};

use super::{
    World,
    app::{raw, status},
    world,
};

/// Requests that try to be one thing to Acquit and another to the app.
const TARGETS: [&str; 62] = [
    "/admin",
    "/admin/",
    "//admin",
    "///admin//x",
    "/./admin",
    "/public/../admin",
    "/public/..%2fadmin",
    "/public/%2e%2e/admin",
    "/public/%2e%2e%2fadmin",
    "/public/.%2e/admin",
    "/public/..;/admin",
    "/public/..;x=1/admin",
    "/public/%2e%2e;/admin",
    "/public/..%3b/admin",
    "/public%2f..%2fadmin",
    "/public%2F..%2Fadmin",
    "/public%252f..%252fadmin",
    "/public/%252e%252e/admin",
    "/public\\..\\admin",
    "/public/..\\admin",
    "/public%5c..%5cadmin",
    "/public/..%5cadmin",
    "/public#/../admin",
    "/public/#/../../admin",
    "/public?/../../admin",
    "/public%3f/../admin",
    "/public%23/../admin",
    "/public/%00/../admin",
    "/public/../../admin",
    "/public/x/../../admin",
    "/%61dmin",
    "/%41dmin",
    "/adm%69n/x",
    "/admin%2fx",
    "/admin%2Fx",
    "/admin;x",
    "/admin;x/y",
    "/admin%3bx",
    "/admin%20",
    "/admin?x",
    "/admin#x",
    "/admin/./x",
    "/admin/../admin/x",
    "/.acquit/../admin",
    "/.acquit/..%2fadmin",
    "/.acquit/%2e%2e/admin",
    "/.acquit%2f..%2fadmin",
    "/.acquit;/../admin",
    "/.acquit/..;/admin",
    "/.acquit/ask/../../admin",
    "/.pomerium/../admin",
    "/.well-known/acquit/../../admin",
    "/.well-known/acquit/..%2f..%2fadmin",
    "/.ACQUIT/../admin",
    "/auth/nginx/../../admin",
    "/../admin",
    "/..%2fadmin",
    "/%2e%2e/admin",
    "/public/\u{e9}/../admin",
    "/public/%c0%ae%c0%ae/admin",
    "/public/%uff0e%uff0e/admin",
    "/\tadmin",
];

/// Every way in which an app may read a path.
fn readings(target: &str) -> Vec<String> {
    let cut = |text: &str, at: &[char]| text.split(at).next().unwrap_or_default().to_owned();
    let mut forms = vec![cut(target, &['?']), cut(target, &['?', '#'])];
    for round in 0..3 {
        for form in forms.clone() {
            let decoded = percent_encoding::percent_decode_str(&form).decode_utf8_lossy().into_owned();
            if round < 3 && !forms.contains(&decoded) {
                forms.push(decoded.clone());
                forms.push(cut(&decoded, &['\0']));
            }
        }
    }
    let mut read = Vec::new();
    for form in forms {
        for text in [form.clone(), form.replace('\\', "/")] {
            for parameters in [true, false] {
                let mut segments: Vec<String> = Vec::new();
                for segment in text.split('/') {
                    let name = if parameters { segment.to_owned() } else { cut(segment, &[';']) };
                    match name.as_str() {
                        "" | "." => {}
                        ".." => drop(segments.pop()),
                        _ => segments.push(name),
                    }
                }
                read.push(format!("/{}", segments.join("/")));
            }
        }
    }
    read
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What reached the app must be nothing, in any reading, that this browser may not have.
fn check(world: &World, what: &str, signed_in: bool) {
    for got in world.mirror.take() {
        let target = got.split(' ').nth(1).unwrap_or_default();
        for reading in readings(target) {
            assert!(!is_below(&reading, "/admin"), "{what}: the app may read {target:?} as {reading}");
            for own in ["/.acquit", "/.pomerium", "/.well-known/acquit", "/.well-known/pomerium"] {
                assert!(!is_below(&reading, own), "{what}: the app may read {target:?} as {reading}");
            }
            assert!(signed_in || is_below(&reading, "/public"), "{what}: the app may read {target:?} as {reading}");
        }
    }
}

async fn send(world: &World, targets: &[String]) {
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
        let cookie = browser.cookie(&front.url("/"), "acquit-route").unwrap();
        world.mirror.take();
        for target in targets {
            for (cookie, signed_in) in [(format!("Cookie: acquit-route={cookie}\r\n"), true), (String::new(), false)] {
                let request = format!(
                    "GET {target} HTTP/1.1\r\nHost: {}\r\n{cookie}Accept: text/html\r\nConnection: close\r\n\r\n",
                    front.host()
                );
                let answer = raw(&front.address(), &request).await;
                let what = format!("{:?} {target:?} signed in: {signed_in}", front.kind);
                assert!(status(&answer) < 500, "{what}: {answer} {}", front.log());
                check(world, &what, signed_in);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_is_one_thing_to_acquit_and_another_to_the_app() {
    let Some(world) = world().await else { return };
    send(&world, &TARGETS.map(str::to_owned)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_paths_that_can_be_read_in_one_way_arrive_as_they_were_sent() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
        let cookie = browser.cookie(&front.url("/"), "acquit-route").unwrap();
        for target in
            ["/group%2Fproject", "/x;y=1", "/%C3%A9", "/a%20b?q=%2f..%2fadmin", "/100%25", "/...", "/administrator"]
        {
            world.mirror.take();
            let head = format!("Host: {}\r\nCookie: acquit-route={cookie}\r\nConnection: close", front.host());
            let answer = raw(&front.address(), &format!("GET {target} HTTP/1.1\r\n{head}\r\n\r\n")).await;
            assert_eq!(status(&answer), 200, "{:?} {target}: {answer} {}", front.kind, front.log());
            assert!(
                world.mirror.take()[0].starts_with(&format!("GET {target} HTTP/1.1\r\n")),
                "{:?} {target}",
                front.kind
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_made_of_such_pieces_is_either() {
    const PIECES: [&str; 22] = [
        "/", "/", "/", "//", "public", "admin", "x", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%3b", "#", "?",
        "%25", "%252e", ".acquit", "%61",
    ];
    let Some(world) = world().await else { return };
    // The same each time: a linear congruential generator.
    let mut state: u64 = 0x5eed;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut targets = Vec::new();
    for _ in 0..250 {
        let mut target = ["/", "/public", "/public/", "/admin", "/.acquit/"][next(5)].to_owned();
        for _ in 0..=next(6) {
            target.push_str(PIECES[next(PIECES.len())]);
        }
        targets.push(target);
    }
    send(&world, &targets).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_that_the_proxy_chose_by_is_the_one_that_is_judged() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    for front in &world.fronts {
        world.enter(&browser, front, "alice").await;
    }
    world.mirror.take();
    for front in &world.fronts {
        let (host, address) = (front.host(), front.address());
        let other = world.fronts.iter().find(|other| other.kind != front.kind).unwrap();
        // The cookie is good at the other route only.
        let cookie = browser.cookie(&other.url("/"), "acquit-route").unwrap();
        let more = format!("Cookie: acquit-route={cookie}\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
        let (elsewhere, forwarded) = (other.host(), format!("X-Forwarded-Host: {}\r\n", other.host()));
        for request in [
            format!("GET /x HTTP/1.1\r\nHost: {elsewhere}\r\n{more}"),
            format!("GET http://{host}/x HTTP/1.1\r\nHost: {elsewhere}\r\n{more}"),
            format!("GET http://{elsewhere}/x HTTP/1.1\r\nHost: {host}\r\n{more}"),
            format!("GET /x HTTP/1.1\r\nHost: {host}\r\nHost: {elsewhere}\r\n{more}"),
            format!("GET /x HTTP/1.1\r\nHost: {host}\r\n{forwarded}{more}"),
            format!("GET /x HTTP/1.1\r\nHost: {host}\r\nX-Original-URL: http://{elsewhere}/x\r\n{forwarded}{more}"),
            format!(
                "GET /x HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Uri: /public\r\nX-Original-URL: http://{host}/public\r\n{more}"
            ),
            format!("GET /x HTTP/1.1\r\nHost: {host}:80\r\n{more}"),
            format!("GET /x HTTP/1.1\r\nHost: \r\n{more}"),
            format!("GET /x HTTP/1.0\r\n{more}"),
            format!("GET /x HTTP/1.0\r\nHost: {host}\r\n{more}"),
            format!("TRACE /x HTTP/1.1\r\nHost: {host}\r\n{more}"),
            format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{more}"),
            format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n{more}"),
        ] {
            let answer = raw(&address, &request).await;
            assert!(world.mirror.take().is_empty(), "{:?}: {request}\n{answer}", front.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_version_of_http_passes_like_the_second() {
    let Some(world) = world().await else { return };
    let browser = Browser::new();
    let takes_it = |front: &&Front| !matches!(front.kind, Kind::Envoy | Kind::EnvoyGrpc);
    for front in world.fronts.iter().filter(takes_it) {
        world.enter(&browser, front, "alice").await;
        let cookie = browser.cookie(&front.url("/"), "acquit-route").unwrap();
        let request = format!("GET /x HTTP/1.0\r\nHost: {}\r\nCookie: acquit-route={cookie}\r\n\r\n", front.host());
        let answer = raw(&front.address(), &request).await;
        assert_eq!(status(&answer), 200, "{:?}: {answer}", front.kind);
    }
}
