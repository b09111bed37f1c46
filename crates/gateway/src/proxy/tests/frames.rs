//! Apps of HTTP/2 that end a stream, or a connection, at the wrong moment: frame by frame, as they send them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use http::Response;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::{body::Frame, client::conn::http2};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::timeout,
};

use acquit_core::SessionId;

use super::{apps::*, world::*};
use crate::{identity::Identity, policy::Allow, route::Route};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A whole answer of status 200.
fn answer(stream: u32, text: &str) -> Vec<u8> {
    // The eighth entry of the static table of HPACK.
    [frame(HEADERS, END_HEADERS, stream, &[0x88]), frame(DATA, END_STREAM, stream, text.as_bytes())].concat()
}

/// An app that does with each request, of which it is told the number on its connection and the stream, what `does` says; how often it
/// was connected to, and asked.
async fn app_of_frames(
    does: impl Fn(usize, u32) -> Vec<u8> + Clone + Send + 'static,
) -> (String, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (opened, asked) = (connections.clone(), requests.clone());
    let address: SocketAddr = app_that(move |mut stream| {
        opened.fetch_add(1, Ordering::Relaxed);
        let (does, asked) = (does.clone(), asked.clone());
        async move {
            let mut number = 0;
            stream.read_exact(&mut [0; 24]).await.unwrap();
            stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            while let Some((kind, flags, of)) = next(&mut stream).await {
                let says = match kind {
                    SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
                    PING if flags & ACK == 0 => frame(PING, ACK, 0, &[0; 8]),
                    HEADERS => {
                        number += 1;
                        asked.fetch_add(1, Ordering::Relaxed);
                        does(number, of)
                    }
                    _ => continue,
                };
                if stream.write_all(&says).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (format!("h2c://{address}"), connections, requests)
}

/// The next frame: its kind, its flags and its stream.
async fn next(stream: &mut TcpStream) -> Option<(u8, u8, u32)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    stream.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).await.ok()?;
    Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]])))
}

#[tokio::test]
async fn an_answer_that_is_whole_is_passed_on_also_when_the_app_wants_no_more_of_the_request() {
    let (app, connections, requests) = app_of_frames(|number, stream| {
        let text = format!("answer {number}");
        [answer(stream, &text), frame(RST_STREAM, 0, stream, &0u32.to_be_bytes())].concat()
    })
    .await;
    let world = World::with([route(&[app])]).await;
    for number in 1..4 {
        let mut browser = world.connect().await;
        let head = world.head("POST", "/", "Content-Length: 1000000\r\nConnection: close\r\n");
        browser.write_all((head + "begins").as_bytes()).await.unwrap();
        read_until(&mut browser, &format!("answer {number}")).await;
    }
    assert_eq!((connections.load(Ordering::Relaxed), requests.load(Ordering::Relaxed)), (1, 3));
}

#[tokio::test]
async fn what_an_app_resets_is_sent_once_and_the_others_are_answered() {
    // INTERNAL_ERROR, CANCEL and ENHANCE_YOUR_CALM.
    for code in [2u32, 8, 11] {
        let (app, connections, requests) = app_of_frames(move |number, stream| match number {
            1 => answer(stream, "the first"),
            2 => frame(RST_STREAM, 0, stream, &code.to_be_bytes()),
            3 => {
                let begins = frame(HEADERS, END_HEADERS, stream, &[0x88]);
                [begins, frame(DATA, 0, stream, b"begins"), frame(RST_STREAM, 0, stream, &code.to_be_bytes())].concat()
            }
            _ => answer(stream, "the last"),
        })
        .await;
        let world = World::with([route(&[app])]).await;
        assert!(world.get("/", "").await.ends_with("the first\r\n0\r\n\r\n"));
        assert!(world.get("/", "").await.starts_with("HTTP/1.1 502 "));
        let broken = world.get("/", "").await;
        assert!(!broken.ends_with("\r\n0\r\n\r\n"), "it does not look whole: {broken}");
        assert!(world.get("/", "").await.ends_with("the last\r\n0\r\n\r\n"));
        assert_eq!((connections.load(Ordering::Relaxed), requests.load(Ordering::Relaxed)), (1, 4), "{code}");
    }
}

#[tokio::test]
async fn an_app_that_goes_away_is_asked_on_another_connection_and_nothing_twice() {
    let (app, connections, requests) = app_of_frames(|number, stream| match number {
        1 => answer(stream, "the first"),
        2 => {
            let goes = [stream.to_be_bytes(), 0u32.to_be_bytes()].concat();
            [frame(GOAWAY, 0, 0, &goes), answer(stream, "the last")].concat()
        }
        _ => answer(stream, "too much"),
    })
    .await;
    let world = World::with([route(&[app])]).await;
    for round in 1..6 {
        assert!(world.get("/", "").await.contains("the first"), "{round}");
        assert!(world.get("/", "").await.contains("the last"), "{round}");
        assert_eq!((connections.load(Ordering::Relaxed), requests.load(Ordering::Relaxed)), (round, 2 * round));
    }
}

/// RST_STREAM of a stream of which nothing was done.
fn refused(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &7u32.to_be_bytes())
}

#[tokio::test]
async fn what_an_app_refused_to_begin_is_sent_again_if_it_is_there_still() {
    let (app, connections, requests) = app_of_frames(|number, stream| match number {
        2 | 4 => refused(stream),
        _ => answer(stream, "the answer"),
    })
    .await;
    let world = World::with([route(&[app])]).await;
    for sent in [1, 3] {
        assert!(world.get("/", "").await.contains("the answer"));
        assert_eq!(requests.load(Ordering::Relaxed), sent);
    }
    // What the browser has sent of a body is gone.
    let post = world.head("POST", "/", "Content-Length: 4\r\nConnection: close\r\n") + "body";
    assert!(world.say(post).await.starts_with("HTTP/1.1 502 "));
    assert_eq!((connections.load(Ordering::Relaxed), requests.load(Ordering::Relaxed)), (1, 4));
}

#[tokio::test]
async fn an_app_that_refuses_everything_is_not_asked_for_ever() {
    let (app, _, requests) = app_of_frames(|_, stream| refused(stream)).await;
    let world = World::with([route(&[app])]).await;
    assert!(world.get("/", "").await.starts_with("HTTP/1.1 502 "));
    assert_eq!(requests.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_an_app_did_not_begin_before_it_went_away_is_sent_on_another_connection() {
    let (app, connections, requests) = app_of_frames(|number, stream| match number {
        1 => answer(stream, "the answer"),
        // It took no stream after the one before.
        _ => frame(GOAWAY, 0, 0, &[(stream - 2).to_be_bytes(), 0u32.to_be_bytes()].concat()),
    })
    .await;
    let world = World::with([route(&[app])]).await;
    for _ in 0..4 {
        assert!(world.get("/", "").await.contains("the answer"));
    }
    assert_eq!((connections.load(Ordering::Relaxed), requests.load(Ordering::Relaxed)), (4, 7));
}

#[tokio::test]
async fn what_an_app_may_have_begun_before_it_went_away_is_sent_once() {
    let (app, _, requests) = app_of_frames(|number, stream| match number {
        1 => answer(stream, "the answer"),
        // It may still answer this one, and then ends the stream without a word.
        _ => {
            let goes = frame(GOAWAY, 0, 0, &[stream.to_be_bytes(), 0u32.to_be_bytes()].concat());
            [goes, frame(RST_STREAM, 0, stream, &2u32.to_be_bytes())].concat()
        }
    })
    .await;
    let world = World::with([route(&[app])]).await;
    assert!(world.get("/", "").await.contains("the answer"));
    assert!(world.get("/", "").await.starts_with("HTTP/1.1 502 "));
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_nobody_read_of_an_answer_takes_no_room_from_the_others_on_its_connection() {
    let begun = Arc::new(Notify::new());
    let told = begun.clone();
    let app = http2_app(move |request| {
        let told = told.clone();
        async move {
            let pieces: usize = if request.uri().path() == "/large" { 64 } else { 1 };
            let piece = || Ok(Frame::data(Bytes::from(vec![b'x'; 16 * 1024])));
            told.notify_one();
            let pieces = futures_util::stream::iter((0..pieces).map(move |_| piece()));
            Response::new(BodyExt::boxed(StreamBody::new(pieces)))
        }
    })
    .await;
    let world = World::with([route(&[app])]).await;
    // Together more than one connection may have under way.
    for number in 0..700 {
        let mut browser = world.connect().await;
        browser.write_all(world.head("GET", "/large", "").as_bytes()).await.unwrap();
        begun.notified().await;
        if number % 2 == 0 {
            read_head(&mut browser).await;
        }
        drop(browser);
    }
    until(|| world.standing.live().count() == 0).await;
    let small = timeout(Duration::from_secs(3), world.get("/small", "")).await.expect("there is room");
    assert!(small.len() > 16 * 1024, "{}", small.len());
}

/// Asks for a path with a body, and gives up where `patience` says so; what was answered, if anything whole was.
async fn ask(
    world: &World,
    sender: &mut http2::SendRequest<Sent>,
    (who, path): (&Identity, &str),
    patience: u64,
) -> Option<(u16, String)> {
    let (upload, body) = sent();
    let mut asking = Box::pin(sender.send_request(world.request("POST", path, who, body)));
    let _ = upload.send(Frame::data(Bytes::from(format!("{path} of "))));
    if patience == 0 {
        let _ = timeout(Duration::from_millis(2), &mut asking).await;
        return None;
    }
    let _ = upload.send(Frame::data(Bytes::from(who.username.clone())));
    drop(upload);
    let mut answer = asking.await.ok()?;
    if patience == 1 {
        let _ = answer.frame().await;
        return None;
    }
    let status = answer.status().as_u16();
    let whole = answer.into_body().collect().await.ok()?.to_bytes();
    Some((status, String::from_utf8_lossy(&whole).into_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_streams_on_one_connection_each_is_its_own_while_others_are_given_up_and_cut() {
    let app = http2_app(|request| async move {
        let path = request.uri().path().to_owned();
        if path.ends_with("-early") {
            return Response::new(Full::new(Bytes::from(path)).map_err(|never| match never {}).boxed());
        }
        let (parts, body) = request.into_parts();
        let who = parts.headers["x-acquit-jwt-assertion"].to_str().unwrap().to_owned();
        let end = futures_util::stream::iter([Ok(Frame::data(Bytes::from(format!(" as {who}"))))]);
        // Each piece of the request comes back as it came. Of those with nothing in them h2 takes a hundred on a connection.
        let is_some = |frame: &Frame<Bytes>| frame.data_ref().is_some_and(|data| !data.is_empty());
        let pieces = BodyStream::new(body)
            .filter(move |piece| futures_util::future::ready(piece.as_ref().map_or(true, is_some)));
        Response::new(BodyExt::boxed(StreamBody::new(pieces.chain(end))))
    })
    .await;
    let everyone = Allow { everyone: true, ..Allow::default() };
    let world = World::with([Route { allow: everyone, ..route(&[app]) }]).await;
    let people = (0..12u8).map(|number| {
        let world = &world;
        async move {
            let mut who = identity(&format!("person{number}"));
            who.session = SessionId::from_random([100 + number; 16]);
            let mut sender = world.http2().await;
            for turn in 0..60u64 {
                if turn == 40 && number % 3 == 0 {
                    world.standing.deny(&who.session);
                }
                let kind = if turn % 7 == 0 { "early" } else { "whole" };
                let path = format!("/{number}-{turn}-{kind}");
                let patience = (turn * 5 + u64::from(number)) % 6;
                let heard = ask(world, &mut sender, (&who, &path), patience).await;
                let over = turn >= 40 && number % 3 == 0;
                match heard {
                    Some((status, _)) if over => assert_eq!(status, 401, "{path}"),
                    Some((status, text)) if kind == "whole" => {
                        assert_eq!((status, text), (200, format!("{path} of {0} as {0}", who.username)));
                    }
                    Some((status, text)) => assert_eq!((status, text), (200, path)),
                    None => assert!(over || patience < 2 || kind == "early", "{path}"),
                }
            }
        }
    });
    futures_util::future::join_all(people).await;
    until(|| world.standing.live().count() == 0).await;
}
