//! The Single Logout Profile (Profiles section 4.4) through the browser, in both directions: at `/saml/slo` with applications, and
//! at the address of a connection with its identity provider.

mod end;

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

use super::{answer, hop, incoming, party::Party};
use crate::{
    App,
    browser::Browser,
    door::DoorError,
    flow::{SamlHandoff, SamlLogout},
    form::{self, Address},
    provenance::{self, Load, only_top_level},
    respond,
    way_out::{self, End},
};

pub(crate) use end::{Ended, replay_key};
pub(super) use end::{end, unknown_principal};

pub(crate) const ANY: &[Kind] = &[Kind::LogoutRequest, Kind::LogoutResponse];

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
pub(crate) async fn arrive(
    app: &App,
    headers: &HeaderMap,
    uri: &Uri,
    address: String,
    only: Option<&Party>,
    kinds: &[Kind],
) -> Result<Response, DoorError> {
    let query = uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    if let Some((_, sealed)) = pairs.find(|(name, _)| name == "handoff") {
        only_top_level(headers)?;
        let browser = Browser::look_up(app, headers).await?;
        return sign_out(app, Some(&browser), address, SamlHandoff::open_sign_out(app, &sealed)?).await;
    }
    match take(app, incoming::from_query(query), uri.path(), only, kinds, headers, &address).await {
        Ok(Taken::Asked(asked)) if is_framed(headers) => sign_out(app, None, address, *asked).await,
        Ok(Taken::Asked(asked)) => sign_out(app, Some(&Browser::look_up(app, headers).await?), address, *asked).await,
        Ok(Taken::Answer(response)) => Ok(response),
        Err(error) => astray(app, query.as_bytes(), error).await,
    }
}

/// A `POST`: an answer is taken at once, a request goes on by a GET, which carries the browser's cookie.
pub(crate) async fn posted(
    app: &App,
    request: Request,
    address: String,
    only: Option<&Party>,
    kinds: &[Kind],
) -> Result<Response, DoorError> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let body = form::read_form(request).await?;
    match take(app, incoming::from_form(&body), &path, only, kinds, &headers, &address).await {
        Ok(Taken::Asked(mut asked)) => {
            asked.by_post = true;
            if is_framed(&headers) {
                return sign_out(app, None, address, *asked).await;
            }
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

/// Whether a request came in a frame, as some identity providers tell everybody at once: the page that it is in is nobody's to
/// take anywhere.
fn is_framed(headers: &HeaderMap) -> bool {
    provenance::load(headers) == Load::Embedded
}

/// Takes a message by either binding. Only one that somebody navigated here with may ask for something; an identity provider may
/// in a frame as well, since what it names is ended without the browser.
async fn take(
    app: &App,
    arrived: Result<Arrived, DoorError>,
    path: &str,
    only: Option<&Party>,
    kinds: &[Kind],
    headers: &HeaderMap,
    address: &str,
) -> Result<Taken, DoorError> {
    let arrived = arrived?;
    let here = incoming::here(app, path);
    let (message, party) = incoming::open(app, &arrived, kinds, only)?;
    if message.kind() == Kind::LogoutResponse {
        return answered(app, &party, &arrived, &message, &here).await.map(Taken::Answer);
    }
    if !(is_framed(headers) && matches!(party, Party::Provider(_))) {
        only_top_level(headers)?;
    }
    let request = verified(app, &party, &message, &here).map_err(|error| {
        // Requests without a good signature may come only so often.
        let refused = incoming::refused("SAMLRequest", &error);
        app.limits().try_bare_logout(address).map_or_else(DoorError::from, |()| refused)
    })?;
    let asked = asked(&party, request, arrived.relay_state().map(str::to_owned));
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

/// The request in a message, if the party signed it for this address and it is fresh.
pub(super) fn verified(
    app: &App,
    party: &Party,
    message: &Message<'_>,
    here: &str,
) -> Result<Verified, acquit_saml::Error> {
    let here = [here];
    let now = app.clock.now();
    let signed = message.verify(&party.trust(now)?, &Expect::new(&here, now))?;
    // Whether something could be decrypted shows in no answer: what could not is the name of nobody, which is looked for.
    let nobody = NameId::new(&app.sealer.tag("nobody", &[party.entity_id(), message.id()]), FORMAT_PERSISTENT);
    let request = LogoutRequest::from_signed_or_nobody(&signed, &app.saml_keys.decryption(now), &nobody)?.into_inner();
    if request.name_id == nobody {
        tracing::info!(party = %party.id(), "the name in a LogoutRequest cannot be decrypted");
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
pub(super) fn asked(party: &Party, verified: Verified, relay_state: Option<String>) -> SamlLogout {
    let Verified { request, secret_name } = verified;
    let name = request.name_id;
    let asked = SamlLogout {
        app: party.id(),
        issued_at: request.header.issue_instant.as_micros(),
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

async fn sign_out(
    app: &App,
    browser: Option<&Browser>,
    address: String,
    asked: SamlLogout,
) -> Result<Response, DoorError> {
    let party = Party::find(app, &asked.app).ok_or(DoorError::Expired)?;
    // Also one that this node refuses already because the store did not take its logout.
    let here = browser.and_then(|browser| browser.session.as_ref().or(browser.leaving.as_ref()));
    let here = here.map(|view| (view.session.id.clone(), view.user.id.clone()));
    let Some(ended) = end(app, &party, &asked, &address, here.as_ref()).await? else {
        return Err(DoorError::parameter("ID", "this request was answered before"));
    };
    if ended.knows_nobody(&party) {
        tracing::info!(party = %party.id(), "a LogoutRequest names nobody who is signed in there; nothing was ended");
        let relay = asked.relay_state.as_deref();
        let answered = answer::logout(app, &party, unknown_principal(), &asked.request, relay, asked.by_post)?;
        return Ok(answered.unwrap_or_else(|| respond::see_other("/signed-out")));
    }
    let Ended { done, logouts } = ended;
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

/// A party's answer to a request of ours, by either binding.
async fn answered(
    app: &App,
    party: &Party,
    arrived: &Arrived,
    message: &Message<'_>,
    here: &str,
) -> Result<Response, DoorError> {
    let step = hop::answered(app, party, arrived, message, here).await?;
    if matches!(&step.target, Target::SamlHop { frame: true, .. }) {
        return Ok("Signed out.".into_response());
    }
    Ok(respond::see_other(&way_out::next_url(app, &step.logout, Some(&step.id))))
}
