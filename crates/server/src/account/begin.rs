//! A session begins: for somebody who proved who they are here, or for whom an identity provider vouches.

use acquit_core::{
    ConnectionId, SessionId, Timestamp, UserId,
    plan::{By, Scope, Tell},
};
use acquit_store::{
    session::{BeginRefusal, NewSession, SessionView},
    upstream::{Graves, NewUpstream},
    user::User,
};
use axum::response::Response;

use crate::{
    App,
    account::signing_out,
    browser::Browser,
    cookies::Name,
    door::DoorError,
    flow::Pending,
    logout::{Order, finish, log_out},
    provider::authorize::{self, Arrival},
    random::{self, NoRandomness},
    respond,
    way_out::{self, End},
};

const SIGNED_OUT: &str = "this account was signed out or closed a moment ago; please sign in again";

/// Who signed in, and where the browser goes on.
pub struct Beginning<'a> {
    /// Whose session begins.
    pub user: User,
    /// The sign-in at an identity provider, if it was there.
    pub upstream: Option<NewUpstream>,
    /// The session that the browser had when it left for there.
    pub left: Option<SessionId>,
    /// From which address.
    pub address: String,
    /// With which browser.
    pub agent: Option<&'a str>,
    /// Where the browser goes then.
    pub onward: String,
}

/// As much of a browser's name as is kept.
#[must_use]
pub fn shortened(agent: Option<&str>) -> Option<String> {
    agent.map(|agent| agent.chars().take(256).collect())
}

/// Begins a session, or renews the one of the same user in this browser; another user's ends first, by a logout.
///
/// # Errors
/// [`DoorError`].
pub async fn begin(app: &App, browser: &Browser, beginning: Beginning<'_>) -> Result<Response, DoorError> {
    let Beginning { user, upstream, left, address, agent, onward } = beginning;
    let now = app.clock.now();
    let handle = random::secret_at(now)?;
    let issuer = user.origin.as_ref().map(|origin| origin.issuer.clone()).unwrap_or_default();
    let came_by = upstream.as_ref().map(|upstream| (upstream.connection.clone(), issuer, upstream.graves.clone()));
    let of_user = |view: &&SessionView| view.user.id == user.id;
    if let Some(view) = browser.session.as_ref().filter(of_user) {
        let lifetimes = app.settings().lifetimes.session();
        let (id, handle_hash) = (&view.session.id, random::hash(&handle));
        if app.store.reauthenticate(id, &handle_hash, upstream.clone(), now, lifetimes).await? {
            still_there(app, id, came_by.as_ref()).await?;
            let response = respond::see_other(&onward);
            return Ok(respond::with_cookie(response, app.cookies.set(Name::Session, &handle)));
        }
    }
    if signed_out_since(app, &user, left.as_ref()).await? {
        return Err(DoorError::Forbidden(SIGNED_OUT));
    }
    let mut frames = Vec::new();
    // Of the session that this browser leaves: which applications it must visit before.
    let mut way = None;
    if let Some(view) = &browser.leaving {
        // The browser is about to lose the cookie by which this session could be told to end.
        let done = finish(app, &view.session).await?;
        frames.extend(done.frames(&view.session.id).cloned());
        way = done.hops(&view.session.id).next().map(|step| (view.session.id.clone(), step.logout.clone()));
    }
    if let Some(view) = browser.session.as_ref().filter(|view| !of_user(view)) {
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
    if let Some(view) = &browser.former {
        frames.extend(signing_out::left_behind(app, &view.session.id).await?);
        let (more, logout) = way_out::left_behind(app, &view.session.id).await?;
        frames.extend(more);
        way = logout.map(|logout| (view.session.id.clone(), logout));
    }
    let new = NewSession { upstream, ..new_session(&user, &handle, address, agent, now)? };
    let id = new.id.clone();
    match app.store.begin_session(new).await? {
        Ok(_) => {}
        Err(
            BeginRefusal::Overtaken | BeginRefusal::Disabled | BeginRefusal::UnknownUser | BeginRefusal::EndedUpstream,
        ) => {
            return Err(DoorError::Forbidden(SIGNED_OUT));
        }
    }
    still_there(app, &id, came_by.as_ref()).await?;
    log_beginning(&user.id);
    let response = match way {
        Some((left, logout)) => {
            let end = End::Url { url: onward, name: None };
            way_out::travel(app, (&left, Some(id)), &logout, frames, true, Vec::new(), end).await?
        }
        None if frames.is_empty() => respond::see_other(&onward),
        None => signing_out::page(app, &frames, onward, None).await?,
    };
    Ok(respond::with_cookie(response, app.cookies.set(Name::Session, &handle)))
}

/// Begins a session for somebody whom an application sent and of whom nothing more is to be asked, and gives the application its
/// code in the same commit. None where there is more to do, before or after; then nothing was written, and [`begin`] does it.
///
/// # Errors
/// [`DoorError`].
pub async fn begin_and_return(
    app: &App,
    browser: &Browser,
    user: &User,
    (address, agent): (&str, Option<&str>),
    pending: &Pending,
) -> Result<Option<Response>, DoorError> {
    if browser.session.is_some() || browser.leaving.is_some() || browser.former.is_some() {
        return Ok(None);
    }
    let now = app.clock.now();
    let handle = random::secret_at(now)?;
    let new = new_session(user, &handle, address.to_owned(), agent, now)?;
    let view = SessionView {
        session: new.session(user.epoch),
        user: user.clone(),
        ip: new.ip.clone(),
        user_agent: new.user_agent.clone(),
        participants: Vec::new(),
    };
    let Some(Arrival { code, response }) = authorize::arrive(app, &view, pending).await? else { return Ok(None) };
    if app.store.begin_session_with_code(new, code).await?.is_err() {
        return Err(DoorError::Forbidden(SIGNED_OUT));
    }
    log_beginning(&user.id);
    Ok(Some(respond::with_cookie(response, app.cookies.set(Name::Session, &handle))))
}

/// A browser's session, by its own sign-in here.
fn new_session(
    user: &User,
    handle: &str,
    address: String,
    agent: Option<&str>,
    now: Timestamp,
) -> Result<NewSession, NoRandomness> {
    Ok(NewSession {
        id: SessionId::from_random(random::id_at(now)?),
        handle_hash: random::hash(handle),
        user: user.id.clone(),
        user_epoch: user.epoch,
        now,
        ip: Some(address),
        user_agent: shortened(agent),
        program: None,
        upstream: None,
    })
}

/// Whether a person has left for their provider from a session that was ended since, in another tab or from elsewhere. What
/// was on its way then must not bring them back; whoever else comes by it was not meant.
async fn signed_out_since(app: &App, user: &User, left: Option<&SessionId>) -> Result<bool, DoorError> {
    let Some(left) = left else { return Ok(false) };
    let view = app.store.session(left).await?;
    Ok(view.is_some_and(|view| {
        view.user.id == user.id && (view.session.ended.is_some() || app.denials.denies(&view.session))
    }))
}

/// Looks once more whether the identity provider has ended the sign-in, or the connection is gone or another's: a logout is remembered, and
/// a connection taken away, before sessions are looked for, so that one of the two sees the other, whichever commits first.
async fn still_there(
    app: &App,
    session: &SessionId,
    came_by: Option<&(ConnectionId, String, Graves)>,
) -> Result<(), DoorError> {
    let Some((connection, issuer, graves)) = came_by else { return Ok(()) };
    let found = app.clients.connections().find(connection);
    let (by, reason) = if found.is_none_or(|connection| !connection.is_of(issuer)) {
        (By::Policy, format!("the connection {connection} is gone"))
    } else if !graves.names.is_empty() && app.store.was_overtaken(graves, app.clock.now()).await? {
        (By::Upstream, "the identity provider ended the sign-in on its way".to_owned())
    } else {
        return Ok(());
    };
    let order = Order {
        scope: Scope::Session(session.clone()),
        by,
        party: Some(connection.to_string()),
        reason: Some(reason),
        tell: Tell::Everyone,
        ip: None,
        browser: None,
        named: Vec::new(),
    };
    log_out(app, order).await?;
    Err(DoorError::Forbidden(SIGNED_OUT))
}

fn log_beginning(user: &UserId) {
    tracing::info!(%user, "a session began");
}
