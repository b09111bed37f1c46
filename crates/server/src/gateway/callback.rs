//! `/.acquit/callback` on the host of a route: the browser comes back from the sign-in.

use acquit_gateway::{identity::Identity, origin::Origin, standing::Verdict};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue},
    response::Response,
};

use super::{
    host::RouteHost,
    sign_in::RouteError,
    sign_out,
    trip::{RouteCode, RouteTrip},
    visitor,
};
use crate::{App, door::DoorError, form::Query, provenance::only_top_level, respond};

/// `GET`: takes the code, once, in the browser that began, and lets the person in.
pub async fn show(
    State(app): State<App>,
    RouteHost(origin): RouteHost,
    headers: HeaderMap,
    Query(query): Query,
) -> Result<Response, RouteError> {
    only_top_level(&headers)?;
    let state = query.require("state")?;
    let trip = RouteTrip::open(&app, state)?;
    if !trip.is_of(&origin) {
        return Err(DoorError::Expired.into());
    }
    match take(&app, &origin, &headers, &trip, (query.require("code")?, state)).await {
        Ok((identity, cookie)) => {
            let mut response = respond::with_cookie(respond::see_other(&trip.destination()), cookie);
            begin_clean(&app, &origin, &headers, &identity, &mut response);
            Ok(response)
        }
        // The page loaded again, or come back to: whoever is in already goes on.
        Err(DoorError::Expired) if visitor::signed_in(&app, &origin, &headers).await?.is_some() => {
            Ok(respond::see_other(&trip.destination()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn take(
    app: &App,
    origin: &Origin,
    headers: &HeaderMap,
    trip: &RouteTrip,
    (code, state): (&str, &str),
) -> Result<(Identity, HeaderValue), DoorError> {
    let code = RouteCode::open(app, code, origin, state)?;
    // Used up whoever brings it: one that came to another browser than it was for has been read by others there.
    let is_new = code.take(app).await?;
    // Somebody else's code in this browser would sign its person in as somebody else (RFC 9700 section 4.7).
    if !is_new || !visitor::is_tagged(app, origin, headers, trip.browser()) {
        return Err(DoorError::Expired);
    }
    match visitor::verdict(app, &code.identity).await? {
        Verdict::Good => {
            let cookie = visitor::let_in(app, origin, &code.identity)?;
            Ok((code.identity, cookie))
        }
        Verdict::Over => Err(DoorError::Expired),
        // Described anew since the code was made: going round again could go on for ever.
        Verdict::Changed => {
            Err(DoorError::Forbidden("what is known of you changed at this moment; please open the app again"))
        }
        Verdict::Unsure => Err(DoorError::Unavailable(acquit_store::StoreError::Unavailable(
            "this node does not know what has ended".to_owned(),
        ))),
    }
}

/// A session that ended elsewhere left the app's cookies here: the next one begins without them, whoever's it is.
fn begin_clean(app: &App, origin: &Origin, headers: &HeaderMap, now: &Identity, response: &mut Response) {
    let before = visitor::identity(app, origin, headers);
    if before.as_ref().is_some_and(|before| before.session == now.session) {
        return;
    }
    sign_out::clear_apps_cookies(app, origin, response);
    if before.is_some() {
        sign_out::clear_site_data(app, origin, response);
    }
}
