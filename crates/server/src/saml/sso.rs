//! `/saml/sso`: the Web Browser SSO Profile (Profiles section 4.1).

mod asked;

use std::sync::Arc;

use acquit_core::participant::{NameIdForm, Participant, Protocol};
use acquit_saml::{
    message::{Code, Expect, Header, MessageId, NameId, Response as SamlResponse, Status},
    names::{FORMAT_UNSPECIFIED, HTTP_ARTIFACT},
};
use acquit_store::{
    replay::Once,
    saml::{JoinRefusal, NameRule},
    session::SessionView,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri},
    response::Response,
};

use self::asked::{begin, kind, unasked};
use super::{
    answer::{self, SignsIn},
    assertion, incoming,
    party::Party,
    registry::Sp,
    subject,
};
use crate::{
    App,
    browser::Browser,
    door::DoorError,
    flow::{Flow, SamlHandoff, SamlPending},
    form::{self, Address},
    provenance::{self, Load},
    random, respond,
    settings::saml::NameIdKind,
};

/// `GET /saml/sso`.
pub async fn get(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    arrive(&app, &headers, &uri, &address, None).await
}

/// `POST /saml/sso`.
pub async fn post(State(app): State<App>, Address(address): Address, request: Request) -> Result<Response, DoorError> {
    posted(&app, request, &address, None).await
}

/// A `GET`: a request by the Redirect binding, one of ours that goes on, or, at an application's own address, nobody's
/// request at all.
pub(super) async fn arrive(
    app: &App,
    headers: &HeaderMap,
    uri: &Uri,
    address: &str,
    only: Option<&Arc<Sp>>,
) -> Result<Response, DoorError> {
    if provenance::load(headers) == Load::Prefetch {
        return Err(DoorError::Forbidden("signing in is not done ahead of time"));
    }
    let query = uri.query().unwrap_or_default();
    let of = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
    let pending = if let Some(sealed) = of("flow") {
        match Flow::open(app, &sealed)? {
            Flow::Saml(pending) => *pending,
            Flow::Authorize(_) | Flow::Broker(_) | Flow::Route(_) | Flow::Account => return Err(DoorError::Expired),
        }
    } else if let Some(sealed) = of("handoff") {
        SamlHandoff::open_sign_in(app, &sealed)?
    } else if let (Some(sp), None, None) = (only, of("SAMLRequest"), of("SAMLResponse")) {
        unasked(app, sp, of("RelayState").map(std::borrow::Cow::into_owned))?
    } else {
        match begin(app, &incoming::from_query(query)?, &incoming::here(app, uri.path()), only)? {
            Ok(pending) => pending,
            Err((sp, pending, status)) => return refuse(app, address, &sp, &pending, status).await,
        }
    };
    go_on(app, headers, address, pending).await
}

/// A `POST`: read at once, and gone on with by a GET, which carries the browser's cookie. The message is in no URL.
pub(super) async fn posted(
    app: &App,
    request: Request,
    address: &str,
    only: Option<&Arc<Sp>>,
) -> Result<Response, DoorError> {
    let path = request.uri().path().to_owned();
    let body = form::read_form(request).await?;
    match begin(app, &incoming::from_form(&body)?, &incoming::here(app, &path), only)? {
        Ok(pending) => {
            let sealed = SamlHandoff::SignIn(Box::new(pending)).seal(app)?;
            Ok(respond::see_other(&format!("/saml/sso?handoff={sealed}")))
        }
        Err((sp, pending, status)) => refuse(app, address, &sp, &pending, status).await,
    }
}

/// Takes a request as far as it gets in this browser now: to the sign-in page or back to the application.
async fn go_on(app: &App, headers: &HeaderMap, address: &str, mut pending: SamlPending) -> Result<Response, DoorError> {
    // It may be gone, or its endpoint withdrawn, while the person was signing in.
    let sp = app.clients.service_providers().by_app(&pending.app);
    let sp =
        sp.ok_or_else(|| DoorError::parameter("Issuer", "no application with this entity ID is registered here"))?;
    incoming::still_good(app, &Party::Application(sp.clone()))?;
    let mut registered = sp.metadata.answerable();
    if !registered.any(|acs| acs.location == pending.acs && (acs.binding == HTTP_ARTIFACT) == pending.artifact) {
        return Err(DoorError::parameter("AssertionConsumerServiceURL", "is not registered for this application"));
    }
    let browser = Browser::look_up(app, headers).await?;
    let since = |view: &SessionView| view.session.authenticated_at >= pending.begun_at();
    let (mut meant, mut late) = (false, false);
    if let Some(view) = &browser.session {
        meant = match &pending.subject {
            Some(subject) => subject::is(app, &sp, view, subject).await?,
            None => true,
        };
        late = since(view);
    }
    match &browser.session {
        Some(view) if meant && (late || !pending.force) => issue(app, address, &sp, view, pending).await,
        _ if pending.passive => refuse(app, address, &sp, &pending, Status::new(Code::Responder, "NoPassive")).await,
        // Whoever was asked for had the chance to sign in, and it was another.
        Some(_) if late && !meant => {
            refuse(app, address, &sp, &pending, Status::new(Code::Responder, "UnknownPrincipal")).await
        }
        session => {
            pending.reprompt = session.is_some();
            to_sign_in(app, pending)
        }
    }
}

fn to_sign_in(app: &App, pending: SamlPending) -> Result<Response, DoorError> {
    let sealed = Flow::Saml(Box::new(pending)).seal(app)?;
    Ok(respond::see_other(&format!("/sign-in?continue={sealed}")))
}

/// The participant first, then the assertion: nothing leaves before the application is in the ledger.
async fn issue(
    app: &App,
    address: &str,
    sp: &Arc<Sp>,
    view: &SessionView,
    pending: SamlPending,
) -> Result<Response, DoorError> {
    if sp.settings.encrypt_assertions && sp.metadata.recipient().is_none() {
        tracing::warn!(app = %sp.app(), "its assertions are to be encrypted, and its metadata has no key to do it with");
        let mut status = Status::new(Code::Responder, "RequestUnsupported");
        status.message = Some("assertions are encrypted, and the metadata has no key to encrypt to".to_owned());
        return refuse(app, address, sp, &pending, status).await;
    }
    let now = app.clock.now();
    let kind = kind(sp, pending.format.as_deref());
    let email = view.user.email.clone();
    let (rule, subject) = match kind {
        Some(NameIdKind::Persistent) => (NameRule::Persistent, random::secret()?),
        Some(NameIdKind::Transient) => (NameRule::Transient, random::secret()?),
        Some(NameIdKind::Username) => (NameRule::AsGiven, view.user.username.clone()),
        Some(NameIdKind::Email) if email.is_some() => (NameRule::AsGiven, email.unwrap_or_default()),
        Some(NameIdKind::Email) | None => {
            let mut status = Status::new(Code::Responder, "InvalidNameIDPolicy");
            status.message = Some("this person has no name of the wanted kind".to_owned());
            return refuse(app, address, sp, &pending, status).await;
        }
    };
    let format = kind.unwrap_or(NameIdKind::Persistent).format();
    let qualified = matches!(kind, Some(NameIdKind::Persistent | NameIdKind::Transient));
    let form = NameIdForm {
        format: Some(format.to_owned()),
        name_qualifier: qualified.then(|| app.entity_id()),
        sp_name_qualifier: qualified.then(|| sp.entity_id().to_owned()),
    };
    let until = now.plus(assertion::LIFE);
    // One request, one assertion. Not remembered before somebody is signed in: who asks unsigned would fill the memory.
    let remembered_until = Expect::new(&[], pending.begun_at()).remember_until().max(until).max(pending.good_until());
    let key = pending.request.as_ref().map(|id| incoming::replay_key(sp.entity_id(), id));
    let once = key.map(|key| Once::saml_message(key, remembered_until));
    // By an artifact it is used up with what waits for it: what the store does not take is not given.
    let (with_join, with_artifact) = if pending.artifact { (None, once) } else { (once, None) };
    if let (true, Some(key)) = (pending.artifact, &key)
        && app.store.knows_saml_message(key).await?
    {
        return Err(answer::answered_before());
    }
    let participant = Participant {
        session: view.session.id.clone(),
        app: sp.app().clone(),
        protocol: Protocol::Saml,
        client_id: sp.entity_id().to_owned(),
        subject,
        sid: random::secret_at(now)?,
        joined_at: now,
        channels: sp.settings.channels(&sp.metadata),
        name_id: Some(form),
        not_on_or_after: Some(until),
    };
    let lifetimes = app.settings().lifetimes.session();
    let joined = match app.store.join_saml(participant, rule, lifetimes, with_join).await? {
        Ok(joined) => joined,
        Err(JoinRefusal::Answered) => return Err(answer::answered_before()),
        // It ended a moment ago, in another tab: whoever wants in signs in again.
        Err(JoinRefusal::SessionEnded) if pending.passive => {
            return refuse(app, address, sp, &pending, Status::new(Code::Responder, "NoPassive")).await;
        }
        Err(JoinRefusal::SessionEnded) => return to_sign_in(app, pending),
    };
    tracing::debug!(session = %view.session.id, app = %sp.app(), "an application joined a session");
    let wanted = pending.format.as_deref().filter(|format| *format != FORMAT_UNSPECIFIED);
    if wanted.is_some() && wanted != joined.form.format.as_deref() {
        let mut status = Status::new(Code::Responder, "InvalidNameIDPolicy");
        status.message = Some("in this session the person has a name of another kind; it must end first".to_owned());
        return refuse(app, address, sp, &pending, status).await;
    }
    let name_id = NameId {
        value: joined.subject,
        format: joined.form.format,
        name_qualifier: joined.form.name_qualifier,
        sp_name_qualifier: joined.form.sp_name_qualifier,
        sp_provided_id: None,
    };
    let assertion = assertion::of(app, sp, view, &pending, name_id, joined.session_index, until)?;
    let response = SamlResponse::success(header(app, &pending)?, assertion);
    let signs_in = SignsIn { session: &view.session.id, once: with_artifact };
    answer::response(app, sp, &response, &pending, Some(signs_in)).await
}

fn header(app: &App, pending: &SamlPending) -> Result<Header, DoorError> {
    let id = MessageId::from_random(random::bytes()?);
    let header = Header::new(&id, app.clock.now(), &app.entity_id(), &pending.acs);
    Ok(match &pending.request {
        Some(request) => header.answering(request),
        None => header,
    })
}

/// No sign-in: a signed Response with its status, to the endpoint that was found registered. Who asks for that without a
/// signature of their own may do so only so often.
async fn refuse(
    app: &App,
    address: &str,
    sp: &Arc<Sp>,
    pending: &SamlPending,
    status: Status,
) -> Result<Response, DoorError> {
    if !pending.signed {
        app.limits().try_refusal(address)?;
    }
    tracing::debug!(app = %sp.app(), %status, "a SAML sign-in is refused");
    let response = SamlResponse::refusal(header(app, pending)?, status);
    answer::response(app, sp, &response, pending, None).await
}
