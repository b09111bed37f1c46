//! Durations: a number and a unit, as in "5s", "10m", "12h" and "7d".

use std::{borrow::Cow, ops::RangeInclusive, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{context::Context, diagnostic::quoted, path::Path};

/// A duration as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct DurationText(String);

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+[smhd]$" })
    }
}

/// A second.
pub const SECOND: Duration = Duration::from_secs(1);
/// A minute.
pub const MINUTE: Duration = Duration::from_secs(60);
/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Context<'_> {
    /// The duration that `text` stands for when it is within `range`, else `default`.
    pub fn duration(
        &mut self,
        path: &Path,
        text: Option<DurationText>,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(DurationText(text)) = text else { return default };
        let Some(duration) = parse(&text) else {
            self.error(path, format!("{} is no duration", quoted(&text)))
                .help("write a whole number and a unit: \"5s\", \"10m\", \"12h\" or \"7d\"");
            return default;
        };
        if !range.contains(&duration) {
            let (from, to) = (show(*range.start()), show(*range.end()));
            self.error(path, format!("{} is out of range", quoted(&text)))
                .help(format!("`{path}` is between \"{from}\" and \"{to}\""));
            return default;
        }
        duration
    }
}

/// A duration on the command line: a day at most.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn parse_argument(text: &str) -> Result<Duration, String> {
    match parse(text) {
        None => Err("write a whole number and a unit, such as 5s, 10m or 12h".to_owned()),
        Some(duration) if duration > DAY => Err("a day is the longest".to_owned()),
        Some(duration) => Ok(duration),
    }
}

/// The same of an argument that may be longer than a day.
///
/// # Errors
/// What to write instead.
pub fn parse_long(text: &str) -> Result<Duration, String> {
    parse(text).ok_or_else(|| "write a whole number and a unit, such as 10m, 12h or 7d".to_owned())
}

fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.checked_mul(unit).map(Duration::from_secs)
}

/// A duration as it is written, in the largest unit that fits.
#[must_use]
pub fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(24 * 60 * 60) => format!("{}d", seconds / (24 * 60 * 60)),
        _ if seconds.is_multiple_of(60 * 60) => format!("{}h", seconds / (60 * 60)),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in [("5s", 5), ("10m", 600), ("12h", 43_200), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(show(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_command_waits_for_a_day_at_most() {
        assert_eq!(parse_argument("24h"), Ok(DAY));
        for text in ["2d", "18446744073709551615s", "soon", ""] {
            assert!(parse_argument(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "+5s",
            "5ms",
            "5S",
            "1.5h",
            "5é",
            "99999999999999999999d",
            "9999999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
