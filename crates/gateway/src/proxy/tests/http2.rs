//! HTTP/2 on both sides: streams, trailers, and what its requests may not say.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;

use super::{apps::*, world::*};
use crate::route::Route;

#[tokio::test]
async fn a_call_streams_both_ways_and_its_trailers_arrive() {
    let app = http2_app(|request| async move {
        assert_eq!(
            (request.uri().authority().unwrap().as_str(), request.headers()["te"].to_str().unwrap()),
            (HOST, "trailers")
        );
        // It answers before it has heard all, and each bit as it comes.
        Response::new(request.into_body().boxed())
    })
    .await;
    let world = World::with([route(&[app])]).await;
    let mut sender = world.http2().await;
    let (call, body) = sent();
    let mut request = world.request("POST", "/pkg.Service/Call", &identity("alice"), body);
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    let mut answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    for word in ["one", "two"] {
        call.send(Frame::data(Bytes::from(word))).unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), word);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("x-acquit-jwt-assertion", "forged".parse().unwrap());
    call.send(Frame::trailers(trailers)).unwrap();
    drop(call);
    let trailers = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!((trailers.len(), &trailers["grpc-status"]), (1, &"0".parse().unwrap()));
}

#[tokio::test]
async fn the_cookies_of_http_2_arrive_as_one_and_without_ours() {
    let world = World::before(mirror().await).await;
    let mut sender = world.http2().await;
    let mut request = world.request("GET", "/", &identity("alice"), nothing());
    request.headers_mut().append("cookie", "a=1".parse().unwrap());
    request.headers_mut().append("cookie", "b=2".parse().unwrap());
    let answer = sender.send_request(request).await.unwrap();
    let arrived = answer.into_body().collect().await.unwrap().to_bytes();
    let arrived = String::from_utf8_lossy(&arrived);
    assert!(arrived.contains("\r\ncookie: a=1; b=2\r\n") && arrived.contains(&format!("host: {HOST}")), "{arrived}");
    assert!(!arrived.contains("transfer-encoding"), "{arrived}");
}

#[tokio::test]
async fn another_host_than_the_authority_and_a_length_that_is_none_are_refused() {
    let world = World::before(mirror().await).await;
    let mut sender = world.http2().await;
    for (name, value) in [("host", "id.localhost"), ("content-length", "+0"), ("content-length", "0, 0")] {
        let mut request = world.request("GET", "/", &identity("alice"), nothing());
        request.headers_mut().insert(name, value.parse().unwrap());
        let status = sender.send_request(request).await.map(|answer| answer.status());
        assert!(
            status.as_ref().is_ok_and(|status| *status == StatusCode::BAD_REQUEST) || status.is_err(),
            "{name}: {status:?}"
        );
        sender = world.http2().await;
    }
    let mut connect = world.request("CONNECT", "/", &identity("alice"), nothing());
    *connect.uri_mut() = HOST.parse().unwrap();
    let status = sender.send_request(connect).await.map(|answer| answer.status());
    assert!(status.as_ref().is_ok_and(|status| *status == StatusCode::METHOD_NOT_ALLOWED), "{status:?}");
}

#[tokio::test]
async fn the_host_of_the_app_itself_is_sent_where_the_route_says_so() {
    let app = http2_app(|request| async move {
        let named = request.uri().authority().unwrap().to_string();
        Response::new(Full::from(named).map_err(|never| match never {}).boxed())
    })
    .await;
    let world = World::with([Route { preserve_host: false, ..route(std::slice::from_ref(&app)) }]).await;
    assert!(world.get("/", "").await.ends_with(app.strip_prefix("h2c://").unwrap()));
    let world = World::with([route(&[app])]).await;
    assert!(world.get("/", "").await.ends_with(HOST));
}
