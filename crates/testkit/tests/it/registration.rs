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
