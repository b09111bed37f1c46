//! Frames as such, their sizes, and the blocks of fields in them (RFC 9113, section 4).

use acquit_testkit::frames::{Block, Frame, code, flag, kind};

use super::{
    Target,
    case::{Must, PING, PONG, Section, case, ping, section},
};

/// A type that nobody defined.
pub(super) const UNKNOWN: u8 = 0x16;

pub(super) fn sections(at: &Target) -> Vec<Section> {
    vec![format(), sizes(at), blocks(at)]
}

fn format() -> Section {
    section(
        "http2/4.1",
        [
            case("a frame of a type that nobody defined").say([Frame::new(UNKNOWN, 0, 0, [0; 8]), ping()]).must(PONG),
            case("flags that nobody defined").say([Frame::new(kind::PING, 0x16, 0, PING)]).must(PONG),
            case("the reserved bit before the stream").say([Frame::new(kind::PING, 0, 1 << 31, PING)]).must(PONG),
        ],
    )
}

fn sizes(at: &Target) -> Section {
    let long = |block: Block| (0..40).fold(block, |block, _| block.field("x-long", &"a".repeat(512)));
    section(
        "http2/4.2",
        [
            case("DATA of the greatest size")
                .say([at.post(1), Frame::data(1, flag::END_STREAM, &[b'a'; 1 << 14])])
                .must(Must::Told(1, "POST of 16384 bytes")),
            case("DATA of one byte more")
                .say([at.post(1), Frame::data(1, flag::END_STREAM, &[b'a'; (1 << 14) + 1])])
                .must(Must::GoAway(code::FRAME_SIZE_ERROR)),
            case("HEADERS of more than the greatest size")
                .say([Target::asks(1, long(at.block("GET")))])
                .must(Must::GoAway(code::FRAME_SIZE_ERROR)),
        ],
    )
}

fn blocks(at: &Target) -> Section {
    let open = || Frame::headers(1, 0, at.block("GET"));
    let rest = || Frame::continuation(1, flag::END_HEADERS, Block::new().field("x-test", "ok"));
    section(
        "http2/4.3",
        [
            case("a block that ends within a field")
                .say([Frame::headers(1, flag::END_HEADERS | flag::END_STREAM, [0x40])])
                .must(Must::GoAway(code::COMPRESSION_ERROR))
                .under_another_code(),
            case("PRIORITY within a block")
                .say([open(), Frame::priority(1, 0, false, 255), rest()])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
            case("HEADERS of another stream within a block")
                .say([open(), at.get(3), rest()])
                .must(Must::GoAway(code::PROTOCOL_ERROR)),
        ],
    )
}
