//! Bodies of the wrong kind, shape or size, at every door that takes one.

use super::*;

/// Every door that takes a form, with the credentials that it wants.
pub(super) fn forms(world: &World) -> Vec<(&'static str, Option<String>)> {
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
