//! The `after` of the log: a place and the times between which to read, so that a link says all by itself. Numbers only;
//! it opens nothing, so it is not sealed.

use acquit_core::Timestamp;
use acquit_store::event::Place;

/// Where a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Polling, in the order of writing.
    Written {
        /// Not those of an earlier time.
        since: Timestamp,
        /// The number of the last event that was read.
        after: i64,
    },
    /// A range of times.
    Timed {
        /// Not those of an earlier time.
        since: Timestamp,
        /// Not those of this time or a later one.
        until: Timestamp,
        /// The newest first.
        descending: bool,
        /// The last event that was read.
        after: Place,
    },
}

impl Cursor {
    /// Its text.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Written { since, after } => format!("w.{}.{after}", since.as_micros()),
            Self::Timed { since, until, descending, after } => format!(
                "{}.{}.{}.{}.{}",
                if descending { 'd' } else { 'a' },
                since.as_micros(),
                until.as_micros(),
                after.at.as_micros(),
                after.seq
            ),
        }
    }

    /// The cursor of this text; none when we never wrote it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, numbers) = text.split_once('.')?;
        let numbers: Vec<i64> = numbers.split('.').take(5).map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let time = Timestamp::from_micros;
        let cursor = match (kind, &numbers[..]) {
            ("w", [since, after]) => Self::Written { since: time(*since), after: *after },
            ("a" | "d", [since, until, at, seq]) => Self::Timed {
                since: time(*since),
                until: time(*until),
                descending: kind == "d",
                after: Place { at: time(*at), seq: *seq },
            },
            _ => return None,
        };
        // One spelling each: `+1` and `01` are not ours.
        (cursor.to_text() == text).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_no_other_text_is_one() {
        let time = Timestamp::from_micros;
        let written = Cursor::Written { since: time(-5), after: 7 };
        let timed = |descending| Cursor::Timed {
            since: time(1),
            until: time(i64::MAX),
            descending,
            after: Place { at: time(3), seq: i64::MIN },
        };
        for cursor in [written, timed(true), timed(false)] {
            assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }
        for text in [
            "",
            "w",
            "w.",
            "w.1",
            "w.1.2.3",
            "w.1.+2",
            "w.01.2",
            "x.1.2",
            "a.1.2.3",
            "a.1.2.3.4.5.6.7",
            "w.1.99999999999999999999",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), numbers in "[wad](\\.-?[0-9]{1,20}){0,6}") {
            let _ = Cursor::parse(&text);
            let _ = Cursor::parse(&numbers);
        }
    }
}
