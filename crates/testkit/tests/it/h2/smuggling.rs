//! What HTTP/2 can carry and HTTP/1.1 cannot: behind us everything is written anew, and what an app could read in two ways does not
//! get there (RFC 9113, 8.2.1, 8.2.2, 8.3 and 10.3).

use acquit_testkit::frames::{Block, Frame, code, flag};

use super::{
    Target,
    case::{Case, Must, Section, case, section},
};

pub(super) fn sections(at: &Target) -> Vec<Section> {
    vec![fields(at), lengths(at), pseudo_fields(at)]
}

/// What goes on to the app, without what it may not have.
pub(super) fn passed(at: &Target) -> Vec<Section> {
    let last = Block::new().field(":path", "/elsewhere").field("x-test", "ok");
    let trailers = Frame::headers(1, flag::END_HEADERS | flag::END_STREAM, last);
    let case = case("a pseudo-field in trailers that end the stream")
        .say([at.post(1), Frame::data(1, 0, b"test"), trailers])
        .must(Must::Reset(1, code::PROTOCOL_ERROR))
        .comes(
            Must::Told(1, "POST of 4 bytes"),
            "the library leaves pseudo-fields out of trailers and says nothing of it: nobody behind it sees any",
        );
    vec![section("ours/passed", [case])]
}

fn reset(about: &'static str, block: Block) -> Case {
    case(about).say([Target::asks(1, block)]).must(Must::Reset(1, code::PROTOCOL_ERROR))
}

fn refused(about: &'static str, block: Block) -> Case {
    case(about).say([Target::asks(1, block)]).must(Must::Refused(1, 400))
}

fn fields(at: &Target) -> Section {
    let with = |name, value| at.block("GET").field(name, value);
    section(
        "ours/fields",
        [
            reset("a line of its own in a value", with("x-test", "ok\r\nx-acquit-jwt-assertion: forged"))
                .with_its_connection(),
            reset("a line feed in a value", with("x-test", "ok\nforged: yes")).with_its_connection(),
            reset("a zero byte in a value", with("x-test", "o\0k")).with_its_connection(),
            reset("a colon in a name", with("x-test: ok", "ok")).with_its_connection(),
            reset("a line in a name", with("x-test: ok\r\nforged", "yes")).with_its_connection(),
            reset("a blank in a name", with("x test", "ok")).with_its_connection(),
            reset("no name", with("", "ok")).with_its_connection(),
            reset("chunks", with("transfer-encoding", "chunked")),
            reset("an upgrade", with("upgrade", "websocket")),
            reset("a connection that is kept", with("keep-alive", "timeout=5")),
            reset("a connection of a proxy", with("proxy-connection", "keep-alive")),
        ],
    )
}

fn lengths(at: &Target) -> Section {
    let post = |value: &str| Frame::headers(1, flag::END_HEADERS, at.block("POST").field("content-length", value));
    let none = |value: &str| Target::asks(1, at.block("GET").field("content-length", value));
    let short = [post("5"), Frame::data(1, flag::END_STREAM, b"test")];
    let twice = at.block("POST").field("content-length", "4").field("content-length", "5");
    let malformed = Must::Reset(1, code::PROTOCOL_ERROR);
    section(
        "ours/lengths",
        [
            case("less than was promised").say(short).must(malformed.clone()),
            case("something promised and nothing sent").say([none("4")]).must(malformed.clone()),
            case("a length that is no number").say([post("4x")]).must(malformed.clone()),
            case("a length with a sign").say([post("+4")]).must(malformed.clone()),
            case("two lengths").say([Frame::headers(1, flag::END_HEADERS, twice)]).must(malformed),
        ],
    )
}

fn pseudo_fields(at: &Target) -> Section {
    let to = |authority: &str, path: &str| Block::request("GET", at.scheme, authority, path);
    let forged = format!("{}/ HTTP/1.1\r\nHost: {}", at.path, at.authority);
    section(
        "ours/pseudo-fields",
        [
            reset("a request line in a path", to(&at.authority, &forged)),
            reset("a blank in a path", to(&at.authority, "/open/a b")),
            reset("a path that does not begin with a slash", to(&at.authority, "open")),
            refused("an asterisk for a path", to(&at.authority, "*")),
            reset("a line in a method", Block::request("GET / HTTP/1.1\r\nx", at.scheme, &at.authority, at.path))
                .with_its_connection(),
            reset("a blank in an authority", to("app.localhost evil", at.path)),
            refused("somebody's name in an authority", to(&format!("alice@{}", at.authority), at.path)),
            refused("another host than the authority", at.block("GET").field("host", "id.localhost")),
            reset("two authorities", at.block("GET").field(":authority", "id.localhost")),
            refused(
                "no host at all",
                Block::new().field(":method", "GET").field(":scheme", at.scheme).field(":path", at.path),
            ),
            reset("CONNECT with a path and no protocol", Block::request("CONNECT", at.scheme, &at.authority, at.path)),
            reset("a protocol without CONNECT", at.block("GET").field(":protocol", "websocket")),
        ],
    )
}
