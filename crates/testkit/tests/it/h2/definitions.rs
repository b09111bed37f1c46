//! Each type of frame (RFC 9113, section 6).

use acquit_testkit::frames::{Block, Frame, code, flag, kind, setting};

use super::{
    Target,
    case::{Must, PONG, Section, case, padded, ping, section},
};

/// The greatest window (RFC 9113, 6.9.1).
const GREATEST: u32 = (1 << 31) - 1;

pub(super) fn sections(at: &Target) -> Vec<Section> {
    vec![
        data(at),
        headers(at),
        priority(at),
        reset(at),
        settings(),
        parameters(),
        synchronization(at),
        pings(),
        goaway(),
        window_update(at),
        windows(at),
        initial_windows(at),
        continuation(at),
    ]
}

fn data(at: &Target) -> Section {
    let four = at.block("POST").field("content-length", "4");
    section(
        "http2/6.1",
        [
            case("DATA on stream 0")
                .say([Frame::data(0, flag::END_STREAM, b"test")])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("DATA on a stream whose request is whole")
                .say([at.hold(1), Frame::data(1, flag::END_STREAM, b"test")])
                .must(Must::Reset(1, code::STREAM_CLOSED))
                .with_its_connection(),
            case("DATA with more padding than there is")
                .say([
                    Frame::headers(1, flag::END_HEADERS, four),
                    Frame::data(1, flag::END_STREAM | flag::PADDED, &padded(6, *b"test", 0)),
                ])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
        ],
    )
}

fn headers(at: &Target) -> Section {
    let open = || Frame::headers(1, 0, at.block("GET"));
    let rest = || Frame::continuation(1, flag::END_HEADERS, Block::new().field("x-test", "ok"));
    let block: Vec<u8> = at.block("GET").into();
    let too_much = u8::try_from(block.len() + 2).unwrap();
    section(
        "http2/6.2",
        [
            case("PRIORITY where a block goes on")
                .say([open(), Frame::priority(1, 0, false, 255), rest()])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("HEADERS of another stream where a block goes on")
                .say([open(), at.get(3), rest()])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("HEADERS on stream 0").say([at.get(0)]).must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("HEADERS with more padding than there is")
                .say([Frame::headers(
                    1,
                    flag::END_HEADERS | flag::END_STREAM | flag::PADDED,
                    padded(too_much, block, 0),
                )])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
        ],
    )
}

fn priority(at: &Target) -> Section {
    section(
        "http2/6.3",
        [
            case("PRIORITY on stream 0")
                .say([Frame::priority(0, 0, false, 255)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("PRIORITY that is not 5 bytes long")
                .say([at.hold(1), Frame::new(kind::PRIORITY, 0, 1, [0x80, 0, 0, 1])])
                .must(Must::Reset(1, code::FRAME_SIZE_ERROR))
                .with_its_connection(),
        ],
    )
}

fn reset(at: &Target) -> Section {
    section(
        "http2/6.4",
        [
            case("RST_STREAM on stream 0")
                .say([Frame::reset(0, code::CANCEL)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("RST_STREAM where no stream is")
                .say([Frame::reset(1, code::CANCEL)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("RST_STREAM that is not 4 bytes long")
                .say([at.hold(1), Frame::new(kind::RST_STREAM, 0, 1, [0; 3])])
                .must(Must::GoAway(code::FRAME_SIZE_ERROR))
                .under_another_code(),
        ],
    )
}

fn settings() -> Section {
    let streams: Vec<u8> = Frame::settings(&[(setting::MAX_CONCURRENT_STREAMS, 100)]).payload;
    section(
        "http2/6.5",
        [
            case("an acknowledgement that carries something")
                .say([Frame::new(kind::SETTINGS, flag::ACK, 0, [0])])
                .must(Must::GoAway(code::FRAME_SIZE_ERROR))
                .under_another_code(),
            case("SETTINGS on a stream")
                .say([Frame::new(kind::SETTINGS, 0, 1, streams)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("SETTINGS that are not a multiple of 6 bytes long")
                .say([Frame::new(kind::SETTINGS, 0, 0, [0, 3, 0])])
                .must(Must::GoAway(code::FRAME_SIZE_ERROR))
                .under_another_code(),
        ],
    )
}

fn parameters() -> Section {
    let wrong =
        |about, name, value, code| case(about).say([Frame::settings(&[(name, value)])]).must(Must::GoAway(code));
    section(
        "http2/6.5.2",
        [
            wrong("ENABLE_PUSH that is neither 0 nor 1", setting::ENABLE_PUSH, 2, code::PROTOCOL_ERROR),
            wrong(
                "INITIAL_WINDOW_SIZE above the greatest",
                setting::INITIAL_WINDOW_SIZE,
                GREATEST + 1,
                code::FLOW_CONTROL_ERROR,
            )
            .under_another_code(),
            wrong("MAX_FRAME_SIZE below the least", setting::MAX_FRAME_SIZE, (1 << 14) - 1, code::PROTOCOL_ERROR),
            wrong("MAX_FRAME_SIZE above the greatest", setting::MAX_FRAME_SIZE, 1 << 24, code::PROTOCOL_ERROR),
            case("a setting that nobody defined").say([Frame::settings(&[(0xff, 1)]), ping()]).must(PONG),
        ],
    )
}

fn synchronization(at: &Target) -> Section {
    let twice = Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 100), (setting::INITIAL_WINDOW_SIZE, 1)]);
    section(
        "http2/6.5.3",
        [
            case("of two values of a setting the last counts")
                .say([twice])
                .wait(Must::Acknowledged)
                .say([at.get(1)])
                .must(Must::Data(1, 1)),
            case("SETTINGS are acknowledged")
                .say([Frame::settings(&[(setting::ENABLE_PUSH, 0)])])
                .must(Must::Acknowledged),
        ],
    )
}

fn pings() -> Section {
    section(
        "http2/6.7",
        [
            case("PING").say([ping()]).must(PONG),
            case("an answer to no PING").say([Frame::new(kind::PING, flag::ACK, 0, *b"nobody's"), ping()]).must(PONG),
            case("PING on a stream").say([Frame { stream: 1, ..ping() }]).must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("PING that is not 8 bytes long")
                .say([Frame::new(kind::PING, 0, 0, [0; 6])])
                .must(Must::GoAway(code::FRAME_SIZE_ERROR))
                .under_another_code(),
        ],
    )
}

fn goaway() -> Section {
    let on_a_stream = Frame { stream: 1, ..Frame::goaway(0, code::NO_ERROR) };
    section("http2/6.8", [case("GOAWAY on a stream").say([on_a_stream]).must(Must::GoAway(code::PROTOCOL_ERROR))])
}

fn window_update(at: &Target) -> Section {
    section(
        "http2/6.9",
        [
            case("WINDOW_UPDATE of the connection by 0")
                .say([Frame::window_update(0, 0)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("WINDOW_UPDATE of a stream by 0")
                .say([at.post(1), Frame::window_update(1, 0)])
                .must(Must::Reset(1, code::PROTOCOL_ERROR))
                .with_its_connection(),
            case("WINDOW_UPDATE that is not 4 bytes long")
                .say([Frame::new(kind::WINDOW_UPDATE, 0, 0, [0, 0, 1])])
                .must(Must::GoAway(code::FRAME_SIZE_ERROR))
                .under_another_code(),
        ],
    )
}

fn windows(at: &Target) -> Section {
    section(
        "http2/6.9.1",
        [
            case("a window of 1 byte")
                .say([Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 1)])])
                .wait(Must::Acknowledged)
                .say([at.get(1)])
                .must(Must::Data(1, 1)),
            case("a window of the connection above the greatest")
                .say([Frame::window_update(0, GREATEST), Frame::window_update(0, GREATEST)])
                .must(Must::GoAway(code::FLOW_CONTROL_ERROR)),
            case("a window of a stream above the greatest")
                .say([at.post(1), Frame::window_update(1, GREATEST), Frame::window_update(1, GREATEST)])
                .must(Must::Reset(1, code::FLOW_CONTROL_ERROR)),
        ],
    )
}

fn initial_windows(at: &Target) -> Section {
    let window = |size| Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, size)]);
    section(
        "http2/6.9.2",
        [
            case("a window that opens after the request")
                .say([window(0)])
                .wait(Must::Acknowledged)
                .say([at.get(1)])
                .wait(Must::Answer(1))
                .say([window(1)])
                .must(Must::Data(1, 1)),
            case("a window that shrinks below nothing and opens again")
                .say([window(3)])
                .wait(Must::Acknowledged)
                .say([at.get(1)])
                .wait(Must::Data(1, 3))
                .say([window(2)])
                .wait(Must::Acknowledged)
                .say([Frame::window_update(1, 2)])
                .must(Must::Data(1, 1)),
            case("a window above the greatest, byte by byte")
                .raw(*b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x80\x00\x00\x00")
                .must(Must::GoAway(code::FLOW_CONTROL_ERROR))
                .under_another_code(),
        ],
    )
}

fn continuation(at: &Target) -> Section {
    let open = |method| Frame::headers(1, if method == "GET" { flag::END_STREAM } else { 0 }, at.block(method));
    let more = |stream, flags| Frame::continuation(stream, flags, Block::new().field("x-test", "ok"));
    let data = || Frame::data(1, flag::END_STREAM, b"test");
    let wrong = Must::GoAway(code::PROTOCOL_ERROR);
    section(
        "http2/6.10",
        [
            case("HEADERS that go on twice")
                .say([open("GET"), more(1, 0), more(1, flag::END_HEADERS)])
                .must(Must::Told(1, "x-test: ok\n")),
            case("DATA where a block goes on").say([open("POST"), more(1, 0), data()]).must(wrong.clone()),
            case("CONTINUATION on stream 0").say([open("GET"), more(0, flag::END_HEADERS)]).must(wrong.clone()),
            case("CONTINUATION after HEADERS that were whole")
                .say([at.hold(1), more(1, flag::END_HEADERS)])
                .must(wrong.clone()),
            case("CONTINUATION after a block that was whole")
                .say([open("POST"), more(1, flag::END_HEADERS), more(1, flag::END_HEADERS)])
                .must(wrong.clone()),
            case("CONTINUATION after DATA")
                .say([open("POST"), data(), more(1, 0), more(0, flag::END_HEADERS)])
                .must(wrong),
        ],
    )
}
