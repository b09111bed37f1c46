//! Front-channel logout at the host of a route (Front-Channel Logout 1.0): whoever has `iss` and the unguessable `sid` ends that
//! session, with any cookie or none. A wrong one ends nothing.

use std::sync::Arc;

use acquit_core::plan::{By, Scope, Tell};
use acquit_gateway::{identity::Identity, origin::Origin};
use acquit_oidc::{frontchannel::Session, jose::MAX_SID};
use acquit_store::{session::SessionView, upstream::UpstreamName};
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};

use super::{
    exit::RouteExit,
    sign_out::{Asked, without_cookies},
};
use crate::{
    App,
    broker::{
        backchannel::{TOMBSTONE_LIFE, end_all},
        secrets::tombstone,
    },
    door::DoorError,
    logout::{Order, log_out},
    provenance::Load,
    respond,
    settings::broker::Frames,
};

/// A request at a route that names a session.
pub(super) async fn at_route(
    app: &App,
    origin: &Origin,
    asked: &Asked<'_>,
    whose: Option<Arc<Identity>>,
    session: Session<'_>,
) -> Result<Response, DoorError> {
    check(session)?;
    let ended = if session.iss == app.issuer() {
        of_ours(app, origin, asked, session.sid).await?
    } else {
        from_upstream(app, session, &asked.address).await?
    };
    let here = whose.filter(|identity| ended.iter().any(|view| view.session.id == identity.session));
    if asked.load != Load::TopLevel {
        let answer = StatusCode::OK.into_response();
        return Ok(if here.is_some() { without_cookies(app, origin, answer) } else { answer });
    }
    let url = RouteExit::url(app, origin, here.as_ref().map(|identity| identity.session.clone()), None)?;
    let answer = respond::see_other(&url);
    Ok(if here.is_some() { without_cookies(app, origin, answer) } else { answer })
}

/// A request on Acquit's own host that names a provider's session. Our own names are of the hosts of routes and do nothing here.
pub(super) async fn at_home(app: &App, session: Session<'_>, address: &str) -> Result<(), DoorError> {
    check(session)?;
    from_upstream(app, session, address).await.map(drop)
}

fn check(session: Session<'_>) -> Result<(), DoorError> {
    if session.sid.len() > MAX_SID || session.sid.contains(char::is_control) {
        return Err(DoorError::parameter("sid", "is not usable"));
    }
    Ok(())
}

/// The session that Acquit itself calls so at this route.
async fn of_ours(app: &App, origin: &Origin, asked: &Asked<'_>, sid: &str) -> Result<Vec<SessionView>, DoorError> {
    let Some(view) = app.store.session_by_sid(origin.authority(), sid).await? else {
        app.limits().try_bare_logout(&asked.address)?;
        return Ok(Vec::new());
    };
    let order = Order {
        scope: Scope::Session(view.session.id.clone()),
        by: By::Application,
        party: Some(origin.authority().to_owned()),
        reason: None,
        tell: Tell::Everyone,
        ip: Some(asked.address.clone()),
        browser: None,
        named: Vec::new(),
    };
    log_out(app, order).await?;
    Ok(vec![view])
}

/// The sessions that a provider calls so. One that is not known here may be on its way, and is refused when it comes.
async fn from_upstream(app: &App, session: Session<'_>, address: &str) -> Result<Vec<SessionView>, DoorError> {
    let all = app.clients.connections().all();
    let of_issuer = all.iter().filter(|connection| connection.oidc().is_some_and(|oidc| oidc.issuer == session.iss));
    let (mut ended, mut tried) = (Vec::new(), false);
    for connection in of_issuer {
        let named = async || {
            let name = UpstreamName::Sid(session.sid.to_owned());
            app.store.sessions_from(&connection.id, name).await
        };
        let known = !named().await?.is_empty();
        if !known && !tried {
            app.limits().try_bare_logout(address)?;
            tried = true;
        }
        let until = app.clock.now().plus(TOMBSTONE_LIFE);
        app.store.lay_tombstones(vec![tombstone(&connection.id, session.sid, until)]).await?;
        // Once more, and only this counts: a sign-in that is written now finds either the tombstone or is found.
        let sessions = named().await?;
        if !sessions.is_empty() {
            end_all(app, connection, &sessions, None, Some(address.to_owned()), None).await?;
            ended.extend(sessions);
        }
    }
    if ended.is_empty() && !tried {
        app.limits().try_bare_logout(address)?;
    }
    Ok(ended)
}

/// A frame, or a script, that names nothing and proves nothing. It ends nothing, unless the operator lets the frames of the
/// provider through whom the person came mean the session of the route's cookie.
pub(super) async fn bare_frame(
    app: &App,
    origin: &Origin,
    asked: &Asked<'_>,
    whose: Option<Arc<Identity>>,
) -> Result<Response, DoorError> {
    let framed =
        asked.method == Method::GET && asked.headers.get("sec-fetch-dest").is_some_and(|dest| dest == "iframe");
    let Some(identity) = whose.filter(|_| framed) else { return Ok(StatusCode::FORBIDDEN.into_response()) };
    let Some(view) = app.store.session(&identity.session).await? else {
        return Ok(StatusCode::FORBIDDEN.into_response());
    };
    let connection = view.user.origin.as_ref().and_then(|origin| app.clients.connections().find(&origin.connection));
    let Some(connection) = connection.filter(|connection| connection.frames == Frames::Bare) else {
        return Ok(StatusCode::FORBIDDEN.into_response());
    };
    end_all(app, &connection, std::slice::from_ref(&view), None, Some(asked.address.clone()), None).await?;
    Ok(without_cookies(app, origin, StatusCode::OK.into_response()))
}
