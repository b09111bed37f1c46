//! `/oauth2/v1/logout`: RP-Initiated Logout 1.0. The rules are in [`acquit_oidc::end_session`].

use acquit_core::{AppId, SessionId};
use acquit_oidc::{
    end_session::{BrowserSession, Decision, EndSessionRequest, Situation, decide},
    jose::verify_id_token_hint,
    params::Params,
};
use acquit_store::session::Joined;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri},
    response::Response,
};

use crate::{
    App,
    account::{
        sign_out::{self, Asker, ask, perform},
        signed_out,
    },
    browser::Browser,
    door::DoorError,
    flow::Handoff,
    form::{self, Address},
    logout::finish,
    provenance::only_top_level,
    respond,
};

/// `GET` on the endpoint: a person navigates here, sent by an application.
pub async fn get(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    // A page in a frame or fetched ahead signs nobody out.
    only_top_level(&headers)?;
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())?;
    let (params, page_url) = match params.get("handoff") {
        Some(sealed) => (Params::parse(Handoff::open(&app, uri.path(), sealed)?.parameters.as_bytes())?, None),
        None if params.get("id_token_hint").is_some() => {
            let handoff = Handoff { path: uri.path().to_owned(), parameters: params.encode() };
            (params, Some(format!("{}?handoff={}", uri.path(), handoff.seal(&app)?)))
        }
        None => (params, None),
    };
    end_session(&app, &headers, address, &EndSessionRequest::parse(&params), page_url).await
}

/// `POST` on the endpoint (RPI-1): goes on by a GET, which carries the browser's cookie also when another site posted. No
/// hint is readable in that URL.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, DoorError> {
    only_top_level(request.headers())?;
    let uri = request.uri().clone();
    let body = form::read_form(request).await?;
    let params = Params::parse_request(uri.query().unwrap_or_default().as_bytes(), &body)?;
    Ok(Handoff::go_on(&app, uri.path(), &params)?)
}

/// Decides on a request and does it. Where that shows a page, and the request came with its hint in the URL, the browser
/// goes on to `page_url` first, so that no page is kept, reloaded or bookmarked under a URL with a hint in it.
async fn end_session(
    app: &App,
    headers: &HeaderMap,
    address: String,
    request: &EndSessionRequest,
    page_url: Option<String>,
) -> Result<Response, DoorError> {
    let mut browser = Browser::look_up(app, headers).await?;
    let keys = app.keys.set(app.clock.now());
    let hint = request.id_token_hint.as_deref().map(|hint| verify_id_token_hint(keys.verifying(), app.issuer(), hint));
    let good = hint.as_ref().and_then(|hint| hint.as_ref().ok());
    if good.is_none() && browser.session.is_none() {
        app.limits().try_bare_logout(&address)?;
    }
    let client = match request.client_to_look_up(good) {
        Some(client_id) => app.clients.find(client_id).await?,
        None => None,
    };
    let subject = browser.session.as_ref().map(|view| view.user.id.to_string());
    let participants = match (&browser.session, &client) {
        (Some(view), Some(_)) => participants_of(app, &view.session.id).await?,
        _ => Vec::new(),
    };
    let of_client = client.as_ref().and_then(|client| participants.iter().find(|joined| joined.app == client.app));
    let sid = of_client.map(|joined| joined.sid.clone());
    let hint_session_lives = match (good.and_then(|hint| Some((hint, hint.sid.as_deref()?))), &browser.session) {
        (Some((hint, sid)), None) => app
            .store
            .session_by_sid(&hint.client_id, sid)
            .await?
            .is_some_and(|view| app.is_live(&view, app.clock.now())),
        _ => false,
    };
    let situation = Situation {
        hint: hint.as_ref(),
        client: client.as_deref(),
        session: subject.as_deref().map(|subject| BrowserSession { subject, sid: sid.as_deref() }),
        hint_session_lives,
    };
    let decision = decide(request, situation);
    let shows_page = match &decision {
        Decision::Ask { .. } => true,
        Decision::SignOut(_) => participants.iter().any(|joined| has_frame(app, &joined.app)),
        _ => false,
    };
    if let Some(url) = page_url.filter(|_| shows_page) {
        return Ok(respond::see_other(&url));
    }
    match decision {
        Decision::Error(mistake) => Err(DoorError::parameter(mistake.parameter, mistake.to_string())),
        Decision::Ask { sign_out, because } => {
            tracing::debug!(?because, "asking before a logout");
            let asker =
                Asker { client: client.as_deref(), target: sign_out.redirect, reach: sign_out.reach, route: None };
            ask(app, &mut browser, asker).await
        }
        Decision::SignOut(sign_out) => {
            let Some(view) = &browser.session else { return signed_out::nobody(app, &browser).await };
            let asker =
                Asker { client: client.as_deref(), target: sign_out.redirect, reach: sign_out.reach, route: None };
            perform(app, view, asker, address).await
        }
        Decision::AlreadyOut { redirect, hint_session_lives } => {
            if hint_session_lives {
                tracing::info!(
                    "a logout came from a browser without the session that its hint names; that one lives on"
                );
            }
            if let Some(view) = &browser.leaving {
                // Whether it really ends is not known yet; the application must not be told so before.
                let done = finish(app, &view.session).await?;
                let name = redirect.as_ref().and(client.as_deref()).map(|client| app.clients.name(&client.app));
                return sign_out::leave(app, &view.session.id, &done, redirect.map(|target| target.url()), name).await;
            }
            match redirect {
                Some(target) => Ok(sign_out::forget(app, respond::see_other(&target.url()))),
                None => signed_out::nobody(app, &browser).await,
            }
        }
        Decision::OfferSignIn => {
            tracing::info!("a logout came from a browser without the session that its hint names; that one lives on");
            Ok(signed_out::lives_elsewhere())
        }
    }
}

async fn participants_of(app: &App, session: &SessionId) -> Result<Vec<Joined>, DoorError> {
    Ok(app.store.session(session).await?.map(|view| view.participants).unwrap_or_default())
}

/// Whether an application may be told in a frame.
fn has_frame(app: &App, application: &AppId) -> bool {
    let channels = app.clients.channels(application, app.clock.now());
    // A SAML application may be told in a frame too, and a hop begins with a page of ours as well.
    channels.is_some_and(|channels| channels.front.is_some() || channels.saml.is_some_and(|saml| saml.hop.is_some()))
}
