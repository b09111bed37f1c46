//! Error codes, and requests as HTTP has them (RFC 9113, sections 7 and 8; sections of RFC 7540 in the names).

use acquit_testkit::frames::{Block, Frame, code, flag, kind};

use super::{
    Target,
    case::{Case, Must, PONG, Section, case, ping, section},
};

pub(super) fn sections(at: &Target) -> Vec<Section> {
    vec![codes(at), exchange(at), fields(at), pseudo_fields(at), connection(at), missing(at), lengths(at), push(at)]
}

fn codes(at: &Target) -> Section {
    section(
        "http2/7",
        [
            case("GOAWAY with a code that nobody defined").say([Frame::goaway(0, 0xff), ping()]).must(PONG),
            case("RST_STREAM with a code that nobody defined")
                .say([at.post(1), Frame::reset(1, 0xff), ping()])
                .must(PONG),
        ],
    )
}

/// A request with this block is reset.
fn malformed(about: &'static str, block: Block) -> Case {
    case(about).say([Target::asks(1, block)]).must(Must::Reset(1, code::PROTOCOL_ERROR))
}

/// A request whose trailers are this block, with these flags, is reset.
fn trailed(at: &Target, about: &'static str, trailers: Block, flags: u8) -> Case {
    case(about)
        .say([at.post(1), Frame::data(1, 0, b"test"), Frame::headers(1, flags, trailers)])
        .must(Must::Reset(1, code::PROTOCOL_ERROR))
}

fn exchange(at: &Target) -> Section {
    let trailers = Block::new().field("x-test", "ok");
    section("http2/8.1", [trailed(at, "trailers that do not end the stream", trailers, flag::END_HEADERS)])
}

fn fields(at: &Target) -> Section {
    let capitals = at.block("GET").field("X-TEST", "ok");
    section("http2/8.1.2", [malformed("a name in capitals", capitals).with_its_connection()])
}

fn pseudo_fields(at: &Target) -> Section {
    let late = Block::new().field("x-test", "ok").raw(&Vec::from(at.block("GET")));
    let method = Block::new().field(":method", "POST");
    section(
        "http2/8.1.2.1",
        [
            malformed("a pseudo-field that nobody defined", at.block("GET").field(":test", "ok")).with_its_connection(),
            malformed("the pseudo-field of an answer", at.block("GET").field(":status", "200")),
            trailed(at, "a pseudo-field in trailers", method, flag::END_HEADERS),
            malformed("pseudo-fields after a field", late),
        ],
    )
}

fn connection(at: &Target) -> Section {
    section(
        "http2/8.1.2.2",
        [
            malformed("a field of the connection", at.block("GET").field("connection", "keep-alive")),
            malformed("TE of anything but trailers", at.block("GET").field("te", "trailers, deflate")),
        ],
    )
}

fn missing(at: &Target) -> Section {
    let authority = at.authority.as_str();
    let pseudo = |pairs: &[(&str, &str)]| {
        let block = pairs.iter().fold(Block::new(), |block, (name, value)| block.field(name, value));
        block.field(":authority", authority)
    };
    let (method, scheme, path) = ((":method", "GET"), (":scheme", at.scheme), (":path", at.path));
    section(
        "http2/8.1.2.3",
        [
            malformed("a path of nothing", pseudo(&[method, scheme, (":path", "")])),
            malformed("no method", pseudo(&[scheme, path])),
            malformed("no scheme", pseudo(&[method, path])),
            malformed("no path", pseudo(&[method, scheme])),
            malformed("two methods", at.block("GET").field(":method", "GET")),
            malformed("two schemes", at.block("GET").field(":scheme", at.scheme)),
            malformed("two paths", at.block("GET").field(":path", at.path)),
        ],
    )
}

fn lengths(at: &Target) -> Section {
    let one = || Frame::headers(1, flag::END_HEADERS, at.block("POST").field("content-length", "1"));
    let wrong = Must::Reset(1, code::PROTOCOL_ERROR);
    section(
        "http2/8.1.2.6",
        [
            case("a length that DATA does not have")
                .say([one(), Frame::data(1, flag::END_STREAM, b"test")])
                .must(wrong.clone()),
            case("a length that two frames of DATA do not have")
                .say([one(), Frame::data(1, 0, b"test"), Frame::data(1, flag::END_STREAM, b"test")])
                .must(wrong),
        ],
    )
}

fn push(at: &Target) -> Section {
    let promise = [&[0, 0, 0, 3][..], &Vec::from(at.block("GET"))].concat();
    let promise = Frame::new(kind::PUSH_PROMISE, flag::END_HEADERS, 1, promise);
    section("http2/8.2", [case("PUSH_PROMISE by a client").say([promise]).must(Must::GoAway(code::PROTOCOL_ERROR))])
}
