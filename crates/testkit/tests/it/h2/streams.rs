//! What state a stream is in, and what may be said there (RFC 9113, section 5).

use acquit_testkit::frames::{Block, Frame, code, flag, setting};

use super::{
    Target,
    case::{Case, Must, PONG, Section, case, ping, section},
    framing::UNKNOWN,
};

/// How many streams a connection may have open.
const MOST: u32 = 100;

pub(super) fn sections(at: &Target) -> Vec<Section> {
    vec![states(at), identifiers(at), concurrency(at), dependencies(at), connection_errors(), extensions(at)]
}

fn more(stream: u32) -> Frame {
    Frame::continuation(stream, flag::END_HEADERS, Block::new().field("x-test", "ok"))
}

fn states(at: &Target) -> Section {
    let data = || Frame::data(1, flag::END_STREAM, b"test");
    let cancelled = |about, frame| case(about).say([at.post(1), Frame::reset(1, code::CANCEL), frame]);
    let closed = |about| case(about).say([at.get(1)]).wait(Must::Ended(1));
    section(
        "http2/5.1",
        [
            case("DATA where no stream is").say([data()]).must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("RST_STREAM where no stream is")
                .say([Frame::reset(1, code::CANCEL)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("WINDOW_UPDATE where no stream is")
                .say([Frame::window_update(1, 100)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("CONTINUATION where no stream is").say([more(1)]).must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("DATA after the request's end")
                .say([at.hold(1), data()])
                .must(Must::Reset(1, code::STREAM_CLOSED))
                .with_its_connection(),
            case("HEADERS after the request's end")
                .say([at.hold(1), at.hold(1)])
                .must(Must::Reset(1, code::STREAM_CLOSED))
                .with_its_connection(),
            case("CONTINUATION after the request's end")
                .say([at.hold(1), more(1)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            cancelled("DATA after our RST_STREAM", data()).must(Must::Reset(1, code::STREAM_CLOSED)),
            cancelled("HEADERS after our RST_STREAM", at.get(1))
                .must(Must::Reset(1, code::STREAM_CLOSED))
                .with_its_connection(),
            cancelled("CONTINUATION after our RST_STREAM", more(1)).must(Must::GoAway(code::PROTOCOL_ERROR)),
            closed("DATA on a stream that is closed").say([data()]).must(Must::Reset(1, code::STREAM_CLOSED)),
            closed("HEADERS on a stream that is closed")
                .say([at.get(1)])
                .must(Must::GoAway(code::STREAM_CLOSED))
                .under_another_code(),
            closed("CONTINUATION on a stream that is closed").say([more(1)]).must(Must::GoAway(code::PROTOCOL_ERROR)),
        ],
    )
}

fn identifiers(at: &Target) -> Section {
    section(
        "http2/5.1.1",
        [
            case("a stream of an even number").say([at.get(2)]).must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("a stream of a lower number than the last")
                .say([at.hold(5), at.hold(3)])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
        ],
    )
}

fn concurrency(at: &Target) -> Section {
    let streams = |count: u32| (0..count).map(|index| at.hold(2 * index + 1));
    let said: Vec<u8> = streams(MOST + 1).flat_map(|frame| frame.bytes()).collect();
    let case: Case = case("one stream more than there may be at a time")
        .say([Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 0)])])
        .wait(Must::Acknowledged)
        .raw(said)
        .must(Must::Reset(2 * MOST + 1, code::REFUSED_STREAM));
    section("http2/5.1.2", [case])
}

fn dependencies(at: &Target) -> Section {
    let itself = [&[0, 0, 0, 1, 255][..], &Vec::from(at.block("GET"))].concat();
    section(
        "http2/5.3.1",
        [
            case("HEADERS of a stream that depends on itself")
                .say([Frame::headers(1, flag::END_HEADERS | flag::END_STREAM | flag::PRIORITY, itself)])
                .must(Must::Reset(1, code::PROTOCOL_ERROR)),
            case("PRIORITY of a stream that depends on itself")
                .say([Frame::priority(1, 1, false, 255)])
                .must(Must::Reset(1, code::PROTOCOL_ERROR)),
        ],
    )
}

fn connection_errors() -> Section {
    let wrong = |about| case(about).say([Frame { stream: 3, ..ping() }]).must(Must::GoAway(code::PROTOCOL_ERROR));
    section(
        "http2/5.4.1",
        [
            wrong("the connection is closed after an error of it"),
            wrong("the error is named before the connection is closed"),
        ],
    )
}

fn extensions(at: &Target) -> Section {
    let unknown = || Frame::new(UNKNOWN, 0, 0, [0; 8]);
    section(
        "http2/5.5",
        [
            case("a frame of an extension").say([unknown(), ping()]).must(PONG),
            case("a frame of an extension within a block")
                .say([Frame::headers(1, flag::END_STREAM, at.block("GET")), unknown()])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
        ],
    )
}
