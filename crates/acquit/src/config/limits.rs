//! `[limits]`: how often things may be tried, per minute.

use acquit_server::settings::Limits;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{context::Context, path::Path};

/// How often things may be tried, per minute.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSection {
    /// Sign-in attempts for one account.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 10))]
    pub sign_in_per_account: Option<i64>,
    /// Sign-in attempts from one address and, each counted apart, authorization requests that it pushes for clients without a
    /// secret, and error answers that we sign for SAML requests which nobody signed.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 60))]
    pub sign_in_per_address: Option<i64>,
    /// Logout requests from one address without credential, signature, hint or cookie. Others are never refused for their rate.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 300))]
    pub logout_per_address: Option<i64>,
    /// Reads of the System Log, `/api/v1/logs`, with one API token.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 300))]
    pub log_per_token: Option<i64>,
    /// Calls of the broker API with one API key.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 6000))]
    pub broker_per_api_key: Option<i64>,
    /// Sign-ins that `/sso/authorize` begins at one connection.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 1000))]
    pub broker_per_connection: Option<i64>,
    /// Calls of the broker API from one address with an API key, a secret or a code that is not good.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 60))]
    pub broker_failures_per_address: Option<i64>,
}

impl LimitsSection {
    /// The limits to run with.
    pub fn resolve(self, cx: &mut Context<'_>) -> Limits {
        let path = Path::root().key("limits");
        let default = Limits::default();
        let mut limit = |key: &str, written: Option<i64>, default: u32| {
            let Some(written) = written else { return default };
            let fits = u32::try_from(written).ok().filter(|limit| (1..=1_000_000).contains(limit));
            if fits.is_none() {
                cx.error(&path.key(key), format!("{written} is out of range"))
                    .help(format!("`{key}` is a number per minute between 1 and 1000000"));
            }
            fits.unwrap_or(default)
        };
        Limits {
            sign_in_per_account: limit("sign_in_per_account", self.sign_in_per_account, default.sign_in_per_account),
            sign_in_per_address: limit("sign_in_per_address", self.sign_in_per_address, default.sign_in_per_address),
            logout_per_address: limit("logout_per_address", self.logout_per_address, default.logout_per_address),
            log_per_token: limit("log_per_token", self.log_per_token, default.log_per_token),
            broker_per_api_key: limit("broker_per_api_key", self.broker_per_api_key, default.broker_per_api_key),
            broker_per_connection: limit(
                "broker_per_connection",
                self.broker_per_connection,
                default.broker_per_connection,
            ),
            broker_failures_per_address: limit(
                "broker_failures_per_address",
                self.broker_failures_per_address,
                default.broker_failures_per_address,
            ),
        }
    }
}
