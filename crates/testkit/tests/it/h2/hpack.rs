//! Blocks that cannot be decoded (RFC 7541).

use acquit_testkit::frames::{Block, code};

use super::{
    Target,
    case::{Case, Must, Section, case, section},
};

pub(super) fn sections(at: &Target) -> Vec<Section> {
    let after = |about, bytes: &[u8]| wrong(about, at.block("GET").raw(bytes));
    let value = |about, value: &[u8]| wrong(about, at.block("GET").raw(b"\x00\x06x-test").raw(value));
    vec![
        section(
            "hpack/2.3.3",
            [
                after("a field of an index that no table has", b"\xc6"),
                after("a name of an index that no table has", b"\x7f\x07\x00"),
            ],
        ),
        section("hpack/4.2", [after("another size of the dynamic table at the end of a block", b"\x21")]),
        // "custom-value" of RFC 7541, C.4.3, with 8 bits more; "a", whose 5 bits are 00011; and 32 bits of 1, in which EOS is.
        section(
            "hpack/5.2",
            [
                value("Huffman code with more than 7 bits of padding", b"\x8a\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf\xff"),
                value("Huffman code padded with zeros", b"\x81\x18"),
                value("Huffman code with EOS in it", b"\x84\xff\xff\xff\xff"),
            ],
        ),
        section("hpack/6.1", [after("a field of index 0", b"\x80")]),
        section(
            "hpack/6.3",
            [wrong(
                "a greater dynamic table than the server has",
                // 4097, with a prefix of five bits.
                Block::new().raw(b"\x3f\xe2\x1f").raw(&Vec::from(at.block("GET"))),
            )],
        ),
    ]
}

/// The connection ends: from here on nobody knows what the dynamic table holds.
fn wrong(about: &'static str, block: Block) -> Case {
    case(about).say([Target::asks(1, block)]).must(Must::GoAway(code::COMPRESSION_ERROR)).under_another_code()
}
