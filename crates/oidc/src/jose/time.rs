//! Times and audiences in claims.

use std::time::Duration;

use acquit_core::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// How far another party's clock may be from ours.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Writes a time as whole seconds (RFC 7519 `NumericDate`).
pub(super) mod seconds {
    use super::*;

    pub(in crate::jose) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_seconds())
    }

    /// A `NumericDate` may have a fraction.
    pub(in crate::jose) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        if let Some(seconds) = number.as_i64() {
            return Ok(Timestamp::from_seconds(seconds));
        }
        match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "in range, and a fraction of a second is dropped")]
            Some(seconds) if seconds.abs() < 1e12 => Ok(Timestamp::from_seconds(seconds as i64)),
            _ => Err(D::Error::custom("not a time")),
        }
    }
}

/// The same for a time that may be absent.
pub(super) mod maybe_seconds {
    use super::*;

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(in crate::jose) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_i64(at.as_seconds()),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::jose) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        seconds::deserialize(deserializer).map(Some)
    }
}

/// `aud`: one text or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(super) fn list(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// For a claim that must not be there at all: true when it is, whatever its value (also `null`).
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}
