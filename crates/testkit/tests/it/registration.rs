//! An application that registered itself (RFC 7591), and the person before whom it appears.

use std::time::Duration;

use acquit_testkit::{Browser, Engine, Page, Registration, Setup, TestApp, acquit::InProcess, wire};
use http::{Method, Request, header};
use hyper::body::Bytes;
use serde_json::{Value, json};

const INITIAL: &str = "initial-access-token-of-the-tests-01234";
const CALLBACK: &str = "http://127.0.0.1:1/cb";

async fn app() -> TestApp<InProcess> {
    let more = format!("[registration]\ninitial_access_tokens = [\"{INITIAL}\"]\n");
    Setup::on(Engine::Sqlite).with(&more).start(&[]).await
}

async fn send(method: Method, url: &str, token: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let response = wire::exchange(request, None).await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    wire::json(&response).unwrap()
}

/// Registers, and brings alice as far as the page on which she is asked.
async fn asked(app: &TestApp<InProcess>, browser: &Browser) -> (Value, Page) {
    let metadata = json!({ "client_name": "Payroll", "redirect_uris": [CALLBACK] });
    let client = send(Method::POST, &app.url("/oauth2/v1/clients"), INITIAL, &metadata).await;
    let id = client["client_id"].as_str().unwrap();
    let query = format!("response_type=code&scope=openid&client_id={id}&redirect_uri={CALLBACK}");
    let page = browser.open(&app.url(&format!("/oauth2/v1/authorize?{query}"))).await;
    let page = app.sign_in(browser, &page, "alice").await;
    (client, page)
}

#[tokio::test]
async fn a_person_is_asked_before_they_enter_and_sees_the_host_behind_the_name() {
    let (app, browser) = (app().await, Browser::new());
    let (_, page) = asked(&app, &browser).await;
    assert_eq!(page.mark().as_deref(), Some("consent"), "{page}");
    assert!(page.text().contains("Payroll") && page.text().contains("127.0.0.1"), "{page}");
}

#[tokio::test]
async fn a_no_is_not_redirected_to_a_uri_that_was_withdrawn_meanwhile() {
    let (app, browser) = (app().await, Browser::new());
    let (client, page) = asked(&app, &browser).await;
    let update = json!({ "client_id": client["client_id"], "redirect_uris": ["http://127.0.0.1:2/cb"] });
    let token = client["registration_access_token"].as_str().unwrap();
    send(Method::PUT, client["registration_client_uri"].as_str().unwrap(), token, &update).await;
    for decision in ["deny", "allow"] {
        let page = browser.submit(&page, page.form_with("continue").press("decision", decision)).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{decision}: {page}");
    }
}

#[tokio::test]
async fn a_sign_in_that_is_kept_alive_ends_with_the_time_that_the_person_had() {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    let first = payroll.begin(&browser, &[("prompt", "login")]).await;
    assert_eq!(first.mark().as_deref(), Some("sign-in"), "{first}");
    app.runs.advance(Duration::from_secs(20 * 60));
    let again = browser.open(first.url.as_str()).await;
    assert_eq!(again.mark().as_deref(), Some("sign-in"), "{again}");
    app.runs.advance(Duration::from_secs(11 * 60));
    let sealed: String =
        form_urlencoded::byte_serialize(again.form_with("continue").value("continue").unwrap().as_bytes()).collect();
    let page = browser.open(&app.url(&format!("/sign-in?continue={sealed}"))).await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
}

/// The status of a registration with its keys at this address, and what it says.
async fn with_keys_at(app: &TestApp<InProcess>, uri: &str) -> (u16, Value) {
    let metadata = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri,
    });
    let request = Request::builder()
        .method(Method::POST)
        .uri(app.url("/oauth2/v1/clients"))
        .header(header::AUTHORIZATION, format!("Bearer {INITIAL}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(metadata.to_string()))
        .unwrap();
    let response = wire::exchange(request, None).await.unwrap();
    (response.status().as_u16(), wire::json(&response).unwrap())
}

#[tokio::test]
async fn keys_at_an_address_that_is_not_to_be_reached_are_refused_at_registration() {
    let more = format!("[registration]\ninitial_access_tokens = [\"{INITIAL}\"]\n");
    let app = Setup::on(Engine::Sqlite).without_loopback().with(&more).start(&[]).await;
    for uri in [
        "https://127.0.0.1/jwks",
        "https://10.0.0.1/jwks",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/jwks",
        "https://[::ffff:10.0.0.1]/jwks",
        "https://192.168.1.1:8443/jwks",
    ] {
        let (status, body) = with_keys_at(&app, uri).await;
        assert_eq!((status, &body["error"]), (400, &"invalid_client_metadata".into()), "{uri}: {body}");
        assert!(body["error_description"].as_str().unwrap().contains("jwks_uri"), "{uri}: {body}");
    }
    let (status, body) = with_keys_at(&app, "https://keys.example.com/jwks").await;
    assert_eq!(status, 201, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_never_come_are_asked_for_once_however_many_want_them() {
    let app = app().await;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let uri = format!("http://{}/jwks", listener.local_addr().unwrap());
    // Takes every connection, and answers none.
    let taken = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = taken.clone();
    let receiver = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            kept.lock().unwrap().push(stream);
        }
    });
    let (status, client) = with_keys_at(&app, &uri).await;
    assert_eq!(status, 201, "{client}");
    let id = client["client_id"].as_str().unwrap();
    let url = app.url("/oauth2/v1/token");
    let form = [("client_id", id), ("grant_type", "authorization_code"), ("code", "x")];
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(wire::post_form(&url, &form, &[]));
    }
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap().status(), 401);
    }
    assert_eq!(taken.lock().unwrap().len(), 1, "ten calls, one connection");
    receiver.abort();
}
