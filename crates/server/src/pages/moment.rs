//! A time as a page shows it: in UTC and in words, so that no script is needed to read it.

use acquit_core::Timestamp;

/// A time to show. `assets/times.js` turns it into the reader's own zone where scripts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Moment {
    /// For `datetime=`: RFC 3339 in UTC, `2026-11-21T06:07:36.123Z`.
    #[must_use]
    pub fn machine(&self) -> String {
        self.0.to_string()
    }

    /// To the minute: `21 Nov 2026, 06:07 UTC`.
    #[must_use]
    pub fn minute(&self) -> String {
        self.in_words("%-d %b %Y, %H:%M UTC")
    }

    /// To the second, as evidence needs it: `21 Nov 2026, 06:07:36 UTC`.
    #[must_use]
    pub fn second(&self) -> String {
        self.in_words("%-d %b %Y, %H:%M:%S UTC")
    }

    fn in_words(self, format: &str) -> String {
        match jiff::Timestamp::from_microsecond(self.0.as_micros()) {
            Ok(at) => at.strftime(format).to_string(),
            Err(_) => "never".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_the_same_for_people_and_machines() {
        let at = Moment(Timestamp::from_micros(1_795_241_256_123_456));
        assert_eq!(at.machine(), "2026-11-21T06:07:36.123Z");
        assert_eq!(at.minute(), "21 Nov 2026, 06:07 UTC");
        assert_eq!(at.second(), "21 Nov 2026, 06:07:36 UTC");
    }

    #[test]
    fn the_end_of_time_is_never() {
        assert_eq!(Moment(Timestamp::MAX).minute(), "never");
    }
}
