//! What is open when the rules or its person change: it ends if it would not be let in any more, and goes on if it would.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::{Instant, timeout},
};

use acquit_core::Timestamp;
use http::HeaderValue;

use super::{
    super::{Renewed, Rules},
    apps::*,
    world::*,
};
use crate::{
    identity::Identity,
    policy::Allow,
    route::{Route, Routes},
    standing::BOUND,
};

/// An app whose answers go on until they are cut; it tells of each that begins.
async fn endless() -> (SocketAddr, Arc<Notify>) {
    let begun = Arc::new(Notify::new());
    let told = begun.clone();
    let address = app_that(move |mut stream| {
        let told = told.clone();
        async move {
            let head = read_head(&mut stream).await;
            told.notify_one();
            if !head.starts_with("GET /slow ") {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbegin").await;
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
    (address, begun)
}

fn groups(groups: &[&str]) -> Allow {
    Allow { groups: groups.iter().map(|&group| group.to_owned()).collect(), ..Allow::default() }
}

/// Somebody in these groups, as this version describes them.
fn member(of: &[&str], version: i64) -> Identity {
    let mut who = identity("alice");
    (who.groups, who.version) = (of.iter().map(|&group| group.to_owned()).collect(), version);
    who
}

impl World {
    async fn open(&self, path: &str, cookie: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{cookie}\r\n").as_bytes()).await.unwrap();
        read_until(&mut stream, "begin").await;
        stream
    }

    fn rules(&self, routes: impl IntoIterator<Item = Route>) {
        self.proxy.set_rules(Rules { routes: Routes::new(routes), ..Rules::default() });
    }

    /// The store knows them so now, and the log says that they changed.
    fn described(&self, now: &Identity) {
        let cookie = HeaderValue::from_static("acquit-route=new");
        *self.house.renewed.lock().unwrap() = Some(Renewed { identity: Arc::new(now.clone()), cookie });
        self.standing.changed(&now.user, now.version, Timestamp::default());
    }
}

/// It has been cut soon.
async fn is_cut(stream: &mut TcpStream) {
    let begun = Instant::now();
    let _ = timeout(LONG, stream.read_to_end(&mut Vec::new())).await.expect("it ends");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// It goes on.
async fn is_open(stream: &mut TcpStream) {
    let heard = timeout(std::time::Duration::from_millis(50), stream.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn narrower_rules_cut_what_they_would_not_let_in_and_nothing_else() {
    let (app, _) = endless().await;
    let usual = || route(&[format!("http://{app}")]);
    let world = World::with([usual()]).await;
    let cookie = world.cookie(&identity("alice"));
    let mut apps = world.open("/", &cookie).await;
    let (mut api, mut public) = (world.open("/api", &cookie).await, world.open("/public", "").await);
    let mut wide = usual();
    wide.allow.users.push("bob".to_owned());
    world.rules([wide]);
    for stream in [&mut apps, &mut api, &mut public] {
        is_open(stream).await;
    }
    let of_bob = Allow { users: vec!["bob".to_owned()], ..Allow::default() };
    world.rules([usual(), Route { prefix: "/api".to_owned(), allow: of_bob, ..usual() }]);
    is_cut(&mut api).await;
    is_open(&mut apps).await;
    world.rules([Route { public_paths: Vec::new(), ..usual() }]);
    is_cut(&mut public).await;
    is_open(&mut apps).await;
    world.rules([]);
    is_cut(&mut apps).await;
    assert_eq!(world.standing.counted(&identity("alice").session, HOST), 0, "no sign-out closed it");
}

#[tokio::test]
async fn a_request_that_waits_for_its_app_is_answered_that_it_is_not_allowed_any_more() {
    let (app, begun) = endless().await;
    let world = World::before(app).await;
    let mut stream = world.connect().await;
    stream.write_all(world.head("GET", "/slow", "").as_bytes()).await.unwrap();
    begun.notified().await;
    world.rules([]);
    let answer = read_until(&mut stream, "no longer allowed").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn who_leaves_a_group_loses_what_it_alone_let_them_into() {
    let (app, _) = endless().await;
    let usual = || route(&[format!("http://{app}")]);
    let ops = Route { prefix: "/ops".to_owned(), allow: groups(&["ops"]), ..usual() };
    let dev = Route { prefix: "/dev".to_owned(), allow: groups(&["dev"]), ..usual() };
    let all = Route { allow: Allow { everyone: true, ..Allow::default() }, ..usual() };
    let world = World::with([ops.clone(), dev, all]).await;
    let cookie = world.cookie(&member(&["ops", "dev"], 1));
    let (mut ops_one, mut dev_one) = (world.open("/ops", &cookie).await, world.open("/dev", &cookie).await);
    let (mut any, mut public) = (world.open("/", &cookie).await, world.open("/public", &cookie).await);
    world.described(&member(&["dev"], 2));
    is_cut(&mut ops_one).await;
    for stream in [&mut dev_one, &mut any, &mut public] {
        is_open(stream).await;
    }
    assert_eq!(world.house.asked.load(Ordering::Relaxed), 1, "once for all that a session has open");
    // What stayed is known as theirs of now: narrower rules are judged by that.
    world.rules([ops, Route { prefix: "/dev".to_owned(), allow: groups(&["ops"]), ..usual() }]);
    is_cut(&mut dev_one).await;
    is_cut(&mut any).await;
}

#[tokio::test]
async fn what_everybody_may_have_asks_nobody_until_it_is_not_for_everybody() {
    let (app, _) = endless().await;
    let usual = || route(&[format!("http://{app}")]);
    let world = World::with([Route { allow: Allow { everyone: true, ..Allow::default() }, ..usual() }]).await;
    let mut stream = world.open("/", &world.cookie(&member(&["ops"], 1))).await;
    world.described(&member(&[], 2));
    is_open(&mut stream).await;
    assert_eq!(world.house.asked.load(Ordering::Relaxed), 0);
    world.rules([Route { allow: groups(&["ops"]), ..usual() }]);
    is_cut(&mut stream).await;
    assert_eq!(world.house.asked.load(Ordering::Relaxed), 1, "it was open as a member's of before");
}

#[tokio::test]
async fn whom_only_a_sign_in_can_describe_is_cut_and_so_is_whom_the_store_cannot_in_time() {
    for answers in [true, false] {
        let (app, _) = endless().await;
        let ops = Route { allow: groups(&["ops"]), ..route(&[format!("http://{app}")]) };
        let world = World::with([ops]).await;
        let mut stream = world.open("/", &world.cookie(&member(&["ops"], 1))).await;
        world.house.store.store(answers, Ordering::Relaxed);
        let begun = Instant::now();
        world.standing.changed(&identity("alice").user, 2, Timestamp::default());
        if answers {
            is_cut(&mut stream).await;
        } else {
            is_open(&mut stream).await;
            let _ = timeout(LONG, stream.read_to_end(&mut Vec::new())).await.expect("it ends");
            assert!(begun.elapsed() >= BOUND, "the store may come back");
            assert!(world.house.asked.load(Ordering::Relaxed) > 2, "it was asked again and again");
        }
    }
}

#[tokio::test]
async fn who_is_described_again_by_a_store_that_comes_back_goes_on() {
    let (app, _) = endless().await;
    let ops = Route { allow: groups(&["ops"]), ..route(&[format!("http://{app}")]) };
    let world = World::with([ops]).await;
    let mut stream = world.open("/", &world.cookie(&member(&["ops"], 1))).await;
    world.house.store.store(false, Ordering::Relaxed);
    world.described(&member(&["ops"], 2));
    until(|| world.house.asked.load(Ordering::Relaxed) > 1).await;
    world.house.store.store(true, Ordering::Relaxed);
    until(|| {
        world.standing.live().find(|opened| opened.identity.as_ref().is_some_and(|who| who.version == 2)).len() == 1
    })
    .await;
    is_open(&mut stream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_slips_through_between_two_rules() {
    let (app, _) = endless().await;
    let usual = || route(&[format!("http://{app}")]);
    let world = World::with([usual()]).await;
    for _ in 0..50 {
        world.rules([usual()]);
        let asking: Vec<_> = std::iter::repeat_with(|| {
            let (address, head) = (world.address, world.head("GET", "/", "Connection: close\r\n"));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(head.as_bytes()).await.unwrap();
                let _ = timeout(LONG, stream.read_to_end(&mut Vec::new())).await.expect("it is refused, or cut");
            })
        })
        .take(8)
        .collect();
        tokio::task::yield_now().await;
        world.rules([Route { allow: groups(&["nobody"]), ..usual() }]);
        for one in asking {
            one.await.unwrap();
        }
    }
}
