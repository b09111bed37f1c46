//! `[log]`: the log of what happened, as `/api/v1/logs` shows it.

use acquit_server::settings::Log;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    context::Context,
    duration::{DAY, DurationText},
    path::Path,
};

/// The log of what happened.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// How long an event is kept.
    #[schemars(extend("default" = "90d"))]
    pub retention: Option<DurationText>,
}

impl LogSection {
    /// The log to run with.
    pub fn resolve(self, cx: &mut Context<'_>) -> Log {
        let path = Path::root().key("log").key("retention");
        Log { retention: cx.duration(&path, self.retention, Log::default().retention, DAY..=DAY * 3660) }
    }
}
