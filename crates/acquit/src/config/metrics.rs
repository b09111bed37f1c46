//! `[metrics]`: who may read `/metrics`.

use acquit_server::settings::Metrics;
use schemars::JsonSchema;
use serde::Deserialize;

/// Who may read `/metrics`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricsSection {
    /// Whether anyone who reaches the server may; otherwise it takes an API token with the scope "read".
    #[schemars(extend("default" = false))]
    pub public: Option<bool>,
}

impl MetricsSection {
    /// Who may read them.
    #[must_use]
    pub fn resolve(&self) -> Metrics {
        Metrics { public: self.public.unwrap_or(false) }
    }
}
