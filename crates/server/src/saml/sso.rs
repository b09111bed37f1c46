//! `/saml/sso`: the Web Browser SSO Profile (Profiles section 4.1).

use std::sync::Arc;

use acquit_core::participant::{NameIdForm, Participant, Protocol};
use acquit_saml::{
    binding::Arrived,
    message::{AuthnRequest, Code, Expect, Header, Kind, MessageId, NameId, Response as SamlResponse, Status},
    names::{FORMAT_UNSPECIFIED, HTTP_ARTIFACT},
};
use acquit_store::{saml::NameRule, session::SessionView};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri},
    response::Response,
};

use super::{answer, assertion, context, incoming, registry::Sp};
use crate::{
    App,
    browser::Browser,
    door::DoorError,
    flow::{Flow, SamlHandoff, SamlPending},
    form,
    provenance::{self, Load},
    random, respond,
    settings::saml::NameIdKind,
};

/// `GET /saml/sso`.
pub async fn get(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, DoorError> {
    arrive(&app, &headers, &uri, None).await
}

/// `POST /saml/sso`.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, DoorError> {
    posted(&app, request, None).await
}

/// A `GET`: a request by the Redirect binding, one of ours that goes on, or, at an application's own address, nobody's
/// request at all.
pub(super) async fn arrive(
    app: &App,
    headers: &HeaderMap,
    uri: &Uri,
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
            Flow::Authorize(_) | Flow::Account => return Err(DoorError::Expired),
        }
    } else if let Some(sealed) = of("handoff") {
        SamlHandoff::open_sign_in(app, &sealed)?
    } else if let (Some(sp), None, None) = (only, of("SAMLRequest"), of("SAMLResponse")) {
        unasked(app, sp, of("RelayState").map(std::borrow::Cow::into_owned))?
    } else {
        match begin(app, &incoming::from_query(query)?, &incoming::here(app, uri.path()), only)? {
            Ok(pending) => pending,
            Err((sp, pending, status)) => return refuse(app, &sp, &pending, status).await,
        }
    };
    go_on(app, headers, pending).await
}

/// A `POST`: read at once, and gone on with by a GET, which carries the browser's cookie. The message is in no URL.
pub(super) async fn posted(app: &App, request: Request, only: Option<&Arc<Sp>>) -> Result<Response, DoorError> {
    let path = request.uri().path().to_owned();
    let body = form::read_form(request).await?;
    match begin(app, &incoming::from_form(&body)?, &incoming::here(app, &path), only)? {
        Ok(pending) => {
            let sealed = SamlHandoff::SignIn(Box::new(pending)).seal(app)?;
            Ok(respond::see_other(&format!("/saml/sso?handoff={sealed}")))
        }
        Err((sp, pending, status)) => refuse(app, &sp, &pending, status).await,
    }
}

/// A sign-in that the application did not ask for (Profiles section 4.1.5).
fn unasked(app: &App, sp: &Sp, relay_state: Option<String>) -> Result<SamlPending, DoorError> {
    let acs = sp.metadata.acs_for(None).map_err(|error| incoming::refused("AssertionConsumerService", &error))?;
    if relay_state.as_ref().is_some_and(|relay| relay.len() > acquit_saml::binding::RELAY_STATE_TAKEN) {
        return Err(DoorError::parameter("RelayState", "is too long"));
    }
    Ok(SamlPending {
        app: sp.app().clone(),
        request: None,
        acs: acs.location.clone(),
        artifact: acs.binding == HTTP_ARTIFACT,
        relay_state,
        force: false,
        passive: false,
        format: None,
        begun_at: app.clock.now().as_micros(),
        application: sp.settings.name.clone(),
        login_hint: None,
        reprompt: false,
    })
}

/// A request that was read, or that is to be refused with a status.
type Begun = Result<SamlPending, (Arc<Sp>, SamlPending, Status)>;

/// Reads a request that comes for the first time.
fn begin(app: &App, arrived: &Arrived, here: &str, only: Option<&Arc<Sp>>) -> Result<Begun, DoorError> {
    let (message, sp) = incoming::open(app, arrived, &[Kind::AuthnRequest], only)?;
    if sp.metadata.role.expired(app.clock.now()) {
        let why = "the metadata of this application has expired; its operator must give it anew";
        return Err(DoorError::parameter("Issuer", why));
    }
    let here = [here];
    let expect = Expect::new(&here, app.clock.now());
    let request = AuthnRequest::receive(&message, &sp.metadata, &expect, &[])
        .map_err(|error| incoming::refused("SAMLRequest", &error))?;
    let acs = sp
        .metadata
        .acs_for(Some(&request))
        .map_err(|error| incoming::refused("AssertionConsumerServiceURL", &error))?;
    let pending = SamlPending {
        app: sp.app().clone(),
        request: Some(request.header.id.clone()),
        acs: acs.location.clone(),
        artifact: acs.binding == HTTP_ARTIFACT,
        relay_state: arrived.relay_state().map(str::to_owned),
        force: request.force_authn,
        passive: request.is_passive,
        format: request.name_id_policy.as_ref().and_then(|policy| policy.format.clone()),
        begun_at: app.clock.now().as_micros(),
        application: sp.settings.name.clone(),
        login_hint: request.subject.as_ref().map(|subject| subject.value.clone()),
        reprompt: false,
    };
    let foreign = request
        .name_id_policy
        .as_ref()
        .and_then(|policy| policy.sp_name_qualifier.as_deref())
        .is_some_and(|qualifier| qualifier != sp.entity_id());
    if foreign || kind(&sp, pending.format.as_deref()).is_none() {
        return Ok(Err((sp, pending, Status::new(Code::Requester, "InvalidNameIDPolicy"))));
    }
    if request.context.as_ref().is_some_and(|context| !context::reaches(context)) {
        return Ok(Err((sp, pending, Status::new(Code::Responder, "NoAuthnContext"))));
    }
    Ok(Ok(pending))
}

/// How the person is named: as the operator says, else as the request asks, else as the metadata lists first.
fn kind(sp: &Sp, asked: Option<&str>) -> Option<NameIdKind> {
    let of = |format: &str| NameIdKind::ALL.into_iter().find(|kind| kind.format() == format);
    let asked = asked.filter(|format| *format != FORMAT_UNSPECIFIED);
    match (sp.settings.name_id, asked) {
        (Some(kind), Some(format)) => Some(kind).filter(|kind| kind.format() == format),
        (Some(kind), None) => Some(kind),
        (None, Some(format)) => of(format),
        (None, None) => {
            let listed = sp.metadata.role.name_id_formats.iter().find_map(|format| of(format));
            Some(listed.unwrap_or(NameIdKind::Persistent))
        }
    }
}

/// Takes a request as far as it gets in this browser now: to the sign-in page or back to the application.
async fn go_on(app: &App, headers: &HeaderMap, mut pending: SamlPending) -> Result<Response, DoorError> {
    // It may be gone, or its endpoint withdrawn, while the person was signing in.
    let sp = app.clients.service_providers().by_app(&pending.app);
    let sp =
        sp.ok_or_else(|| DoorError::parameter("Issuer", "no application with this entity ID is registered here"))?;
    let mut registered = sp.metadata.answerable();
    if !registered.any(|acs| acs.location == pending.acs && (acs.binding == HTTP_ARTIFACT) == pending.artifact) {
        return Err(DoorError::parameter("AssertionConsumerServiceURL", "is not registered for this application"));
    }
    let browser = Browser::look_up(app, headers).await?;
    let fresh = |view: &SessionView| !pending.force || view.session.authenticated_at >= pending.begun_at();
    match &browser.session {
        Some(view) if fresh(view) => issue(app, &sp, view, pending).await,
        _ if pending.passive => refuse(app, &sp, &pending, Status::new(Code::Responder, "NoPassive")).await,
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
async fn issue(app: &App, sp: &Arc<Sp>, view: &SessionView, pending: SamlPending) -> Result<Response, DoorError> {
    if sp.settings.encrypt_assertions && sp.metadata.recipient().is_none() {
        tracing::warn!(app = %sp.app(), "its assertions are to be encrypted, and its metadata has no key to do it with");
        let mut status = Status::new(Code::Responder, "RequestUnsupported");
        status.message = Some("assertions are encrypted, and the metadata has no key to encrypt to".to_owned());
        return refuse(app, sp, &pending, status).await;
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
            return refuse(app, sp, &pending, status).await;
        }
    };
    let format = kind.unwrap_or(NameIdKind::Persistent).format();
    let qualified = matches!(kind, Some(NameIdKind::Persistent | NameIdKind::Transient));
    let form = NameIdForm {
        format: Some(format.to_owned()),
        name_qualifier: qualified.then(|| app.entity_id()),
        sp_name_qualifier: qualified.then(|| sp.entity_id().to_owned()),
    };
    if let Some(request) = &pending.request {
        // One request, one assertion. Not remembered before somebody is signed in: who asks unsigned would fill the memory.
        let until = Expect::new(&[], pending.begun_at()).remember_until().max(now.plus(assertion::LIFE));
        if !app.store.remember_saml_message(&incoming::replay_key(sp.entity_id(), request), until).await? {
            return Err(DoorError::parameter("ID", "this request was answered before; begin at the application again"));
        }
    }
    let until = now.plus(assertion::LIFE);
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
    let Ok(joined) = app.store.join_saml(participant, rule, lifetimes).await? else {
        // It ended a moment ago, in another tab: whoever wants in signs in again.
        if pending.passive {
            return refuse(app, sp, &pending, Status::new(Code::Responder, "NoPassive")).await;
        }
        // Answered nothing yet: the application must ask anew, since this request is used up.
        return Err(DoorError::Forbidden("the session ended a moment ago; begin at the application again"));
    };
    tracing::debug!(session = %view.session.id, app = %sp.app(), "an application joined a session");
    let wanted = pending.format.as_deref().filter(|format| *format != FORMAT_UNSPECIFIED);
    if wanted.is_some() && wanted != joined.form.format.as_deref() {
        let mut status = Status::new(Code::Responder, "InvalidNameIDPolicy");
        status.message = Some("in this session the person has a name of another kind; it must end first".to_owned());
        return refuse(app, sp, &pending, status).await;
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
    answer::response(app, sp, &response, &pending, Some(&view.session.id)).await
}

fn header(app: &App, pending: &SamlPending) -> Result<Header, DoorError> {
    let id = MessageId::from_random(random::bytes()?);
    let header = Header::new(&id, app.clock.now(), &app.entity_id(), &pending.acs);
    Ok(match &pending.request {
        Some(request) => header.answering(request),
        None => header,
    })
}

/// No sign-in: a signed Response with its status, to the endpoint that was found registered.
async fn refuse(app: &App, sp: &Arc<Sp>, pending: &SamlPending, status: Status) -> Result<Response, DoorError> {
    tracing::debug!(app = %sp.app(), %status, "a SAML sign-in is refused");
    let response = SamlResponse::refusal(header(app, pending)?, status);
    answer::response(app, sp, &response, pending, None).await
}
