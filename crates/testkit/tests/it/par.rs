//! Pushed authorization requests (RFC 9126): what one client and one address may push.

use acquit_testkit::{Engine, Registration, Setup, TestApp, TestRp, acquit::InProcess, wire};
use http::header;

async fn push(
    app: &TestApp<InProcess>,
    client: &TestRp,
    credentials: &[(&str, &str)],
) -> (u16, serde_json::Value, u64) {
    let callback = client.url("/callback");
    let mut form = vec![
        ("client_id", client.id()),
        ("response_type", "code"),
        ("scope", "openid"),
        ("redirect_uri", &callback),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    form.extend(credentials);
    let response = wire::post_form(&app.url("/oauth2/v1/par"), &form, &[]).await.unwrap();
    let again = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    (response.status().as_u16(), wire::json(&response).unwrap(), again.unwrap_or_default())
}

#[tokio::test]
async fn a_public_client_pushes_only_so_often_from_one_address() {
    let spa = Registration::new("spa").public().start().await;
    let app = Setup::on(Engine::Sqlite)
        .with("[limits]\nsign_in_per_account = 1000\nsign_in_per_address = 5\nlogout_per_address = 1000\n")
        .start(&[&spa])
        .await;
    for _ in 0..5 {
        let (status, body, _) = push(&app, &spa, &[]).await;
        assert_eq!(status, 201, "{body}");
    }
    let (status, body, again) = push(&app, &spa, &[]).await;
    assert_eq!((status, &body["error"]), (429, &"temporarily_unavailable".into()), "{body}");
    assert!((1..=60).contains(&again), "it says when: {again}");
    app.runs.advance(std::time::Duration::from_secs(again));
    assert_eq!(push(&app, &spa, &[]).await.0, 201);
}

#[tokio::test]
async fn only_so_many_requests_that_nobody_comes_for_are_kept() {
    for engine in Engine::BOTH {
        let spa = Registration::new("spa").public().start().await;
        let app = Setup::on(engine).start(&[&spa]).await;
        for _ in 0..100 {
            assert_eq!(push(&app, &spa, &[]).await.0, 201);
        }
        let (status, body, again) = push(&app, &spa, &[]).await;
        assert_eq!(status, 429, "{engine:?}: {body}");
        app.runs.advance(std::time::Duration::from_secs(again));
        assert_eq!(push(&app, &spa, &[]).await.0, 201, "{engine:?}");
    }
}

#[tokio::test]
async fn a_client_that_proves_itself_is_not_limited_by_its_address() {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite)
        .with("[limits]\nsign_in_per_account = 1000\nsign_in_per_address = 1\nlogout_per_address = 1000\n")
        .start(&[&payroll])
        .await;
    let secret = payroll.registration().secret.clone().expect("a secret");
    for _ in 0..5 {
        let (status, body, _) = push(&app, &payroll, &[("client_secret", &secret)]).await;
        assert_eq!(status, 201, "{body}");
    }
    // Whoever does not, is refused as before, and leaves nothing.
    assert_eq!(push(&app, &payroll, &[]).await.0, 401);
}
