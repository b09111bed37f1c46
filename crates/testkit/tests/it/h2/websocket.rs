//! A WebSocket in a stream of HTTP/2 (RFC 8441), and how a logout cuts it.

use acquit_testkit::{
    Browser,
    frames::{Block, Frame, Frames, flag, kind, setting},
};
use http::Method;

use super::{Target, World};

/// A close frame: policy violation, and why.
const SIGNED_OUT: &[u8] = b"\x88\x0c\x03\xf0signed out";

/// What opens a WebSocket, as whoever has these cookies.
fn opens(target: &Target, cookies: Option<&str>) -> Block {
    let block = Block::request("CONNECT", target.scheme, &target.authority, "/live")
        .field(":protocol", "websocket")
        .field("sec-websocket-version", "13");
    cookies.into_iter().fold(block, |block, cookies| block.field("cookie", cookies))
}

/// The next frame of a stream.
async fn next(frames: &mut Frames, stream: u32) -> Frame {
    frames.hears.until(|frame| frame.stream == stream).await.expect("the connection goes on")
}

#[tokio::test]
async fn a_websocket_of_http_2_is_cut_by_a_logout_and_its_connection_goes_on() {
    let world = World::start(false).await;
    let target = world.gateway();
    let (browser, url) = (Browser::new(), format!("http://{}/", target.authority));
    let page = browser.open(&url).await;
    world.acquit.sign_in(&browser, &page, "alice").await;
    let cookie = format!("acquit-route={}", browser.cookie(&url, "acquit-route").expect("a route cookie"));

    let mut frames = target.connect().await;
    // Without a table that remembers it a status is readable each time.
    let settings = frames.greet(&[(setting::HEADER_TABLE_SIZE, 0)]).await;
    assert!(settings.contains(&(setting::ENABLE_CONNECT_PROTOCOL, 1)), "it may be asked for: {settings:?}");
    let ask = |stream, cookies| Frame::headers(stream, flag::END_HEADERS, opens(&target, cookies)).bytes();
    assert!(frames.says.write(&ask(1, None)).await);
    assert_eq!(next(&mut frames, 1).await.status(), Some(401), "nobody has none");

    assert!(frames.says.write(&ask(3, Some(&cookie))).await);
    let head = next(&mut frames, 3).await;
    assert_eq!((head.status(), head.has(flag::END_STREAM)), (Some(200), false), "{head:?}");
    assert_eq!(next(&mut frames, 3).await.payload, b"\x81\x05hello");
    // Masked with zeros, as clients have to.
    assert!(frames.says.write(&Frame::data(3, 0, b"\x81\x82\0\0\0\0hi").bytes()).await);
    assert_eq!(next(&mut frames, 3).await.payload, b"\x81\x82\0\0\0\0hi", "it goes both ways");

    let session = world.acquit.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
    let (status, said) = world.acquit.api(Method::DELETE, &format!("/api/v1/sessions/{session}"), None).await;
    assert!(status < 300, "{status} {said}");
    let mut rest = Vec::new();
    loop {
        let frame = next(&mut frames, 3).await;
        assert_eq!(frame.kind, kind::DATA, "{frame:?}");
        rest.extend_from_slice(&frame.payload);
        if frame.has(flag::END_STREAM) {
            break;
        }
    }
    assert_eq!(rest, SIGNED_OUT);
    for (stream, said) in [(5, ask(5, Some(&cookie))), (7, Target::asks(7, target.block("GET")).bytes())] {
        assert!(frames.says.write(&said).await);
        let due = if stream == 5 { 401 } else { 200 };
        assert_eq!(
            next(&mut frames, stream).await.status(),
            Some(due),
            "the cookie is refused, the connection goes on"
        );
    }
    until_the_app_is_left(&world).await;
}

async fn until_the_app_is_left(world: &World) {
    let left = async || (world.app.open() == 0).then_some(());
    crate::world::until(std::time::Duration::from_secs(20), "the app's side is closed too", left).await;
}
