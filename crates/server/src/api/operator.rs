//! Who calls the API: an operator's token, as `Authorization: Bearer …` or, as Okta's clients send it, `SSWS …`.

use axum::http::{HeaderMap, header};

use super::problem::Problem;
use crate::{
    App,
    settings::{ApiToken, Scope},
};

/// The operator's token that the request carries, if it has the scope.
///
/// # Errors
/// [`Problem::Unauthorized`] without a known token, [`Problem::Forbidden`] without the scope.
pub fn require(app: &App, headers: &HeaderMap, scope: Scope) -> Result<ApiToken, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or(Problem::Unauthorized)?;
    if values.next().is_some() {
        return Err(Problem::Unauthorized);
    }
    let (scheme, presented) = value.split_once(' ').ok_or(Problem::Unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("ssws") {
        return Err(Problem::Unauthorized);
    }
    // Every token is compared, whichever fits: the time tells nothing.
    let mut found = None;
    let settings = app.settings();
    for token in &settings.api_tokens {
        if token.digest.matches(presented.trim()) {
            found = Some(token);
        }
    }
    let token = found.ok_or(Problem::Unauthorized)?;
    if token.allows(scope) { Ok(token.clone()) } else { Err(Problem::Forbidden(scope.as_str())) }
}
