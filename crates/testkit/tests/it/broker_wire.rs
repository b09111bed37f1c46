//! What the server of a broker application says to the broker, on WorkOS's wire, and what the browser brings it.

use acquit_testkit::{TestApp, wire};
use http::{Method, Request, Response, header};
use hyper::body::Bytes;
use serde_json::{Value, json};

/// The application of most worlds: its `client_id`, and its API key.
pub(crate) const CLIENT: &str = "client_01SAAS";
pub(crate) const API_KEY: &str = "sk_test_0123456789abcdefghijklmnop";

/// Sends a call; what is answered.
pub(crate) async fn send(
    method: Method,
    url: &str,
    key: Option<&str>,
    body: Option<&Value>,
    more: &[(&str, &str)],
) -> Response<Bytes> {
    // SDKs say JSON and send nothing.
    let mut request = Request::builder().method(method).uri(url).header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    wire::exchange(request.body(Bytes::from(body)).unwrap(), None).await.unwrap()
}

/// Sends a call with this key, if any; its status and the JSON of its answer.
pub(crate) async fn call<R>(
    app: &TestApp<R>,
    key: Option<&str>,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let response = send(method, &app.url(path), key, body, &[]).await;
    assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
    let answer = if response.body().is_empty() { Value::Null } else { wire::json(&response).unwrap() };
    (response.status().as_u16(), answer)
}

/// Posts with the application's key what must be taken; the answer.
pub(crate) async fn post<R>(app: &TestApp<R>, path: &str, body: &Value) -> Value {
    let (status, answer) = call(app, Some(API_KEY), Method::POST, path, Some(body)).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Gives the code of a callback for a profile; the token reply.
pub(crate) async fn exchange<R>(app: &TestApp<R>, callback: &[(String, String)]) -> Value {
    let body = json!({ "client_id": CLIENT, "client_secret": API_KEY, "grant_type": "authorization_code",
                       "code": value(callback, "code") });
    post(app, "/sso/token", &body).await
}

/// The right to a logout of whom a token reply is about, as a URL.
pub(crate) async fn logout_url<R>(app: &TestApp<R>, reply: &Value) -> String {
    let answer = post(app, "/sso/logout/authorize", &json!({ "profile_id": reply["profile"]["id"] })).await;
    answer["logout_url"].as_str().unwrap().to_owned()
}

/// Where the application sends the browser for somebody of a connection.
pub(crate) fn authorize<R>(app: &TestApp<R>, redirect_uri: &str, connection: &str, more: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", CLIENT), ("redirect_uri", redirect_uri), ("response_type", "code")])
        .extend_pairs([("state", "st ate"), ("connection", connection)])
        .extend_pairs(more)
        .finish();
    app.url(&format!("/sso/authorize?{query}"))
}

/// A parameter of a callback.
pub(crate) fn value(query: &[(String, String)], name: &str) -> String {
    let found = query.iter().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("no {name} in {query:?}")).1.clone()
}
