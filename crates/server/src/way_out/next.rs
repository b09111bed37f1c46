//! `/sign-out/next`: where the browser comes back to between two hops.

use acquit_core::{
    LogoutId, SessionId,
    step::{Step, Target},
};
use acquit_store::{saml::Skipped, session::SessionView};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures_util::future::join_all;

use super::{WAY, Way, end::reach, is_frame, look::look, next_url, number, place};
use crate::{
    App,
    account::sign_out,
    broker::end_session,
    browser::Browser,
    door::DoorError,
    form::Query,
    pages::hop::{Carry, Hop},
    provenance::only_top_level,
    respond,
    saml::{
        answer,
        hop::{self, Carried, Unmade},
    },
};

/// `GET /sign-out/next`: the next hop, or the end.
pub async fn next(State(app): State<App>, headers: HeaderMap, Query(query): Query) -> Result<Response, DoorError> {
    only_top_level(&headers)?;
    let browser = Browser::look_up(&app, &headers).await?;
    let named = query.get("logout");
    let logout = match named {
        Some(named) => LogoutId::parse(named).map_err(|_| DoorError::NotFound)?,
        // Somebody who was led astray on the way: by the session whose cookie they still have.
        None => match ended_by(&browser) {
            Some(logout) => logout,
            None => return Ok(respond::see_other("/signed-out")),
        },
    };
    // How far along the way somebody is, only an address of ours says: another's would pass over those in between.
    let after = named.and_then(|_| query.get("after")).unwrap_or_default();
    let key = query.get("key").unwrap_or_default();
    if named.is_some() && !app.sealer.tag_matches(WAY, &place(&logout, after), key) {
        return Err(DoorError::NotFound);
    }
    let Some(kept) = app.store.saml_way(&logout, app.clock.now()).await? else {
        return if named.is_some() { Err(DoorError::Expired) } else { Ok(respond::see_other("/signed-out")) };
    };
    let way: Way = serde_json::from_str(&kept).map_err(|error| DoorError::Internal(error.to_string()))?;
    // The key is in an address that applications see when they answer: it alone moves nobody on.
    if !is_way_of(&browser, &way) {
        return elsewhere(&app, &browser, way).await;
    }
    let after: Option<u32> = after.parse().ok();
    let mut steps = app.store.pending_hops(&way.session).await?;
    steps.retain(|step| step.logout == logout && !is_frame(step) && number(&step.id) > after);
    // Once one is down the others are looked at all at once: the person waits two seconds at most, however many are.
    let mut looked: Option<Vec<Option<&str>>> = None;
    for (at, step) in steps.iter().enumerate() {
        let away = match &looked {
            Some(looked) => looked.get(at).copied().flatten(),
            None => look(&app, address(step)).await,
        };
        let Some(why) = away else {
            if let Some(page) = visit(&app, step).await? {
                return Ok(page);
            }
            continue;
        };
        // A provider's page for signing out is for this moment; a SAML message can still be said when the browser is back.
        let then = if step.target.ends_upstream() { Skipped::Failed } else { Skipped::Waits };
        app.store.skip_hop(&step.logout, &step.id, app.clock.now(), why, then).await?;
        if looked.is_none() {
            looked = Some(join_all(steps.iter().map(|step| look(&app, address(step)))).await);
        }
    }
    let response = reach(&app, &way.logouts, way.end).await?;
    // A newer session, from another tab, keeps its cookie.
    let done = browser.former.is_some_and(|view| view.session.id == way.session);
    Ok(if done { sign_out::forget(&app, response) } else { response })
}

/// The logout that ended the session whose cookie a browser still has.
fn ended_by(browser: &Browser) -> Option<LogoutId> {
    let ended = browser.former.as_ref().or(browser.leaving.as_ref())?.session.ended.as_ref()?;
    Some(ended.logout.clone())
}

/// Whether it is this browser that is on the way, by the cookie of the session that ended or of the one it began since.
fn is_way_of(browser: &Browser, way: &Way) -> bool {
    let is =
        |view: &Option<SessionView>, session: &SessionId| view.as_ref().is_some_and(|view| view.session.id == *session);
    let any = |session| [&browser.former, &browser.leaving, &browser.session].iter().any(|view| is(view, session));
    any(&way.session) || way.newer.as_ref().is_some_and(any)
}

/// For a browser that is not known to be on the way: no hop and nothing about the logout; but a person who signed in again in
/// another tab, where the hops were offered first, still comes back to the application that asked.
async fn elsewhere(app: &App, browser: &Browser, way: Way) -> Result<Response, DoorError> {
    if let Some(view) = &browser.session
        && app.store.session(&way.session).await?.is_some_and(|ended| ended.user.id == view.user.id)
    {
        return reach(app, &way.logouts, way.end).await;
    }
    Ok(respond::see_other("/signed-out"))
}

fn address(step: &Step) -> &str {
    step.target.uri().unwrap_or_default()
}

/// The page that sends the browser to one application; none when it is not to be visited.
async fn visit(app: &App, step: &Step) -> Result<Option<Response>, DoorError> {
    let skip = async |why: &str, then| app.store.skip_hop(&step.logout, &step.id, app.clock.now(), why, then).await;
    if matches!(step.target, Target::EndSession { .. }) {
        let onward = next_url(app, &step.logout, Some(&step.id));
        return Ok(end_session::url(app, step, onward).await?.map(|url| respond::see_other(&url)));
    }
    let carried = match hop::carry(app, step).await {
        Ok(carried) => carried,
        Err(Unmade::Now(why)) if !step.target.ends_upstream() => {
            skip(&why, Skipped::Waits).await?;
            return Ok(None);
        }
        Err(Unmade::Now(why) | Unmade::Ever(why)) => {
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
