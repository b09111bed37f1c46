//! `/sign-in`: a local user proves who they are, and a session begins.

use acquit_core::{
    SessionId, UserId,
    event::{Facts, Kind},
    plan::{By, Scope, Tell},
};
use acquit_store::{
    event::Event,
    session::{BeginRefusal, NewSession},
    user::User,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    App,
    account::signing_out,
    browser::Browser,
    cookies::Name,
    door::DoorError,
    flow::Flow,
    form::{Address, Form, Query},
    logout::{Order, finish, log_out},
    pages::{
        FormTargets, Moment,
        sign_in::{Notice, Problem, SignIn},
    },
    random, respond,
    saml::chain::{self, End},
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
        Flow::Account => String::new(),
    };
    form(&app, &mut browser, &flow, username, None, StatusCode::OK)
}

/// `POST /sign-in`: a try, or the choice to go on as whoever is signed in.
pub async fn submit(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(form_data): Form,
) -> Result<Response, DoorError> {
    let mut browser = Browser::look_up(&app, &headers).await?;
    let flow = Flow::open(&app, form_data.get("continue").unwrap_or_default())?;
    let username = form_data.get("username").unwrap_or_default().to_owned();
    match browser.check_form(&app, &headers, FORM, form_data.get("csrf").unwrap_or_default()) {
        Ok(()) => {}
        // The cookie is gone or the session changed in another tab: show the form again, bound to what is there now.
        Err(DoorError::Expired) => {
            return form(&app, &mut browser, &flow, username, Some(Problem::FormExpired), StatusCode::BAD_REQUEST);
        }
        Err(error) => return Err(error),
    }
    if form_data.get("account") == Some("current") {
        return go_on_as_current(&app, &browser, flow);
    }
    if let Err(refusal) = app.limits().try_password(&username, &address) {
        let problem = Problem::TooManyTries { again_at: Moment(refusal.again_at) };
        return form(&app, &mut browser, &flow, username, Some(problem), StatusCode::TOO_MANY_REQUESTS);
    }
    let password = form_data.get("password").unwrap_or_default();
    let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok());
    let user = match authenticate(&app, &username, password).await? {
        Ok(user) => user,
        Err(refused) => {
            log_refusal(&app, refused, address, agent).await;
            let problem = Problem::WrongNameOrPassword;
            return form(&app, &mut browser, &flow, username, Some(problem), StatusCode::UNAUTHORIZED);
        }
    };
    begin(&app, &browser, &flow, user, address, agent).await
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

/// As much of a browser's name as is kept.
fn shortened(agent: Option<&str>) -> Option<String> {
    agent.map(|agent| agent.chars().take(256).collect())
}

/// Begins a session, or renews the one of the same user in this browser; another user's ends first, by a logout.
async fn begin(
    app: &App,
    browser: &Browser,
    flow: &Flow,
    user: User,
    address: String,
    agent: Option<&str>,
) -> Result<Response, DoorError> {
    let now = app.clock.now();
    let handle = random::secret_at(now)?;
    let onward = flow.onward(app)?;
    let mut frames = Vec::new();
    // Of the session that this browser leaves: which applications it must visit before.
    let mut way = None;
    if let Some(view) = &browser.leaving {
        // The browser is about to lose the cookie by which this session could be told to end.
        let done = finish(app, &view.session).await?;
        frames.extend(done.frames(&view.session.id).cloned());
        way = done.hops(&view.session.id).next().map(|step| (view.session.id.clone(), step.logout.clone()));
    }
    if let Some(view) = &browser.session {
        if view.user.id == user.id {
            let lifetimes = app.settings().lifetimes.session();
            if app.store.reauthenticate(&view.session.id, &random::hash(&handle), now, lifetimes).await? {
                let response = respond::see_other(&onward);
                return Ok(respond::with_cookie(response, app.cookies.set(Name::Session, &handle)));
            }
        } else {
            let order = Order {
                scope: Scope::Session(view.session.id.clone()),
                by: By::User,
                party: None,
                reason: Some("somebody else signed in in this browser".to_owned()),
                tell: Tell::Everyone,
                ip: Some(address.clone()),
                browser: Some(view.session.id.clone()),
                named: Vec::new(),
            };
            let done = log_out(app, order).await?;
            frames.extend(done.frames(&view.session.id).cloned());
            way = done.hops(&view.session.id).next().map(|step| (view.session.id.clone(), step.logout.clone()));
        }
    }
    if let Some(view) = &browser.former {
        frames.extend(signing_out::left_behind(app, &view.session.id).await?);
        let (more, logout) = chain::left_behind(app, &view.session.id).await?;
        frames.extend(more);
        way = logout.map(|logout| (view.session.id.clone(), logout));
    }
    let id = SessionId::from_random(random::id_at(now)?);
    let new = NewSession {
        id: id.clone(),
        handle_hash: random::hash(&handle),
        user: user.id.clone(),
        user_epoch: user.epoch,
        now,
        ip: Some(address),
        user_agent: shortened(agent),
    };
    match app.store.begin_session(new).await? {
        Ok(_) => {}
        Err(BeginRefusal::Overtaken | BeginRefusal::Disabled | BeginRefusal::UnknownUser) => {
            return Err(DoorError::Forbidden(
                "this account was signed out or closed a moment ago; please sign in again",
            ));
        }
    }
    log_beginning(&user.id);
    let response = match way {
        Some((left, logout)) => {
            let end = End::Url { url: onward, name: None };
            chain::travel(app, (&left, Some(id)), &logout, frames, true, Vec::new(), end).await?
        }
        None if frames.is_empty() => respond::see_other(&onward),
        None => signing_out::page(app, &frames, onward, None).await?,
    };
    Ok(respond::with_cookie(response, app.cookies.set(Name::Session, &handle)))
}

fn log_beginning(user: &UserId) {
    tracing::info!(%user, "a session began");
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
    flow: &Flow,
    username: String,
    problem: Option<Problem>,
    status: StatusCode,
) -> Result<Response, DoorError> {
    let csrf = browser.form_token(app, FORM)?;
    let signed_in = browser.session.as_ref().map(|view| view.user.username.clone());
    let (application, targets, again) = match flow {
        Flow::Authorize(pending) => (Some(pending.application.clone()), FormTargets::Any, pending.reprompt),
        Flow::Saml(pending) => (Some(pending.application.clone()), FormTargets::Any, pending.reprompt),
        Flow::Account => (None, FormTargets::Own, false),
    };
    let view = SignIn {
        csrf,
        continue_with: flow.seal(app)?,
        application,
        username,
        problem,
        notice: (again && signed_in.is_some()).then_some(Notice::AgainPlease),
        current: signed_in.filter(|_| !again),
        connections: Vec::new(),
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
