//! How a connection begins (RFC 9113, 3.4).

use acquit_testkit::frames::{Frame, PREFACE, code, setting};

use super::case::{Must, Section, case, section};

pub(super) fn sections() -> Vec<Section> {
    let good = [PREFACE, &Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535)]).bytes()].concat();
    vec![section(
        "http2/3.5",
        [
            case("the preface of a client").without_greeting().raw(good).must(Must::Greeting),
            case("a preface that is none")
                .without_greeting()
                .raw(*b"NO PREFACE OF HTTP/2 AT ALL\r\n\r\n")
                .must(Must::GoAway(code::PROTOCOL_ERROR))
                .comes(
                    Must::Closed,
                    "what is no preface is taken for HTTP/1.1, which answers 400 and closes; a GOAWAY may be left out here \
                     (RFC 9113, 3.4)",
                ),
        ],
    )]
}
