//! Every phase ends in its time, and nobody can make this server read more than it wants.

use super::*;

async fn send_to(receiver: &Receiver) -> Result<Incoming, Trouble> {
    egress(loopback(), short()).send(post(receiver.url("/"))).await
}

#[tokio::test]
async fn a_name_server_that_hangs_is_cut_off() {
    struct Mute;
    impl Resolve for Mute {
        fn lookup(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            Box::pin(pending())
        }
    }
    let options = Options { resolver: Arc::new(Mute), limits: short(), ..Options::new(Policy::default()) };
    let result = Egress::new(options).unwrap().send(post("https://app.example/")).await;
    assert_eq!(result.unwrap_err(), Trouble::Timeout(Phase::Dns));
}

#[tokio::test]
async fn a_name_without_or_with_absurdly_many_addresses_is_a_dns_trouble() {
    let none = Names::new(&[&[]]);
    assert!(matches!(named(loopback(), &none, short()).send(post("https://a.example/")).await, Err(Trouble::Dns(_))));
    let many = Names::new(&[&["8.8.8.8"; 65]]);
    assert!(matches!(named(loopback(), &many, short()).send(post("https://a.example/")).await, Err(Trouble::Dns(_))));
}

#[tokio::test]
async fn a_destination_that_never_takes_the_connection_is_cut_off() {
    // A full backlog: the kernel drops what knocks next, as a firewall would.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut fillers = Vec::new();
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address)).await {
        fillers.push(stream);
    }
    let result = egress(loopback(), short()).send(post(format!("http://{address}/"))).await;
    assert_eq!(result.unwrap_err(), Trouble::Timeout(Phase::Connect));
}

#[tokio::test]
async fn a_dead_address_does_not_use_up_the_time_of_the_next_one() {
    let receiver = Receiver::start(|_, _| ok()).await;
    // Nobody listens on 127.0.0.2: the receiver is bound to 127.0.0.1 alone.
    let names = Names::new(&[&["127.0.0.2", "127.0.0.3", "127.0.0.1"]]);
    let url = format!("http://app.example:{}/", receiver.address.port());
    assert!(named(loopback(), &names, short()).send(post(url)).await.is_ok());
}

#[tokio::test]
async fn a_peer_that_is_silent_in_the_handshake_is_cut_off() {
    let receiver = Receiver::start(|_, _| Act::Hang).await;
    let url = format!("https://{}/", receiver.address);
    let result = egress(loopback(), short()).send(post(url)).await;
    assert_eq!(result.unwrap_err(), Trouble::Timeout(Phase::Tls));
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_cut_off() {
    let receiver = Receiver::start(|_, _| Act::Hang).await;
    assert_eq!(send_to(&receiver).await.unwrap_err(), Trouble::Timeout(Phase::FirstByte));
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_off() {
    let every = Duration::from_millis(20);
    let receiver = Receiver::start(move |_, _| Act::Trickle(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), b'a', every)).await;
    assert_eq!(send_to(&receiver).await.unwrap_err(), Trouble::Timeout(Phase::FirstByte));
}

#[tokio::test]
async fn a_body_that_trickles_ends_at_the_total_and_the_status_counts() {
    let every = Duration::from_millis(20);
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n".to_vec();
    let receiver = Receiver::start(move |_, _| Act::Trickle(head.clone(), b'a', every)).await;
    let began = Instant::now();
    let answer = send_to(&receiver).await.unwrap();
    assert_eq!((answer.status, answer.cut), (StatusCode::OK, true));
    assert!(!answer.body.is_empty() && answer.body.len() < 100);
    assert!(began.elapsed() >= short().total && began.elapsed() < short().total * 3);
}

#[tokio::test]
async fn a_request_may_ask_for_less_time_but_not_for_more() {
    let receiver = Receiver::start(|_, _| Act::Hang).await;
    let mut request = post(receiver.url("/"));
    request.total = Some(Duration::from_millis(30));
    let result = egress(loopback(), short()).send(request).await;
    assert_eq!(result.unwrap_err(), Trouble::Timeout(Phase::Total));
}

#[tokio::test]
async fn headers_beyond_their_limit_are_refused() {
    let floods = [
        Act::Flood(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 4096]),
        Act::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: a\r\n".repeat(500)),
        Act::Flood(b"HTTP/1.1 200 ".to_vec(), vec![b'a'; 4096]),
        reply("200 OK", &format!("X: {}\r\n", "a".repeat(17 * 1024)), ""),
        reply("200 OK", &"X: a\r\n".repeat(1000), ""),
    ];
    for act in floods {
        let receiver = Receiver::start(move |_, _| act.clone()).await;
        let result = send_to(&receiver).await;
        assert!(matches!(result, Err(Trouble::Protocol(_))), "{result:?}");
    }
    let receiver = Receiver::start(|_, _| reply("200 OK", &format!("X: {}\r\n", "a".repeat(15 * 1024)), "")).await;
    assert!(send_to(&receiver).await.is_ok());
}

#[tokio::test]
async fn interim_answers_without_end_are_cut_off() {
    let flood = Act::Flood(Vec::new(), b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".to_vec());
    let receiver = Receiver::start(move |_, _| flood.clone()).await;
    assert!(matches!(send_to(&receiver).await, Err(Trouble::Timeout(Phase::FirstByte) | Trouble::Protocol(_))));
}

#[tokio::test]
async fn a_body_is_read_to_its_limit_and_then_the_connection_is_closed() {
    let floods = [
        Act::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 65_536]),
        Act::Flood(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec(), vec![b'a'; 65_536]),
        Act::Flood(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            [b"10000\r\n".to_vec(), vec![b'a'; 65_536], b"\r\n".to_vec()].concat(),
        ),
    ];
    for act in floods {
        let receiver = Receiver::start(move |_, _| act.clone()).await;
        let egress = egress(loopback(), short());
        for round in 1..=2 {
            let answer = egress.send(post(receiver.url("/"))).await.unwrap();
            assert_eq!((answer.status, answer.body.len(), answer.cut), (StatusCode::OK, BODY_LIMIT, true));
            assert_eq!(receiver.connections(), round, "a connection with an unread rest is not used again");
        }
    }
}

#[tokio::test]
async fn a_compressed_body_stays_compressed() {
    let receiver = Receiver::start(|_, _| reply("200 OK", "Content-Encoding: gzip\r\n", "not-gzip-at-all")).await;
    assert_eq!(&send_to(&receiver).await.unwrap().body[..], b"not-gzip-at-all");
}

#[tokio::test]
async fn no_connection_no_http_and_no_words_are_told_apart_for_the_operator() {
    let (_held, gone) = nobody();
    let result = egress(loopback(), short()).send(post(format!("http://{gone}/"))).await;
    assert!(matches!(&result, Err(Trouble::Connect(detail)) if detail.contains(&gone.to_string())), "{result:?}");

    let garbled = Receiver::start(|_, _| Act::SayAndClose(b"220 mail.example ESMTP\r\n\r\n".to_vec())).await;
    assert!(matches!(send_to(&garbled).await, Err(Trouble::Protocol(_))));

    let ancient = Receiver::start(|_, _| Act::SayAndClose(b"<html>hello</html>".to_vec())).await;
    assert!(send_to(&ancient).await.is_err(), "HTTP/0.9");

    let closing = Receiver::start(|_, _| Act::Close).await;
    assert!(matches!(send_to(&closing).await, Err(Trouble::Lost(_))));
}
