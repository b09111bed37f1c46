//! Apps that answer at the wrong moment, or more than was asked, on connections that others use next: nobody gets a part of
//! somebody else's answer, and nobody's body becomes somebody else's request.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{apps::*, world::*};

/// What an app has read, request by request.
type Read = Arc<Mutex<Vec<String>>>;

/// Reads a request with its body, whose head is given to `early` before the body is read; none when the connection ends.
async fn read_request(stream: &mut TcpStream, early: impl AsyncFnOnce(&mut TcpStream, &str)) -> Option<String> {
    let head = read_one_head(stream).await?;
    early(stream, &head).await;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    let whole = stream.read_exact(&mut body).await.is_ok();
    Some(if whole { head + &String::from_utf8_lossy(&body) } else { head + "(cut)" })
}

/// An app that answers as soon as it has read a head, and reads the body then.
async fn one_that_is_early() -> (SocketAddr, Read) {
    let read = Read::default();
    let heard = read.clone();
    let app = app_that(move |mut stream| {
        let heard = heard.clone();
        async move {
            let answer = async |stream: &mut TcpStream, head: &str| {
                let path = head.split(' ').nth(1).unwrap_or_default();
                let _ = stream.write_all(&ok(&format!("to {path}"))).await;
            };
            while let Some(request) = read_request(&mut stream, answer).await {
                heard.lock().unwrap().push(request);
            }
        }
    })
    .await;
    (app, read)
}

#[tokio::test]
async fn what_a_browser_sends_after_an_early_answer_is_no_request_of_anybody() {
    let (app, read) = one_that_is_early().await;
    let world = World::before(app).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for goes_on in [true, false, true, false] {
        let mut browser = world.connect().await;
        let length = format!("Content-Length: {}\r\n", smuggled.len() + 3);
        browser.write_all((world.head("POST", "/early", &length) + "abc").as_bytes()).await.unwrap();
        read_until(&mut browser, "to /early").await;
        // Others are served meanwhile, on connections of their own.
        assert!(world.get("/other", "").await.ends_with("to /other"));
        if goes_on {
            browser.write_all(smuggled.as_bytes()).await.unwrap();
        }
        let before = read.lock().unwrap().len();
        drop(browser);
        until(|| read.lock().unwrap().len() > before).await;
        for _ in 0..3 {
            assert!(world.get("/next", "").await.ends_with("to /next"));
        }
    }
    let read = read.lock().unwrap();
    let with_body = |end: &str| read.iter().filter(|one| one.starts_with("POST /early ") && one.ends_with(end)).count();
    assert_eq!((with_body(smuggled), with_body("(cut)")), (2, 2), "{read:#?}");
    assert!(read.iter().all(|one| !one.starts_with("GET /smuggled")), "{read:#?}");
}

#[tokio::test]
async fn what_an_app_says_too_much_is_in_nobodys_answer() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (what, method, answer) in [
        ("a body of HEAD", "HEAD", format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{evil}", evil.len())),
        ("a body of 204", "GET", format!("HTTP/1.1 204 No Content\r\nContent-Length: {}\r\n\r\n{evil}", evil.len())),
        ("a body of 304", "GET", format!("HTTP/1.1 304 Not Modified\r\n\r\n{evil}")),
        ("more than its length", "GET", format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{evil}")),
        ("more than its chunks", "GET", format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{evil}")),
        ("more after trailers", "GET", format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n{evil}")),
        ("two lengths", "GET", format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\nok{evil}")),
        ("a length and chunks", "GET", format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{evil}")),
        ("HTTP/1.0", "GET", format!("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok{evil}")),
        ("an end", "GET", format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok{evil}")),
        ("an unasked switch", "GET", format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n{evil}")),
        ("early hints", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()),
    ] {
        let app = app_that(move |mut stream| {
            let answer = answer.clone();
            async move {
                while let Some(request) = read_request(&mut stream, async |_, _| ()).await {
                    let good = request.contains(" /good ");
                    let said = if good { ok("good") } else { answer.clone().into_bytes() };
                    if stream.write_all(&said).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        let world = World::before(app).await;
        for _ in 0..5 {
            let heard = world.say(world.head(method, "/bad", "Connection: close\r\n")).await;
            assert!(!heard.contains("evil"), "{what}: {heard}");
            let (one, other) = tokio::join!(world.get("/good", ""), world.get("/good", ""));
            assert!(one.ends_with("\r\n\r\ngood") && other.ends_with("\r\n\r\ngood"), "{what}: {one} {other}");
        }
    }
}

#[tokio::test]
async fn a_body_that_says_no_length_reaches_the_app_whatever_the_method() {
    let app = app_that(|mut stream| async move {
        let heard = read_until(&mut stream, "0\r\n\r\n").await;
        stream.write_all(&ok(&heard)).await.unwrap();
    })
    .await;
    let world = World::before(app).await;
    for method in ["GET", "POST", "DELETE"] {
        let head = world.head(method, "/", "Transfer-Encoding: chunked\r\nConnection: close\r\n");
        let heard = world.say(head + "3\r\nabc\r\n0\r\n\r\n").await;
        assert!(
            heard.contains("\r\ntransfer-encoding: chunked\r\n") && heard.contains("3\r\nabc\r\n"),
            "{method}: {heard}"
        );
    }
}

/// An app that reads no bodies: what follows a head is the next request to it.
async fn one_that_overlooks_bodies() -> SocketAddr {
    app_that(|mut stream| async move {
        while let Some(head) = read_one_head(&mut stream).await {
            if head.starts_with("GET /slow ") {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            let path = head.split(' ').nth(1).unwrap_or_default();
            if stream.write_all(&ok(&format!("to {path}"))).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// Reads a head; none when the connection ends.
async fn read_one_head(stream: &mut TcpStream) -> Option<String> {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        heard.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&heard).into_owned())
}

#[tokio::test]
async fn a_body_that_an_app_overlooks_is_no_request_on_a_connection_that_others_use() {
    let world = World::before(one_that_overlooks_bodies().await).await;
    let body = "GET /slow HTTP/1.1\r\n\r\n";
    for length in [format!("Content-Length: {}\r\n", body.len()), "Transfer-Encoding: chunked\r\n".to_owned()] {
        let coded = match length.starts_with('C') {
            true => body.to_owned(),
            false => format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        };
        for _ in 0..5 {
            let heard =
                world.say(world.head("GET", "/get", &(length.clone() + "Connection: close\r\n")) + &coded).await;
            assert!(heard.ends_with("to /get"), "{heard}");
            let heard = world.get("/other", "").await;
            assert!(heard.ends_with("to /other"), "{heard}");
        }
    }
}

#[tokio::test]
async fn what_follows_an_answer_that_came_early_is_no_request_on_a_connection_that_others_use() {
    let world = World::before(one_that_overlooks_bodies().await).await;
    let body = "GET /slow HTTP/1.1\r\n\r\n";
    for _ in 0..5 {
        let mut browser = world.connect().await;
        let length = format!("Content-Length: {}\r\n", body.len());
        browser.write_all(world.head("POST", "/post", &length).as_bytes()).await.unwrap();
        read_until(&mut browser, "to /post").await;
        browser.write_all(body.as_bytes()).await.unwrap();
        // Once all of it is sent, the connection is as good as any other.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let heard = world.get("/other", "").await;
        assert!(heard.ends_with("to /other"), "{heard}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_an_upload_that_the_app_has_read() {
    let connections = Arc::<AtomicUsize>::default();
    let app = app_that(move |mut stream| {
        let number = connections.fetch_add(1, Ordering::Relaxed);
        async move {
            while let Some(request) = read_request(&mut stream, async |_, _| ()).await {
                assert!(request.ends_with("body"), "{request}");
                stream.write_all(&ok(&format!("on {number}"))).await.unwrap();
            }
        }
    })
    .await;
    let world = World::before(app).await;
    for _ in 0..3 {
        let head = world.head("POST", "/", "Content-Length: 4\r\nConnection: close\r\n");
        assert!(world.say(head + "body").await.ends_with("on 0"));
        // HTTP/2 says that it ends in a frame of its own.
        let (upload, body) = sent();
        let mut request = world.request("POST", "/", &identity("alice"), body);
        request.headers_mut().insert("content-length", "4".parse().unwrap());
        upload.send(Frame::data("body".into())).unwrap();
        let mut sender = world.http2().await;
        let answer = tokio::spawn(sender.send_request(request)).await.unwrap().unwrap();
        drop(upload);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "on 0");
    }
}

/// A small generator of choices, the same in each run.
struct Choices(u64);

impl Choices {
    fn of(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % count
    }
}

/// What an app does with a request, by the digit in its path; what it has read is written down before it answers.
async fn one_of_many_minds() -> (SocketAddr, Read) {
    let read = Read::default();
    let heard = read.clone();
    let app = app_that(move |mut stream| {
        let heard = heard.clone();
        async move {
            let seen = Arc::new(AtomicU64::default());
            loop {
                let (heard, seen) = (heard.clone(), seen.clone());
                let early = async |stream: &mut TcpStream, head: &str| {
                    heard.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
                    let Some(path) = head.split(' ').nth(1) else { return };
                    let mind = path.rsplit('-').next().and_then(|mind| mind.parse().ok()).unwrap_or(99);
                    seen.store(mind, Ordering::Relaxed);
                    let said = format!("this is for {path} alone");
                    let long = said.clone() + &" ".repeat(100_000) + path;
                    let _ = match mind {
                        0 => stream.write_all(&ok(&said)).await,
                        1 => stream.write_all(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{said}\r\n0\r\nA: b\r\n\r\n", said.len()).as_bytes()).await,
                        2 => stream.write_all(&ok(&long)).await,
                        3 => stream.write_all(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{said}").as_bytes()).await,
                        4 => Ok(()),
                        5 => {
                            let _ = stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").await;
                            stream.write_all(&ok(&said)).await
                        }
                        6 => {
                            let _ = stream.write_all(&ok(&long)[..5000]).await;
                            tokio::time::sleep(Duration::from_millis(3)).await;
                            stream.write_all(&ok(&long)[5000..]).await
                        }
                        _ => stream.write_all(&[ok(&said), ok("for nobody")].concat()).await,
                    };
                };
                let Some(request) = read_request(&mut stream, early).await else { return };
                let over = match seen.load(Ordering::Relaxed) {
                    4 => stream.write_all(&ok(&format!("this is for {} alone", request.split(' ').nth(1).unwrap()))).await.is_err(),
                    3 => true,
                    _ => false,
                };
                if over {
                    return;
                }
            }
        }
    })
    .await;
    (app, read)
}

/// One request of one browser: the body may come late, in part or not at all, and the answer may not be waited for.
async fn ask(world: &World, path: &str, choices: &mut Choices) {
    let mut browser = world.connect().await;
    let body = "GET /smuggled HTTP/1.1\r\n\r\n";
    let (method, sends) = if choices.of(2) == 0 { ("GET", "") } else { ("POST", body) };
    let head = world.head(method, path, &format!("Connection: close\r\nContent-Length: {}\r\n", sends.len()));
    let (part, patience) = (usize::try_from(choices.of(3)).unwrap(), choices.of(6));
    let first = &sends[..sends.len() * part / 2];
    browser.write_all((head + first).as_bytes()).await.unwrap();
    if patience == 0 {
        tokio::time::sleep(Duration::from_millis(choices.of(3))).await;
        return;
    }
    if part < 2 && !sends.is_empty() {
        tokio::time::sleep(Duration::from_millis(choices.of(3))).await;
        if patience == 1 {
            return;
        }
        let _ = browser.write_all(&sends.as_bytes()[first.len()..]).await;
    }
    let mut heard = vec![0; 3000];
    if patience == 2 {
        let _ = browser.read(&mut heard).await;
        return;
    }
    heard.clear();
    let _ = timeout(LONG, browser.read_to_end(&mut heard)).await.expect("the proxy hangs up");
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.contains(" 200 OK\r\n") && heard.contains(&format!("this is for {path} alone")), "{path}: {heard}");
    assert_eq!(heard.matches("this is for").count(), 1, "{path}: {heard}");
    assert!(!heard.contains("for nobody"), "{path}: {heard}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_browsers_at_once_each_get_their_own_answer_once() {
    let (app, read) = one_of_many_minds().await;
    let world = World::before(app).await;
    let browsers = (0..16u64).map(|browser| {
        let world = &world;
        async move {
            let mut choices = Choices(browser + 1);
            for turn in 0..40 {
                let path = format!("/{browser}-{turn}-{}", choices.of(7));
                ask(world, &path, &mut choices).await;
            }
        }
    });
    futures_util::future::join_all(browsers).await;
    until(|| world.standing.live().count() == 0).await;
    let read = read.lock().unwrap();
    let mut once = std::collections::HashSet::new();
    for line in read.iter() {
        let (method, path) = line.strip_suffix(" HTTP/1.1").and_then(|line| line.split_once(' ')).expect(line);
        assert!(["GET", "POST"].contains(&method) && path != "/smuggled", "{line}");
        assert!(once.insert(path), "{line} was sent twice");
    }
    assert!(once.len() > 400, "{}", once.len());
}
