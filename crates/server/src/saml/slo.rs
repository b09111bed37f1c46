//! `/saml/slo`: the Single Logout Profile (Profiles section 4.4) through the browser, in both directions.

mod end;

use std::sync::Arc;

use acquit_core::{participant::NameIdForm, step::Target};
use acquit_saml::{
    binding::Arrived,
    message::{Expect, Kind, LogoutRequest, Message, NameId},
    names::FORMAT_PERSISTENT,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};

use super::{answer, hop, incoming, registry::Sp};
use crate::{
    App,
    browser::Browser,
    door::DoorError,
    flow::{SamlHandoff, SamlLogout},
    form::{self, Address},
    provenance::only_top_level,
    respond,
    way_out::{self, End},
};

pub(super) use end::{Ended, end, unknown_principal};

const ANY: &[Kind] = &[Kind::LogoutRequest, Kind::LogoutResponse];

/// `GET /saml/slo`: the Redirect binding.
pub async fn get(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    arrive(&app, &headers, &uri, address, None, ANY).await
}

/// `POST /saml/slo`: the POST binding.
pub async fn post(State(app): State<App>, Address(address): Address, request: Request) -> Result<Response, DoorError> {
    posted(&app, request, address, None, ANY).await
}

/// A `GET`: a message by the Redirect binding, or a request that was posted and goes on.
pub(super) async fn arrive(
    app: &App,
    headers: &HeaderMap,
    uri: &Uri,
    address: String,
    only: Option<&Arc<Sp>>,
    kinds: &[Kind],
) -> Result<Response, DoorError> {
    let query = uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    if let Some((_, sealed)) = pairs.find(|(name, _)| name == "handoff") {
        only_top_level(headers)?;
        return sign_out(app, headers, address, SamlHandoff::open_sign_out(app, &sealed)?).await;
    }
    match take(app, incoming::from_query(query), uri.path(), only, kinds, only_top_level(headers), &address).await {
        Ok(Taken::Asked(asked)) => sign_out(app, headers, address, *asked).await,
        Ok(Taken::Answer(response)) => Ok(response),
        Err(error) => astray(app, query.as_bytes(), error).await,
    }
}

/// A `POST`: an answer is taken at once, a request goes on by a GET, which carries the browser's cookie.
pub(super) async fn posted(
    app: &App,
    request: Request,
    address: String,
    only: Option<&Arc<Sp>>,
    kinds: &[Kind],
) -> Result<Response, DoorError> {
    let path = request.uri().path().to_owned();
    let top_level = only_top_level(request.headers());
    let body = form::read_form(request).await?;
    match take(app, incoming::from_form(&body), &path, only, kinds, top_level, &address).await {
        Ok(Taken::Asked(mut asked)) => {
            asked.by_post = true;
            let sealed = SamlHandoff::SignOut(asked).seal(app)?;
            Ok(respond::see_other(&format!("/saml/slo?handoff={sealed}")))
        }
        Ok(Taken::Answer(response)) => Ok(response),
        Err(error) => astray(app, &body, error).await,
    }
}

/// A message that was believed.
enum Taken {
    /// A request.
    Asked(Box<SamlLogout>),
    /// An answer, which was written down, and where the browser goes on.
    Answer(Response),
}

/// Takes a message by either binding; only one that somebody navigated here with may ask for something.
async fn take(
    app: &App,
    arrived: Result<Arrived, DoorError>,
    path: &str,
    only: Option<&Arc<Sp>>,
    kinds: &[Kind],
    top_level: Result<(), DoorError>,
    address: &str,
) -> Result<Taken, DoorError> {
    let arrived = arrived?;
    let here = incoming::here(app, path);
    let (message, sp) = incoming::open(app, &arrived, kinds, only)?;
    if message.kind() == Kind::LogoutResponse {
        return answered(app, &sp, &arrived, &message, &here).await.map(Taken::Answer);
    }
    top_level?;
    let request = verified(app, &sp, &message, &here).map_err(|error| {
        // Requests without a good signature may come only so often.
        let refused = incoming::refused("SAMLRequest", &error);
        app.limits().try_bare_logout(address).map_or_else(DoorError::from, |()| refused)
    })?;
    let asked = asked(&sp, request, arrived.relay_state().map(str::to_owned));
    Ok(Taken::Asked(Box::new(asked)))
}

/// The page about a message that is not believed. Where it was to be an answer, a browser is on the way from one application to
/// the next: nothing that it brought counts, but the person is not left here.
async fn astray(app: &App, fields: &[u8], error: DoorError) -> Result<Response, DoorError> {
    let mut relay_state = None;
    let mut is_answer = false;
    for (name, value) in form_urlencoded::parse(fields) {
        is_answer |= name == "SAMLResponse";
        if name == "RelayState" {
            relay_state = hop::step_of(&value);
        }
    }
    if !is_answer {
        return Err(error);
    }
    let onward = match relay_state {
        // Which way it is, but not how far along it: nobody's hop is passed over at the word of another.
        Some((logout, step)) if app.store.hop(&logout, &step).await?.is_some() => way_out::next_url(app, &logout, None),
        _ => way_out::NEXT.to_owned(),
    };
    Ok(error.page_with_way_on(onward))
}

/// The request in a message, if the application signed it for this address and it is fresh.
pub(super) fn verified(app: &App, sp: &Sp, message: &Message<'_>, here: &str) -> Result<Verified, acquit_saml::Error> {
    let here = [here];
    let now = app.clock.now();
    let signed = message.verify(&sp.trust(now)?, &Expect::new(&here, now))?;
    // Whether something could be decrypted shows in no answer: what could not is the name of nobody, which is looked for.
    let nobody = NameId::new(&app.sealer.tag("nobody", &[sp.entity_id(), message.id()]), FORMAT_PERSISTENT);
    let request = LogoutRequest::from_signed_or_nobody(&signed, &app.saml_keys.decryption(now), &nobody)?.into_inner();
    if request.name_id == nobody {
        tracing::info!(app = %sp.app(), "the name in a LogoutRequest cannot be decrypted");
    }
    Ok(Verified { request, secret_name: LogoutRequest::is_name_encrypted(&signed)? })
}

/// A request that was verified.
pub(super) struct Verified {
    request: LogoutRequest,
    /// Whether the name came encrypted, so that it must not show how long it is.
    secret_name: bool,
}

/// What is kept of a request.
pub(super) fn asked(sp: &Sp, verified: Verified, relay_state: Option<String>) -> SamlLogout {
    let Verified { request, secret_name } = verified;
    let name = request.name_id;
    let asked = SamlLogout {
        app: sp.app().clone(),
        request: request.header.id,
        subject: name.value,
        form: NameIdForm {
            format: name.format,
            name_qualifier: name.name_qualifier,
            sp_name_qualifier: name.sp_name_qualifier,
        },
        indexes: request.session_indexes,
        relay_state,
        asynchronous: request.asynchronous,
        by_post: false,
        padding: String::new(),
    };
    if secret_name { asked.with_name_of_no_length() } else { asked }
}

async fn sign_out(app: &App, headers: &HeaderMap, address: String, asked: SamlLogout) -> Result<Response, DoorError> {
    let sp = app.clients.service_providers().by_app(&asked.app).ok_or(DoorError::Expired)?;
    let browser = Browser::look_up(app, headers).await?;
    // Also one that this node refuses already because the store did not take its logout.
    let here = browser.session.as_ref().or(browser.leaving.as_ref());
    let here = here.map(|view| (view.session.id.clone(), view.user.id.clone()));
    let Some(Ended { done, logouts }) = end(app, &sp, &asked, &address, here.as_ref()).await? else {
        return Err(DoorError::parameter("ID", "this request was answered before"));
    };
    if logouts.is_empty() {
        tracing::info!(app = %sp.app(), "a LogoutRequest names nobody who is signed in there; nothing was ended");
        let relay = asked.relay_state.as_deref();
        let answered = answer::logout(app, &sp, unknown_principal(), &asked.request, relay, asked.by_post)?;
        return Ok(answered.unwrap_or_else(|| respond::see_other("/signed-out")));
    }
    let way_end = if asked.asynchronous {
        // The sender wants no answer, so the feedback is ours (Asynchronous Single Logout section 2.1).
        End::Url { url: way_out::own_page(app, &logouts), name: None }
    } else {
        End::Answer { app: asked.app, request: asked.request, relay_state: asked.relay_state, by_post: asked.by_post }
    };
    let of_this_browser = here.as_ref().and_then(|(session, _)| {
        let done = done.iter().find(|done| done.ended.contains(session));
        done.map(|done| (session, done))
    });
    match of_this_browser {
        Some((session, done)) => way_out::leave(app, session, done, logouts, way_end).await,
        None => way_out::reach(app, &logouts, way_end).await,
    }
}

/// An application's answer to a request of ours, by either binding.
async fn answered(
    app: &App,
    sp: &Sp,
    arrived: &Arrived,
    message: &Message<'_>,
    here: &str,
) -> Result<Response, DoorError> {
    let step = hop::answered(app, sp, arrived, message, here).await?;
    if matches!(&step.target, Target::SamlHop { frame: true, .. }) {
        return Ok("Signed out.".into_response());
    }
    Ok(respond::see_other(&way_out::next_url(app, &step.logout, Some(&step.id))))
}
