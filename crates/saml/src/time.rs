//! `xs:dateTime` as SAML narrows it: UTC (Core section 1.3.3).

use acquit_core::time::Timestamp;

use crate::Error;

/// Reads a time; an offset is applied, a missing one means UTC, as the specification has it.
pub(crate) fn read(text: &str, what: &'static str) -> Result<Timestamp, Error> {
    let text = text.trim();
    // Nothing that parsers of other notations would take: no space, no names of zones, no lower case.
    if text.len() > 40
        || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b':' | b'.' | b'T' | b'Z'))
    {
        return Err(Error::Invalid(what));
    }
    let time = text.split_once('T').map_or("", |(_, time)| time);
    let utc = if time.contains(['Z', '+', '-']) { text.to_owned() } else { format!("{text}Z") };
    let at: jiff::Timestamp = utc.parse().map_err(|_| Error::Invalid(what))?;
    Ok(Timestamp::from_micros(at.as_microsecond()))
}

/// Writes a time, with milliseconds: the finest that peers need to understand.
pub(crate) fn write(at: Timestamp) -> String {
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_fractions_and_zone() {
        let at = Timestamp::from_seconds(1_795_241_256);
        for text in
            ["2026-11-21T06:07:36Z", "2026-11-21T06:07:36.000Z", " 2026-11-21T06:07:36 ", "2026-11-21T08:07:36+02:00"]
        {
            assert_eq!(read(text, "t").unwrap(), at, "{text}");
        }
        assert_eq!(read(&write(at), "t").unwrap(), at);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "now", "2026-11-21", "2026-11-21 06:07:36Z", "2026-13-21T06:07:36Z", "2026-11-21T06:07:36Z[UTC]", "T"]
        {
            assert_eq!(read(text, "t"), Err(Error::Invalid("t")), "{text}");
        }
    }
}
