//! Zero bytes, which PostgreSQL has not in text and SQLite has.

use super::{bodies::forms, *};

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
