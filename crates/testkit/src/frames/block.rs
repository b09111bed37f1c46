//! Header blocks by hand (RFC 7541): literals that no table remembers and no Huffman code shortens, and whatever else a test
//! writes as bytes.

/// Names in HPACK's static table (RFC 7541, appendix A).
const NAMES: [(&str, u8); 3] = [(":authority", 1), (":path", 4), (":method", 2)];

/// A header block in the making.
#[derive(Clone, Debug, Default)]
pub struct Block(Vec<u8>);

impl Block {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The pseudo-fields of a request, in their usual order.
    #[must_use]
    pub fn request(method: &str, scheme: &str, authority: &str, path: &str) -> Self {
        Self::new()
            .field(":method", method)
            .field(":scheme", scheme)
            .field(":path", path)
            .field(":authority", authority)
    }

    /// And this field, as a literal without indexing (RFC 7541, 6.2.2).
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, index)) => self.0.push(*index),
            None => {
                self.0.push(0);
                self.text(name);
            }
        }
        self.text(value);
        self
    }

    /// And these bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A string without Huffman code: its length with a prefix of seven bits (RFC 7541, 5.1 and 5.2).
    fn text(&mut self, text: &str) {
        match text.len().checked_sub(0x7f) {
            None => self.0.extend(u8::try_from(text.len())),
            Some(mut rest) => {
                self.0.push(0x7f);
                while rest >= 0x80 {
                    self.0.push((rest & 0x7f) as u8 | 0x80);
                    rest >>= 7;
                }
                self.0.extend(u8::try_from(rest));
            }
        }
        self.0.extend_from_slice(text.as_bytes());
    }
}

impl From<Block> for Vec<u8> {
    fn from(block: Block) -> Self {
        block.0
    }
}
