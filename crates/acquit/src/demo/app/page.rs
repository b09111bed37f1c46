//! The pages of a sample application. The main one shows whether its own session lives, and goes on showing it: its
//! script asks for the part that changes, and without scripts the page renews itself.

use acquit_core::Timestamp;
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{
    App,
    sessions::{How, Session},
};
use crate::demo::kind::{Kind, Told};

const STYLE: &str = include_str!("app.css");
const SCRIPT: &str = include_str!("app.js");
const ICON: &str = include_str!("icon.svg");

/// The whole page around its part that changes.
#[derive(Template)]
#[template(path = "demo/page.html")]
struct Page<'a> {
    kind: Kind,
    provider: &'a str,
    neighbours: &'a [(String, String)],
    body: Body<'a>,
}

enum Body<'a> {
    /// What [`state`] renews.
    State(Box<StateView>),
    /// The person is back from signing out, with what the provider says of it, if it does.
    Goodbye(Option<&'a str>),
    /// Something went wrong.
    Error(&'a str),
}

/// Whether the session lives, and what the application shows then.
#[derive(Template)]
#[template(path = "demo/state.html")]
struct StateView {
    kind: Kind,
    session: Option<Session>,
    /// Whether its back channel is switched on, where it has a switch.
    switch: Option<bool>,
}

impl StateView {
    fn of(app: &App, headers: &HeaderMap) -> Self {
        let session = app.read_cookie(headers, "session").and_then(|handle| app.memory().sessions.get(&handle));
        Self { kind: app.kind, session, switch: app.switch.as_ref().map(super::Switch::is_on) }
    }

    /// The session, while it lives.
    fn live(&self) -> Option<&Session> {
        self.session.as_ref().filter(|session| session.ended.is_none())
    }

    /// When and how it ended.
    fn ended(&self) -> Option<(Timestamp, How)> {
        self.session.as_ref()?.ended
    }

    /// The time of day, in UTC.
    fn clock(&self, at: &Timestamp) -> String {
        at.to_string().get(11..19).unwrap_or_default().to_owned()
    }

    fn told(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.told)
    }
}

/// `GET /`.
pub(super) async fn home(State(app): State<App>, headers: HeaderMap) -> Response {
    let body = Body::State(Box::new(StateView::of(&app, &headers)));
    let (provider, neighbours) = (app.issuer.as_str(), app.neighbours.as_slice());
    // Browsers hold every redirect after a form against the policy, and a sign-out may go on to the provider behind ours.
    let onward = format!("{provider} {}", app.upstream);
    show(StatusCode::OK, &Page { kind: app.kind, provider, neighbours, body }, Some(&onward))
}

/// `GET /state`: the part that changes.
pub(super) async fn state(State(app): State<App>, headers: HeaderMap) -> Response {
    show(StatusCode::OK, &StateView::of(&app, &headers), None)
}

/// The page after a sign-out that came back here. `said` is how the provider says it went.
pub(super) fn goodbye(app: &App, said: Option<&str>) -> Response {
    let (provider, neighbours) = (app.issuer.as_str(), app.neighbours.as_slice());
    show(StatusCode::OK, &Page { kind: app.kind, provider, neighbours, body: Body::Goodbye(said) }, None)
}

/// A page that says what went wrong, whichever application it is.
pub(super) fn error(status: StatusCode, why: &str) -> Response {
    let kind = Kind { id: "error", name: "Demo", told: Told::BackChannel, contents: &[] };
    show(status, &Page { kind, provider: "", neighbours: &[], body: Body::Error(why) }, None)
}

/// Everything else.
pub(in crate::demo) async fn nothing_here() -> Response {
    error(StatusCode::NOT_FOUND, "There is nothing here.")
}

/// `GET /app.css`.
pub(in crate::demo) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// `GET /icon.svg`.
pub(in crate::demo) async fn icon() -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}

/// `GET /app.js`.
pub(super) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT).into_response()
}

/// `onward`: the origins where a form of the page may end after its redirects.
fn show(status: StatusCode, page: &impl Template, onward: Option<&str>) -> Response {
    let Ok(html) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = (status, Html(html)).into_response();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self' {}; \
         frame-ancestors 'none'; base-uri 'none'",
        onward.unwrap_or_default()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
