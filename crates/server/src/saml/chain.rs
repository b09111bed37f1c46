//! The browser's way out: frames first, then one top-level hop after the other to the applications that can be told only
//! there, then to where the logout was asked for. What is left of it is kept in the store, since answers by POST come without
//! our cookie.

use std::time::Duration;

use acquit_core::{
    AppId, LogoutId, SessionId, StepId,
    step::{Outcome, Step, Target},
};
use acquit_saml::message::Status;
use acquit_store::{StoreError, saml::Skipped, session::SessionView};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::{
    answer,
    hop::{self, Carried, Unmade},
};
use crate::{
    App,
    account::{sign_out, signed_out, signing_out},
    browser::Browser,
    door::DoorError,
    form::Query,
    logout::Done,
    pages::hop::{Carry, Hop},
    provenance::only_top_level,
    respond,
};

/// Where the browser comes back to between two hops.
pub const NEXT: &str = "/saml/slo/next";
/// How long the way may take.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// How long the answer to an application waits for what the server itself sends out.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How often the receipt is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(25);
const UNREACHABLE: &str = "could not be reached, so the browser was not sent there";

/// Where a way ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum End {
    /// At a URL that was checked: an application's, or a page of ours.
    Url {
        /// Which.
        url: String,
        /// Whose, for the link.
        name: Option<String>,
    },
    /// At a SAML application that asked, with our LogoutResponse.
    Answer {
        /// Which.
        app: AppId,
        /// Its request.
        request: String,
        /// What it wants back.
        relay_state: Option<String>,
        /// Whether it asked by POST.
        by_post: bool,
    },
}

/// A way that is not at its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Chain {
    session: SessionId,
    /// The session that began in the same browser before the way did, whose cookie it has instead.
    newer: Option<SessionId>,
    /// The logouts that the answer is about.
    logouts: Vec<LogoutId>,
    end: End,
}

/// Takes a browser whose session has ended on its way. `logouts` are all that the end speaks of; `done` is the one of this
/// browser's session.
///
/// # Errors
/// [`DoorError`].
pub async fn leave(
    app: &App,
    session: &SessionId,
    done: &Done,
    logouts: Vec<LogoutId>,
    end: End,
) -> Result<Response, DoorError> {
    let frames: Vec<Step> = done.frames(session).cloned().collect();
    let hops = done.hops(session).next().is_some();
    // The cookie of the ended session is what the rest of the way is known by.
    let on_the_way = hops || (!frames.is_empty() && matches!(end, End::Answer { .. }));
    let response = travel(app, (session, None), &done.logout, frames, hops, logouts, end).await?;
    Ok(if on_the_way { sign_out::signed_out_here(response) } else { sign_out::forget(app, response) })
}

/// The same for frames and hops that were gathered. `sessions`: the ended one, and the one that the browser has since.
///
/// # Errors
/// [`DoorError`].
pub async fn travel(
    app: &App,
    sessions: (&SessionId, Option<SessionId>),
    logout: &LogoutId,
    frames: Vec<Step>,
    hops: bool,
    logouts: Vec<LogoutId>,
    end: End,
) -> Result<Response, DoorError> {
    if frames.is_empty() && !hops {
        return reach(app, &logouts, end).await;
    }
    let (onward, name) = match (hops, end) {
        (false, End::Url { url, name }) => (url, name),
        (_, end) => {
            let (session, newer) = sessions;
            let chain = Chain { session: session.clone(), newer, logouts, end };
            let kept = serde_json::to_string(&chain).map_err(|error| DoorError::Internal(error.to_string()))?;
            app.store.keep_saml_way(logout, kept, app.clock.now().plus(LIFE)).await?;
            (next_url(app, logout, None), None)
        }
    };
    if frames.is_empty() {
        Ok(respond::see_other(&onward))
    } else {
        signing_out::page(app, &frames, onward, name).await
    }
}

fn tag(app: &App, logout: &LogoutId) -> String {
    app.sealer.tag("saml way", &[logout.as_str()])
}

/// Where the browser goes on with a logout, after a hop of it: that one and those before are not looked at again.
pub(super) fn next_url(app: &App, logout: &LogoutId, after: Option<&StepId>) -> String {
    let after = after.and_then(number).map_or(String::new(), |number| format!("&after={number}"));
    format!("{NEXT}?logout={logout}&key={}{after}", tag(app, logout))
}

/// The place of a step in its logout.
fn number(step: &StepId) -> Option<u32> {
    step.as_str().rsplit_once('.')?.1.parse().ok()
}

/// `GET /saml/slo/next`: the next hop, or the end.
pub async fn next(State(app): State<App>, headers: HeaderMap, Query(query): Query) -> Result<Response, DoorError> {
    only_top_level(&headers)?;
    let logout = LogoutId::parse(query.get("logout").unwrap_or_default()).map_err(|_| DoorError::NotFound)?;
    if !app.sealer.tag_matches("saml way", &[logout.as_str()], query.get("key").unwrap_or_default()) {
        return Err(DoorError::NotFound);
    }
    let kept = app.store.saml_way(&logout, app.clock.now()).await?.ok_or(DoorError::Expired)?;
    let chain: Chain = serde_json::from_str(&kept).map_err(|error| DoorError::Internal(error.to_string()))?;
    // The key is in an address that applications see when they answer: it alone moves nobody on.
    let browser = Browser::look_up(&app, &headers).await?;
    if !is_way_of(&browser, &chain) {
        return elsewhere(&app, &browser, chain).await;
    }
    let after: Option<u32> = query.get("after").and_then(|after| after.parse().ok());
    let mut steps = app.store.pending_hops(&chain.session).await?;
    steps.retain(|step| step.logout == logout && !is_frame(step) && number(&step.id) > after);
    // Once one is down the others are looked at all at once: the person waits two seconds at most, however many are.
    let mut looked: Option<Vec<bool>> = None;
    for (at, step) in steps.iter().enumerate() {
        let is_reachable = match &looked {
            Some(looked) => looked.get(at).copied().unwrap_or(false),
            None => look(&app, step).await,
        };
        if is_reachable {
            if let Some(page) = visit(&app, step).await? {
                return Ok(page);
            }
            continue;
        }
        app.store.skip_hop(&step.logout, &step.id, app.clock.now(), UNREACHABLE, Skipped::Waits).await?;
        if looked.is_none() {
            looked = Some(join_all(steps.iter().map(|step| look(&app, step))).await);
        }
    }
    let response = reach(&app, &chain.logouts, chain.end).await?;
    // A newer session, from another tab, keeps its cookie.
    let done = browser.former.is_some_and(|view| view.session.id == chain.session);
    Ok(if done { sign_out::forget(&app, response) } else { response })
}

/// Whether it is this browser that is on the way, by the cookie of the session that ended or of the one it began since.
fn is_way_of(browser: &Browser, chain: &Chain) -> bool {
    let is =
        |view: &Option<SessionView>, session: &SessionId| view.as_ref().is_some_and(|view| view.session.id == *session);
    let any = |session| [&browser.former, &browser.leaving, &browser.session].iter().any(|view| is(view, session));
    any(&chain.session) || chain.newer.as_ref().is_some_and(any)
}

/// For a browser that is not known to be on the way: no hop and nothing about the logout; but a person who signed in again in
/// another tab, where the hops were offered first, still comes back to the application that asked.
async fn elsewhere(app: &App, browser: &Browser, chain: Chain) -> Result<Response, DoorError> {
    if let Some(view) = &browser.session
        && app.store.session(&chain.session).await?.is_some_and(|ended| ended.user.id == view.user.id)
    {
        return reach(app, &chain.logouts, chain.end).await;
    }
    Ok(respond::see_other("/signed-out"))
}

/// The SAML frames, and the logout whose hops wait for the browser of an ended session and may still be made before a new sign-in: those that name
/// the ended session. The others would end the new one, so they fail now.
///
/// # Errors
/// [`StoreError`].
pub async fn left_behind(app: &App, former: &SessionId) -> Result<(Vec<Step>, Option<LogoutId>), StoreError> {
    let (mut frames, mut waiting) = (Vec::new(), None);
    for step in app.store.pending_hops(former).await? {
        if step.target.names_subject_alone() {
            let why = "a newer sign-in began in this browser before it could be told";
            app.store.skip_hop(&step.logout, &step.id, app.clock.now(), why, Skipped::Failed).await?;
        } else if is_frame(&step) {
            frames.push(step);
        } else {
            waiting = Some(step.logout);
        }
    }
    Ok((frames, waiting))
}

fn is_frame(step: &Step) -> bool {
    matches!(&step.target, Target::SamlHop { frame: true, .. })
}

/// Whether the application of a step can be reached.
async fn look(app: &App, step: &Step) -> bool {
    hop::is_reachable(app, step.target.uri().unwrap_or_default()).await
}

/// The page that sends the browser to one application; none when it is not to be visited.
async fn visit(app: &App, step: &Step) -> Result<Option<Response>, DoorError> {
    let skip = async |why: &str, then| app.store.skip_hop(&step.logout, &step.id, app.clock.now(), why, then).await;
    let carried = match hop::carry(app, step).await {
        Ok(carried) => carried,
        Err(Unmade::Now(why)) => {
            skip(&why, Skipped::Waits).await?;
            return Ok(None);
        }
        Err(Unmade::Ever(why)) => {
            skip(&why, Skipped::Failed).await?;
            return Ok(None);
        }
    };
    // Written before it leaves: a browser that comes back without an answer goes on to the next one.
    let note = step.target.note().map(str::to_owned);
    if !app.store.record_hop(&step.logout, &step.id, app.clock.now(), note).await? {
        return Ok(None);
    }
    let carry = match carried {
        Carried::Redirect(url) => Carry::Link(url),
        Carried::Post(form) => Carry::Form { hidden: answer::hidden(&form), action: form.action },
    };
    let page =
        Hop { application: app.clients.name(&step.party), carry, skip: next_url(app, &step.logout, Some(&step.id)) };
    Ok(Some(respond::page(StatusCode::OK, &page)))
}

/// The end of the way.
pub(super) async fn reach(app: &App, logouts: &[LogoutId], end: End) -> Result<Response, DoorError> {
    match end {
        End::Url { url, .. } => Ok(respond::see_other(&url)),
        End::Answer { app: asker, request, relay_state, by_post } => {
            let status = status(app, logouts, PATIENCE).await?;
            let sp = app.clients.service_providers().by_app(&asker);
            let answered = match &sp {
                Some(sp) => answer::logout(app, sp, status, &request, relay_state.as_deref(), by_post)?,
                None => None,
            };
            Ok(answered.unwrap_or_else(|| respond::see_other(&own_page(app, logouts))))
        }
    }
}

/// Our own page about a logout.
pub(super) fn own_page(app: &App, logouts: &[LogoutId]) -> String {
    let page = logouts.first().map(|logout| signed_out::url(logout, &app.receipt_key(logout)));
    page.unwrap_or_else(|| "/signed-out".to_owned())
}

/// What the receipts prove, once what the server sends out was tried or `patience` is over: `Success` when every party said
/// that it is done, else `Success/PartialLogout` (Core section 3.7.3.2).
///
/// # Errors
/// [`DoorError`].
pub(super) async fn status(app: &App, logouts: &[LogoutId], patience: Duration) -> Result<Status, DoorError> {
    let begun = tokio::time::Instant::now();
    loop {
        let (mut complete, mut under_way) = (true, false);
        for logout in logouts {
            let Some(receipt) = app.store.receipt(logout).await? else { continue };
            for line in &receipt.steps {
                let done = line.outcome == Outcome::Confirmed && !line.detail.as_deref().is_some_and(is_partial);
                complete &= done;
                let by_us = line.channel.is_some_and(|channel| !channel.needs_browser());
                under_way |= by_us && line.outcome == Outcome::Pending && line.attempts.is_empty();
            }
        }
        if complete {
            return Ok(Status::success());
        }
        if !under_way || begun.elapsed() >= patience {
            return Ok(Status::partial_logout());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether an application ended its own session, but not all that hang on it.
fn is_partial(detail: &str) -> bool {
    detail.contains(crate::outbox::PARTIAL)
}
