//! What a peer may say to confuse us and the app: raw bytes, as it sends them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{apps::*, world::*};

/// The status of the first answer, or nothing when the proxy just hangs up.
fn status(heard: &str) -> &str {
    let rest = heard.strip_prefix("HTTP/1.1 ").or_else(|| heard.strip_prefix("HTTP/1.0 "));
    rest.map_or("", |rest| &rest[..3])
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused() {
    let world = World::before(mirror().await).await;
    let cookie = world.cookie(&identity("alice"));
    for (request, expected) in [
        // The host.
        ("GET / HTTP/1.1\r\n{cookie}\r\n", "400"),
        ("GET / HTTP/1.0\r\n{cookie}\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.localhost:1\r\nHost: id.localhost\r\n{cookie}\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.localhost:1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET http://id.localhost/ HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET http://evil@app.localhost:1/ HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET ftp://app.localhost:1/ HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        // The target.
        ("GET * HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("OPTIONS * HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET app.localhost:1 HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("CONNECT app.localhost:1 HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "405"),
        ("TRACE / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "405"),
        ("GET /a\\b HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET /a b HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET /a\0b HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET /\u{e9} HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        // How long the body is.
        ("POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"),
        ("POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Content-Length: 1, 1\r\n\r\na", "400"),
        ("POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Content-Length: +1\r\n\r\na", "400"),
        ("POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Content-Length: -1\r\n\r\na", "400"),
        ("POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Content-Length: 0x1\r\n\r\na", "400"),
        ("POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Transfer-Encoding: gzip\r\n\r\na", "400"),
        (
            "POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "501",
        ),
        ("POST / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST / HTTP/1.0\r\nHost: app.localhost:1\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        // The lines.
        ("GET / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}A: b\r\n c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}A : b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}A\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}A: b\rc\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.localhost:1\r\n{cookie}A: b\0c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n Host: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET / HTTP/2.0\r\nHost: app.localhost:1\r\n{cookie}\r\n", "400"),
        ("GET /\r\n\r\n", "400"),
    ] {
        let request = request.replace("{cookie}", &format!("{cookie}Connection: close\r\n"));
        let heard = world.say(&request).await;
        assert_eq!(status(&heard), expected, "{request:?}\n{heard}");
    }
}

#[tokio::test]
async fn of_two_lengths_the_chunks_count_and_the_connection_ends() {
    let world = World::before(mirror().await).await;
    for lengths in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"]
    {
        let head = world.head("POST", "/", lengths);
        // To who counts by the length, a second request stands in the body.
        let heard = world.say(format!("{head}0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        assert_eq!(heard.matches("HTTP/1.1 200").count(), 1, "{heard}");
        assert!(heard.contains("transfer-encoding: chunked") && !heard.contains("content-length: 4"), "{heard}");
        assert!(!heard.contains("smuggled"), "{heard}");
    }
}

#[tokio::test]
async fn a_line_that_ends_in_a_bare_line_feed_reaches_the_app_as_a_proper_one() {
    let world = World::before(mirror().await).await;
    let heard = world.get("/", "A: b\nC: d\r\n").await;
    assert!(heard.contains("\r\na: b\r\nc: d\r\n"), "{heard:?}");
}

#[tokio::test]
async fn a_chunk_of_no_clear_length_ends_the_request() {
    let world = World::before(
        app_that(|mut stream| async move {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await,
    )
    .await;
    for chunks in [
        "zz\r\nab\r\n0\r\n\r\n",
        "-1\r\n",
        "2\nab\r\n0\r\n\r\n",
        "2;a\nb\r\nab\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\n",
        "2\r\nabc\r\n0\r\n\r\n",
    ] {
        let head = world.head("POST", "/", "Transfer-Encoding: chunked\r\n");
        let heard = world.say(format!("{head}{chunks}")).await;
        assert!(!heard.contains("200 OK"), "{chunks:?}: {heard}");
    }
    until(|| world.standing.live().count() == 0).await;
}

#[tokio::test]
async fn a_request_in_absolute_form_is_taken_for_what_it_is() {
    let world = World::before(mirror().await).await;
    let cookie = world.cookie(&identity("alice"));
    let heard = world
        .say(format!("GET http://APP.localhost:1/x HTTP/1.1\r\nHost: {HOST}\r\n{cookie}Connection: close\r\n\r\n"))
        .await;
    assert!(heard.contains("GET /x HTTP/1.1\r\n"), "{heard}");
}

#[tokio::test]
async fn a_head_without_end_is_refused_and_costs_a_bounded_amount() {
    let world = World::before(mirror().await).await;
    for endless in ["A: b\r\n", "aaaaaaaaaaaaaaaa"] {
        let mut stream = world.connect().await;
        let mut sent = 0;
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: ").as_bytes()).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let sending = async {
            while sent < 8 << 20 && writer.write_all(endless.repeat(64).as_bytes()).await.is_ok() {
                sent += endless.len() * 64;
            }
        };
        let mut heard = Vec::new();
        let (_, ()) = tokio::join!(reader.read_to_end(&mut heard), sending);
        let heard = String::from_utf8_lossy(&heard);
        assert!(sent < 8 << 20, "the proxy hung up");
        assert!(heard.is_empty() || status(&heard) == "431", "{heard}");
    }
}

#[tokio::test]
async fn what_we_say_ourselves_cannot_be_taken_out_by_naming_it() {
    let app = app_that(|mut stream| async move {
        let heard = read_until(&mut stream, "body").await;
        stream.write_all(&ok(&heard)).await.unwrap();
    })
    .await;
    let world = World::before(app).await;
    let named =
        "Connection: close, Host, Content-Length, Cookie, X-Forwarded-For, Forwarded, X-Acquit-Jwt-Assertion\r\n";
    let heard = world.say(world.head("POST", "/", &format!("{named}Content-Length: 4\r\n")) + "body").await;
    for line in
        ["host: app.localhost:1", "content-length: 4", "x-forwarded-for: 127.0.0.1", "x-acquit-jwt-assertion: alice"]
    {
        assert!(heard.contains(&format!("\r\n{line}\r\n")), "{line} in {heard}");
    }
}
