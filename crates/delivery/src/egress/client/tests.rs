//! The client against real loopback receivers and a resolver that answers as a hostile name server would.

mod bounds;
mod guard;
mod secure;

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures_util::future::BoxFuture;
use http::StatusCode;

use super::*;
use crate::{
    egress::{Allow, BODY_LIMIT},
    receiver::{Act, Receiver, nobody, ok, reply},
};

/// Limits short enough for tests.
fn short() -> Limits {
    let quick = Duration::from_millis(250);
    Limits {
        dns: quick,
        connect: quick,
        tls: quick,
        first_byte: quick,
        total: Duration::from_secs(1),
        ..Limits::default()
    }
}

fn loopback() -> Policy {
    Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()])
}

fn egress(policy: Policy, limits: Limits) -> Egress {
    Egress::new(Options { limits, ..Options::new(policy) }).unwrap()
}

/// A resolver with a script: each look-up takes the next set of answers; the last set stays.
struct Names {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|set| set.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn lookup(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let now = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { Ok(now.unwrap()) })
    }
}

fn named(policy: Policy, names: &Arc<Names>, limits: Limits) -> Egress {
    Egress::new(Options { resolver: Arc::<Names>::clone(names), limits, ..Options::new(policy) }).unwrap()
}

fn post(url: impl Into<String>) -> Outgoing {
    Outgoing::post(url, HeaderValue::from_static("application/x-www-form-urlencoded"), "logout_token=abc")
}

#[tokio::test]
async fn a_request_arrives_as_it_was_meant_and_its_answer_comes_back() {
    let receiver =
        Receiver::start(|_, _| reply("400 Bad Request", "X-A: b\r\nRetry-After: 7\r\n", "{\"error\":1}")).await;
    let answer = egress(loopback(), Limits::default()).send(post(receiver.url("/bc?x=1"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..], answer.cut), (400, &b"{\"error\":1}"[..], false));
    assert_eq!(answer.headers["x-a"], "b");
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(7)));
    let request = receiver.requests().remove(0).to_lowercase();
    assert!(request.starts_with("post /bc?x=1 http/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert!(request.contains(concat!("user-agent: acquit/", env!("CARGO_PKG_VERSION"), "\r\n")));
    assert!(request.contains(&format!("host: {}\r\n", receiver.address)));
    assert!(request.ends_with("\r\n\r\nlogout_token=abc"));
}

#[tokio::test]
async fn requests_to_one_destination_share_a_connection_and_keep_no_cookie() {
    let receiver = Receiver::start(|_, _| reply("204 No Content", "Set-Cookie: a=b\r\n", "")).await;
    let egress = egress(loopback(), Limits::default());
    for _ in 0..5 {
        assert_eq!(egress.send(post(receiver.url("/"))).await.unwrap().status, StatusCode::NO_CONTENT);
    }
    assert_eq!(receiver.connections(), 1);
    assert!(receiver.requests().iter().all(|request| !request.to_lowercase().contains("cookie")));
}

#[tokio::test]
async fn a_connection_older_than_its_age_is_not_used_again() {
    let receiver = Receiver::start(|_, _| ok()).await;
    let egress = egress(loopback(), Limits { connection_age: Duration::ZERO, ..Limits::default() });
    for _ in 0..3 {
        egress.send(post(receiver.url("/"))).await.unwrap();
    }
    assert_eq!(receiver.connections(), 3);
}

#[tokio::test]
async fn a_document_is_fetched_whole_or_not_at_all() {
    let receiver = Receiver::start(|_, _| reply("200 OK", "", &"k".repeat(10_000))).await;
    let egress = egress(loopback(), Limits::default());
    assert_eq!(egress.fetch(&receiver.url("/jwks"), 10_000).await.unwrap().body.len(), 10_000);
    assert!(matches!(egress.fetch(&receiver.url("/jwks"), 9_999).await, Err(Trouble::Protocol(_))));
    let request = receiver.requests().remove(0).to_lowercase();
    assert!(request.starts_with("get /jwks http/1.1") && request.contains("accept: application/json"));
    assert!(!request.contains("accept-encoding"));
}

#[test]
fn the_debug_form_of_a_request_holds_no_secret() {
    let mut request = post("https://app.example.com/bc?secret=hunter2");
    request.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer hunter2"));
    let text = format!("{request:?}");
    assert!(
        text.contains("https://app.example.com/bc") && !text.contains("hunter2") && !text.contains("abc"),
        "{text}"
    );
}
