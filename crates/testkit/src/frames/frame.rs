//! Frames as they are on the wire (RFC 9113, sections 4.1 and 6).

/// The length of a frame's head, in bytes.
pub(super) const HEAD: usize = 9;

/// Types of frames (RFC 9113, section 6).
#[expect(missing_docs, reason = "the names of the specification")]
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames. One bit means different things in different types.
#[expect(missing_docs, reason = "the names of the specification")]
pub mod flag {
    pub const END_STREAM: u8 = 0x1;
    pub const ACK: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Error codes (RFC 9113, section 7).
#[expect(missing_docs, reason = "the names of the specification")]
pub mod code {
    pub const NO_ERROR: u32 = 0x0;
    pub const PROTOCOL_ERROR: u32 = 0x1;
    pub const FLOW_CONTROL_ERROR: u32 = 0x3;
    pub const STREAM_CLOSED: u32 = 0x5;
    pub const FRAME_SIZE_ERROR: u32 = 0x6;
    pub const REFUSED_STREAM: u32 = 0x7;
    pub const CANCEL: u32 = 0x8;
    pub const COMPRESSION_ERROR: u32 = 0x9;
    pub const ENHANCE_YOUR_CALM: u32 = 0xb;
}

/// Settings (RFC 9113, 6.5.2; RFC 8441, section 3).
#[expect(missing_docs, reason = "the names of the specification")]
pub mod setting {
    pub const HEADER_TABLE_SIZE: u16 = 0x1;
    pub const ENABLE_PUSH: u16 = 0x2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub const MAX_FRAME_SIZE: u16 = 0x5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 0x6;
    pub const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;
}

/// A frame, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream, with the reserved bit.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame of these parts.
    #[must_use]
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// The length that a head announces, and the frame without its payload.
    pub(super) fn headed(head: [u8; HEAD]) -> (usize, Self) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        (length, Self::new(head[3], head[4], stream, []))
    }

    /// DATA.
    #[must_use]
    pub fn data(stream: u32, flags: u8, bytes: &[u8]) -> Self {
        Self::new(kind::DATA, flags, stream, bytes)
    }

    /// HEADERS.
    #[must_use]
    pub fn headers(stream: u32, flags: u8, block: impl Into<Vec<u8>>) -> Self {
        Self::new(kind::HEADERS, flags, stream, block)
    }

    /// CONTINUATION.
    #[must_use]
    pub fn continuation(stream: u32, flags: u8, block: impl Into<Vec<u8>>) -> Self {
        Self::new(kind::CONTINUATION, flags, stream, block)
    }

    /// PRIORITY, as RFC 7540 has it: on which stream this one depends, alone on it or not, and its weight less one.
    #[must_use]
    pub fn priority(stream: u32, on: u32, exclusive: bool, weight: u8) -> Self {
        Self::new(kind::PRIORITY, 0, stream, priority(on, exclusive, weight))
    }

    /// `RST_STREAM`.
    #[must_use]
    pub fn reset(stream: u32, code: u32) -> Self {
        Self::new(kind::RST_STREAM, 0, stream, code.to_be_bytes())
    }

    /// SETTINGS.
    #[must_use]
    pub fn settings(settings: &[(u16, u32)]) -> Self {
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        Self::new(kind::SETTINGS, 0, 0, payload)
    }

    /// The acknowledgement of SETTINGS.
    #[must_use]
    pub fn settings_ack() -> Self {
        Self::new(kind::SETTINGS, flag::ACK, 0, [])
    }

    /// PING.
    #[must_use]
    pub fn ping(payload: [u8; 8]) -> Self {
        Self::new(kind::PING, 0, 0, payload)
    }

    /// GOAWAY.
    #[must_use]
    pub fn goaway(last: u32, code: u32) -> Self {
        Self::new(kind::GOAWAY, 0, 0, [last.to_be_bytes(), code.to_be_bytes()].concat())
    }

    /// `WINDOW_UPDATE`.
    #[must_use]
    pub fn window_update(stream: u32, by: u32) -> Self {
        Self::new(kind::WINDOW_UPDATE, 0, stream, by.to_be_bytes())
    }

    /// As it goes over the wire.
    ///
    /// # Panics
    /// Its payload is longer than a frame can be.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        assert_eq!(length[0], 0, "a frame's length has 24 bits");
        [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes(), &self.payload].concat()
    }

    /// Whether all of these flags are set.
    #[must_use]
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// The error code of an `RST_STREAM` or a GOAWAY.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        let at = match self.kind {
            kind::RST_STREAM => 0,
            kind::GOAWAY => 4,
            _ => return None,
        };
        Some(u32::from_be_bytes(self.payload.get(at..at + 4)?.try_into().ok()?))
    }

    /// Whether it acknowledges SETTINGS.
    #[must_use]
    pub fn is_settings_ack(&self) -> bool {
        self.kind == kind::SETTINGS && self.has(flag::ACK) && self.payload.is_empty()
    }

    /// Whether it answers a PING with these bytes.
    #[must_use]
    pub fn is_pong(&self, payload: [u8; 8]) -> bool {
        self.kind == kind::PING && self.has(flag::ACK) && self.payload == payload
    }

    /// The settings in a SETTINGS frame.
    #[must_use]
    pub fn settings_inside(&self) -> Vec<(u16, u32)> {
        let one =
            |six: &[u8]| (u16::from_be_bytes([six[0], six[1]]), u32::from_be_bytes([six[2], six[3], six[4], six[5]]));
        self.payload.chunks_exact(6).map(one).collect()
    }

    /// The status in the block of an answer, which encoders write first: by the static table, or as a literal under its name there.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        // A change of the dynamic table's size may come before (RFC 7541, 6.3).
        let begin = self.payload.iter().position(|byte| byte & 0xe0 != 0x20)?;
        let block = Some(&self.payload[begin..]).filter(|_| self.kind == kind::HEADERS)?;
        match block {
            [first @ 0x88..=0x8e, ..] => Some([200, 204, 206, 304, 400, 404, 500][usize::from(first - 0x88)]),
            [0x08 | 0x48, 3, a, b, c, ..] => std::str::from_utf8(&[*a, *b, *c]).ok()?.parse().ok(),
            [0x08 | 0x48, length @ 0x82..=0x83, rest @ ..] => digits(rest.get(..usize::from(length & 0x7f))?),
            _ => None,
        }
    }
}

/// Three digits in Huffman code (RFC 7541, appendix B): 0 to 2 have five bits, 3 to 9 six.
fn digits(bytes: &[u8]) -> Option<u16> {
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)));
    let mut take = |count: usize| bits.by_ref().take(count).fold(0, |number, bit| number << 1 | bit);
    let mut number = 0;
    for _ in 0..3 {
        let short = take(5);
        let digit = if short <= 2 { short } else { (short << 1 | take(1)).checked_sub(0b01_1001)? + 3 };
        number = number * 10 + digit;
    }
    (100..600).contains(&number).then_some(number)
}

/// The five bytes of a priority, for PRIORITY and for HEADERS with that flag.
#[must_use]
pub(crate) fn priority(on: u32, exclusive: bool, weight: u8) -> [u8; 5] {
    let [a, b, c, d] = (on | u32::from(exclusive) << 31).to_be_bytes();
    [a, b, c, d, weight]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_however_it_is_written() {
        let head = |block: &[u8]| Frame::headers(1, flag::END_HEADERS, block).status();
        assert_eq!(head(b"\x8d"), Some(404));
        // RFC 7541, C.5.2 and C.6.2.
        assert_eq!(head(b"\x48\x03307"), Some(307));
        assert_eq!(head(b"\x48\x82\x64\x02"), Some(302));
        assert_eq!(head(b"\x48\x83\x64\x0e\xff"), Some(307));
        assert_eq!(head(b""), None);
    }
}
