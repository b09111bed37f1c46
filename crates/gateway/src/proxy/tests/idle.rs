//! Thousands of connections on which nothing happens.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{apps::*, world::*};
use crate::listener::{HEADERS_WITHIN, IDLE};

/// How many there shall be.
const WANTED: usize = 10_000;
/// How many there must be, whatever the machine allows.
const LEAST: usize = 4_000;
/// What the other tests of this process may have open.
const OTHERS: usize = 1_000;

/// How many connections this process may have of which it holds both ends.
fn room() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // The other tests gain by it as well.
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let files = maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap());
    (files.saturating_sub(OTHERS) / 2).min(WANTED)
}

/// Has the clock of the server go on, and lets it do what is due by then.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Waits until the other side has hung up on all of these.
async fn all_end(streams: Vec<TcpStream>) {
    let ends = async {
        for mut stream in streams {
            // A reset is an end as well.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    timeout(LONG, ends).await.expect("the server hangs up on all of them");
}

async fn is_answered_soon(world: &World) {
    let begun = Instant::now();
    let heard = world.get("/", "").await;
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// A connection on which this was said.
async fn said(world: &World, text: &str) -> TcpStream {
    let mut stream = world.connect().await;
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn ten_thousand_idle_connections_are_in_nobodys_way_and_end() {
    let world = World::before(mirror().await).await;
    let count = room();
    assert!(count >= LEAST, "this machine allows {count} connections only");
    let (mut asked, mut silent, mut halting) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count / 2 {
        // One request, and the connection is kept.
        let mut stream = said(&world, "GET / HTTP/1.1\r\nHost: id.localhost\r\n\r\n").await;
        read_until(&mut stream, "door /").await;
        asked.push(stream);
    }
    for _ in 0..count / 4 {
        silent.push(world.connect().await);
        halting.push(said(&world, &format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ")).await);
    }
    is_answered_soon(&world).await;
    // A machine on which this took longer than a head may take has fewer now.
    let is_open = |stream: &&TcpStream| !matches!(stream.try_read(&mut [0; 1024]), Ok(0));
    let open = [&asked, &silent, &halting].map(|streams| streams.iter().filter(is_open).count());
    eprintln!("{} connections are open: after a request, silent, within a head: {open:?}", open.iter().sum::<usize>());
    assert!(open.iter().sum::<usize>() >= LEAST, "{open:?}");
    pass(HEADERS_WITHIN + Duration::from_secs(1)).await;
    all_end(silent).await;
    all_end(halting).await;
    is_answered_soon(&world).await;
    pass(IDLE).await;
    all_end(asked).await;
    is_answered_soon(&world).await;
}
