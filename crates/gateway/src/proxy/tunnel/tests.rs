use tokio::io::duplex;

use super::*;
use crate::{
    identity::{Identity, Person},
    live::{Live, tests::opened},
};

fn identity() -> Identity {
    use acquit_core::{SessionId, Timestamp, UserId};
    let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 0);
    Identity::new(of, Person::default(), Timestamp::default()..Timestamp::from_seconds(1))
}

/// Something that nobody cuts.
fn stream() -> Arc<Stream> {
    Arc::new(Live::default().open(opened(&identity(), "a")))
}

/// What the browser hears when its session is cut after the app said this, and when that was over.
async fn heard(said: &[u8], then: &[u8]) -> (Vec<u8>, Duration) {
    let live = Live::default();
    let (mut browser, browser_end) = duplex(64 * 1024);
    let (mut app, app_end) = duplex(64 * 1024);
    let stream = Arc::new(live.open(opened(&identity(), "a")));
    app.write_all(said).await.unwrap();
    let run = run(browser_end, app_end, stream, CancellationToken::new(), std::future::pending());
    let task = tokio::spawn(run);
    let mut heard = vec![0; said.len()];
    browser.read_exact(&mut heard).await.unwrap();
    live.cut(&identity().session, Cut::SignedOut);
    let begun = tokio::time::Instant::now();
    tokio::task::yield_now().await;
    let _ = app.write_all(then).await;
    browser.read_to_end(&mut heard).await.unwrap();
    drop(browser);
    task.await.unwrap();
    (heard, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_close_frame_stands_between_two_frames_of_the_app() {
    let close = frame::close(1008, "signed out");
    let (all, _) = heard(b"\x81\x02hi", b"").await;
    assert_eq!(all, [b"\x81\x02hi", &close[..]].concat());
    let (all, _) = heard(b"\x81\x02hi\x81\x04ha", b"lf\x81\x05never").await;
    assert_eq!(all, [b"\x81\x02hi\x81\x04half", &close[..]].concat(), "the frame that has begun is finished");
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_does_not_end_in_time_is_left_unfinished() {
    let (all, took) = heard(b"\x81\x7e\xff\xff", b"some of it").await;
    assert_eq!(all, b"\x81\x7e\xff\xffsome of it");
    assert!(took <= CLOSE_WITHIN + LISTEN_FOR + Duration::from_millis(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn after_the_apps_own_close_frame_none_follows() {
    let (all, _) = heard(b"\x88\x02\x03\xe8", b"").await;
    assert_eq!(all, b"\x88\x02\x03\xe8");
}

#[tokio::test(start_paused = true)]
async fn one_direction_does_not_outlive_the_other_for_long() {
    let (browser, browser_end) = duplex(1024);
    let (_app, app_end) = duplex(1024);
    let task = tokio::spawn(run(browser_end, app_end, stream(), CancellationToken::new(), std::future::pending()));
    drop(browser);
    timeout(LINGER * 2, task).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_browser_still_said_reaches_the_app() {
    let (mut browser, browser_end) = duplex(1024);
    let (mut app, app_end) = duplex(1024);
    let task = tokio::spawn(run(browser_end, app_end, stream(), CancellationToken::new(), std::future::pending()));
    browser.write_all(b"last words").await.unwrap();
    browser.shutdown().await.unwrap();
    let mut heard = Vec::new();
    app.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"last words");
    drop(app);
    task.await.unwrap();
}

/// What the app hears after the browser said this, and was signed out.
async fn app_heard(said: &[u8]) -> Vec<u8> {
    let live = Live::default();
    let (mut browser, browser_end) = duplex(1024);
    let (mut app, app_end) = duplex(1024);
    let stream = Arc::new(live.open(opened(&identity(), "a")));
    let run = run(browser_end, app_end, stream, CancellationToken::new(), std::future::pending());
    let task = tokio::spawn(run);
    browser.write_all(said).await.unwrap();
    let mut heard = vec![0; said.len()];
    app.read_exact(&mut heard).await.unwrap();
    live.cut(&identity().session, Cut::SignedOut);
    heard.clear();
    app.read_to_end(&mut heard).await.unwrap();
    task.await.unwrap();
    heard
}

#[tokio::test(start_paused = true)]
async fn the_app_is_told_that_nobody_is_there_unless_a_frame_is_under_way() {
    assert_eq!(app_heard(b"\x81\x82\0\0\0\0hi").await[..2], *b"\x88\x82");
    assert_eq!(app_heard(b"\x81\x84\0\0\0\0ha").await, b"");
    assert_eq!(app_heard(b"\x88\x80\0\0\0\0").await, b"");
}
