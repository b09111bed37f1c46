//! `/account`: a person's own sessions, and the end of any or all of them.

use acquit_core::{
    SessionId,
    plan::{By, Scope, Tell},
};
use acquit_store::session::{SessionFilter, SessionState, SessionView};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

use crate::{
    App,
    account::{sign_out, signed_out},
    browser::Browser,
    door::DoorError,
    form::{Address, Form, Query},
    logout::{Order, log_out},
    pages::{
        Moment,
        account::{Account, Done, SessionEntry},
        device,
    },
    provenance::{self, Load},
    respond,
};

const FORM: &str = "account";
/// The most sessions that the page lists; the button for all ends the others too.
const SHOWN: u32 = 100;

/// `GET /account`: the sessions of whoever is signed in here.
pub async fn show(State(app): State<App>, headers: HeaderMap, Query(query): Query) -> Result<Response, DoorError> {
    if provenance::load(&headers) == Load::Embedded {
        return Err(DoorError::Forbidden("this page is not shown in a frame"));
    }
    let mut browser = Browser::look_up(&app, &headers).await?;
    let csrf = browser.form_token(&app, FORM)?;
    let Some(view) = &browser.session else { return Ok(respond::see_other("/sign-in")) };
    let filter = SessionFilter { user: Some(view.user.id.clone()), state: SessionState::Live, app: None };
    let mut sessions = app.store.sessions(&filter, None, SHOWN).await?.data;
    sessions.retain(|other| app.is_live(other, app.clock.now()));
    sessions.sort_by_key(|other| other.session.id != view.session.id);
    let done = match (query.get("ended"), query.get("key")) {
        (Some(logout), Some(key)) => super::receipt::load(&app, logout, key)
            .await
            .ok()
            .map(|_| Done { device: "That session".to_owned(), receipt: Some(format!("/logouts/{logout}?key={key}")) }),
        _ => None,
    };
    let page = Account {
        username: view.user.label().to_owned(),
        email: view.user.email.clone(),
        csrf,
        targets: sign_out::targets(&app, &view.session.id).await?,
        sessions: sessions.iter().map(|other| entry(&app, other, &view.session.id)).collect(),
        done,
    };
    Ok(respond::page(StatusCode::OK, &page))
}

fn entry(app: &App, view: &SessionView, here: &SessionId) -> SessionEntry {
    SessionEntry {
        id: view.session.id.to_string(),
        this_browser: view.session.id == *here,
        device: match (view.session.until, &view.user_agent) {
            (Some(_), Some(program)) => format!("The program {program}"),
            (_, agent) => device::in_words(agent.as_deref().unwrap_or_default()),
        },
        address: view.ip.clone(),
        since: Moment(view.session.began_at),
        last_used: Moment(view.session.last_seen_at),
        apps: view.participants.iter().map(|joined| app.clients.name(&joined.app)).collect(),
    }
}

/// `POST /account/sign-out`: ends one session (`session=ses_…`) or all of them (`scope=user`).
pub async fn end(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<Response, DoorError> {
    let browser = Browser::look_up(&app, &headers).await?;
    if browser.former.is_some() || browser.leaving.is_some() {
        // The button pressed twice, or once more after an error: only its own browser is told how it stands.
        return signed_out::nobody(&app, &browser).await;
    }
    browser.check_form(&app, &headers, FORM, form.get("csrf").unwrap_or_default())?;
    let Some(view) = &browser.session else { return Ok(respond::see_other("/sign-in")) };
    let here = view.session.id.clone();
    let scope = match (form.get("session"), form.get("scope")) {
        (Some(session), None) => {
            let session = SessionId::parse(session).map_err(|_| DoorError::NotFound)?;
            // Somebody else's session does not exist for this person.
            let theirs = app.store.session(&session).await?.is_some_and(|other| other.user.id == view.user.id);
            if !theirs {
                return Err(DoorError::NotFound);
            }
            Scope::Session(session)
        }
        (None, Some("user")) => Scope::User(view.user.id.clone()),
        _ => return Err(DoorError::parameter("session", "name one session, or all by `scope=user`")),
    };
    let ends_here = match &scope {
        Scope::Session(session) => *session == here,
        Scope::Sessions(sessions) => sessions.contains(&here),
        Scope::User(_) => true,
    };
    let order = Order {
        scope,
        by: By::User,
        party: None,
        reason: None,
        tell: Tell::Everyone,
        ip: Some(address),
        browser: Some(here.clone()),
        named: Vec::new(),
    };
    let done = log_out(&app, order).await?;
    if ends_here {
        return sign_out::leave(&app, &here, &done, None, None).await;
    }
    Ok(respond::see_other(&format!("/account?ended={}&key={}", done.logout, done.receipt_key)))
}

/// `GET /`: to one's own sessions.
pub async fn home() -> Response {
    respond::see_other("/account")
}
