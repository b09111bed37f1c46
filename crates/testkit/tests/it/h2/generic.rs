//! What every server must accept: the suite `generic`.

use acquit_testkit::frames::{Block, Frame, PREFACE, code, flag, kind, setting};

use super::{
    Target,
    case::{Case, Must, PONG, Section, case, padded, ping, section},
};

/// Fields that RFC 7541 spells out in its examples (C.4.3), with Huffman code.
const KEY_BY_HUFFMAN: &[u8] = b"\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f";
const VALUE_BY_HUFFMAN: &[u8] = b"\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf";
/// The same without.
const KEY: &[u8] = b"\x0acustom-key";
const VALUE: &[u8] = b"\x0ccustom-value";
/// What the app says of it.
const TOLD: &str = "custom-key: custom-value\n";
/// The same for the value under a name of the static table.
const AGENT: &str = "user-agent: custom-value\n";

pub(super) fn sections(at: &Target) -> Vec<Section> {
    let mut sections = vec![streams(at).0, streams(at).1];
    sections.extend(definitions(at));
    sections.extend([messages(at), compression(at)]);
    sections
}

fn streams(at: &Target) -> (Section, Section) {
    let shut = || Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 0)]);
    let preface = [PREFACE, &Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535)]).bytes()].concat();
    let start = case("the preface of a client").without_greeting().raw(preface).must(Must::Greeting);
    let second = [
        case("PRIORITY where no stream is").say([Frame::priority(1, 0, false, 255), ping()]).must(PONG),
        case("WINDOW_UPDATE on a stream whose request is whole")
            .say([shut(), at.get(1), Frame::window_update(1, 1)])
            .must(Must::Data(1, 1)),
        case("PRIORITY on a stream whose request is whole")
            .say([shut(), at.get(1), Frame::priority(1, 0, false, 255), Frame::window_update(1, 1)])
            .must(Must::Data(1, 1)),
        case("RST_STREAM on a stream whose request is whole")
            .say([at.get(1), Frame::reset(1, code::CANCEL), ping()])
            .must(PONG),
        case("PRIORITY on a stream that is closed")
            .say([at.get(1)])
            .wait(Must::Ended(1))
            .say([Frame::priority(1, 0, false, 255), ping()])
            .must(PONG),
    ];
    (section("generic/1", [start]), section("generic/2", second))
}

fn definitions(at: &Target) -> Vec<Section> {
    let whole = flag::END_HEADERS | flag::END_STREAM;
    let block = || -> Vec<u8> { at.block("GET").into() };
    let (first, rest) = (block()[..5].to_vec(), block()[5..].to_vec());
    let (second, third) = (rest[..5].to_vec(), rest[5..].to_vec());
    let prioritised = [&[0, 0, 0, 0, 255][..], &block()].concat();
    let weighed = |about, frame| case(about).say([frame, at.get(1)]).must(Must::Answer(1));
    let all = [
        (setting::HEADER_TABLE_SIZE, 4096),
        (setting::ENABLE_PUSH, 1),
        (setting::MAX_CONCURRENT_STREAMS, 100),
        (setting::INITIAL_WINDOW_SIZE, 65_535),
        (setting::MAX_FRAME_SIZE, 16_384),
        (setting::MAX_HEADER_LIST_SIZE, 100),
    ];
    vec![
        section(
            "generic/3.1",
            [
                posts(at, "DATA", [Frame::data(1, flag::END_STREAM, b"test")], "POST of 4 bytes"),
                posts(
                    at,
                    "DATA in two frames",
                    [Frame::data(1, 0, b"test"), Frame::data(1, flag::END_STREAM, b"test")],
                    "POST of 8 bytes",
                ),
                posts(
                    at,
                    "DATA with padding",
                    [Frame::data(1, flag::END_STREAM | flag::PADDED, &padded(5, *b"test", 5))],
                    "POST of 4 bytes",
                ),
            ],
        ),
        section(
            "generic/3.2",
            [
                case("HEADERS").say([at.get(1)]).must(Must::Answer(1)),
                case("HEADERS with padding")
                    .say([Frame::headers(1, whole | flag::PADDED, padded(8, block(), 8))])
                    .must(Must::Answer(1)),
                case("HEADERS with a priority")
                    .say([Frame::headers(1, whole | flag::PRIORITY, prioritised)])
                    .must(Must::Answer(1)),
            ],
        ),
        section(
            "generic/3.3",
            [
                weighed("PRIORITY of the least weight", Frame::priority(1, 0, false, 0)),
                weighed("PRIORITY of the greatest weight", Frame::priority(1, 0, false, 255)),
                weighed("PRIORITY that depends on another stream", Frame::priority(3, 1, false, 0)),
                weighed("PRIORITY that wants to be alone", Frame::priority(1, 0, true, 0)),
                weighed("PRIORITY for a higher stream than the next one", Frame::priority(3, 0, false, 255)),
            ],
        ),
        section(
            "generic/3.4",
            [case("RST_STREAM").say([at.post(1), Frame::reset(1, code::CANCEL), ping()]).must(PONG)],
        ),
        section("generic/3.5", [case("SETTINGS").say([Frame::settings(&all)]).must(Must::Acknowledged)]),
        section("generic/3.7", [case("PING").say([ping()]).must(PONG)]),
        section("generic/3.8", [case("GOAWAY").say([Frame::goaway(0, code::NO_ERROR), ping()]).must(PONG)]),
        section(
            "generic/3.9",
            [
                case("WINDOW_UPDATE of the connection").say([Frame::window_update(0, 1), ping()]).must(PONG),
                case("WINDOW_UPDATE of a stream").say([at.get(1), Frame::window_update(1, 1)]).must(Must::Answer(1)),
            ],
        ),
        section(
            "generic/3.10",
            [
                case("CONTINUATION")
                    .say([
                        Frame::headers(1, flag::END_STREAM, first.clone()),
                        Frame::continuation(1, flag::END_HEADERS, rest),
                    ])
                    .must(Must::Answer(1)),
                case("CONTINUATION twice")
                    .say([
                        Frame::headers(1, flag::END_STREAM, first),
                        Frame::continuation(1, 0, second),
                        Frame::continuation(1, flag::END_HEADERS, third),
                    ])
                    .must(Must::Answer(1)),
            ],
        ),
    ]
}

/// A request with a body of these frames, which arrives.
fn posts<const N: usize>(at: &Target, about: &'static str, body: [Frame; N], told: &'static str) -> Case {
    let body: Vec<u8> = body.iter().flat_map(Frame::bytes).collect();
    case(about).say([at.post(1)]).raw(body).must(Must::Told(1, told))
}

fn messages(at: &Target) -> Section {
    let trailers = Block::new().field("x-test", "ok");
    let announced = at.block("POST").field("trailer", "x-test");
    section(
        "generic/4",
        [
            case("GET").say([at.get(1)]).must(Must::Told(1, "GET of 0 bytes")),
            case("HEAD").say([Target::asks(1, at.block("HEAD"))]).must(Must::Answer(1)),
            posts(at, "POST", [Frame::data(1, flag::END_STREAM, b"test")], "POST of 4 bytes"),
            case("POST with trailers")
                .say([
                    Frame::headers(1, flag::END_HEADERS, announced),
                    Frame::data(1, 0, b"test"),
                    Frame::new(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, trailers),
                ])
                .must(Must::Told(1, "x-test: ok\n")),
        ],
    )
}

fn compression(at: &Target) -> Section {
    // A first octet and an index, where the name is one of the static table (user-agent is 58); a name by itself otherwise.
    let field = |about, first: &[u8], name: &[u8], value: &[u8], told| {
        let block = at.block("GET").raw(first).raw(name).raw(value);
        case(about).say([Target::asks(1, block)]).must(Must::Told(1, told))
    };
    let remembered = at.block("GET").raw(b"\x40").raw(KEY).raw(VALUE);
    let sized = |bytes: &[u8]| Target::asks(1, Block::new().raw(bytes).raw(&Vec::from(at.block("GET"))));
    section(
        "generic/5",
        [
            case("a field that the dynamic table has")
                .say([Target::asks(1, remembered)])
                .wait(Must::Ended(1))
                .say([Target::asks(3, at.block("GET").raw(b"\xbe"))])
                .must(Must::Told(3, TOLD)),
            field("a field to remember, its name by index", b"\x7a", b"", VALUE, AGENT),
            field("a field to remember, its name by index, with Huffman code", b"\x7a", b"", VALUE_BY_HUFFMAN, AGENT),
            field("a field to remember under a new name", b"\x40", KEY, VALUE, TOLD),
            field(
                "a field to remember under a new name, with Huffman code",
                b"\x40",
                KEY_BY_HUFFMAN,
                VALUE_BY_HUFFMAN,
                TOLD,
            ),
            field("a field that is not remembered, its name by index", b"\x0f\x2b", b"", VALUE, AGENT),
            field(
                "a field that is not remembered, its name by index, with Huffman code",
                b"\x0f\x2b",
                b"",
                VALUE_BY_HUFFMAN,
                AGENT,
            ),
            field("a field that is not remembered under a new name", b"\x00", KEY, VALUE, TOLD),
            field(
                "a field that is not remembered under a new name, with Huffman code",
                b"\x00",
                KEY_BY_HUFFMAN,
                VALUE_BY_HUFFMAN,
                TOLD,
            ),
            field("a field never to be remembered, its name by index", b"\x1f\x2b", b"", VALUE, AGENT),
            field(
                "a field never to be remembered, its name by index, with Huffman code",
                b"\x1f\x2b",
                b"",
                VALUE_BY_HUFFMAN,
                AGENT,
            ),
            field("a field never to be remembered under a new name", b"\x10", KEY, VALUE, TOLD),
            field(
                "a field never to be remembered under a new name, with Huffman code",
                b"\x10",
                KEY_BY_HUFFMAN,
                VALUE_BY_HUFFMAN,
                TOLD,
            ),
            case("another size of the dynamic table").say([sized(b"\x3f\x61")]).must(Must::Answer(1)),
            case("two sizes of the dynamic table, one after the other")
                .say([sized(b"\x3f\x61\x3f\xe1\x1f")])
                .must(Must::Answer(1)),
        ],
    )
}
