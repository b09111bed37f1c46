//! What a peer may say without end, or not read: each costs a bounded amount, and others do not notice.

use std::time::{Duration, Instant};

use acquit_testkit::frames::{Block, Frame, Frames, code, flag, kind, setting};
use tokio::time::timeout;

use super::{Target, World};
use crate::world::until;

/// More than any of this may cost, in bytes.
const MUCH: usize = 16 << 20;
/// More than the kernel keeps of an answer on its way to the gateway, in bytes.
const KERNEL: usize = 2 << 20;
/// How long nothing may move before it stands still.
const STILL: Duration = Duration::from_millis(500);
/// How long somebody else's request may take, with the flood itself on the same thread and the machine under load. Whoever gets no turn
/// waits for ever.
const SOON: Duration = Duration::from_secs(10);
/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// Says this again and again. How many bytes went before the server said that it is over, and under which code.
async fn flood(frames: &mut Frames, mut piece: impl FnMut() -> Vec<u8>) -> (usize, Option<u32>) {
    let Frames { hears, says } = frames;
    let mut sent = 0;
    let saying = async {
        while sent < MUCH {
            let piece = piece();
            if !says.write(&piece).await {
                // What the server said before is still to be read.
                std::future::pending::<()>().await;
            }
            sent += piece.len();
        }
    };
    let end = tokio::select! {
        frame = hears.until(|frame| frame.kind == kind::GOAWAY && frame.code() != Some(code::NO_ERROR)) => frame,
        () = saying => panic!("the server takes {MUCH} bytes of it"),
    };
    (sent, end.and_then(|frame| frame.code()))
}

/// Somebody else comes, and is answered.
async fn others_are_served(target: &Target) {
    let begun = Instant::now();
    let mut frames = target.connect().await;
    frames.greet(&[]).await;
    assert!(frames.says.write(&target.get(1).bytes()).await);
    let answer = frames.hears.until(|frame| frame.stream == 1).await.expect("an answer");
    assert_eq!(answer.status(), Some(200), "{answer:?}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// A connection on which little is under way that the server has not taken.
async fn narrow(target: &Target) -> Frames {
    let mut frames = Frames::narrow(target.address).await;
    frames.greet(&[]).await;
    frames
}

#[tokio::test]
async fn streams_that_are_reset_as_soon_as_they_begin_end_the_connection() {
    let world = World::start(false).await;
    let target = world.gateway();
    let mut frames = narrow(&target).await;
    let mut next = 1;
    let (sent, end) = flood(&mut frames, || {
        let mut piece = Vec::new();
        for _ in 0..100 {
            piece.extend([target.hold(next).bytes(), Frame::reset(next, code::CANCEL).bytes()].concat());
            next += 2;
        }
        piece
    })
    .await;
    assert_eq!(end, Some(code::ENHANCE_YOUR_CALM), "after {sent} bytes");
    assert!(world.app.asked() <= 200, "the app was asked {} times", world.app.asked());
    others_are_served(&target).await;
    until(LONG, "nothing is left of it at the app", async || (world.app.open() == 0).then_some(())).await;
}

#[tokio::test]
async fn a_block_that_does_not_end_ends_the_connection() {
    let world = World::start(false).await;
    let target = world.gateway();
    let long = Block::new().field("x-long", &"a".repeat(16_000));
    for (about, more) in [("long", Vec::from(long)), ("of a byte", vec![0]), ("empty", Vec::new())] {
        let mut frames = narrow(&target).await;
        assert!(frames.says.write(&Frame::headers(1, flag::END_STREAM, target.block("GET")).bytes()).await);
        let (sent, end) = flood(&mut frames, || Frame::continuation(1, 0, more.clone()).bytes()).await;
        assert!(end.is_some(), "{about}");
        assert!(sent < 1 << 20, "{about}: {sent} bytes of it were taken");
        others_are_served(&target).await;
    }
    assert_eq!(world.app.asked(), 3, "by the others only");
}

#[tokio::test]
async fn a_block_that_unfolds_to_megabytes_is_not_unfolded() {
    let world = World::start(false).await;
    let target = world.gateway();
    let mut frames = narrow(&target).await;
    // A field of 4,000 bytes that the dynamic table remembers, named again by a byte each.
    let remembered = Block::new().raw(b"\x40").raw(b"\x01x").raw(b"\x7f\xa1\x1e").raw(&[b'a'; 4000]);
    let bomb = target.block("GET").raw(&Vec::from(remembered)).raw(&[0xbe; 12_000]);
    assert!(frames.says.write(&Target::asks(1, bomb).bytes()).await);
    let end = frames.hears.until(|frame| matches!(frame.kind, kind::HEADERS | kind::RST_STREAM | kind::GOAWAY)).await;
    let end = end.expect("a word");
    assert!(end.code().is_some_and(|code| code != code::NO_ERROR) || end.status() == Some(431), "{end:?}");
    assert_eq!(world.app.asked(), 0);
    others_are_served(&target).await;
}

#[tokio::test]
async fn data_with_nothing_in_it_ends_the_connection() {
    let world = World::start(false).await;
    let target = world.gateway();
    let mut frames = narrow(&target).await;
    assert!(frames.says.write(&target.post(1).bytes()).await);
    let empty = Frame::data(1, 0, b"").bytes().repeat(100);
    let (sent, end) = flood(&mut frames, || empty.clone()).await;
    assert_eq!(end, Some(code::ENHANCE_YOUR_CALM), "after {sent} bytes");
    others_are_served(&target).await;
}

#[tokio::test]
async fn more_than_the_window_has_room_for_is_not_taken() {
    let world = World::start(false).await;
    let target = world.gateway();
    let mut frames = target.connect().await;
    frames.greet(&[]).await;
    let held = Block::request("POST", target.scheme, &target.authority, "/open/unread");
    assert!(frames.says.write(&Frame::headers(1, flag::END_HEADERS, held).bytes()).await);
    let piece = Frame::data(1, 0, &[b'a'; 1 << 14]).bytes();
    let (sent, end) = flood(&mut frames, || piece.clone()).await;
    assert_eq!(end, Some(code::FLOW_CONTROL_ERROR), "after {sent} bytes");
    others_are_served(&target).await;
    // The app finds out when it reads on: what it was sent is no whole body.
    world.app.go_on();
    until(LONG, "nothing is left of it at the app", async || (world.app.open() == 0).then_some(())).await;
}

#[tokio::test]
async fn who_does_not_read_what_its_pings_and_settings_are_answered_is_not_listened_to() {
    let world = World::start(false).await;
    let target = world.gateway();
    let window = |size| Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, size)]).bytes();
    for (about, said) in [("pings", Frame::ping([7; 8]).bytes()), ("settings", [window(1), window(9)].concat())] {
        let mut frames = narrow(&target).await;
        let piece = said.repeat(1000);
        let mut sent = 0;
        while let Ok(true) = timeout(STILL, frames.says.write(&piece)).await {
            sent += piece.len();
            assert!(sent < MUCH, "{about}: the server takes {sent} bytes, though nobody reads its answers");
        }
        others_are_served(&target).await;
    }
}

#[tokio::test]
async fn who_asks_for_nothing_but_answers_to_pings_takes_nobodys_turn() {
    let world = World::start(true).await;
    let target = world.gateway();
    let mut frames = target.connect().await;
    frames.greet(&[]).await;
    let Frames { hears, says } = &mut frames;
    let piece = [Frame::ping([7; 8]).bytes(), Frame::settings(&[]).bytes()].concat().repeat(100);
    let flooding = async {
        let saying = async { while says.write(&piece).await {} };
        tokio::join!(saying, hears.until(|_| false));
    };
    let others = async {
        for _ in 0..5 {
            others_are_served(&target).await;
        }
    };
    tokio::select! {
        () = others => {}
        () = flooding => panic!("a server may end this connection, but this one is not known to"),
    }
}

#[tokio::test]
async fn answers_without_end_that_nobody_reads_stand_still_and_are_let_go_of() {
    const STREAMS: u32 = 100;
    let world = World::start(true).await;
    let target = world.gateway();
    let mut frames = target.connect().await;
    frames.greet(&[(setting::INITIAL_WINDOW_SIZE, 0)]).await;
    let endless = Block::request("GET", target.scheme, &target.authority, "/open/endless");
    for index in 0..STREAMS {
        assert!(frames.says.write(&Target::asks(2 * index + 1, endless.clone()).bytes()).await);
    }
    let all = async || (world.app.open() == STREAMS as usize).then_some(());
    until(LONG, "the app is asked for all", all).await;
    let mut before = 0;
    loop {
        tokio::time::sleep(STILL).await;
        let said = world.app.said();
        if said == before {
            break;
        }
        before = said;
    }
    let each = before / STREAMS as usize;
    eprintln!("{each} bytes of each answer were taken");
    assert!(each < KERNEL, "{each} bytes were taken of each answer, though nobody reads any");
    others_are_served(&target).await;
    // A byte at a time is what it gets who asks for as much.
    for _ in 0..3 {
        assert!(frames.says.write(&Frame::window_update(1, 1).bytes()).await);
        let data = frames.hears.until(|frame| frame.kind == kind::DATA).await.expect("a byte");
        assert_eq!((data.stream, &data.payload[..]), (1, &b"a"[..]));
    }
    assert!(frames.answers([3; 8]).await);
    drop(frames);
    until(LONG, "nothing is left of it at the app", async || (world.app.open() == 0).then_some(())).await;
}
