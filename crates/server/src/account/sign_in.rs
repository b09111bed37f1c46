//! `/sign-in`: a local user proves who they are, and a session begins.

use acquit_core::{
    UserId,
    event::{Facts, Kind},
};
use acquit_store::{event::Event, user::User};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

use super::begin::{Beginning, begin, begin_and_return, shortened};
use super::with;
use crate::{
    App,
    browser::Browser,
    door::DoorError,
    flow::Flow,
    form::{Address, Form, Query},
    pages::{
        FormTargets, Moment,
        sign_in::{Notice, Problem, SignIn},
    },
    respond,
    settings::Secret,
};

const FORM: &str = "sign-in";
/// The longest username that is looked up, in bytes.
const MAX_USERNAME: usize = 256;

/// `GET /sign-in`: the form. Changes nothing.
pub async fn show(State(app): State<App>, headers: HeaderMap, Query(query): Query) -> Result<Response, DoorError> {
    let mut browser = Browser::look_up(&app, &headers).await?;
    let flow = match query.get("continue") {
        Some(sealed) => Flow::open(&app, sealed)?,
        None => Flow::Account,
    };
    if let (Flow::Account, Some(_)) = (&flow, &browser.session) {
        return Ok(respond::see_other("/account"));
    }
    let username = match &flow {
        Flow::Authorize(pending) => pending.request.login_hint.clone().unwrap_or_default(),
        Flow::Saml(pending) => pending.login_hint.clone().unwrap_or_default(),
        Flow::Broker(_) | Flow::Route(_) | Flow::Account => String::new(),
    };
    form(&app, &mut browser, (&flow, query.get("continue")), username, None, StatusCode::OK)
}

/// `POST /sign-in`: a try, or the choice to go on as whoever is signed in.
pub async fn submit(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(form_data): Form,
) -> Result<Response, DoorError> {
    let mut browser = Browser::look_up(&app, &headers).await?;
    let sealed = form_data.get("continue").unwrap_or_default();
    let flow = Flow::open(&app, sealed)?;
    let username = form_data.get("username").unwrap_or_default().to_owned();
    match browser.check_form(&app, &headers, FORM, form_data.get("csrf").unwrap_or_default()) {
        Ok(()) => {}
        // The cookie is gone or the session changed in another tab: show the form again, bound to what is there now.
        Err(DoorError::Expired) => {
            return form(
                &app,
                &mut browser,
                (&flow, Some(sealed)),
                username,
                Some(Problem::FormExpired),
                StatusCode::BAD_REQUEST,
            );
        }
        Err(error) => return Err(error),
    }
    if form_data.get("account") == Some("current") {
        return go_on_as_current(&app, &browser, flow);
    }
    if let Err(refusal) = app.limits().try_password(&username, &address) {
        let problem = Problem::TooManyTries { again_at: Moment(refusal.again_at) };
        return form(&app, &mut browser, (&flow, Some(sealed)), username, Some(problem), StatusCode::TOO_MANY_REQUESTS);
    }
    let password = form_data.get("password").unwrap_or_default();
    let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok());
    let user = match authenticate(&app, &username, password).await? {
        Ok(user) => user,
        Err(refused) => {
            log_refusal(&app, refused, address, agent).await;
            let problem = Problem::WrongNameOrPassword;
            return form(&app, &mut browser, (&flow, Some(sealed)), username, Some(problem), StatusCode::UNAUTHORIZED);
        }
    };
    if let Flow::Authorize(pending) = &flow
        && let Some(response) = begin_and_return(&app, &browser, &user, (&address, agent), pending).await?
    {
        return Ok(response);
    }
    let beginning = Beginning { user, upstream: None, left: None, address, agent, onward: flow.onward(&app)? };
    begin(&app, &browser, beginning).await
}

/// Why nobody is signed in, for the log alone: the person reads the same words in each case.
struct Refused {
    /// Whose name it was, if anybody's.
    user: Option<UserId>,
    /// As Okta's log has it.
    reason: &'static str,
}

/// The user, if the password is theirs and they are not kept out. An unknown name costs as much time as a known one.
async fn authenticate(app: &App, username: &str, password: &str) -> Result<Result<User, Refused>, DoorError> {
    let user = if username.len() <= MAX_USERNAME { app.store.user_by_username(username).await? } else { None };
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = app
        .passwords
        .verify(Secret::new(password), hash.as_deref())
        .await
        .map_err(|error| DoorError::Internal(error.to_string()))?;
    Ok(match user {
        Some(user) if right && !user.disabled => Ok(user),
        Some(user) if right => Err(Refused { user: Some(user.id), reason: "USER_DISABLED" }),
        Some(user) => Err(Refused { user: Some(user.id), reason: "INVALID_CREDENTIALS" }),
        None => Err(Refused { user: None, reason: "INVALID_CREDENTIALS" }),
    })
}

/// Logs that a sign-in was refused. Only tries that the limits let through come here, so the log grows no faster than
/// they allow. A name that is nobody's is not kept: people type their passwords there.
async fn log_refusal(app: &App, refused: Refused, address: String, agent: Option<&str>) {
    tracing::info!(ip = %address, "a sign-in failed");
    let event = Event {
        user: refused.user,
        ip: Some(address),
        facts: Facts { user_agent: shortened(agent), reason: Some(refused.reason.to_owned()), ..Facts::NONE },
        ..Event::new(Kind::SignInFailed, app.clock.now())
    };
    if let Err(error) = app.store.append_event(event).await {
        // It failed in any case; that must not depend on the log.
        tracing::warn!(%error, "a sign-in that failed is missing in the event log");
    }
}

/// `prompt=select_account`: the person goes on as whoever is signed in.
fn go_on_as_current(app: &App, browser: &Browser, flow: Flow) -> Result<Response, DoorError> {
    match (flow, &browser.session) {
        (Flow::Authorize(mut pending), Some(view)) if !pending.reprompt => {
            pending.account_selected_in = Some(view.session.id.clone());
            Ok(respond::see_other(&Flow::Authorize(pending).onward(app)?))
        }
        _ => Err(DoorError::Expired),
    }
}

fn form(
    app: &App,
    browser: &mut Browser,
    (flow, sealed): (&Flow, Option<&str>),
    username: String,
    problem: Option<Problem>,
    status: StatusCode,
) -> Result<Response, DoorError> {
    let csrf = browser.form_token(app, FORM)?;
    let signed_in = browser.session.as_ref().map(|view| view.user.label().to_owned());
    let (application, targets, again) = match flow {
        Flow::Authorize(pending) => (Some(pending.application.clone()), FormTargets::Any, pending.reprompt),
        Flow::Saml(pending) => (Some(pending.application.clone()), FormTargets::Any, pending.reprompt),
        // The app behind the route may redirect anywhere.
        Flow::Route(trip) => (Some(trip.label(app)), FormTargets::Any, false),
        Flow::Broker(_) | Flow::Account => (None, FormTargets::Own, false),
    };
    // What waits is as good as it came; somebody who only wants to sign in has their time from now on.
    let sealed = match sealed {
        Some(sealed) if !matches!(flow, Flow::Account) => sealed.to_owned(),
        _ => flow.seal(app)?,
    };
    let connections = with::links(app, flow, &username, &sealed);
    let view = SignIn {
        csrf,
        continue_with: sealed,
        application,
        username,
        problem,
        notice: (again && signed_in.is_some()).then_some(Notice::AgainPlease),
        current: signed_in.filter(|_| !again),
        connections,
        targets,
    };
    let mut response = respond::page(status, &view);
    if let Some(cookie) = browser.fresh_cookie(app) {
        response.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
    }
    // FedCM's login status: whoever sees this form is not signed in here.
    if browser.session.is_none() {
        response.headers_mut().insert("set-login", HeaderValue::from_static("logged-out"));
    }
    Ok(response.into_response())
}
