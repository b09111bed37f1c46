//! `/saml/slo`: the Single Logout Profile (Profiles section 4.4) through the browser, in both directions.

use std::{collections::BTreeMap, sync::Arc};

use acquit_core::{
    LogoutId, SessionId, UserId,
    participant::NameIdForm,
    plan::{By, Scope},
    step::Target,
};
use acquit_oidc::client::SingleLogout;
use acquit_saml::{
    binding::Arrived,
    message::{Code, Expect, Kind, LogoutRequest, Message, NameId, Status},
    names::FORMAT_PERSISTENT,
};
use acquit_store::saml::SamlAsked;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};

use super::{
    answer,
    chain::{self, End},
    hop, incoming,
    registry::Sp,
};
use crate::{
    App,
    browser::Browser,
    door::DoorError,
    flow::{SamlHandoff, SamlLogout},
    form::{self, Address},
    logout::{Done, Order, log_out},
    provenance::{self, Load},
    respond,
};

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
    let arrived = incoming::from_query(query)?;
    let here = incoming::here(app, uri.path());
    let (message, sp) = incoming::open(app, &arrived, kinds, only)?;
    if message.kind() == Kind::LogoutResponse {
        return answered(app, &sp, &arrived, &message, &here).await;
    }
    only_top_level(headers)?;
    let asked = read(app, &sp, &arrived, &message, &here, false);
    match asked {
        Ok(asked) => sign_out(app, headers, address, asked).await,
        Err(error) => Err(unproved(app, &address, error)),
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
    let arrived = incoming::from_form(&body)?;
    let here = incoming::here(app, &path);
    let (message, sp) = incoming::open(app, &arrived, kinds, only)?;
    if message.kind() == Kind::LogoutResponse {
        return answered(app, &sp, &arrived, &message, &here).await;
    }
    top_level?;
    let asked = read(app, &sp, &arrived, &message, &here, true).map_err(|error| unproved(app, &address, error))?;
    let sealed = SamlHandoff::SignOut(Box::new(asked)).seal(app)?;
    Ok(respond::see_other(&format!("/saml/slo?handoff={sealed}")))
}

fn only_top_level(headers: &HeaderMap) -> Result<(), DoorError> {
    if provenance::load(headers) == Load::TopLevel {
        return Ok(());
    }
    Err(DoorError::Forbidden("signing out is not done in a frame, by a script or ahead of time"))
}

/// Requests without a good signature may come only so often.
fn unproved(app: &App, address: &str, error: DoorError) -> DoorError {
    app.limits().try_bare_logout(address).map_or_else(DoorError::from, |()| error)
}

/// Reads a request: signed by the application, sent to this address, fresh.
fn read(
    app: &App,
    sp: &Sp,
    arrived: &Arrived,
    message: &Message<'_>,
    here: &str,
    by_post: bool,
) -> Result<SamlLogout, DoorError> {
    let verified = verified(app, sp, message, here).map_err(|error| incoming::refused("SAMLRequest", &error))?;
    Ok(asked(sp, verified, arrived.relay_state().map(str::to_owned), by_post))
}

/// The request in a message, if the application signed it for this address and it is fresh.
pub(super) fn verified(app: &App, sp: &Sp, message: &Message<'_>, here: &str) -> Result<Verified, acquit_saml::Error> {
    let here = [here];
    let signed = message.verify(&sp.metadata.trust()?, &Expect::new(&here, app.clock.now()))?;
    // Whether something could be decrypted shows in no answer: what could not is the name of nobody, which is looked for.
    let nobody = NameId::new(&app.sealer.tag("nobody", &[sp.entity_id(), message.id()]), FORMAT_PERSISTENT);
    let keys = app.saml_keys.decryption(app.clock.now());
    let request = LogoutRequest::from_signed_or_nobody(&signed, &keys, &nobody)?.into_inner();
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
pub(super) fn asked(sp: &Sp, verified: Verified, relay_state: Option<String>, by_post: bool) -> SamlLogout {
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
        by_post,
        padding: String::new(),
    };
    if secret_name { asked.with_name_of_no_length() } else { asked }
}

/// Whether a request was answered before.
pub(super) async fn is_replayed(app: &App, sp: &Sp, asked: &SamlLogout) -> Result<bool, DoorError> {
    Ok(app.store.knows_saml_message(&incoming::replay_key(sp.entity_id(), &asked.request)).await?)
}

/// Takes note of a request whose logout is durable: not before, or one that the store did not take would be refused when it
/// comes again (promise 3).
async fn remember(app: &App, sp: &Sp, asked: &SamlLogout) -> Result<(), DoorError> {
    let until = Expect::new(&[], app.clock.now()).remember_until();
    // That it was there already is no matter: it came twice at once, and both ended the same sessions.
    app.store.remember_saml_message(&incoming::replay_key(sp.entity_id(), &asked.request), until).await?;
    Ok(())
}

/// What a request ended.
pub(super) struct Ended {
    /// What was done now, one for each person.
    pub(super) done: Vec<Done>,
    /// The logouts that the answer is about: those, or the one that was there before.
    pub(super) logouts: Vec<LogoutId>,
}

/// Ends the sessions that an application's request names, by the same call as every door. Another application's name or
/// index finds nothing.
///
/// # Errors
/// [`DoorError`]; then nothing may be said to be done.
pub(super) async fn end(
    app: &App,
    sp: &Sp,
    asked: &SamlLogout,
    ip: &str,
    browser: Option<&(SessionId, UserId)>,
) -> Result<Ended, DoorError> {
    let found = app
        .store
        .saml_sessions(SamlAsked {
            entity_id: sp.entity_id().to_owned(),
            subject: asked.subject.clone(),
            form: asked.form.clone(),
            indexes: asked.indexes.clone(),
            identity_provider: app.entity_id(),
        })
        .await?;
    let mut live: BTreeMap<UserId, Vec<SessionId>> = BTreeMap::new();
    for session in found.iter().filter(|session| session.ended.is_none()) {
        live.entry(session.user.clone()).or_default().push(session.session.clone());
    }
    // Asked again: what there is to say is what the receipts of then say, of every session that it names, or of the last.
    let mut before: Vec<LogoutId> = Vec::new();
    for logout in found.into_iter().filter_map(|session| session.ended) {
        if !before.contains(&logout) && (before.is_empty() || !asked.indexes.is_empty()) {
            before.push(logout);
        }
    }
    if live.is_empty() {
        let logouts = before;
        remember(app, sp, asked).await?;
        return Ok(Ended { done: Vec::new(), logouts });
    }
    let reach = sp.settings.single_logout;
    let mut done = Vec::new();
    for (user, sessions) in live {
        let here = browser.filter(|(_, owner)| *owner == user).map(|(session, _)| session.clone());
        let (scope, named) = match (reach, sessions.as_slice()) {
            (SingleLogout::User, _) => (Scope::User(user), sessions),
            (_, [one]) => (Scope::Session(one.clone()), Vec::new()),
            _ => (Scope::Sessions(sessions), Vec::new()),
        };
        let order = Order {
            scope,
            by: By::Application,
            party: Some(sp.app().to_string()),
            reason: None,
            tell: reach.tell(),
            ip: Some(ip.to_owned()),
            browser: here,
            named,
        };
        done.push(log_out(app, order).await?);
    }
    remember(app, sp, asked).await?;
    let mut logouts: Vec<LogoutId> = done.iter().map(|done| done.logout.clone()).collect();
    if !asked.indexes.is_empty() {
        logouts.extend(before);
    }
    Ok(Ended { done, logouts })
}

/// The status for whom nobody knows.
pub(super) fn unknown_principal() -> Status {
    Status::new(Code::Requester, "UnknownPrincipal")
}

async fn sign_out(app: &App, headers: &HeaderMap, address: String, asked: SamlLogout) -> Result<Response, DoorError> {
    let sp = app.clients.service_providers().by_app(&asked.app).ok_or(DoorError::Expired)?;
    if is_replayed(app, &sp, &asked).await? {
        return Err(DoorError::parameter("ID", "this request was answered before"));
    }
    let browser = Browser::look_up(app, headers).await?;
    // Also one that this node refuses already because the store did not take its logout.
    let here = browser.session.as_ref().or(browser.leaving.as_ref());
    let here = here.map(|view| (view.session.id.clone(), view.user.id.clone()));
    let Ended { done, logouts } = end(app, &sp, &asked, &address, here.as_ref()).await?;
    if logouts.is_empty() {
        tracing::info!(app = %sp.app(), "a LogoutRequest names nobody who is signed in there; nothing was ended");
        let relay = asked.relay_state.as_deref();
        let answered = answer::logout(app, &sp, unknown_principal(), &asked.request, relay, asked.by_post)?;
        return Ok(answered.unwrap_or_else(|| respond::see_other("/signed-out")));
    }
    let way_end = if asked.asynchronous {
        // The sender wants no answer, so the feedback is ours (Asynchronous Single Logout section 2.1).
        End::Url { url: chain::own_page(app, &logouts), name: None }
    } else {
        End::Answer { app: asked.app, request: asked.request, relay_state: asked.relay_state, by_post: asked.by_post }
    };
    let of_this_browser = here.as_ref().and_then(|(session, _)| {
        let done = done.iter().find(|done| done.ended.contains(session));
        done.map(|done| (session, done))
    });
    match of_this_browser {
        Some((session, done)) => chain::leave(app, session, done, logouts, way_end).await,
        None => chain::reach(app, &logouts, way_end).await,
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
    Ok(respond::see_other(&chain::next_url(app, &step.logout, Some(&step.id))))
}
