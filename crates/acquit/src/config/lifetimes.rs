//! `[lifetimes]`: how long things live.

use acquit_server::settings::Lifetimes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    context::Context,
    duration::{DAY, DurationText, MINUTE, SECOND},
    path::Path,
};

/// How long things live.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LifetimesSection {
    /// How long an ID token is good.
    #[schemars(extend("default" = "1h"))]
    pub id_token: Option<DurationText>,
    /// How long an access token is good; it dies with its session anyway.
    #[schemars(extend("default" = "10m"))]
    pub access_token: Option<DurationText>,
    /// How long a refresh token is good; without `offline_access` it dies with its session.
    #[schemars(extend("default" = "30d"))]
    pub refresh_token: Option<DurationText>,
    /// A session that is unused for this long ends, and its applications are told.
    #[schemars(extend("default" = "12h"))]
    pub session_idle: Option<DurationText>,
    /// A session that is this old ends, and its applications are told.
    #[schemars(extend("default" = "7d"))]
    pub session_max: Option<DurationText>,
    /// The longest that a token lives by which a program comes to the gateway's routes (`acquit tokens`). What has ended is
    /// remembered for as long, by every node.
    #[schemars(extend("default" = "7d"))]
    pub program_max: Option<DurationText>,
    /// How long telling an application of a logout is tried.
    #[schemars(extend("default" = "72h"))]
    pub logout_deadline: Option<DurationText>,
    /// The longest that the browser is kept on the signing-out page.
    #[schemars(extend("default" = "5s"))]
    pub sign_out_page: Option<DurationText>,
}

impl LifetimesSection {
    /// The lifetimes to run with.
    pub fn resolve(self, cx: &mut Context<'_>) -> Lifetimes {
        let path = Path::root().key("lifetimes");
        let default = Lifetimes::default();
        let year = DAY * 366;
        let lifetimes = Lifetimes {
            id_token: cx.duration(&path.key("id_token"), self.id_token, default.id_token, SECOND..=DAY),
            access_token: cx.duration(&path.key("access_token"), self.access_token, default.access_token, SECOND..=DAY),
            refresh_token: cx.duration(
                &path.key("refresh_token"),
                self.refresh_token,
                default.refresh_token,
                SECOND..=year,
            ),
            session_idle: cx.duration(
                &path.key("session_idle"),
                self.session_idle,
                default.session_idle,
                SECOND..=year,
            ),
            session_max: cx.duration(&path.key("session_max"), self.session_max, default.session_max, SECOND..=year),
            program_max: cx.duration(&path.key("program_max"), self.program_max, default.program_max, SECOND..=year),
            logout_deadline: cx.duration(
                &path.key("logout_deadline"),
                self.logout_deadline,
                default.logout_deadline,
                MINUTE..=DAY * 30,
            ),
            sign_out_page: cx.duration(
                &path.key("sign_out_page"),
                self.sign_out_page,
                default.sign_out_page,
                SECOND..=SECOND * 30,
            ),
        };
        let idle = path.key("session_idle");
        if lifetimes.session_idle > lifetimes.session_max && cx.is_written(&idle) {
            cx.warning(&idle, "`session_idle` is longer than `session_max`, so no session ever ends idle");
        }
        lifetimes
    }
}
