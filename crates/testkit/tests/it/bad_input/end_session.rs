//! What is wrong with an RP-initiated logout: its target, its hint, its client.

use super::*;

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
