//! Wrong, hostile and oversized requests: each changes nothing and never answers 5xx.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, OPERATOR},
    browser::Load,
    rp::ledger::Way,
    wire,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};

use crate::world::enter_all;

const FORM: &str = "application/x-www-form-urlencoded";

struct World {
    payroll: TestRp,
    crm: TestRp,
    app: TestApp<InProcess>,
    browser: Browser,
    before: (Vec<Value>, Vec<Value>),
}

async fn world() -> World {
    world_on(Engine::Sqlite).await
}

async fn world_on(engine: Engine) -> World {
    let payroll = Registration::new("payroll").start().await;
    let crm = Registration::new("crm").alg("ES256").start().await;
    let app = Setup::on(engine)
        .with("[registration]\ninitial_access_tokens = [\"initial-access-token-of-the-tests-01234\"]\n")
        .start(&[&payroll, &crm])
        .await;
    let browser = Browser::new();
    enter_all(&app, &browser, &[&payroll, &crm], "alice").await;
    let before = app.everything().await;
    World { payroll, crm, app, browser, before }
}

impl World {
    /// The answer is no 5xx, no redirect out of the house, shows nothing raw of the request, and nothing changed.
    async fn refused(&self, what: &str, page: &Page) {
        assert!(page.status < 500, "{what}: {page}");
        if let Some(location) = page.location() {
            let own = location.origin() == page.url.origin();
            assert!(own, "{what}: leads out of the house to {location}");
        }
        self.unharmed(what).await;
    }

    async fn unharmed(&self, what: &str) {
        assert_eq!(self.app.everything().await, self.before, "{what} changed something");
        assert!(self.payroll.ledger().by(Way::Back).is_empty() && self.crm.ledger().by(Way::Back).is_empty(), "{what}");
    }

    /// An error page that says which parameter (RPI-27).
    async fn error_page(&self, what: &str, page: &Page, parameter: &str) {
        self.refused(what, page).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
        assert!(page.text().contains(parameter), "{what} does not name {parameter}: {page}");
        let offers = page
            .tags("a")
            .iter()
            .chain(&page.tags("form"))
            .any(|tag| tag.get("href").or(tag.get("action")).is_some_and(|target| target.contains("sign-out")));
        assert!(offers, "{what}: still offers to sign out (RPI-27): {}", page.body);
    }

    /// An end-session request with the good hint, and these parameters besides or instead.
    fn end_session(&self, parameters: &[(&str, &str)]) -> String {
        let hint = self.payroll.session(&self.browser).unwrap().id_token;
        let bye = self.payroll.url("/bye");
        let mut all = vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &bye), ("state", "s")];
        all.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
        all.extend(parameters);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        self.app.url(&format!("/oauth2/v1/logout?{query}"))
    }
}

#[tokio::test]
async fn a_post_logout_redirect_uri_is_compared_as_a_string() {
    for engine in Engine::BOTH {
        a_post_logout_redirect_uri_is_compared_as_a_string_on(engine).await;
    }
}

async fn a_post_logout_redirect_uri_is_compared_as_a_string_on(engine: Engine) {
    let world = world_on(engine).await;
    let bye = world.payroll.url("/bye");
    let authority = bye.trim_start_matches("http://").trim_end_matches("/bye").to_owned();
    let port = authority.split(':').nth(1).unwrap().to_owned();
    let tricks = [
        format!("{bye}/"),
        format!("{bye}?x=1"),
        format!("{bye}?"),
        format!("{bye}#"),
        format!("{bye}#x"),
        format!("{bye}/../bye"),
        format!("{bye}%20"),
        format!(" {bye}"),
        format!("{bye} "),
        format!("{bye}\r\n"),
        format!("{bye}\r\nSet-Cookie: planted=1"),
        format!("{bye}\0"),
        format!("{bye}\t"),
        bye.replace("/bye", "/%62ye"),
        bye.replace("/bye", "/BYE"),
        bye.replace("/bye", "//bye"),
        bye.replace("/bye", "\\bye"),
        bye.replace("http:", "HTTP:"),
        bye.replace("http:", "https:"),
        bye.replace("http:", "ht\ttp:"),
        bye.replace("http://", "http:/"),
        bye.replace("http://", "http:\\\\"),
        bye.replace("http://", "//"),
        bye.replace("127.0.0.1", "127.1"),
        bye.replace("127.0.0.1", "2130706433"),
        bye.replace("127.0.0.1", "localhost"),
        bye.replace("127.0.0.1", "127.0.0.1."),
        format!("http://evil@{authority}/bye"),
        format!("http://{authority}@evil.example/bye"),
        format!("http://{authority}\\@evil.example/bye"),
        format!("http://{authority}%2f@evil.example/bye"),
        format!("http://{authority}.evil.example/bye"),
        format!("http://127.0.0.1:0{port}/bye"),
        format!("http://127.0.0.1:{port}0/bye"),
        "http://127.0.0.1/bye".to_owned(),
        "http://evil.example/bye".to_owned(),
        "javascript:alert(1)".to_owned(),
        "data:text/html,<script>alert(1)</script>".to_owned(),
        "/bye".to_owned(),
        "*".to_owned(),
        world.payroll.url("/callback"),
        world.crm.url("/bye"),
        world.app.url("/account"),
    ];
    for uri in tricks {
        let page = world.browser.open(&world.end_session(&[("post_logout_redirect_uri", &uri)])).await;
        world.error_page(&format!("the target {uri:?}"), &page, "post_logout_redirect_uri").await;
        // Nobody signed in: not there either.
        let page = Browser::new().open(&world.end_session(&[("post_logout_redirect_uri", &uri)])).await;
        world.error_page(&format!("the target {uri:?}, nobody signed in"), &page, "post_logout_redirect_uri").await;
    }
    let page = world.browser.open(&world.app.url(&format!("/oauth2/v1/logout?post_logout_redirect_uri={bye}"))).await;
    world.error_page("a target of nobody (RPI-22)", &page, "post_logout_redirect_uri").await;
}

#[tokio::test]
async fn a_hint_that_is_not_ours_never_redirects() {
    for engine in Engine::BOTH {
        a_hint_that_is_not_ours_never_redirects_on(engine).await;
    }
}

async fn a_hint_that_is_not_ours_never_redirects_on(engine: Engine) {
    let world = world_on(engine).await;
    let session = world.payroll.session(&world.browser).unwrap();
    let good = session.id_token.clone();
    let parts: Vec<&str> = good.split('.').collect();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    let unsigned = encoded(&with(&header, "alg", json!("none")));
    let forged = {
        let key = jsonwebtoken::EncodingKey::from_secret(b"a secret that is not ours, of more than 32 bytes");
        jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256), &claims, &key).unwrap()
    };
    let other = world_token().await;
    let mut flipped = good.clone().into_bytes();
    let at = flipped.len() - 10;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let hints: Vec<(&str, String)> = vec![
        ("no token", "nonsense".into()),
        ("dots", "..".into()),
        ("unsigned", format!("{unsigned}.{}.", parts[1])),
        ("unsigned with the old signature", format!("{unsigned}.{}.{}", parts[1], parts[2])),
        ("without its signature", format!("{}.{}.", parts[0], parts[1])),
        ("cut", good[..good.len() - 4].to_owned()),
        ("another signature", String::from_utf8(flipped).unwrap()),
        ("another subject", format!("{}.{}.{}", parts[0], encoded(&with(&claims, "sub", json!("usr_x"))), parts[2])),
        ("by a shared secret", forged),
        ("of another issuer", other),
        ("an access token", session.access_token.clone()),
        ("a refresh token", session.refresh_token.clone().unwrap_or_default()),
        ("encrypted", format!("{}.a.b.c.d", encoded(&json!({ "alg": "RSA-OAEP", "enc": "A256GCM" })))),
        ("with spaces", format!(" {good}")),
        ("as a list", format!("{good} {good}")),
    ];
    for (what, hint) in hints.iter().filter(|(_, hint)| !hint.is_empty()) {
        for browser in [&world.browser, &Browser::new()] {
            let page = browser.open(&world.end_session(&[("id_token_hint", hint)])).await;
            world.error_page(&format!("a hint that is {what}"), &page, "id_token_hint").await;
        }
    }
    let page = world.browser.open(&world.end_session(&[("client_id", "crm")])).await;
    world.error_page("a client_id of another (RPI-6)", &page, "client_id").await;
    let page = world.browser.open(&world.app.url("/oauth2/v1/logout?client_id=nobody")).await;
    world.error_page("a client_id of nobody", &page, "client_id").await;
}

/// An ID token of another Acquit, with another key.
async fn world_token() -> String {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    payroll.session(&browser).unwrap().id_token
}

#[tokio::test]
async fn a_logout_token_is_no_hint() {
    for engine in Engine::BOTH {
        a_logout_token_is_no_hint_on(engine).await;
    }
}

async fn a_logout_token_is_no_hint_on(engine: Engine) {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(engine).start(&[&payroll]).await;
    let (first, second) = (Browser::new(), Browser::new());
    app.enter(&first, &payroll, "alice").await;
    app.enter(&second, &payroll, "alice").await;
    first.open(&payroll.end_session_url(&first, None)).await;
    let body = payroll.ledger().wait(Way::Back, 1, Duration::from_secs(5)).await.remove(0).body;
    let token = form_urlencoded::parse(body.as_bytes()).next().unwrap().1.into_owned();
    let page = second.open(&payroll.end_session_url_with(&token, None)).await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
    assert_eq!(app.live_sessions().await.len(), 1);
}

#[tokio::test]
async fn a_parameter_sent_twice_or_far_too_long_is_an_error() {
    for engine in Engine::BOTH {
        a_parameter_sent_twice_or_far_too_long_is_an_error_on(engine).await;
    }
}

async fn a_parameter_sent_twice_or_far_too_long_is_an_error_on(engine: Engine) {
    let world = world_on(engine).await;
    let good = world.end_session(&[("client_id", "payroll"), ("ui_locales", "de"), ("logout_hint", "alice")]);
    for name in ["id_token_hint", "post_logout_redirect_uri", "state", "client_id", "ui_locales", "logout_hint"] {
        let value = url::Url::parse(&good).unwrap().query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let again: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let page = world.browser.open(&format!("{good}&{name}={again}")).await;
        world.error_page(&format!("{name} twice"), &page, name).await;
        let page = world.browser.open(&format!("{good}&{name}=")).await;
        world.error_page(&format!("{name} once more, empty"), &page, name).await;

        let (endpoint, query) = good.split_once('?').unwrap();
        let both = Load::typed(&format!("{endpoint}?{name}={again}")).post(query.to_owned());
        let page = world.browser.load(both).await;
        world.error_page(&format!("{name} in query and body"), &page, name).await;

        for length in [9_000usize, 20_000, 60_000] {
            let long = world.end_session(&[(name, &"x".repeat(length))]);
            let page = world.browser.open(&long).await;
            world.refused(&format!("{name} of {length} bytes"), &page).await;
            assert!((400..500).contains(&page.status), "{name} of {length}: {}", page.status);
            let (endpoint, query) = long.split_once('?').unwrap();
            let page = world.browser.load(Load::typed(endpoint).post(query.to_owned())).await;
            world.refused(&format!("{name} of {length} bytes, posted"), &page).await;
        }
    }
}

#[tokio::test]
async fn no_parameter_breaks_out_of_a_header_or_a_page() {
    for engine in Engine::BOTH {
        no_parameter_breaks_out_of_a_header_or_a_page_on(engine).await;
    }
}

async fn no_parameter_breaks_out_of_a_header_or_a_page_on(engine: Engine) {
    let world = world_on(engine).await;
    let markup = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    let header = "x\r\nSet-Cookie: planted=1\r\n\r\n<script>alert(1)</script>";
    let clean = |what: &str, page: &Page| {
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{what}: {}", page.body);
        let pages = page.hops.iter().map(|hop| &hop.headers).chain([&page.headers]);
        for headers in pages {
            for cookie in headers.get_all("set-cookie") {
                assert!(!cookie.to_str().unwrap_or_default().contains("planted"), "{what}: {cookie:?}");
            }
        }
    };
    for value in [markup, header] {
        for name in
            ["id_token_hint", "post_logout_redirect_uri", "client_id", "ui_locales", "logout_hint", "other", value]
        {
            // Without anything that signs out: the question, or an error.
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            for path in
                ["/oauth2/v1/logout", "/sign-out", "/signed-out", "/sign-in", "/account", "/logouts/lgo_x", "/consent"]
            {
                let page = world.browser.open(&world.app.url(&format!("{path}?{query}"))).await;
                clean(&format!("{path} with {name:?}"), &page);
                world.refused(&format!("{path} with {name:?}"), &page).await;
            }
        }
        for name in [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "nonce",
            "prompt",
            "max_age",
            "login_hint",
            "id_token_hint",
            "ui_locales",
            "claims",
            "acr_values",
            "response_mode",
            "code_challenge",
            "code_challenge_method",
            "request",
            "request_uri",
            "flow",
            "display",
            "connection",
        ] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            let page = world.payroll.begin(&Browser::new(), &[(name, value)]).await;
            clean(&format!("an authorization request with {name}"), &page);
            assert!(page.status < 500, "{page}");
            let page = Browser::new().open(&world.app.url(&format!("/oauth2/v1/authorize?{query}"))).await;
            clean(&format!("an authorization request of {name} alone"), &page);
            world.refused(&format!("an authorization request of {name} alone"), &page).await;
        }
        let sign_in = Browser::new();
        let page = sign_in.open(&world.app.url("/sign-in")).await;
        let form = page.form_with("username").fill("username", value).fill("password", value);
        let page = sign_in.submit(&page, form).await;
        clean("a username", &page);
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
        world.refused("a username", &page).await;
    }
    // A state may hold what it likes; it comes back encoded.
    let landing = world.browser.open(&world.end_session(&[("state", header)])).await;
    clean("a state", &landing);
    assert_eq!(world.payroll.ledger().by(Way::Landing)[0].parameter("state").as_deref(), Some(header));
}

/// Every door that takes a form, with the credentials that it wants.
fn forms(world: &World) -> Vec<(&'static str, Option<String>)> {
    let secret = world.payroll.registration().secret.clone().unwrap();
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("payroll:{secret}")));
    vec![
        ("/oauth2/v1/logout", None),
        ("/oauth2/v1/authorize", None),
        ("/oauth2/v1/token", Some(basic.clone())),
        ("/oauth2/v1/introspect", Some(basic.clone())),
        ("/oauth2/v1/revoke", Some(basic.clone())),
        ("/oauth2/v1/par", Some(basic)),
        ("/oauth2/default/v1/token", None),
        ("/api/openid_connect/token", None),
        ("/openid_connect/logout", None),
        ("/sign-in", None),
        ("/sign-out", None),
        ("/consent", None),
        ("/account/sign-out", None),
        ("/signing-out/loaded", None),
        ("/api/v1/logouts", Some(format!("Bearer {OPERATOR}"))),
        ("/oauth2/v1/clients", Some("Bearer initial-access-token-of-the-tests-01234".to_owned())),
    ]
}

async fn post(
    world: &World,
    path: &str,
    credentials: Option<&String>,
    kind: &str,
    body: impl Into<hyper::body::Bytes>,
) -> std::io::Result<Page> {
    let mut load = Load::typed(&world.app.url(path)).post(body).with("content-type", kind);
    if let Some(credentials) = credentials {
        load = load.with("authorization", credentials);
    }
    match world.browser.try_load(load).await {
        Ok(page) => Ok(page),
        Err(lost) => Err(lost.error),
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_kind_shape_or_size_is_refused_everywhere() {
    for engine in Engine::BOTH {
        a_body_of_the_wrong_kind_shape_or_size_is_refused_everywhere_on(engine).await;
    }
}

async fn a_body_of_the_wrong_kind_shape_or_size_is_refused_everywhere_on(engine: Engine) {
    let world = world_on(engine).await;
    let many: String = (0..10_000).map(|n| format!("p{n}=v&")).collect();
    let same = "a=b&".repeat(10_000);
    for (path, credentials) in forms(&world) {
        let hint = world.end_session(&[]);
        let form = hint.split_once('?').unwrap().1.to_owned();
        for kind in
            ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/xml", "nonsense", ""]
        {
            if kind == "application/json" && (path.starts_with("/api/v1") || path.ends_with("clients")) {
                continue;
            }
            let page = post(&world, path, credentials.as_ref(), kind, form.clone()).await.unwrap();
            world.refused(&format!("{path} with the type {kind:?}"), &page).await;
            assert!((400..500).contains(&page.status), "{path} with the type {kind:?}: {page}");
        }
        for (what, body) in [
            ("10,000 parameters", many.clone().into_bytes()),
            ("one parameter 10,000 times", same.clone().into_bytes()),
            ("no text", vec![0xff, 0xfe, 0x00, b'=', 0x80]),
            ("broken escapes", b"a=%zz&b=%&c=%f".to_vec()),
            ("bytes that are no UTF-8", b"state=%ff%fe&x=%c3%28".to_vec()),
            ("nothing", Vec::new()),
            ("only separators", b"&&&=&=&;".to_vec()),
            ("a zero byte", b"state=%00&client_id=%00payroll".to_vec()),
        ] {
            let page = post(&world, path, credentials.as_ref(), FORM, body).await.unwrap();
            world.refused(&format!("{path} with {what}"), &page).await;
        }
        for kind in [FORM, "application/json"] {
            // It may stop reading, and close: then there is no answer at all, but never a 5xx.
            if let Ok(page) = post(&world, path, credentials.as_ref(), kind, vec![b'x'; 10 * 1024 * 1024]).await {
                world.refused(&format!("{path} with 10 MB"), &page).await;
                assert!((400..500).contains(&page.status), "{path} with 10 MB: {page}");
            }
            world.unharmed(&format!("{path} with 10 MB")).await;
        }
    }
}

#[tokio::test]
async fn a_json_body_of_the_wrong_shape_is_refused() {
    for engine in Engine::BOTH {
        a_json_body_of_the_wrong_shape_is_refused_on(engine).await;
    }
}

async fn a_json_body_of_the_wrong_shape_is_refused_on(engine: Engine) {
    let world = world_on(engine).await;
    let deep = "[".repeat(50_000);
    let session = world.app.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
    for body in [
        "".to_owned(),
        "{".into(),
        "null".into(),
        "[]".into(),
        "\"x\"".into(),
        "1e999".into(),
        deep,
        "{\"scope\":\"all\"}".into(),
        "{\"scope\":\"session\"}".into(),
        "{\"scope\":\"user\",\"user\":\"nobody\"}".into(),
        "{\"scope\":\"session\",\"session\":\"ses_nonsense\"}".into(),
        "{\"scope\":\"session\",\"session\":\"../../x\"}".into(),
        format!("{{\"scope\":\"session\",\"session\":\"{session}\",\"user\":\"alice\"}}"),
        format!("{{\"scope\":\"session\",\"session\":\"{session}\",\"unknown\":1}}"),
        format!("{{\"scope\":\"session\",\"session\":\"{session}\",\"reason\":\"{}\"}}", "x".repeat(10_000)),
        "{\"scope\":\"user\",\"user\":[\"alice\"]}".into(),
    ] {
        let what: String = body.chars().take(60).collect();
        let credentials = format!("Bearer {OPERATOR}");
        let page = post(&world, "/api/v1/logouts", Some(&credentials), "application/json", body).await.unwrap();
        world.refused(&what, &page).await;
        assert!((400..500).contains(&page.status), "{what}: {page}");
        assert_eq!(page.header("content-type"), Some("application/problem+json"), "{what}: {page}");
    }
    for (token, status) in [(None, 401), (Some("Bearer nonsense"), 401), (Some("Basic b3BzOng="), 401), (Some(""), 401)]
    {
        let mut load = Load::typed(&world.app.url(&format!("/api/v1/sessions/{session}"))).method(Method::DELETE);
        if let Some(token) = token {
            load = load.with("authorization", token);
        }
        let page = world.browser.load(load).await;
        assert_eq!(page.status, status, "{page}");
        world.refused("a DELETE without right", &page).await;
    }
    for path in [
        "/api/v1/sessions/nonsense",
        "/api/v1/sessions/%2e%2e",
        "/api/v1/logouts/lgo_0",
        "/api/v1/logouts/%00",
        "/api/v1/sessions?limit=0",
        "/api/v1/sessions?limit=x",
        "/api/v1/sessions?state=x",
        "/api/v1/sessions?user=nobody",
        "/api/v1/logouts?state=x",
        "/api/v1/logouts?session=%ff",
        "/api/v1/sessions?limit=1&limit=2",
    ] {
        let (status, body) = world.app.api(Method::GET, path, None).await;
        assert!((400..500).contains(&status), "{path}: {status} {body}");
    }
}

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

#[tokio::test]
async fn a_registration_with_wrong_logout_uris_is_refused() {
    for engine in Engine::BOTH {
        a_registration_with_wrong_logout_uris_is_refused_on(engine).await;
    }
}

async fn a_registration_with_wrong_logout_uris_is_refused_on(engine: Engine) {
    let world = world_on(engine).await;
    let token = "Bearer initial-access-token-of-the-tests-01234".to_owned();
    let good = json!({
        "redirect_uris": ["https://app.example/cb"],
        "post_logout_redirect_uris": ["https://app.example/bye"],
        "backchannel_logout_uri": "https://app.example/bc",
        "frontchannel_logout_uri": "https://app.example/fc",
    });
    let page = post(&world, "/oauth2/v1/clients", Some(&token), "application/json", good.to_string()).await.unwrap();
    assert_eq!(page.status, 201, "{page} {}", page.body);
    for (name, wrong) in [
        ("backchannel_logout_uri", json!("https://app.example/bc#fragment")),
        ("backchannel_logout_uri", json!("/relative")),
        ("backchannel_logout_uri", json!("javascript:alert(1)")),
        ("backchannel_logout_uri", json!("https://user:pass@app.example/bc")),
        ("backchannel_logout_uri", json!(7)),
        ("frontchannel_logout_uri", json!("https://other.example/fc")),
        ("frontchannel_logout_uri", json!("http://app.example/fc")),
        ("frontchannel_logout_uri", json!("https://app.example:8443/fc")),
        ("frontchannel_logout_uri", json!("https://app.example/fc#x")),
        ("frontchannel_logout_uri", json!("data:text/html,x")),
        ("post_logout_redirect_uris", json!(["javascript:alert(1)"])),
        ("post_logout_redirect_uris", json!("https://app.example/bye")),
        ("post_logout_redirect_uris", json!(["https://app.example/bye\r\nX: y"])),
        ("redirect_uris", json!(["https://app.example/cb#x"])),
        ("redirect_uris", json!([])),
        ("redirect_uris", json!(["https://*.example/cb"])),
    ] {
        let mut wrong_one = good.clone();
        wrong_one[name] = wrong.clone();
        let page =
            post(&world, "/oauth2/v1/clients", Some(&token), "application/json", wrong_one.to_string()).await.unwrap();
        assert_eq!(page.status, 400, "{name} = {wrong}: {page} {}", page.body);
        assert!(page.body.contains("\"error\""), "{}", page.body);
    }
    world.unharmed("registrations").await;
}

#[tokio::test]
async fn a_clock_that_jumps_revives_nothing_and_breaks_nothing() {
    for engine in Engine::BOTH {
        a_clock_that_jumps_revives_nothing_and_breaks_nothing_on(engine).await;
    }
}

async fn a_clock_that_jumps_revives_nothing_and_breaks_nothing_on(engine: Engine) {
    let world = world_on(engine).await;
    let thief = world.browser.copy();
    let begin = world.app.runs.clock.as_ref();
    let now = acquit_server::clock::Clock::now(begin);
    // Back by a day: everything goes on, nobody is shut out, nothing is 5xx.
    begin.set(acquit_core::Timestamp::from_micros(now.as_micros() - 86_400_000_000));
    for path in ["/account", "/oauth2/v1/authorize", "/oauth2/v1/keys", "/.well-known/openid-configuration"] {
        let page = world.browser.open(&world.app.url(path)).await;
        assert!(page.status < 500, "{page}");
    }
    let landing = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
    assert!(world.app.live_sessions().await.is_empty());
    let asked = |page: Page| assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
    asked(world.payroll.begin(&thief, &[]).await);
    // Ahead by ten years and back to where it was: what ended stays ended.
    begin.set(now.plus(Duration::from_secs(10 * 365 * 86_400)));
    asked(world.payroll.begin(&thief, &[]).await);
    begin.set(now);
    asked(world.payroll.begin(&thief, &[]).await);
    assert!(world.app.live_sessions().await.is_empty());
    world.app.enter(&world.browser, &world.payroll, "alice").await;
    assert_eq!(world.app.live_sessions().await.len(), 1);
}

/// PostgreSQL has no NUL in text, and SQLite does: neither answers 5xx, and nothing is found by half of a text.
#[tokio::test]
async fn a_zero_byte_in_any_text_breaks_nothing() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        zero_bytes_in_queries(&world).await;
        zero_bytes_in_forms(&world).await;
        zero_bytes_in_what_is_kept(&world).await;
    }
}

async fn zero_bytes_in_queries(world: &World) {
    for path in [
        "/api/v1/sessions?user=%00",
        "/api/v1/sessions?user=alice%00",
        "/api/v1/sessions?user=usr_%00",
        "/api/v1/sessions?after=%00",
        "/api/v1/sessions?after=1790000000000000.ses_%00",
        "/api/v1/sessions?state=live%00",
        "/api/v1/sessions?limit=1%00",
        "/api/v1/logouts?user=alice%00",
        "/api/v1/logouts?session=ses_%00",
        "/api/v1/logouts?state=complete%00",
        "/api/v1/logouts?after=%00",
        "/api/v1/logouts?after=1.lgo_%00",
        "/api/v1/sessions/ses_%00",
        "/api/v1/logouts/lgo_%00",
    ] {
        let (status, body) = world.app.api(Method::GET, path, None).await;
        assert!((400..500).contains(&status), "{path}: {status} {body}");
    }
    for path in [
        "/logouts/lgo_%00?key=%00",
        "/oauth2/v1/clients/%00",
        "/oauth2/v1/clients/payroll%00",
        "/sign-in?continue=%00",
        "/oauth2/v1/logout?handoff=%00",
        "/oauth2/v1/logout?client_id=payroll%00",
        "/oauth2/v1/authorize?client_id=%00",
        "/oauth2/v1/authorize?client_id=payroll%00&response_type=code",
        "/oauth2/v1/authorize?client_id=payroll&request_uri=urn:ietf:params:oauth:request_uri:%00",
        "/oauth2/v1/authorize?flow=%00",
        "/%00",
    ] {
        let load = Load::typed(&world.app.url(path)).with("authorization", "Bearer x");
        let page = world.browser.load(load).await;
        assert!((400..500).contains(&page.status), "{path}: {page}");
        world.refused(path, &page).await;
    }
}

async fn zero_bytes_in_forms(world: &World) {
    let session = world.payroll.session(&world.browser).unwrap();
    for name in [
        "client_id",
        "client_secret",
        "grant_type",
        "code",
        "code_verifier",
        "redirect_uri",
        "refresh_token",
        "scope",
        "token",
        "token_type_hint",
        "username",
        "password",
        "continue",
        "csrf",
        "session",
        "question",
        "decision",
        "frame",
        "state",
        "nonce",
        "response_type",
        "request_uri",
        "login_hint",
        "acr_values",
        "client_assertion",
    ] {
        for value in ["%00", "alice%00"] {
            for (path, credentials) in forms(world) {
                let page = post(world, path, credentials.as_ref(), FORM, format!("{name}={value}")).await.unwrap();
                assert!(page.status < 500, "{path} with {name}={value}: {page}");
            }
        }
        world.unharmed(&format!("{name} with a zero byte")).await;
    }
    let basic = |pair: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    for credentials in ["\0:\0", "payroll\0:x", "payroll:\0"].map(basic) {
        let form = "grant_type=authorization_code&code=%00&redirect_uri=%00";
        let page = post(world, "/oauth2/v1/token", Some(&credentials), FORM, form).await.unwrap();
        assert!((400..500).contains(&page.status), "{page}");
    }
    // As they are, but for a zero byte at their end.
    for (name, token) in [("code", &session.code), ("refresh_token", session.refresh_token.as_ref().unwrap())] {
        let grant = if name == "code" { "authorization_code" } else { name };
        let cut = format!("{token}\0");
        let callback = world.payroll.url("/callback");
        let (status, body) =
            world.payroll.token(&[("grant_type", grant), (name, &cut), ("redirect_uri", &callback)]).await;
        assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "{name}: {body}");
    }
    world.unharmed("tokens with a zero byte").await;
}

async fn zero_bytes_in_what_is_kept(world: &World) {
    let operator = format!("Bearer {OPERATOR}");
    for body in [
        json!({ "scope": "user", "user": "alice\0" }),
        json!({ "scope": "session", "session": "ses_\0" }),
        json!({ "scope": "\0", "user": "alice" }),
    ] {
        let page = post(world, "/api/v1/logouts", Some(&operator), "application/json", body.to_string()).await.unwrap();
        assert!((400..500).contains(&page.status), "{body}: {page}");
        world.refused(&body.to_string(), &page).await;
    }
    let token = "Bearer initial-access-token-of-the-tests-01234".to_owned();
    for name in ["client_name", "scope", "client_uri", "software_id", "redirect_uris", "jwks_uri", "contacts"] {
        let mut metadata = json!({ "redirect_uris": ["https://app.example/cb"] });
        metadata[name] = if name.ends_with('s') { json!(["https://app.example/\0"]) } else { json!("a\0b") };
        let page =
            post(world, "/oauth2/v1/clients", Some(&token), "application/json", metadata.to_string()).await.unwrap();
        assert!(page.status < 500, "{name}: {page} {}", page.body);
    }
    // What may hold anything is kept, and the sign-in goes on.
    let other = Browser::new();
    for (name, value) in [("nonce", "a\0b"), ("state", "a\0b"), ("login_hint", "bob\0"), ("claims", "{\"\0\":null}")] {
        let page = world.payroll.begin(&other, &[(name, value)]).await;
        assert!(page.status < 500, "{name}: {page}");
        if page.mark().as_deref() == Some("sign-in") {
            let page = world.app.sign_in(&other, &page, "bob").await;
            assert!(page.status < 500, "{name}: {page}");
        }
    }
    let body = json!({ "scope": "user", "user": "alice", "reason": "a\0b" });
    let page = post(world, "/api/v1/logouts", Some(&operator), "application/json", body.to_string()).await.unwrap();
    assert_eq!(page.status, 202, "{page} {}", page.body);
    assert_eq!(world.app.receipts().await.len(), 1);
}
