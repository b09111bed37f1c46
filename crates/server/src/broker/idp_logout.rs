//! `/sso/oidc/idp-logout/{external_key}`: a person signs out at their identity provider, which sends their browser here, or
//! frames this (Front-Channel Logout 1.0 as the relying party).

use acquit_oidc::{params::Params, rp::frontchannel};
use acquit_store::{session::SessionView, upstream::UpstreamName};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};

use super::{
    backchannel::{TOMBSTONE_LIFE, end_all},
    secrets::tombstone,
};
use crate::{
    App,
    account::{sign_out, signed_out},
    browser::Browser,
    door::DoorError,
    flow::Handoff,
    form::{self, Address},
    logout::Done,
    provenance::{self, Load},
    respond,
    settings::{Connection, broker::IdpLogout},
};

/// `GET`.
pub async fn get(
    State(app): State<App>,
    Path(key): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())?;
    let params = Handoff::parameters(&app, uri.path(), params)?;
    let connection = app.clients.connections().by_key(&key).ok_or(DoorError::NotFound)?;
    let load = provenance::load(&headers);
    if load == Load::Prefetch {
        return Err(DoorError::Forbidden("signing out is not done ahead of time"));
    }
    let oidc = connection.oidc().ok_or(DoorError::NotFound)?;
    let named = frontchannel::parse(&params, &oidc.issuer)
        .map_err(|error| DoorError::BadRequest { parameter: None, reason: error.to_string() })?;
    match named {
        Some(sid) => named_session(&app, &connection, sid, &headers, load, address).await,
        None if load == Load::TopLevel => bare(&app, &connection, &headers, address).await,
        None => Err(DoorError::Forbidden("a logout in a frame has to name the session by iss and sid")),
    }
}

/// `POST`: goes on by a GET, which carries the browser's cookie also when another site posted.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, DoorError> {
    let uri = request.uri().clone();
    let body = if form::is_type(request.headers(), form::FORM) {
        form::read_form(request).await?
    } else {
        form::read(request.into_body()).await?;
        axum::body::Bytes::new()
    };
    let params = Params::parse_request(uri.query().unwrap_or_default().as_bytes(), &body)?;
    Ok(Handoff::go_on(&app, uri.path(), &params)?)
}

/// A request that names the session. The name is unguessable and only the provider and we have it, so that it needs no
/// cookie; failed tries are limited for each address.
async fn named_session(
    app: &App,
    connection: &Connection,
    sid: &str,
    headers: &HeaderMap,
    load: Load,
    address: String,
) -> Result<Response, DoorError> {
    let named = async || app.store.sessions_from(&connection.id, UpstreamName::Sid(sid.to_owned())).await;
    if named().await?.is_empty() {
        app.limits().try_bare_logout(&address)?;
    }
    let until = app.clock.now().plus(TOMBSTONE_LIFE);
    app.store.lay_tombstones(vec![tombstone(&connection.id, sid, until)]).await?;
    // Once more, and only this counts: a sign-in that is written now finds either the tombstone or is found.
    let sessions = named().await?;
    let browser = if load == Load::TopLevel { Some(Browser::look_up(app, headers).await?) } else { None };
    let here = browser.as_ref().and_then(|browser| browser.session.as_ref()).map(|view| view.session.id.clone());
    let of_here = sessions.iter().find(|view| Some(&view.session.id) == here.as_ref());
    let done = match sessions.as_slice() {
        [] => None,
        sessions => {
            let browser = of_here.map(|view| view.session.id.clone());
            Some(end_all(app, connection, sessions, browser, Some(address), None).await?)
        }
    };
    if load != Load::TopLevel {
        // A frame of the provider's: it opens none of its own.
        return Ok(StatusCode::OK.into_response());
    }
    if let (Some(view), Some(done)) = (of_here, &done) {
        return leave(app, view, done).await;
    }
    let landing = landing(app, sessions.last()).await?;
    Ok(respond::see_other(landing.as_deref().unwrap_or("/signed-out")))
}

/// A request that names nothing: the session of this connection in this browser is meant.
async fn bare(app: &App, connection: &Connection, headers: &HeaderMap, address: String) -> Result<Response, DoorError> {
    let mut browser = Browser::look_up(app, headers).await?;
    let of_connection =
        |view: &&SessionView| view.user.origin.as_ref().is_some_and(|origin| origin.connection == connection.id);
    let Some(view) = browser.session.as_ref().filter(of_connection).cloned() else {
        app.limits().try_bare_logout(&address)?;
        let ended = browser.former.as_ref().filter(of_connection);
        if let Some(url) = landing(app, ended).await? {
            return Ok(respond::see_other(&url));
        }
        return match browser.session {
            // Somebody of another connection is signed in here, and stays so.
            Some(_) => Ok(respond::see_other("/account")),
            None => signed_out::nobody(app, &browser).await,
        };
    };
    if connection.idp_logout == IdpLogout::Confirm {
        return sign_out::ask(app, &mut browser, sign_out::Asker::default()).await;
    }
    let session = view.session.id.clone();
    let done = end_all(app, connection, std::slice::from_ref(&view), Some(session), Some(address), None).await?;
    leave(app, &view, &done).await
}

/// Takes the browser on: through its frames and hops, to the page where the application clears its cookies.
async fn leave(app: &App, view: &SessionView, done: &Done) -> Result<Response, DoorError> {
    let landing = landing(app, Some(view)).await?;
    sign_out::leave(app, &view.session.id, done, landing, None).await
}

/// The `logout_uri` of the broker application that was used last in a session.
async fn landing(app: &App, view: Option<&SessionView>) -> Result<Option<String>, DoorError> {
    let Some(view) = view else { return Ok(None) };
    let participants = app.store.session(&view.session.id).await?.map(|view| view.participants).unwrap_or_default();
    let connections = app.clients.connections();
    let uris = participants.iter().filter_map(|joined| {
        let uri = connections.application(&joined.app)?.logout_uri.clone()?;
        Some((joined.joined_at, uri))
    });
    Ok(uris.max_by_key(|(joined_at, _)| *joined_at).map(|(_, uri)| uri))
}
