//! `GET /api/v1/logs`: the System Log, on Okta's wire (`Authorization: SSWS …` or `Bearer …`, LogEvent, its filter, its
//! links and its errors). The event log itself is the store's; this is a translation, and changes nothing.

pub mod cursor;
pub mod event_type;
pub mod filter;
pub mod keywords;
pub mod log_event;
pub mod read;
pub mod request;
pub mod trouble;
pub mod user_agent;

use acquit_oidc::params::Params;
use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::operator::require;
use crate::{App, settings::Scope};
use request::Wanted;
use trouble::Trouble;

/// Where it is.
pub const PATH: &str = "/api/v1/logs";

/// The parameters that it knows.
const KNOWN: [&str; 7] = ["since", "until", "sortOrder", "after", "filter", "q", "limit"];

/// `GET /api/v1/logs?since=&until=&filter=&q=&sortOrder=&limit=&after=`.
///
/// # Errors
/// [`Trouble`], in Okta's shape.
pub async fn list(State(app): State<App>, headers: HeaderMap, RawQuery(query): RawQuery) -> Result<Response, Trouble> {
    let token = require(&app, &headers, Scope::Read)?;
    app.limits().try_log(&token.name).map_err(|refusal| Trouble::TooMany(refusal.again_at))?;
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let wanted = Wanted::read(&params, app.clock.now())?;
    let page = read::page(&app, &wanted).await?;
    let mut response = Json(page.events).into_response();
    let mut link = |params: &Params, relation: &str| {
        let url = format!("{}{PATH}?{}", app.issuer(), params.encode());
        let link = format!("<{}>; rel=\"{relation}\"", url.trim_end_matches('?'));
        // The issuer is checked and the query encoded, so it always is a header's value.
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().append(header::LINK, link);
        }
    };
    let known = params.iter().filter(|(name, _)| KNOWN.contains(name));
    link(&Params::from_pairs(known)?, "self");
    if let Some(next) = page.next {
        // What the cursor says need not be said again.
        let kept = params.iter().filter(|(name, _)| ["filter", "q", "limit"].contains(name));
        let after = next.to_text();
        link(&Params::from_pairs(kept.chain([("after", after.as_str())]))?, "next");
    }
    Ok(response)
}
