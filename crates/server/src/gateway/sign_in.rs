//! Signing in to a route: the answer to who is not signed in there, and `/.acquit/sign_in` on both hosts.

use acquit_core::{
    Timestamp,
    participant::{Channels, Participant, Protocol},
};
use acquit_gateway::{
    identity::Identity,
    origin::Origin,
    program::{self, Presented},
};
use acquit_oidc::response::add_query;
use acquit_store::session::SessionView;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    CALLBACK, SIGN_IN,
    host::RouteHost,
    person, redirect,
    trip::{RouteCode, RouteTrip},
    visitor,
};
use crate::{
    App,
    account::signed_out,
    browser::Browser,
    door::DoorError,
    flow::Flow,
    form::Query,
    provenance::{self, Load, only_top_level},
    random::{self, NoRandomness},
    respond,
};

/// Where a script finds the page to send its person to.
const WHERE: HeaderName = HeaderName::from_static("x-acquit-sign-in");

/// Answers who is not signed in at a route: a navigation goes to the sign-in and comes back to `path` (which has its query);
/// whatever else asks, a script, a program, a WebSocket, is told so by 401.
#[must_use]
pub fn answer(app: &App, origin: &Origin, method: &Method, path: &str, headers: &HeaderMap) -> Response {
    if is_navigation(method, headers) {
        return leave(app, origin, path, headers).unwrap_or_else(DoorError::page_on_route);
    }
    not_signed_in(origin, headers)
}

/// Tells a script, a program or a WebSocket that nobody is signed in, and where its person could.
pub(super) fn not_signed_in(origin: &Origin, headers: &HeaderMap) -> Response {
    // RFC 6750 section 3.
    let (words, challenge) = if is_program(headers) {
        ("this program's token is none of this host's, or its session is over\n", "Bearer error=\"invalid_token\"")
    } else {
        ("you are not signed in here\n", "Bearer")
    };
    let mut response = (StatusCode::UNAUTHORIZED, words).into_response();
    let page = HeaderValue::from_str(&format!("{origin}{SIGN_IN}"));
    let challenge = HeaderValue::from_static(challenge);
    let no_store = HeaderValue::from_static("no-store");
    let headers = response.headers_mut();
    headers.extend(page.map(|page| (WHERE, page)));
    headers.insert(header::WWW_AUTHENTICATE, challenge);
    headers.insert(header::CACHE_CONTROL, no_store);
    response
}

fn is_program(headers: &HeaderMap) -> bool {
    program::presented(headers) != Presented::Nothing
}

/// Whether a person navigates the top-level page, as far as the request says.
#[must_use]
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wants_page = text("sec-fetch-mode") == "navigate" || text("accept").contains("text/html");
    (method == Method::GET || method == Method::HEAD)
        && provenance::load(headers) == Load::TopLevel
        && wants_page
        && !is_program(headers)
        && !headers.contains_key(header::UPGRADE)
        // Proxies that only ask about a WebSocket leave the header before out.
        && !headers.contains_key(header::SEC_WEBSOCKET_KEY)
        && !text("x-requested-with").eq_ignore_ascii_case("XMLHttpRequest")
}

fn leave(app: &App, origin: &Origin, path: &str, headers: &HeaderMap) -> Result<Response, DoorError> {
    let (secret, fresh) = visitor::secret(headers, origin, visitor::browser_cookie(origin))?;
    let trip = RouteTrip::begin(origin, path, visitor::tag(app, origin, &secret), app.clock.now());
    let parameters = [("route", origin.to_string()), ("state", trip.seal(app)?)];
    let url = add_query(&format!("{}{SIGN_IN}", app.issuer()), &parameters);
    let location = HeaderValue::from_str(&url).map_err(|error| DoorError::Internal(error.to_string()))?;
    let no_store = HeaderValue::from_static("no-store");
    let mut response =
        (StatusCode::FOUND, [(header::LOCATION, location), (header::CACHE_CONTROL, no_store)]).into_response();
    if let Some(cookie) = fresh {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET /.acquit/sign_in` on the host of a route: to the sign-in, and back to `redirect_uri` (also `pomerium_redirect_uri`) if that
/// is of this host. Whoever is signed in is there at once.
pub async fn begin(
    State(app): State<App>,
    RouteHost(origin): RouteHost,
    headers: HeaderMap,
    Query(query): Query,
) -> Result<Response, RouteError> {
    only_top_level(&headers)?;
    let path = redirect::wanted(&query).and_then(|wanted| redirect::path_at(&origin, wanted));
    Ok(leave(&app, &origin, path.as_deref().unwrap_or("/"), &headers)?)
}

/// `GET /.acquit/sign_in` on Acquit's own host: whoever is signed in goes back to the route with a code, others sign in first.
pub async fn show(State(app): State<App>, headers: HeaderMap, Query(query): Query) -> Result<Response, DoorError> {
    only_top_level(&headers)?;
    let trip = match query.get("flow") {
        Some(sealed) => match Flow::open(&app, sealed)? {
            Flow::Route(trip) => *trip,
            _ => return Err(DoorError::Expired),
        },
        None => {
            let trip = RouteTrip::open(&app, query.require("state")?)?;
            if query.require("route")? != trip.route() {
                return Err(DoorError::parameter("route", "is not the one that the state is of"));
            }
            trip
        }
    };
    let origin = trip.origin(&app).ok_or(DoorError::NotFound)?;
    let browser = Browser::look_up(&app, &headers).await?;
    if browser.leaving.is_some() {
        return signed_out::nobody(&app, &browser).await;
    }
    let joined = match &browser.session {
        Some(view) => join(&app, view, &origin).await?,
        None => None,
    };
    let Some(identity) = joined else {
        let flow = Flow::Route(Box::new(trip)).seal(&app)?;
        return Ok(respond::see_other(&format!("/sign-in?continue={flow}")));
    };
    // Who does not fit into a cookie learns it here, and not after a trip that comes to nothing.
    visitor::let_in(&app, &origin, &identity)?;
    let state = trip.seal(&app)?;
    let code = RouteCode::seal(&app, identity, &origin, &state)?;
    let back = add_query(&format!("{origin}{CALLBACK}"), &[("code", code), ("state", state)]);
    Ok(respond::see_other(&back))
}

/// Makes the route's host a participant of a session; none when the session ended meanwhile. Nothing of it leaves before that is
/// written.
async fn join(app: &App, view: &SessionView, origin: &Origin) -> Result<Option<Identity>, DoorError> {
    let lifetimes = app.settings().lifetimes.session();
    let joined = app.store.join_gateway(participant(view, origin, app.clock.now())?, lifetimes).await?;
    Ok(joined.is_ok().then(|| person::identity(&app.clients, lifetimes, view)))
}

/// The host of a route as a participant of a session that joins now.
///
/// # Errors
/// [`NoRandomness`].
pub(super) fn participant(view: &SessionView, origin: &Origin, now: Timestamp) -> Result<Participant, NoRandomness> {
    Ok(Participant {
        session: view.session.id.clone(),
        app: origin.app(),
        protocol: Protocol::Gateway,
        client_id: origin.authority().to_owned(),
        subject: view.user.id.to_string(),
        sid: random::secret_at(now)?,
        joined_at: now,
        channels: Channels { tell_on_expiry: true, ..Channels::default() },
        name_id: None,
        not_on_or_after: None,
    })
}

/// An error on the host of a route.
pub struct RouteError(DoorError);

impl<E: Into<DoorError>> From<E> for RouteError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for RouteError {
    fn into_response(self) -> Response {
        self.0.page_on_route()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn only_what_a_person_navigates_is_sent_to_a_sign_in() {
        let page = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("accept", "text/html")];
        assert!(is_navigation(&Method::GET, &headers(&page)));
        assert!(is_navigation(&Method::HEAD, &headers(&page)));
        assert!(is_navigation(&Method::GET, &headers(&[("accept", "text/html,*/*;q=0.8")])), "an old browser");
        assert!(!is_navigation(&Method::POST, &headers(&page)));
        for more in [
            &[][..],
            &[("accept", "*/*")],
            &[("accept", "application/grpc")],
            &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
            &[("accept", "text/html"), ("upgrade", "websocket")],
            &[("accept", "text/html"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
            &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
            &[("accept", "text/html"), ("sec-purpose", "prefetch")],
        ] {
            assert!(!is_navigation(&Method::GET, &headers(more)), "{more:?}");
        }
    }
}
