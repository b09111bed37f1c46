//! Where the frames of a WebSocket end (RFC 6455 section 5.2): just enough to put one of ours between two of the app's.

use aws_lc_rs::rand;

/// Follows a direction of a WebSocket by its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    place: Place,
    closed: bool,
}

/// Where in a frame the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before a frame.
    #[default]
    Border,
    /// Before the byte with the mask's bit and the short length.
    Length,
    /// In the long length: how many bytes are to come, the value so far, whether a mask follows.
    LongLength { left: u8, value: u64, masked: bool },
    /// In the mask or the payload: how many bytes are to come.
    Rest(u64),
}

impl Place {
    fn rest(length: u64, masked: bool) -> Self {
        match length.saturating_add(if masked { 4 } else { 0 }) {
            0 => Self::Border,
            rest => Self::Rest(rest),
        }
    }
}

impl Frames {
    /// Whether the next byte begins a frame.
    pub(super) fn at_border(self) -> bool {
        self.place == Place::Border
    }

    /// Whether a close frame has begun: nothing may follow it.
    pub(super) fn closed(self) -> bool {
        self.closed
    }

    /// These bytes go by.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// How many of these bytes belong to the frame that has begun, if it ends in them.
    pub(super) fn to_border(mut self, bytes: &[u8]) -> Option<usize> {
        let mut passed = 0;
        while !self.at_border() {
            let rest = bytes.get(passed..).filter(|rest| !rest.is_empty())?;
            passed += self.step(rest);
        }
        Some(passed)
    }

    /// Takes at least one byte, and none of a following frame; how many.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let Some(&byte) = bytes.first() else { return 0 };
        self.place = match self.place {
            Place::Border => {
                self.closed |= byte & 0x0f == 8;
                Place::Length
            }
            Place::Length => {
                let masked = byte & 0x80 != 0;
                match byte & 0x7f {
                    126 => Place::LongLength { left: 2, value: 0, masked },
                    127 => Place::LongLength { left: 8, value: 0, masked },
                    length => Place::rest(u64::from(length), masked),
                }
            }
            Place::LongLength { left, value, masked } => {
                let value = value << 8 | u64::from(byte);
                if left == 1 { Place::rest(value, masked) } else { Place::LongLength { left: left - 1, value, masked } }
            }
            Place::Rest(left) => {
                let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.place = Place::rest(left - taken as u64, false);
                return taken;
            }
        };
        1
    }
}

/// A close frame of a server, with its code and a reason of at most 123 bytes (RFC 6455 section 5.5.1).
#[must_use]
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let length = u8::try_from(reason.len() + 2).unwrap_or(125).min(125);
    let mut frame = vec![0x88, length];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(&reason.as_bytes()[..usize::from(length) - 2]);
    frame
}

/// A text frame of a server, of at most 125 bytes.
#[must_use]
pub fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.floor_char_boundary(125)).unwrap_or_default();
    let mut frame = vec![0x81, length];
    frame.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
    frame
}

/// The same short frame as a client sends it, under a key of its own (RFC 6455 section 5.3).
pub(super) fn masked(frame: &[u8]) -> Vec<u8> {
    let mut key = [0; 4];
    // It is to keep a script from choosing what goes over the wire, and nothing here is chosen by one.
    let _ = rand::fill(&mut key);
    let (head, payload) = frame.split_at(2);
    let mut masked = vec![head[0], head[1] | 0x80];
    masked.extend_from_slice(&key);
    masked.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, length: usize, masked: bool, long: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 if !long => frame.push(mask | u8::try_from(length).unwrap()),
            0..=65535 => {
                frame.push(mask | 126);
                frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend(std::iter::repeat_n(0x88, length + if masked { 4 } else { 0 }));
        frame
    }

    proptest! {
        #[test]
        fn borders_are_found_however_the_bytes_come(
            shapes in prop::collection::vec((prop::sample::select(vec![0u8, 1, 2, 9, 10]), 0usize..300, any::<bool>(), any::<bool>()), 1..8),
            big in 65_530usize..70_000,
            cuts in prop::collection::vec(1usize..200, 1..20),
        ) {
            let mut frames: Vec<Vec<u8>> = shapes.into_iter().map(|(op, len, mask, long)| frame(op, len, mask, long)).collect();
            frames.push(frame(2, big, false, false));
            let bytes = frames.concat();
            let borders: Vec<usize> = frames.iter().scan(0, |at, frame| { *at += frame.len(); Some(*at) }).collect();
            let (mut state, mut at) = (Frames::default(), 0);
            for cut in cuts.iter().cycle() {
                let expected = borders.iter().find(|border| **border >= at).filter(|_| at > 0 && !borders.contains(&at));
                prop_assert_eq!(state.at_border(), at == 0 || borders.contains(&at));
                prop_assert_eq!(state.to_border(&bytes[at..]), Some(expected.map_or(0, |border| border - at)));
                if let Some(border) = expected {
                    prop_assert_eq!(state.to_border(&bytes[at..border - 1]), None);
                }
                if at == bytes.len() { break; }
                let next = bytes.len().min(at + cut);
                state.advance(&bytes[at..next]);
                at = next;
            }
            prop_assert!(!state.closed());
        }
    }

    #[test]
    fn a_close_frame_is_noticed_and_one_in_a_payload_is_none() {
        let mut state = Frames::default();
        state.advance(&frame(1, 10, false, false));
        assert!(!state.closed());
        state.advance(&frame(8, 2, false, false)[..1]);
        assert!(state.closed());
    }

    #[test]
    fn a_length_beyond_all_bounds_never_ends() {
        let mut state = Frames::default();
        state.advance(&[0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3]);
        assert_eq!(state.to_border(&[0; 1000]), None);
    }

    #[test]
    fn our_close_frame_says_why() {
        assert_eq!(close(1008, "signed out"), b"\x88\x0c\x03\xf0signed out");
        assert_eq!(close(1008, &"x".repeat(500)).len(), 2 + 125);
        let masked = masked(&close(1001, ""));
        let (head, rest) = masked.split_at(2);
        assert_eq!((head, rest[0] ^ rest[4], rest[1] ^ rest[5], rest.len()), (&b"\x88\x82"[..], 0x03, 0xe9, 6));
    }
}
