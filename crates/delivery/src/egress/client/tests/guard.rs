//! The SSRF guard where it counts: at the connection.

use super::*;
use crate::egress::Refusal;

fn blocked(result: Result<Incoming, Trouble>) -> Refusal {
    match result {
        Err(Trouble::Blocked(refusal)) => refusal,
        other => panic!("not blocked: {other:?}"),
    }
}

#[tokio::test]
async fn by_default_nothing_on_this_machine_is_reached_by_number_or_name() {
    let receiver = Receiver::start(|_, _| ok()).await;
    let port = receiver.address.port();
    let names = Names::new(&[&["127.0.0.1"]]);
    let egress = named(Policy::default(), &names, short());
    for host in
        ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "017700000001", "１２７.０.０.１", "localhost", "a.example"]
    {
        for scheme in ["http", "https"] {
            blocked(egress.send(post(format!("{scheme}://{host}:{port}/"))).await);
        }
    }
    for url in ["https://[::ffff:7f00:1]/", "https://[::1]/", "https://[fe81::1]/", "https://127.0.0.1/"] {
        blocked(egress.send(post(url)).await);
    }
    assert!(matches!(blocked(egress.send(post("https://a.example/")).await), Refusal::Address { .. }));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn one_private_answer_among_public_ones_refuses_the_whole() {
    let receiver = Receiver::start(|_, _| ok()).await;
    let policy = || Policy::allowing(vec![Allow::new(Some("app.example"), "127.0.0.0/8").unwrap()]);
    let url = format!("http://app.example:{}/", receiver.address.port());
    for answers in [
        &["127.0.0.1", "10.0.0.1"][..],
        &["127.0.0.1", "::1"],
        &["127.0.0.1", "64:ff9b::7f00:1"],
        &["127.0.0.1", "fe80::1"],
        &["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "169.254.169.254"],
    ] {
        let names = Names::new(&[answers]);
        assert!(matches!(blocked(named(policy(), &names, short()).send(post(&url)).await), Refusal::Address { .. }));
    }
    assert_eq!(receiver.connections(), 0);
    let names = Names::new(&[&["127.0.0.1", "127.0.0.1", "::ffff:127.0.0.1"]]);
    assert!(named(policy(), &names, short()).send(post(&url)).await.is_ok());
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection_and_again_for_the_next() {
    let receiver = Receiver::start(|_, _| ok()).await;
    let names = Names::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let policy = Policy::allowing(vec![Allow::new(Some("app.example"), "127.0.0.0/8").unwrap()]);
    let egress = named(policy, &names, Limits { connection_age: Duration::ZERO, ..short() });
    let url = format!("http://app.example:{}/", receiver.address.port());
    assert!(egress.send(post(&url)).await.is_ok(), "the first answer is dialled without asking a second time");
    assert_eq!(names.asked(), 1);
    assert!(matches!(blocked(egress.send(post(&url)).await), Refusal::Address { .. }), "it moved");
    assert_eq!((names.asked(), receiver.connections()), (2, 1));
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let secret = Receiver::start(|_, _| ok()).await;
    let location = format!("Location: {}\r\n", secret.url("/latest/meta-data"));
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = location.clone();
        let receiver = Receiver::start(move |_, _| reply(status, &location, "")).await;
        let answer = egress(loopback(), short()).send(post(receiver.url("/"))).await.unwrap();
        assert!(status.starts_with(answer.status.as_str()));
    }
    assert_eq!(secret.connections(), 0);
}

#[tokio::test]
async fn a_change_of_policy_reaches_connections_that_are_already_open() {
    let receiver = Receiver::start(|_, _| ok()).await;
    let names = Names::new(&[&["127.0.0.1"]]);
    let egress = named(loopback(), &names, short());
    let url = format!("http://app.example:{}/", receiver.address.port());
    assert!(egress.send(post(&url)).await.is_ok());
    egress.set_policy(Policy::allowing(vec![Allow::new(Some("app.example"), "10.0.0.0/8").unwrap()]));
    assert!(matches!(blocked(egress.send(post(&url)).await), Refusal::Address { .. }));
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn the_servers_own_port_is_refused_even_where_loopback_is_allowed() {
    let receiver = Receiver::start(|_, _| ok()).await;
    let policy = Policy { own: vec![receiver.address], ..loopback() };
    assert!(matches!(blocked(egress(policy, short()).send(post(receiver.url("/"))).await), Refusal::Own(_)));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn outsiders_hear_the_same_words_whatever_happened() {
    let (_held, closed) = nobody();
    let closed = format!("http://{closed}/");
    let silent = Receiver::start(|_, _| Act::Hang).await;
    let garbled = Receiver::start(|_, _| Act::SayAndClose(b"SSH-2.0-x\r\n\r\n".to_vec())).await;
    let open = egress(loopback(), short());
    let none = Names::new(&[&[]]);
    let troubles = [
        egress(Policy::default(), short()).send(post(&closed)).await,
        open.send(post(&closed)).await,
        open.send(post(silent.url("/"))).await,
        open.send(post(garbled.url("/"))).await,
        named(loopback(), &none, short()).send(post("https://a.example/")).await,
    ]
    .map(Result::unwrap_err);
    for trouble in &troubles {
        assert_eq!(trouble.public(), troubles[0].public());
        assert!(!trouble.public().contains("127.0.0.1"));
    }
    assert_eq!(troubles.map(|trouble| trouble.class()), {
        use acquit_core::delivery::Trouble::{Blocked, Garbled, Timeout, Unreachable};
        [Blocked, Unreachable, Timeout, Garbled, Unreachable]
    });
}
